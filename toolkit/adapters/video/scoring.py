"""What a model answers to a video, beside what should come out, as scores.

An answer, predicted or expected, is JSON in a text: `labels`, runs of (label, start, end) from the first second to the
last, and `events`, (label, start, end, score), which leave out the background. Seconds count from the start of the
example. An expected answer also has `file`, and `start`, when the example starts on the file's clock, and `end`.
"""

import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from toolkit import metrics
from toolkit.adapters.video.labels import Event, labels_at
from toolkit.metrics import Score

Answer = Mapping[str, Any]
ROUNDING_SECONDS = 0.0006
"""What is nearer is the same moment: many files count frames in milliseconds, and sums of fractions are rounded too."""
NOTHING: dict[str, Any] = {"file": "", "start": 0.0, "end": 0.0, "labels": [], "events": []}


@dataclass
class Watched:
    """One video, frame by frame and event by event.

    Attributes:
        file: its path.
        seconds: (F,) when each frame of the file is shown.
        predicted: labels of the frames up to the last one that was asked about.
        expected: as many; none of a frame that nobody labelled, or that lies before or between the examples.
        found: (label, frame, score) of the beginning of each predicted event.
        due: (label, frame) of each expected one.
        going_on: labels of the predicted and of the expected events that last to the end of what was added.
        ends: when that is.
    """

    file: str
    seconds: np.ndarray
    predicted: list[str] = field(default_factory=list)
    expected: list[str | None] = field(default_factory=list)
    found: list[tuple[str, int, float]] = field(default_factory=list)
    due: list[tuple[str, int]] = field(default_factory=list)
    going_on: tuple[Collection[str], Collection[str]] = ((), ())
    ends: float = -math.inf

    def add(self, predicted: Answer, expected: Answer, background: str) -> None:
        """Takes the next example of the video; an event that goes on from the one before it is still the same event."""
        begins, ends = expected["start"], expected["end"]
        if begins > self.ends + ROUNDING_SECONDS:
            self._skip(begins)
        times = self.seconds[len(self.expected) :] - begins
        times = times[times < ends - ROUNDING_SECONDS]
        self.predicted += _spread(predicted["labels"], times, background)
        self.expected += _spread(expected["labels"], times, background)
        if len(self.seconds):
            found, due = (
                _begun(answer["events"], going_on)
                for answer, going_on in zip((predicted, expected), self.going_on, strict=True)
            )
            self.found += [
                (label, self._frame(begins + start, end == start), score) for label, start, end, score in found
            ]
            self.due += [(label, self._frame(begins + start, True)) for label, start, *_ in due]
        self.going_on = _lasting(predicted["events"], ends), _lasting(expected["events"], ends)
        self.ends = begins + ends

    def _skip(self, begins: float) -> None:
        """Leaves out the frames up to an example that does not follow the one before it: nobody asked about them."""
        missing = int(np.searchsorted(self.seconds, begins - ROUNDING_SECONDS)) - len(self.expected)
        self.predicted += missing * [""]
        self.expected += missing * [None]
        self.going_on = (), ()

    def _frame(self, second: float, is_instant: bool) -> int:
        """The nearest frame to a moment, the first frame of what has a length."""
        if is_instant:
            return int(np.abs(self.seconds - second).argmin())
        return min(int(np.searchsorted(self.seconds, second - ROUNDING_SECONDS)), len(self.seconds) - 1)


def truth(
    events: Iterable[Event], times: np.ndarray, *, begins: float, lasts: float, filler: str | None, background: str
) -> dict[str, Any]:
    """What should come out of a part of a video: `labels` and `events`, in seconds since the part began.

    Args:
        events: of the whole video.
        times: (F + 1,) when each frame is shown, and when the last one is over.
        begins: when the part begins.
        lasts: how long it is.
        filler: the label of frames about which nothing is said.
        background: the label that is no event.
    """
    told, seconds = list(events), times[:-1]
    placed = sorted((*event.frames(seconds), event.label) for event in told)
    spans = metrics.segments(labels_at(told, seconds, filler))

    def inside(found: Iterable[tuple[str | None, int, int]]) -> Iterator[list[Any]]:
        for label, *frames in found:
            first, last = (float(times[frame]) - begins for frame in frames)
            is_instant = first == last >= -ROUNDING_SECONDS
            if first < lasts - ROUNDING_SECONDS and (last > ROUNDING_SECONDS or is_instant):
                yield [label, *(round(min(max(time, 0.0), lasts), 6) for time in (first, last))]

    moments = inside((label, first, last) for first, last, label in placed if label != background)
    return {"labels": list(inside(spans)), "events": [[*moment, 1.0] for moment in moments]}


def watched(
    predicted: Iterable[str], expected: Iterable[str], times_of: Callable[[str], np.ndarray], background: str
) -> Iterator[Watched]:
    """Puts the examples of each video together again, and spreads answers over its frames.

    Args:
        predicted: answers; any other text answers nothing.
        expected: answers, those of one video one after the other.
        times_of: when each frame of a file is shown.
        background: the label where nothing happens.
    """
    pairs = (tuple(map(parsed, pair)) for pair in zip(predicted, expected, strict=True))
    for file, examples in groupby(pairs, key=lambda pair: pair[1]["file"]):
        video = Watched(file, times_of(file) if file else np.zeros(0))
        for answer, due in examples:
            video.add(answer, due, background)
        yield video


def parsed(answer: str) -> Answer:
    """What a text holds; nothing, if it is no answer."""
    try:
        read = json.loads(answer)
    except ValueError:
        return NOTHING
    return read if isinstance(read, dict) else NOTHING


def _spread(spans: Sequence[Sequence[Any]], times: np.ndarray, background: str) -> list[str]:
    """The label of each frame."""
    if not spans:
        return [background] * len(times)
    ends = np.array([end for _, _, end, *_ in spans])
    places = np.minimum(np.searchsorted(ends, times + ROUNDING_SECONDS, side="right"), len(spans) - 1)
    return [spans[place][0] for place in places.tolist()]


def _begun(events: Sequence[Sequence[Any]], going_on: Collection[str]) -> list[Sequence[Any]]:
    """The events that begin in an example, without those that the example before it already had."""
    return [event for event in events if not (event[0] in going_on and event[1] == 0 < event[2])]


def _lasting(events: Sequence[Sequence[Any]], ends: float) -> set[str]:
    """The labels of events that last until an example ends."""
    return {label for label, start, end, *_ in events if start < end and end >= ends - ROUNDING_SECONDS}


def _frames(videos: Sequence[Watched]) -> tuple[list[list[str]], list[list[str | None]]]:
    return [video.predicted for video in videos], [video.expected for video in videos]


def _instants(videos: Sequence[Watched], unit: str) -> tuple[list, list]:
    if unit == "seconds":
        return (
            [[(label, video.seconds[frame], score) for label, frame, score in video.found] for video in videos],
            [[(label, video.seconds[frame]) for label, frame in video.due] for video in videos],
        )
    return [video.found for video in videos], [video.due for video in videos]


def _f1(percent: int) -> Callable[[Sequence[Watched], str], Score]:
    return lambda videos, background: metrics.segment_f1(
        *_frames(videos), overlap_percent=percent, background=[background]
    )


def _spotting(tolerance: float, unit: Any = "frames") -> Callable[[Sequence[Watched], str], Score]:
    return lambda videos, _: metrics.mean_average_precision(*_instants(videos, unit), tolerance=tolerance, unit=unit)


SCORES: dict[str, Callable[[Sequence[Watched], str], Score]] = {
    "frame_accuracy": lambda videos, _: metrics.frame_accuracy(*_frames(videos)),
    "edit": lambda videos, background: metrics.edit_score(*_frames(videos), background=[background]),
    **{f"f1_{percent}": _f1(percent) for percent in (10, 25, 50)},
    **{f"map_{frames}": _spotting(frames) for frames in (0, 1, 2, 4)},
    "map_half_second": _spotting(0.5, "seconds"),
}
"""By the names of flags; the last ones are about when events begin, at a tolerance of so many frames."""

__all__ = ["ROUNDING_SECONDS", "SCORES", "Answer", "Watched", "parsed", "truth", "watched"]
