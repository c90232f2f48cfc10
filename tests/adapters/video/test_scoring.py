"""Answers in seconds become scores over the frames of the files."""

import json

import numpy as np
import pytest

from toolkit.adapters.video.scoring import SCORES, watched

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
    expected = [
        answer(first, file="a.mp4", end=1.0),
        json.dumps({**json.loads(answer(second, file="a.mp4", start=1.0, end=1.0)), "events": []}),
    ]
    (video,) = watched([answer(first), answer(second)], expected, TIMES.__getitem__, "-")
    assert len(video.predicted) == 50 and video.predicted == video.expected
    assert video.due == [("jump", 10)]
    assert [frame for _, frame, _ in video.found] == [10, 25]


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
