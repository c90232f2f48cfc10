"""Scores of one label per clip, over videos: clips of one video are no independent rows.

All take the labels of each video's clips, and draw whole videos again for their intervals.
"""

from collections.abc import Sequence

import numpy as np

from toolkit.metrics.events import Labels, hits, labelled
from toolkit.metrics.intervals import Score, percent, score_of


def accuracy(predicted: Sequence[Labels], expected: Sequence[Labels]) -> Score:
    """Clips with the right label, per hundred.

    >>> print(accuracy([["walk"], ["fall"], ["fall"], ["walk"]], [["walk"], ["fall"], ["fall"], ["fall"]]))
    accuracy 75.0 [25.0, 100.0]
    """
    return score_of("accuracy", hits(predicted, expected), percent)


def macro_f1(predicted: Sequence[Labels], expected: Sequence[Labels]) -> Score:
    """The mean over labels of F1 = 2 TP / (2 TP + FP + FN), per hundred, so that rare labels count as much as common.

    The mean of the F1 scores, not the F1 of mean precision and mean recall (Opitz and Burst, 2019, tell the two apart);
    labels that are neither due nor given do not count, neither in the whole nor in a resample.

    >>> print(macro_f1([["walk", "walk", "walk", "walk"]], [["walk", "walk", "walk", "fall"]]))
    macro F1 42.9 [42.9, 42.9]
    """
    pairs = list(labelled(predicted, expected))
    labels = sorted({label for pair in pairs for column in pair for label in column})
    places = {label: place for place, label in enumerate(labels)}
    counts = np.zeros((len(pairs), 2, len(labels)), dtype=np.int64)  # how often each is right, and given or due
    for video, (found, truth) in zip(counts, pairs, strict=True):
        for label, due in zip(found, truth, strict=True):
            video[0, places[due]] += label == due
            video[1, places[label]] += 1
            video[1, places[due]] += 1

    def mean_f1(sums: np.ndarray) -> np.ndarray:
        right, either = np.split(sums, 2, axis=1)  # (R, V)
        present = either > 0
        return 100 * (2 * right / np.maximum(either, 1)).sum(1) / np.maximum(present.sum(1), 1)

    return score_of("macro F1", counts.reshape(len(pairs), -1), mean_f1, signature="labels:present")


__all__ = ["accuracy", "macro_f1"]
