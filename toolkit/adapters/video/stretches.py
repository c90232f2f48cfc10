"""Parts of videos as examples of their own, so that a batch holds no more than a part."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from datasets import Dataset

from toolkit.data import Split

START, END = "start_seen", "end_seen"
"""Columns of rows about a part of a video, in frames seen."""


def cut(split: Split, lengths: Mapping[str, int], *, file_column: str, longest: int, step: int = 1) -> Split:
    """Cuts each video into as few stretches as can be, which follow each other and are about as long as each other.

    Args:
        split: one row per video.
        lengths: frames seen of each video.
        file_column: names the video.
        longest: frames seen of a stretch, some steps.
        step: frames that share one vector and stay together.
    """
    rows = [
        {**row, START: start, END: end}
        for row in split.dataset
        for start, end in pairwise(_borders(lengths[row[file_column]], longest, step))
    ]
    return replace(split, dataset=Dataset.from_list(rows))


def _borders(length: int, longest: int, step: int) -> list[int]:
    """Where stretches begin, and where the last one ends.

    >>> _borders(10, 9, 1), _borders(11, 4, 2)
    ([0, 5, 10], [0, 4, 8, 11])
    """
    count, steps = -(-length // longest), -(-length // step)
    return [min(steps * place // count * step, length) for place in range(count + 1)]


__all__ = ["END", "START", "cut"]
