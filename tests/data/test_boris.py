import pytest

AGGREGATED = (
    "Observation id\tObservation date\tMedia file name\tTotal length\tFPS\tSubject\tBehavior\tBehavioral category\t"
    "Modifiers\tBehavior type\tStart (s)\tStop (s)\tDuration (s)\tComment start\tComment stop\n"
    "one\t2016-12-01 23:01:31\tC:\\films\\a.mp4\t60\t25\tcat\trun\t\t\tSTATE\t1.800\t8.125\t6.325\t\t\n"
    "one\t2016-12-01 23:01:31\tC:\\films\\a.mp4\t60\t25\tcat\tjump\t\t\tPOINT\t9.500\t9.500\tNA\t\t\n"
)
HEADER = "Observation id,Media file path,Total length,FPS,Subject,Behavior,Behavior type,Time\n"


def tabular(*events: str) -> str:
    return HEADER + "".join(f"one,a.mp4,60,25,cat,{event}\n" for event in events)


@pytest.mark.promise("G1")
def test_an_aggregated_export_gives_a_row_per_event(write, label):
    write("a.mp4")
    assert label(write("boris.tsv", AGGREGATED)) == (
        [("a.mp4", "1.800", "8.125", "run", "cat", 2), ("a.mp4", "9.500", "9.500", "jump", "cat", 3)],
        [],
    )


@pytest.mark.promise("G1")
def test_starts_and_stops_are_paired_and_instants_stay_instants(write, label):
    write("a.mp4")
    events = [
        "run,START,1.0",
        "look,START,1.5",
        "jump,POINT,2.0",
        "run,STOP,3.0",
        "look,STOP,4.0",
        "run,START,5",
        "run,STOP,6",
    ]
    assert label(write("boris.csv", tabular(*events))) == (
        [
            ("a.mp4", "2.0", "2.0", "jump", "cat", 4),
            ("a.mp4", "1.0", "3.0", "run", "cat", 2),
            ("a.mp4", "1.5", "4.0", "look", "cat", 3),
            ("a.mp4", "5", "6", "run", "cat", 7),
        ],
        [],
    )


@pytest.mark.promise("H4")
@pytest.mark.parametrize(
    ("events", "fault"),
    [
        (["run,START,1.0"], "boris.csv:2: `run` starts here and never stops. Add its STOP."),
        (["run,STOP,1.0"], "boris.csv:2: `Behavior type` is STOP, which does not fit the row above. Correct it."),
        (["run,,1.0"], "boris.csv:2: `Behavior type` is empty, which does not fit the row above. Correct it."),
        (["run,START"], "boris.csv:2: has too few cells: 7 where the header has 8. Fill the missing ones."),
    ],
)
def test_a_state_without_its_other_end_is_a_fault(write, label, events, fault):
    write("a.mp4")
    assert label(write("boris.csv", tabular(*events))) == ([], [fault])


def test_an_observation_over_several_files_is_refused_since_its_times_count_on(write, label):
    write("a.mp4"), write("b.mp4")
    text = AGGREGATED + AGGREGATED.splitlines()[1].replace("a.mp4", "b.mp4") + "\n"
    rows, (fault,) = label(write("boris.tsv", text))
    assert len(rows) == 2
    assert fault.startswith("boris.tsv:4: the observation `one` runs over several media files")


def test_a_missing_recording_is_told_once(write, label):
    rows, faults = label(write("boris.tsv", AGGREGATED))
    assert rows == [] and len(faults) == 1 and faults[0].startswith("boris.tsv:2: has no recording `a.mp4`")
