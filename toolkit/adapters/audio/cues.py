"""Texts with their times in an example, and neighbouring ones joined, so that a model learns where each begins."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from datasets import Dataset

from toolkit.adapters.audio.recordings import Excerpt
from toolkit.data import Split

CUES = "cues"
"""Column of joined rows: [text, start, end] of each, the times in seconds of the recording."""


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


def joined(
    split: Split,
    *,
    file_column: str,
    text_column: str,
    longest_seconds: float,
    can_be_written: Callable[[Mapping[str, Any]], bool],
) -> Split:
    """Joins rows that follow each other in a recording, as far as one window holds them with the pauses between.

    Args:
        split: stored rows; those without times stay as they are.
        file_column: names the recording.
        text_column: what is said.
        longest_seconds: of an example.
        can_be_written: whether the text of joined rows is one that the model can write.
    """
    examples: list[dict[str, Any]] = []
    for row, excerpt in _in_order(split, file_column):
        if excerpt.end_seconds is None:
            examples.append({**row, CUES: []})
            continue
        start, end = _plain(excerpt.start_seconds), _plain(excerpt.end_seconds)
        cue, last = [row[text_column], start, end], examples[-1] if examples else None
        if (
            last is not None
            and last[CUES]
            and last[file_column] == row[file_column]
            and float(last["end"]) <= excerpt.start_seconds
            and excerpt.end_seconds - float(last["start"]) <= longest_seconds
        ):
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


def _in_order(split: Split, file_column: str) -> Iterator[tuple[dict[str, Any], Excerpt]]:
    rows = [(row, Excerpt.of(row, file_column)) for row in split.dataset]
    yield from sorted(rows, key=lambda pair: (pair[1].path, pair[1].start_seconds))


__all__ = ["Cue", "cues_of", "joined", "says_times"]
