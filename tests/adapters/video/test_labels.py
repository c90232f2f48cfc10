"""From rows to frames: seconds, frames, instants, whole videos, and times that cannot be meant."""

from itertools import pairwise

import numpy as np
import pytest

from toolkit.adapters.video.labels import Event, events_of, labels_at, told_frames
from toolkit.metrics import segments

EVEN = np.arange(40) / 10


def event(**cells: str) -> Event:
    return Event.of({"label": "jump", "line": 7, **cells}, "label")


@pytest.mark.promise("G1")
def test_seconds_and_frames_mean_the_same_place():
    in_seconds, in_frames = event(start="1.2", end="2.0"), event(start_frame="12", end_frame="20")
    assert in_seconds.frames(EVEN) == in_frames.frames(EVEN) == (12, 20)
    assert event().frames(EVEN) == (0, 40)


@pytest.mark.promise("G2")
@pytest.mark.parametrize("seed", range(10))
def test_a_frame_belongs_to_what_happens_when_it_is_shown(seed):
    random = np.random.default_rng(seed)
    seconds = np.cumsum(random.choice([0.02, 0.033, 0.04, 0.08], 60))
    start, end = sorted(random.uniform(seconds[0], seconds[-1], 2).round(3))
    first, last = event(start=f"{start}", end=f"{end}").frames(seconds)
    shown = [place for place, time in enumerate(seconds) if start - 0.0005 <= time < end - 0.0005]
    assert list(range(first, last)) == (shown or [max(int((seconds < start).sum()) - 1, 0)])


@pytest.mark.parametrize(("second", "frame"), [("0.98", 10), ("1.04", 10), ("1.06", 11), ("99", 39), ("0", 0)])
def test_an_instant_is_the_nearest_frame(second, frame):
    assert event(start=second, end=second).frames(EVEN) == (frame, frame)


def test_one_frame_is_an_instant_and_one_tenth_of_a_second_is_not():
    assert event(start_frame="4", end_frame="5").is_instant and event(start_frame="4", end_frame="4").is_instant
    assert not event(start="0.4", end="0.5").is_instant and not event().is_instant


@pytest.mark.promise("G5")
@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"start": "2", "end": "1"}, "`end` (1 s) lies before `start` (2 s)"),
        ({"start": "-1", "end": "1"}, "`start` must be a time from 0 on"),
        ({"start": "soon", "end": "1"}, "`start` must be a time"),
        ({"start": "1", "end": ""}, "needs `start` and `end`"),
        ({"start": "1", "end_frame": "9"}, "but has `start`, `end_frame`"),
        ({"start_frame": "9", "end_frame": "4"}, "`end_frame` (4) lies before `start_frame` (9)"),
        ({"start_frame": "1.5", "end_frame": "4"}, "`start_frame` must be a whole number"),
    ],
)
def test_times_that_cannot_be_meant_are_told(cells, sentence):
    with pytest.raises(ValueError, match=r"\.$") as caught:
        event(**cells)
    assert sentence in str(caught.value)


def test_of_two_labels_on_one_frame_the_later_counts():
    events = [event(start="1", end="3"), Event("fall", 2.0, 2.5)]
    labels = labels_at(events, EVEN, "nothing")
    assert segments(labels) == [
        ("nothing", 0, 10),
        ("jump", 10, 20),
        ("fall", 20, 25),
        ("jump", 25, 30),
        ("nothing", 30, 40),
    ]


def per_frame(*lengths: int, start: int = 0) -> list[Event]:
    """Labels of so many frames each, one after the other."""
    borders = np.cumsum([start, *lengths]).tolist()
    return [Event(f"step {n}", *pair, counts_frames=True) for n, pair in enumerate(pairwise(borders))]


@pytest.mark.parametrize(
    ("events", "count", "told"),
    [
        (per_frame(200, 1, 97), 300, 298),  # a text that ends a little early
        (per_frame(200, 100), 300, 300),
        (per_frame(200, 105), 300, 300),
        (per_frame(200, 96), 300, 300),  # 1 % is 3 frames
        (per_frame(9), 10, 9),
        (per_frame(8), 10, 10),
        (per_frame(200, 98, start=1), 300, 300),  # the first frame is not spoken of
        ([*per_frame(100), Event("late", 150, 299, counts_frames=True)], 300, 300),
        ([Event("all of it", 0.0, 9.9)], 100, 100),
        ([], 1, 1),
    ],
)
def test_frames_after_a_label_for_each_frame_before_are_nobodys(events, count, told):
    assert told_frames(events, count) == told
    labels = labels_at(events, np.arange(count) / 10, "nothing")
    assert len(labels) == count and labels.count(None) == count - told and None not in labels[:told]


def test_a_row_without_a_label_says_nothing():
    assert events_of({"file": "a.mp4", "line": 2}, "label") is None
