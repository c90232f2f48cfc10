"""What a table says happens in a video, and which of its frames that means."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from datasets import Dataset

from toolkit.data import Split, parse_frame, parse_seconds

EVENTS = "events"
"""Column of joined rows: all that is said of one video."""
TIMES = ("start", "end")
FRAMES = ("start_frame", "end_frame")
CELLS = (*TIMES, *FRAMES, "track")
"""Columns that a table may have; a label without times is about the whole video."""
ROUNDING_SECONDS = 0.0005
"""Labels are often rounded to milliseconds."""


@dataclass(frozen=True)
class Event:
    """One label and its place in a video, as a row tells it.

    Args:
        label: what happens.
        start: in seconds or frames; none: the whole video.
        end: the same; where it is the start, or one frame later, the event is an instant.
        counts_frames: whether times are numbers of frames.
        track: who or what the label is about; labels of one track do not overlap.
        line: where the row stands.
    """

    label: str
    start: float | None = None
    end: float | None = None
    counts_frames: bool = False
    track: str = ""
    line: int = 0

    @classmethod
    def of(cls, row: Mapping[str, Any], label_column: str) -> "Event":
        """What one row says.

        Raises:
            ValueError: its times are no times, swapped, or given twice; the message is one sentence with the way out.
        """
        event = cls(row[label_column], track=row.get("track") or "", line=row["line"])
        given = [name for name in (*TIMES, *FRAMES) if (row.get(name) or "").strip()]
        if not given:
            return event
        if given not in (list(TIMES), list(FRAMES)):
            raise ValueError(
                "needs `start` and `end`, or `start_frame` and `end_frame`, or none of them for the whole video, but "
                f"has {', '.join(f'`{name}`' for name in given)}. Fill what is missing."
            )
        parse, unit = (parse_frame, "") if given == list(FRAMES) else (parse_seconds, " s")
        start, end = (parse(row[name], name) for name in given)
        if end < start:
            raise ValueError(
                f"`{given[1]}` ({end:g}{unit}) lies before `{given[0]}` ({start:g}{unit}). Swap or correct them."
            )
        return replace(event, start=start, end=end, counts_frames=parse is parse_frame)

    @property
    def is_instant(self) -> bool:
        """Whether it is a moment rather than a stretch of time."""
        if self.start is None or self.end is None:
            return False
        return self.end - self.start <= (1 if self.counts_frames else 0)

    def frames(self, seconds: np.ndarray) -> tuple[int, int]:
        """The first frame that it covers and the one after the last, which of an instant are the same.

        Args:
            seconds: (F,) when each frame of the video is shown.

        >>> Event("jump", 0.1, 0.2).frames(np.arange(10) / 20)
        (2, 4)
        >>> Event("bounce", 0.14, 0.14).frames(np.arange(10) / 20)
        (3, 3)
        """
        if self.start is None or self.end is None:
            return 0, len(seconds)
        if self.counts_frames:
            first, end = (min(int(frame), len(seconds)) for frame in (self.start, self.end))
            return (first, first) if self.is_instant else (first, end)
        if self.is_instant:
            nearest = int(np.abs(seconds - self.start).argmin())
            return nearest, nearest
        first, end = (int(np.searchsorted(seconds, time - ROUNDING_SECONDS)) for time in (self.start, self.end))
        if first == end:  # between two frames: the one on screen
            first = max(first - 1, 0)
            end = first + 1
        return first, end


def events_of(row: Mapping[str, Any], label_column: str) -> list[Event] | None:
    """What is said of a row's video; none where nobody has labelled it."""
    if row.get(EVENTS) is not None:
        return [Event(**event) for event in row[EVENTS]]
    return [Event.of(row, label_column)] if label_column in row else None


def slack_frames(count: int) -> int:
    """By how many frames labels and a video of so many frames may differ and still belong together."""
    return max(1, count // 100)


def told_frames(events: Iterable[Event], count: int) -> int:
    """How many frames of a video are spoken of: all, but the last few where each one before them has a label.

    A text with a label for each frame, as MS-TCN has it, often ends a little before its video.

    Args:
        events: of the video.
        count: how many frames it has.

    >>> told_frames([Event("walk", 0, 90, True), Event("fall", 90, 99, True)], 100)
    99
    >>> told_frames([Event("walk", 0, 90, True)], 100), told_frames([Event("walk", 0.0, 3.3)], 100)
    (100, 100)
    """
    end = 0.0
    for event in sorted(events, key=lambda event: event.start or 0):
        if not event.counts_frames or event.start is None or event.end is None or event.start > end:
            return count
        end = max(end, event.start + 1, event.end)
    return int(end) if max(1, count - slack_frames(count)) <= end < count else count


def by_file(rows: Iterable[Mapping[str, Any]], file_column: str) -> dict[str, list[Mapping[str, Any]]]:
    """The rows of each video, in the order in which videos are first named."""
    files: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        files.setdefault(row[file_column], []).append(row)
    return files


def joined(split: Split, *, file_column: str, label_column: str, without: Iterable[str] = ()) -> Split:
    """The rows of one video as one example.

    Args:
        split: stored rows, sound ones.
        file_column: names the video.
        label_column: names what happens.
        without: videos to leave out.
    """
    refused, examples = set(without), []
    for file, rows in by_file(split.dataset, file_column).items():
        if file in refused:
            continue
        example = {file_column: file, "line": rows[0]["line"]}
        if label_column in rows[0]:
            example[EVENTS] = [vars(Event.of(row, label_column)) for row in rows]
        examples.append(example)
    return replace(split, dataset=Dataset.from_list(examples))


def labels_at(events: Sequence[Event], seconds: np.ndarray, filler: str | None) -> list[str | None]:
    """The label of each frame; where events overlap, that of the later one; none of frames after a label for each.

    Args:
        events: of the video.
        seconds: (F,) when each frame is shown.
        filler: the label of frames about which nothing is said.
    """
    told = told_frames(events, len(seconds))
    labels: list[str | None] = [*[filler] * told, *[None] * (len(seconds) - told)]
    for start, end, label in sorted((*event.frames(seconds), event.label) for event in events):
        labels[start : max(end, start + 1)] = [label] * (min(max(end, start + 1), len(labels)) - start)
    return labels


__all__ = [
    "CELLS",
    "EVENTS",
    "Event",
    "by_file",
    "events_of",
    "joined",
    "labels_at",
    "slack_frames",
    "told_frames",
]
