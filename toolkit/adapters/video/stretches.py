"""Parts of videos as examples of their own, so that a batch holds no more than a part."""

from collections.abc import Mapping
from dataclasses import replace

from datasets import Dataset

from toolkit.data import Split

START, END = "start_seen", "end_seen"
"""Columns of rows about a part of a video, in frames seen."""


def cut(split: Split, lengths: Mapping[str, int], *, file_column: str, longest: int) -> Split:
    """Cuts each video into stretches that follow each other, about as long as each other.

    Args:
        split: one row per video.
        lengths: frames seen of each video.
        file_column: names the video.
        longest: frames seen of a stretch.
    """
    rows = [
        {**row, START: start, END: min(start + longest, lengths[row[file_column]])}
        for row in split.dataset
        for start in range(0, lengths[row[file_column]], longest)
    ]
    return replace(split, dataset=Dataset.from_list(rows))


__all__ = ["END", "START", "cut"]
