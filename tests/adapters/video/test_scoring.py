"""Answers in seconds become scores over the frames of the files."""

import json

import numpy as np
import pytest

from tests.adapters.video.drawn import TINY, draw
from toolkit import EventLabelling
from toolkit.adapters.video.scoring import SCORES, watched
from toolkit.metrics import segments

TIMES = {"a.mp4": np.arange(50) / 25, "b.mp4": np.cumsum(np.tile([0.02, 0.08], 20)) - 0.02}


def answer(spans: list, *, file: str | None = None, start: float = 0.0, end: float = 2.0) -> str:
    events = [[label, *times, 0.9] for label, *times in spans if label != "-"]
    place = {} if file is None else {"file": file, "start": start, "end": end}
    return json.dumps({"labels": spans, "events": events, **place})


TRUTH = [["-", 0.0, 0.4], ["jump", 0.4, 1.2], ["-", 1.2, 2.0]]


def scores(predicted: list[str], expected: list[str]) -> dict[str, float]:
    videos = list(watched(predicted, expected, TIMES.__getitem__, "-"))
    return {name: score(videos, "-").value for name, score in SCORES.items()}


@pytest.mark.promise("G8")
def test_the_truth_scores_best_everywhere():
    expected = [answer(TRUTH, file="a.mp4"), answer(TRUTH, file="b.mp4")]
    assert set(scores(expected, expected).values()) == {100.0}


@pytest.mark.promise("G8")
def test_each_frame_of_the_file_counts_once():
    late = [["-", 0.0, 0.5], ["jump", 0.5, 1.2], ["-", 1.2, 2.0]]
    found = scores([answer(late)], [answer(TRUTH, file="a.mp4")])
    frames = TIMES["a.mp4"]
    wrong = sum(0.4 <= time < 0.5 for time in frames.round(6))
    assert found["frame_accuracy"] == pytest.approx(100 * (1 - wrong / len(frames)))
    assert found["edit"] == found["f1_50"] == 100
    assert (found["map_2"], found["map_4"], found["map_half_second"]) == (0, 100, 100)


def test_the_stretches_of_a_video_are_one_video():
    first = [["-", 0.0, 0.4], ["jump", 0.4, 1.0]]
    second = [["jump", 0.0, 0.2], ["-", 0.2, 1.0]]
    expected = [answer(first, file="a.mp4", end=1.0), answer(second, file="a.mp4", start=1.0, end=1.0)]
    (video,) = watched([answer(first), answer(second)], expected, TIMES.__getitem__, "-")
    assert len(video.predicted) == 50 and video.predicted == video.expected
    assert video.due == [("jump", 10)]
    assert [frame for _, frame, _ in video.found] == [10]


@pytest.mark.parametrize(
    "second",
    [
        [["fall", 0.0, 0.2], ["-", 0.2, 1.0]],  # another label
        [["-", 0.0, 0.2], ["jump", 0.2, 1.0]],  # the same one, later
        [["jump", 0.0, 0.0], ["-", 0.0, 1.0]],  # an instant
    ],
)
@pytest.mark.parametrize("goes_on", [True, False])
def test_what_begins_in_a_later_stretch_is_an_event_of_its_own(second, goes_on):
    first = [["-", 0.0, 0.4], ["jump", 0.4, 1.0]] if goes_on else [["jump", 0.0, 0.6], ["-", 0.6, 1.0]]
    expected = [answer(first, file="a.mp4", end=1.0), answer(second, file="a.mp4", start=1.0, end=1.0)]
    (video,) = watched([answer(first), answer(second)], expected, TIMES.__getitem__, "-")
    assert len(video.due) == 2 and [one[:2] for one in video.found] == video.due


def test_an_event_of_three_stretches_counts_once_and_the_same_label_after_a_gap_again():
    whole = [["jump", 0.0, 0.4]]
    parts = [whole, whole, whole, [["-", 0.0, 0.4]], whole]
    expected = [answer(part, file="a.mp4", start=0.4 * at, end=0.4) for at, part in enumerate(parts)]
    (video,) = watched([answer(part) for part in parts], expected, TIMES.__getitem__, "-")
    assert video.due == [("jump", 0), ("jump", 40)] and [one[:2] for one in video.found] == video.due


def test_of_a_stretch_alone_its_own_frames_count():
    """The last 5 s of 35, a frame a second, of which one is right."""
    due = answer([["jump", 0.0, 2.0], ["-", 2.0, 5.0]], file="a.mp4", start=30.0, end=5.0)
    said = answer([["-", 0.0, 1.0], ["jump", 1.0, 5.0]])
    (video,) = watched([said], [due], lambda _: np.arange(35.0), "-")
    assert video.expected == [*30 * [None], "jump", "jump", "-", "-", "-"]
    found = {name: score([video], "-").value for name, score in SCORES.items()}
    assert (found["frame_accuracy"], found["edit"], found["map_1"]) == (20, 100, 100)


def test_frames_between_two_stretches_do_not_count_and_what_is_seen_after_them_is_new():
    spans = [["jump", 0.0, 3.0], ["-", 3.0, 7.0], ["jump", 7.0, 10.0]]
    expected = [answer(spans, file="a.mp4", start=start, end=10.0) for start in (0.0, 10.0, 20.0)]
    wrong = answer([["-", 0.0, 10.0]])
    times = np.arange(30.0)
    (video,) = watched([expected[0], wrong, expected[2]], expected, lambda _: times, "-")
    assert SCORES["frame_accuracy"]([video], "-").value == pytest.approx(100 * 24 / 30)
    assert [frame for _, frame in video.due] == [0, 7, 17, 27]
    (video,) = watched([wrong, expected[2]], [expected[0], expected[2]], lambda _: times, "-")
    assert SCORES["frame_accuracy"]([video], "-").value == pytest.approx(100 * 14 / 20)
    assert [frame for _, frame in video.due] == [0, 7, 20, 27]


@pytest.mark.parametrize("predicted", ["", "x", "[]", "3"])
def test_no_answer_answers_nothing(predicted):
    found = scores([predicted], [answer(TRUTH, file="a.mp4")])
    assert found["frame_accuracy"] == pytest.approx(60.0)
    assert found["edit"] == found["map_4"] == 0


def test_an_instant_between_frames_counts_at_the_nearest():
    instants = {"labels": [["-", 0.0, 2.0]], "events": [["hit", 0.413, 0.413, 1.0]]}
    due = json.dumps({**instants, "file": "a.mp4", "start": 0.0, "end": 2.0})
    (video,) = watched([json.dumps(instants)], [due], TIMES.__getitem__, "-")
    assert video.due == [("hit", 10)] and video.found == [("hit", 10, 1.0)]


def drawn_labels(path: str, rate: float, count: int = 90) -> tuple[list[str], list[dict[str, str]]]:
    """A label for each frame of a film, and their rows; many of them last one frame."""
    labels = np.random.default_rng(3).choice(["left", "right", "rest"], count).tolist()
    draw(path, labels, rate=rate)
    return labels, [
        {"file": path, "label": label, "start_frame": str(first), "end_frame": str(last)}
        for label, first, last in segments(labels)
    ]


@pytest.mark.parametrize("rate", [24.0, 30000 / 1001, 30.0, 60.0])
@pytest.mark.parametrize("seconds", [30.0, 0.35])
@pytest.mark.parametrize("kind", ["frames", "events"])
@pytest.mark.parametrize("file", ["a.mp4", "a.mkv"])  # which counts in milliseconds
def test_labels_land_on_their_frames_at_the_rates_of_cameras(file, kind, seconds, rate, table):
    labels, rows = drawn_labels(file, rate)
    made = EventLabelling(**{**TINY, "frames_per_second": rate, "decoder": kind, "max_train_seconds": seconds})
    made.fit({"train": table(rows)})
    examples = list(made.examples(table(rows, name="validation")).dataset)
    assert len(examples) == (1 if kind == "frames" or seconds == 30.0 else -(-90 // round(0.35 * rate)))
    expected = [made.expected(row) for row in examples]
    (video,) = made.watched(expected, expected)
    assert video.expected == labels
    assert video.due == [(label, first) for label, first, _ in segments(labels)]
    assert {name: score.value for name, score in made.score(expected, expected).items()} == dict.fromkeys(SCORES, 100.0)
    written = [made.decode(made.labels(row)) for row in examples]
    (video,) = made.watched(written, expected)
    assert video.predicted == labels
    if kind == "events":
        assert [one[:2] for one in video.found] == video.due


@pytest.mark.parametrize("rate", [30000 / 1001, 30.0])
def test_labels_in_milliseconds_land_on_their_frames_too(rate, table):
    labels, rows = drawn_labels("a.mp4", rate)
    timed = [
        {
            **{name: row[name] for name in ("file", "label")},
            **{side: f"{int(row[f'{side}_frame']) / rate:.3f}" for side in ("start", "end")},
        }
        for row in rows
    ]
    made = EventLabelling(**{**TINY, "frames_per_second": rate})
    made.fit({"train": table(timed)})
    (row,) = made.examples(table(timed, name="validation")).dataset
    (video,) = made.watched([made.decode(made.labels(row))], [made.expected(row)])
    assert video.predicted == video.expected == labels
