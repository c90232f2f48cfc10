"""Texts with their times in an example, and neighbouring ones joined, so that a model learns where each begins."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np
from datasets import Dataset

from toolkit.adapters.audio.recordings import Excerpt
from toolkit.data import Split
from toolkit.data.source import LINE, LISTED_IN

CUES = "cues"
"""Column of joined rows: [text, start, end] of each, the times in seconds of the recording."""
Placed = tuple[Mapping[str, Any], Excerpt]
"""A row, and what it names."""


@dataclass(frozen=True)
class Cue:
    """A text and when it is said.

    Args:
        text: what is said.
        start_seconds: counted from where the example begins; none where it is not known.
        end_seconds: the same.
    """

    text: str
    start_seconds: float | None = None
    end_seconds: float | None = None


def cues_of(row: Mapping[str, Any], excerpt: Excerpt, text: str) -> list[Cue]:
    """What a row says, with times if it is a part of a recording.

    >>> cues_of({}, Excerpt("a.wav", 2.0, 3.5), "yes")
    [Cue(text='yes', start_seconds=0.0, end_seconds=1.5)]
    """
    if row.get(CUES):
        begin = excerpt.start_seconds
        return [Cue(said, float(start) - begin, float(end) - begin) for said, start, end in row[CUES]]
    if excerpt.end_seconds is None:
        return [Cue(text)]
    return [Cue(text, 0.0, excerpt.end_seconds - excerpt.start_seconds)]


class LeftOut:
    """Where something is said that no row of a split says: in rows with faults, or in rows of another split.

    Args:
        split: the rows that are left.
        read: all splits as they were read.
        file_column: names the recording.
    """

    def __init__(self, split: Split, read: Iterable[Split], file_column: str) -> None:
        self.split = split
        self._spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._lines: dict[str, list[int]] = defaultdict(list)  # of rows whose place in a recording is not known
        kept = {_place(split, row) for row in split.dataset}
        for each in read:
            for path, line in ((fault.path, fault.line) for fault in each.faults if fault.spoils):
                if line is not None:
                    self._lines[path].append(line)
            for row in each.dataset:
                path, line = _place(each, row)
                if (path, line) in kept:
                    continue
                try:
                    excerpt = Excerpt.of(row, file_column)
                except ValueError:
                    self._lines[path].append(line)
                else:
                    end = inf if excerpt.end_seconds is None else excerpt.end_seconds
                    self._spans[excerpt.path].append((excerpt.start_seconds, end))
        for lines in self._lines.values():
            lines.sort()

    def lies_between(self, one: Placed, other: Placed) -> bool:
        """Whether anything of it is said between two rows of a recording or, where nobody knows when, stood there.

        Args:
            one: a row with times, and what it names.
            other: one that is said later.
        """
        (row, said), (later, then) = one, other
        assert said.end_seconds is not None
        if any(start < then.start_seconds and end > said.end_seconds for start, end in self._spans[then.path]):
            return True
        (path, line), (same, next_line) = _place(self.split, row), _place(self.split, later)
        lines = self._lines[path] if path == same else []
        return bisect_right(lines, min(line, next_line)) < bisect_right(lines, max(line, next_line))


def joined(
    split: Split,
    *,
    file_column: str,
    text_column: str,
    longest_seconds: float,
    can_be_written: Callable[[Mapping[str, Any]], bool],
    read: Iterable[Split] = (),
) -> Split:
    """Joins rows that follow each other in a recording, as far as one window holds them with the pauses between.

    Args:
        split: stored rows; those without times stay as they are.
        file_column: names the recording.
        text_column: what is said.
        longest_seconds: of an example.
        can_be_written: whether the text of joined rows is one that the model can write.
        read: all splits as they were read; across what is left out of this one no rows are joined, as something is
            said there.
    """
    examples: list[dict[str, Any]] = []
    left_out = LeftOut(split, read, file_column)
    before: Placed | None = None  # the last row of the last example, where it has times
    for row, excerpt in _in_order(split, file_column):
        if excerpt.end_seconds is None:
            examples.append({**row, CUES: []})
            before = None
            continue
        start, end = _plain(excerpt.start_seconds), _plain(excerpt.end_seconds)
        cue, last, here = [row[text_column], start, end], examples[-1] if examples else {}, (row, excerpt)
        follows = (
            before is not None
            and last[file_column] == row[file_column]
            and float(last["end"]) <= excerpt.start_seconds
            and excerpt.end_seconds - float(last["start"]) <= longest_seconds
            and not left_out.lies_between(before, here)
        )
        before = here
        if follows:
            text = f"{last[text_column]} {row[text_column]}"
            longer = {**last, text_column: text, "end": end, CUES: [*last[CUES], cue]}
            if can_be_written(longer):
                examples[-1] = longer
                continue
        examples.append({**row, "start": start, "end": end, CUES: [cue]})
    return replace(split, dataset=Dataset.from_list(examples))


def _plain(seconds: float) -> str:
    """All digits without an exponent, as a table may have them."""
    return str(np.format_float_positional(seconds, trim="0"))


def says_times(split: Split) -> bool:
    """Whether a row says when it ends; the first one of a stream stands for all."""
    if not isinstance(split.dataset, Dataset):
        first: Mapping[str, Any] = next(iter(split.dataset), {})
        return bool(first.get("end"))
    return "end" in split.dataset.column_names and any(split.dataset["end"][:])


def _place(split: Split, row: Mapping[str, Any]) -> tuple[str, int]:
    """The table and the line that a row stands in."""
    return row.get(LISTED_IN, split.path), row[LINE]


def _in_order(split: Split, file_column: str) -> Iterator[Placed]:
    rows = [(row, Excerpt.of(row, file_column)) for row in split.dataset]
    yield from sorted(rows, key=lambda pair: (pair[1].path, pair[1].start_seconds))


__all__ = ["Cue", "LeftOut", "cues_of", "joined", "says_times"]
