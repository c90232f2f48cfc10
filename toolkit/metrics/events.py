"""Scores of one label per frame, and of the segments that these labels form.

All take the labels of each video and draw whole videos again for their intervals, because neighbouring frames are no
independent rows. Definitions are those of Farha and Gall (2019), MS-TCN, section 4, as its repository computes them
(yabufarha/ms-tcn, eval.py). A frame whose expected label is `None` was labelled by nobody, and is left out.
"""

import operator
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import numpy as np

from toolkit.metrics.intervals import Score, mean_score, percent, score_of

Label = TypeVar("Label", str, str | None)
Labels = Sequence[str | None]
Segment = tuple[str, int, int]


def segments(labels: Iterable[Label]) -> list[tuple[Label, int, int]]:
    """The runs of equal labels as (label, first frame, frame after the last).

    >>> segments(["walk", "walk", "fall", "walk"])
    [('walk', 0, 2), ('fall', 2, 3), ('walk', 3, 4)]
    """
    found = []
    start = 0
    for label, run in groupby(labels):
        end = start + sum(1 for _ in run)
        found.append((label, start, end))
        start = end
    return found


def frame_accuracy(predicted: Sequence[Labels], expected: Sequence[Labels]) -> Score:
    """Frames with the right label, per hundred; long videos weigh more, and background is a label like any other.

    >>> print(frame_accuracy([["walk", "walk", "fall", "fall"]], [["walk", "walk", "walk", "fall"]]))
    frame accuracy 75.0 [75.0, 75.0]
    """
    counts = hits(predicted, expected)
    return score_of("frame accuracy", counts, percent, signature="MS-TCN|background:counted")


def edit_score(predicted: Sequence[Labels], expected: Sequence[Labels], *, background: Collection[str] = ()) -> Score:
    """How well the order of segments agrees, whatever their lengths: 100 when it is the same, mean over videos.

    100 · (1 − Levenshtein distance / segments of the longer sequence); background segments are dropped first. A video
    in which nothing is expected counts 100 when nothing is predicted and 0 otherwise: the reference has no answer.

    >>> print(edit_score([["walk", "fall", "walk", "fall"]], [["walk", "walk", "walk", "fall"]]))
    edit 50.0 [50.0, 50.0]
    """
    named = _named(background)

    def measure(found: list[str], truth: list[str]) -> float:
        orders = [[label for label, _, _ in _without(background, labels)] for labels in (found, truth)]
        longest = max(map(len, orders))
        return 100 * (1 - _distance(*orders) / longest) if longest else 100.0

    values = [measure(found, truth) for found, truth in labelled(predicted, expected)]
    return mean_score(values, name="edit", signature=f"MS-TCN|background:{named}")


def segment_f1(
    predicted: Sequence[Labels],
    expected: Sequence[Labels],
    *,
    overlap_percent: float,
    background: Collection[str] = (),
) -> Score:
    """F1 of segments that overlap enough: usually taken at 10, 25 and 50 per cent.

    Predicted segments, in order of time, each claim the expected one of their label that they overlap most
    (intersection over union); a claim below `overlap_percent`, or on what is taken already, is a false positive.
    Counts are pooled over videos. Where there is nothing to find, finding nothing counts 100.

    >>> labels = ["walk"] * 6 + ["fall"] * 4
    >>> print(segment_f1([["walk"] * 8 + ["fall"] * 2], [labels], overlap_percent=50))
    F1@50 100.0 [100.0, 100.0]
    >>> print(segment_f1([["walk"] * 9 + ["fall"] * 1], [labels], overlap_percent=50))
    F1@50 50.0 [50.0, 50.0]
    """
    if not 0 < overlap_percent <= 100:
        raise ValueError(
            f"`overlap_percent` must be above 0 and at most 100, but is {overlap_percent}. Pass 10, 25 or 50."
        )
    named = _named(background)
    counts = [
        _claims(_without(background, found), _without(background, truth), overlap_percent / 100)
        for found, truth in labelled(predicted, expected)
    ]

    def f1(sums: np.ndarray) -> np.ndarray:
        right, found, truth = sums.T
        return np.where(found + truth, 200 * right / np.maximum(found + truth, 1), 100.0)

    return score_of(f"F1@{overlap_percent:g}", np.array(counts), f1, signature=f"MS-TCN|background:{named}")


@dataclass(frozen=True, eq=False, repr=False)
class Confusion:
    """Which labels are taken for which.

    Args:
        labels: V of them, sorted.
        matrix: (V, V) frames of all videos, expected label by predicted label.
    """

    labels: tuple[str, ...]
    matrix: np.ndarray

    def __repr__(self) -> str:
        return f"Confusion(labels={self.labels}, matrix={self.matrix.shape})"


def confusion(predicted: Sequence[Labels], expected: Sequence[Labels]) -> Confusion:
    """Counts, frame by frame, which label was given where which was due.

    >>> table = confusion([["walk", "fall", "fall"]], [["walk", "walk", "fall"]])
    >>> table.labels, table.matrix.tolist()
    (('fall', 'walk'), [[1, 0], [1, 1]])
    """
    pairs = list(labelled(predicted, expected))
    labels = sorted({label for pair in pairs for column in pair for label in column})
    places = {label: place for place, label in enumerate(labels)}
    matrix = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for found, truth in pairs:
        cells = ([places[label] for label in column] for column in (truth, found))
        np.add.at(matrix, tuple(cells), 1)
    return Confusion(tuple(labels), matrix)


def hits(predicted: Sequence[Labels], expected: Sequence[Labels]) -> np.ndarray:
    """(N, 2): how many labels of each video are right, of how many."""
    pairs = labelled(predicted, expected)
    return np.array([(sum(map(operator.eq, found, truth)), len(truth)) for found, truth in pairs])


def labelled(predicted: Sequence[Labels], expected: Sequence[Labels]) -> Iterator[tuple[list[str], list[str]]]:
    """The labels of each video side by side, without the frames that nobody labelled."""
    if not expected or len(predicted) != len(expected):
        raise ValueError(
            f"`predicted` must have the labels of each expected video ({len(expected)}, at least 1), but has those of "
            f"{len(predicted)}. Pass one list of labels per video, in the same order."
        )
    for video, (found, truth) in enumerate(zip(predicted, expected, strict=True), start=1):
        if isinstance(found, str) or isinstance(truth, str):
            raise TypeError(
                f"`predicted` and `expected` must hold a list of labels per video, but video {video} is a single text. "
                "Put the labels of each video into a list of their own."
            )
        if len(found) != len(truth):
            raise ValueError(
                f"`predicted` must have one label for each frame of a video, but video {video} has {len(found)} for "
                f"{len(truth)} frames. Label every frame, or cut both at the same frame."
            )
        pairs = [(label, due) for label, due in zip(found, truth, strict=True) if due is not None]
        yield [str(label) for label, _ in pairs], [due for _, due in pairs]


def _named(background: Collection[str]) -> str:
    """How a signature states the labels that count as nothing."""
    if isinstance(background, str):
        raise TypeError(f"`background` must be a list of labels, but is the text {background!r}. Put it into a list.")
    return ",".join(sorted(background)) or "none"


def _without(background: Collection[str], labels: Iterable[str]) -> list[Segment]:
    return [segment for segment in segments(labels) if segment[0] not in background]


def _distance(found: Sequence[str], truth: Sequence[str]) -> int:
    """Levenshtein distance, one row of the table at a time.

    >>> _distance([*"kitten"], [*"sitting"])
    3
    """
    due = np.array(truth, dtype=str)
    row = places = np.arange(len(truth) + 1)
    for count, label in enumerate(found, start=1):
        changed = row[:-1] + (due != label)
        row = np.concatenate([[count], np.minimum(row[1:] + 1, changed)])
        row = np.minimum.accumulate(row - places) + places  # a gap of any width, counted from the best cell before it
    return int(row[-1])


def _claims(found: list[Segment], truth: list[Segment], overlap: float) -> tuple[int, int, int]:
    """How many predicted segments claim an expected one, and how many of each there are."""
    free = np.ones(len(truth), dtype=bool)
    due = np.array([label for label, _, _ in truth], dtype=str)
    starts, ends = np.array([segment[1:] for segment in truth], dtype=np.int64).reshape(-1, 2).T
    for label, start, end in found if truth else ():
        shared = np.minimum(end, ends) - np.maximum(start, starts)
        spanned = np.maximum(end, ends) - np.minimum(start, starts)  # the union, of segments that touch
        overlaps = shared / spanned * (due == label)
        best = overlaps.argmax()
        if overlaps[best] >= overlap:
            free[best] = False
    return int((~free).sum()), len(found), len(truth)
