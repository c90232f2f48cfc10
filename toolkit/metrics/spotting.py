"""How well instants are spotted: mean average precision at a tolerance of some frames or seconds."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from toolkit.metrics.intervals import Score, score_of

ROUNDING = 1e-6  # so that 0.3 s lies within 0.1 s of 0.2 s, which binary fractions deny
BLOCK_NUMBERS = 1 << 20  # resampled predictions looked at at once: 8 MB an array


def mean_average_precision(
    predicted: Sequence[Iterable[tuple[str, float, float]]],
    expected: Sequence[Iterable[tuple[str, float]]],
    *,
    tolerance: float,
    unit: Literal["frames", "seconds"] = "frames",
) -> Score:
    """Mean over labels of the average precision of instants, a hit being at most `tolerance` away.

    As Hong et al. (2022), Spotting Temporally Precise, Fine-Grained Events in Video (E2E-Spot), compute it in their
    repository (jhong93/spot, util/score.py): by falling score, each prediction claims the nearest expected instant of
    its label and video that is free; the precision at each hit is the best one from there on; labels never expected do
    not count. We differ where scores are equal: those predictions stand or fall together, so that their order does not
    matter. Where nothing is expected at all, predicting nothing counts 100. It is no relation of SoccerNet's
    average-mAP, which takes half windows and eleven points.

    Args:
        predicted: for each video (label, time, score).
        expected: for each video (label, time).
        tolerance: the usual ones are 0, 1, 2 and 4 frames.
        unit: of all times and of the tolerance.

    >>> found = [[("bounce", 10, 0.9), ("bounce", 33, 0.8), ("hit", 20, 0.7)]]
    >>> print(mean_average_precision(found, [[("bounce", 11), ("bounce", 30), ("hit", 20)]], tolerance=1))
    mAP@1 frames 75.0 [75.0, 75.0]
    """
    if unit not in ("frames", "seconds"):
        raise ValueError(f"`unit` must be 'frames' or 'seconds', but is {unit!r}. Name the unit of your times.")
    if not tolerance >= 0:
        raise ValueError(f"`tolerance` must be at least 0, but is {tolerance}. Pass 0, 1, 2 or 4 frames.")
    if not expected or len(predicted) != len(expected):
        raise ValueError(
            f"`predicted` must have the events of each expected video ({len(expected)}, at least 1), but has those of "
            f"{len(predicted)}. Pass one list of events per video, in the same order; a video may have none."
        )
    rankings, silent = _rankings(predicted, expected, tolerance + ROUNDING)

    def value_of(draws: np.ndarray) -> np.ndarray:
        """How often each video was drawn (R, N) → (R,)."""
        precisions = np.array([ranking.average_precision(draws) for ranking in rankings]).reshape(-1, len(draws))
        defined = ~np.isnan(precisions)  # a label is not, where no drawn video expects it
        means = 100 * np.nansum(precisions, axis=0) / np.maximum(defined.sum(0), 1)
        return np.where(defined.any(0), means, np.where(draws @ ~silent, 0.0, 100.0))

    # Each video counts itself alone: the sums that are bootstrapped say how often each was drawn.
    draws = np.eye(len(expected), dtype=bool)
    return score_of(f"mAP@{tolerance:g} {unit}", draws, value_of, signature="E2E-Spot|background:none")


@dataclass(frozen=True, eq=False)
class _Ranking:
    """The predictions of one label in all videos, best first.

    Args:
        hits: (P,) whether each claimed an expected instant.
        videos: (P,) which video each is about.
        scores: (P,), falling.
        totals: (N,) how many instants of the label each video has.
    """

    hits: np.ndarray
    videos: np.ndarray
    scores: np.ndarray
    totals: np.ndarray

    def average_precision(self, draws: np.ndarray) -> np.ndarray:
        """(R, N) how often each video was drawn → (R,) area under precision over recall; NaN where none is expected."""
        blocks = np.array_split(draws, max(1, min(len(draws), len(draws) * len(self.hits) // BLOCK_NUMBERS)))
        return np.concatenate([self._areas(block) for block in blocks])

    def _areas(self, draws: np.ndarray) -> np.ndarray:
        counts = draws[:, self.videos]  # (R, P)
        closing = np.append(self.scores[1:] != self.scores[:-1], True)[: len(self.scores)]  # last of its equals
        seen = counts.cumsum(1)[:, closing]
        right = (counts * self.hits).cumsum(1)[:, closing]
        precision = right / np.maximum(seen, 1)
        best_from_here = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        gained = np.diff(right, axis=1, prepend=0)
        totals = draws @ self.totals
        return np.where(totals, (best_from_here * gained).sum(1) / np.maximum(totals, 1), np.nan)


def _rankings(
    predicted: Sequence[Iterable[tuple[str, float, float]]],
    expected: Sequence[Iterable[tuple[str, float]]],
    tolerance: float,
) -> tuple[list[_Ranking], np.ndarray]:
    """One ranking for each label that is expected, and which videos (N,) have no prediction at all."""
    found = [_checked("predicted", video, events) for video, events in enumerate(predicted, start=1)]
    truth = [_checked("expected", video, events) for video, events in enumerate(expected, start=1)]
    rankings = []
    for label in sorted({label for events in truth for label, *_ in events}):
        ranked: list[tuple[float, int, bool]] = []
        for video, (predictions, instants) in enumerate(zip(found, truth, strict=True)):
            own = sorted((-score, time) for name, time, score in predictions if name == label)
            due = sorted(time for name, time, *_ in instants if name == label)
            hits = _hits([time for _, time in own], due, tolerance)
            ranked += [(score, video, hit) for (score, _), hit in zip(own, hits, strict=True)]
        columns = np.array(sorted(ranked), dtype=np.float64).reshape(-1, 3)
        totals = np.array([sum(name == label for name, *_ in instants) for instants in truth])
        rankings.append(_Ranking(columns[:, 2], columns[:, 1].astype(np.int64), -columns[:, 0], totals))
    return rankings, np.array([not events for events in found])


def _hits(times: list[float], due: list[float], tolerance: float) -> list[bool]:
    """Whether each time, in order, claims the nearest instant that is free; of two as near, the earlier."""
    free = np.array(due, dtype=np.float64)
    hits = []
    for time in times:
        distances = np.abs(free - time)
        nearest = distances.argmin() if len(free) else 0
        hits.append(bool(len(free) and distances[nearest] <= tolerance))
        if hits[-1]:
            free = np.delete(free, nearest)
    return hits


def _checked(column: str, video: int, events: Iterable[tuple]) -> list[tuple]:
    """The events of one video, refused where a time or score is no number."""
    checked = list(events)
    wanted = "(label, time, score)" if column == "predicted" else "(label, time)"
    for event in checked:
        if len(event) != wanted.count(",") + 1 or not all(math.isfinite(number) for number in event[1:]):
            raise ValueError(
                f"`{column}` must hold {wanted} with finite numbers, but video {video} has {event!r}. "
                "Leave out what has no time, and give every prediction a score."
            )
    return checked
