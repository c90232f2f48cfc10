import json
import random

import pytest

from toolkit.data import BadData, DataArguments, load_splits

SPOT = [
    {
        "video": "a",
        "num_frames": 50,
        "num_events": 2,
        "events": [{"frame": 3, "label": "hit"}, {"frame": 9, "label": "out"}],
    },
    {"video": "b", "num_frames": 50, "fps": 25.0, "events": []},
    {"video": "sub/c", "events": [{"frame": 0, "label": "hit", "comment": ""}]},
]


@pytest.fixture
def layout(write):
    """The folder of MS-TCN, with these labels of a recording each."""

    def layout(mapping: str | None = "0 background\n1 walk\n2 sit down\n", **labels: list[str]) -> str:
        for name, lines in labels.items():
            write(f"set/groundTruth/{name}.txt", "".join(f"{line}\n" for line in lines))
            write(f"set/video/{name}.mp4")
        if mapping is not None:
            write("set/mapping.txt", mapping)
        return "set"

    return layout


@pytest.mark.promise("G1")
def test_equal_labels_in_a_row_are_one_span(layout, label):
    rows, faults = label(layout(a=["background", "walk", "walk", "sit down", "walk"], b=["walk"]))
    assert faults == []
    assert rows == [
        ("set/video/a.mp4", "0", "1", "background", "", 1),
        ("set/video/a.mp4", "1", "3", "walk", "", 2),
        ("set/video/a.mp4", "3", "4", "sit down", "", 4),
        ("set/video/a.mp4", "4", "5", "walk", "", 5),
        ("set/video/b.mp4", "0", "1", "walk", "", 1),
    ]


def test_spans_give_back_the_label_of_every_frame(layout, label):
    chance = random.Random(0)
    lines = chance.choices(["background", "walk", "sit down", ""], k=500)
    rows, faults = label(layout(a=lines))
    told = [""] * len(lines)
    for _, start, end, name, _, line in rows:
        told[int(start) : int(end)] = [name] * (int(end) - int(start))
        assert line == int(start) + 1
    assert faults == [] and told == lines


@pytest.mark.parametrize(
    "path", ["set", "set/", "set/groundTruth", "set/groundTruth/", "set/splits/train.split1.bundle"]
)
def test_the_set_its_labels_and_a_list_of_them_name_the_same(layout, write, label, path):
    layout(a=["walk"], b=["walk"])
    write("set/splits/train.split1.bundle", "a.txt\nb.txt\n")
    rows, faults = label(path)
    assert faults == [] and [row[0] for row in rows] == ["set/video/a.mp4", "set/video/b.mp4"]


def test_a_list_chooses_among_the_files(layout, write, label):
    layout(a=["walk"], b=["walk"])
    rows, faults = label(write("set/splits/test.bundle", "b.txt\nz.txt\n"))
    assert [row[0] for row in rows] == ["set/video/b.mp4"]
    (fault,) = faults
    assert fault.startswith("set/groundTruth/z.txt: there is no such file")


@pytest.mark.promise("H4")
def test_a_label_that_the_mapping_lacks_costs_its_file(layout, label):
    rows, faults = label(layout(a=["walk", "fly", "walk"], b=["walk"]))
    assert [row[0] for row in rows] == ["set/video/b.mp4"]
    assert faults == ["set/groundTruth/a.txt:2: `fly` is not among the 3 labels of the mapping. Correct it there."]


@pytest.mark.promise("G1")
def test_an_event_of_a_list_lasts_one_frame(write, label):
    write("video/a.mp4"), write("video/b.mp4"), write("video/sub/c.avi")
    assert label(write("train.json", json.dumps(SPOT, indent=1))) == (
        [
            ("video/a.mp4", "3", "4", "hit", "", 1),
            ("video/a.mp4", "9", "10", "out", "", 2),
            ("video/b.mp4", "", "", "background", "", 3),  # nothing happens in it
            ("video/sub/c.avi", "0", "1", "hit", "", 4),
        ],
        [],
    )


@pytest.mark.parametrize(
    ("fps", "times"),
    [
        (25.0, ("0.120000", "0.120000")),
        (2, ("1.500000", "1.500000")),
        (30000 / 1001, ("0.100100", "0.100100")),
        (None, ("3", "4")),
        (0, ("3", "4")),
    ],
)
def test_frames_that_are_counted_at_a_rate_are_told_in_seconds(write, read, fps, times):
    write("a.mp4")
    listed = [{"video": "a", "fps": fps, "events": [{"frame": 3, "label": "hit"}]}]
    columns = ["start", "end"] if fps else ["start_frame", "end_frame"]
    ((row,), faults) = read(write("a.json", json.dumps(listed)), ["file", "label"], columns, media="file")
    assert faults == [] and tuple(row[name] for name in columns) == times


def test_a_list_may_have_videos_with_a_rate_and_without(write, read):
    write("a.mp4"), write("b.mp4")
    events = [{"frame": 5, "label": "hit"}]
    listed = [{"video": "a", "fps": 10, "events": events}, {"video": "b", "events": events}]
    cells = ["start", "end", "start_frame", "end_frame"]
    rows, _ = read(write("a.json", json.dumps(listed)), ["file", "label"], cells, media="file")
    assert [[row[name] for name in cells] for row in rows] == [["0.500000", "0.500000", "", ""], ["", "", "5", "6"]]


def test_a_faulty_event_costs_its_video(write, label):
    write("a.mp4"), write("b.mp4")
    events = [{"frame": 1, "label": "hit"}, {"frame": "2", "label": "hit"}, {"frame": 3, "label": "hit"}]
    listed = [{"video": "a", "events": events}, {"video": "b", "events": events[:1]}]
    rows, (fault,) = label(write("a.json", json.dumps(listed)))
    assert [(row[0], row[-1]) for row in rows] == [("b.mp4", 4)]
    assert fault.startswith("a.json:2: this event, of a, needs a whole number")


@pytest.mark.promise("H4", "H7")
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (
            [{"video": "a", "num_frames": 3, "events": [{"frame": 3, "label": "x"}]}],
            ":1: this event, of a, is at frame 3, but the video has 3",
        ),
        (
            [{"video": "a", "events": [{"frame": -1, "label": "x"}]}],
            ":1: this event, of a, needs a whole number from 0 on",
        ),
        ([{"video": "a", "events": [{"frame": True, "label": "x"}]}], ":1: this event, of a, needs a whole number"),
        ([{"video": "a", "events": [{"frame": 1}]}], ":1: this event, of a, needs a text as `label`"),
        ([{"video": "a", "events": ["x"]}], ":1: this event, of a, needs a whole number"),
        ([{"video": "a"}], ": video 1 of the list (a) has no list of `events`"),
        ([{"video": "a", "fps": "25", "events": []}], ": video 1 of the list (a) has an `fps` that is no number"),
        ([{"video": "a", "fps": -1, "events": []}], ": video 1 of the list (a) has an `fps` that is no number"),
        ([{"video": "a", "fps": True, "events": []}], ": video 1 of the list (a) has an `fps` that is no number"),
        ([{"events": []}], ": video 1 of the list has no name"),
        ([7], ": video 1 of the list is no object"),
        ("[{]", ":1: is not valid JSON at column 3"),
        ("[" * 200_000, ": is not valid JSON: "),
        ('[\n{"video": "a"\n', ":3: is not valid JSON"),
        (b"[\xff]", ": is not valid JSON: "),
        ('[{"video": "a", "events": [{"frame": ' + "9" * 5000 + "}]}]", ": is not valid JSON: "),
    ],
    ids=range(16),
)
def test_each_fault_of_a_list_is_one_sentence(write, label, content, fault):
    write("a.mp4")
    rows, faults = label(write("spot.json", content if isinstance(content, str | bytes) else json.dumps(content)))
    assert rows == [] and len(faults) == 1 and faults[0].startswith(f"spot.json{fault}")


def test_json_lines_are_still_rows(write, label):
    rows, faults = label(write("a.json", '{"file": "a.mp4", "start": 1.50, "end": 2, "label": "hit"}\n'))
    assert (rows, faults) == ([("a.mp4", "1.50", "2", "hit", "", 1)], [])


def test_recordings_stay_together_when_some_are_held_out(layout):
    path = layout(**{f"clip{number}": ["walk", "sit down"] * 3 for number in range(12)})
    splits = load_splits(DataArguments(train_file=path), ["file", "label"], ["start_frame", "end_frame"], media="file")
    train, held_out = (set(splits[name].dataset["file"]) for name in ("train", "validation"))
    assert held_out and not train & held_out and len(train | held_out) == 12
    assert all(len(split.dataset) % 6 == 0 for split in splits.values())


def test_one_recording_cannot_be_both(layout):
    with pytest.raises(BadData, match="^set: is about one recording, which cannot be both trained on and held out"):
        load_splits(DataArguments(train_file=layout(a=["walk", "sit down"])), ["file", "label"], media="file")
