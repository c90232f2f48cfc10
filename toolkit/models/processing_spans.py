"""Events as spans of frames: found in probabilities, joined, and left out where they are too short.

Shapes: `F` frames, `V` labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Span:
    """Frames from `start` up to but without `end` that belong together; where both are equal, an instant."""

    label: str
    start: int
    end: int
    score: float

    @property
    def is_instant(self) -> bool:
        """Whether it has no length."""
        return self.start == self.end

    def joined(self, later: "Span") -> "Span":
        """This and a later span of the same label as one, with the mean score of their frames."""
        frames = self.end - self.start, later.end - later.start
        score = (self.score * frames[0] + later.score * frames[1]) / sum(frames)
        return replace(self, end=max(self.end, later.end), score=score)


def find_segments(
    probabilities: Tensor, labels: Sequence[str], *, background: str | None = None, threshold: float = 0.0
) -> list[Span]:
    """Runs of frames with the same likeliest label, but the background.

    Args:
        probabilities: (F, V)
        labels: their names.
        background: the label that means "nothing", if there is one.
        threshold: what the likeliest label of a frame must reach, or nothing happens there.

    >>> find_segments(torch.tensor([[0.9, 0.1], [0.25, 0.75], [0.25, 0.75]]), ["-", "run"], background="-")
    [Span(label='run', start=1, end=3, score=0.75)]
    """
    scores, best = probabilities.max(1)
    best = best.masked_fill(scores < threshold, -1)
    spans, start = [], 0
    runs, lengths = torch.unique_consecutive(best, return_counts=True)
    for label, length in zip(runs.tolist(), lengths.tolist(), strict=True):
        if label >= 0 and labels[label] != background:
            score = scores[start : start + length].double().mean().item()
            spans.append(Span(labels[label], start, start + length, score))
        start += length
    return spans


def find_instants(
    probabilities: Tensor,
    labels: Sequence[str],
    *,
    background: str | None = None,
    threshold: float = 0.5,
    apart_frames: float = 0.0,
) -> list[Span]:
    """Peaks of each label's probability, the highest first; what is too near to one that was taken is left out.

    Args:
        probabilities: (F, V)
        labels: their names.
        background: the label that means "nothing", if there is one.
        threshold: what a peak must reach.
        apart_frames: how far two peaks of one label must be apart.
    """
    spans = []
    for label, name in enumerate(labels):
        if name == background:
            continue
        curve = F.pad(probabilities[:, label], (1, 1), value=-1.0)
        is_peak = (curve[1:-1] > curve[:-2]) & (curve[1:-1] >= curve[2:]) & (curve[1:-1] >= threshold)
        peaks = is_peak.nonzero().flatten()
        taken: list[int] = []
        for peak in peaks[probabilities[peaks, label].argsort(descending=True, stable=True)].tolist():
            if all(abs(peak - other) >= apart_frames for other in taken):
                taken.append(peak)
                spans.append(Span(name, peak, peak, probabilities[peak, label].item()))
    return sorted(spans, key=lambda span: span.start)


def tidy(
    spans: Sequence[Span], times: Sequence[float], *, minimum_seconds: float = 0.0, merge_seconds: float = 0.0
) -> list[Span]:
    """Joins spans of one label with little between them, leaves out what stays too short, and joins over the holes.

    Args:
        spans: in the order of time; instants stay as they are.
        times: (F + 1) when each frame begins and, last, when the video ends.
        minimum_seconds: shorter spans are left out.
        merge_seconds: narrower gaps are closed, where no other span stands in them; 0: none, not even where two meet.
    """
    joined = _join(spans, times, merge_seconds)
    long = [one for one in joined if one.is_instant or times[one.end] - times[one.start] >= minimum_seconds]
    return _join(long, times, merge_seconds)


def _join(spans: Sequence[Span], times: Sequence[float], merge_seconds: float) -> list[Span]:
    joined: list[Span] = []
    for span in spans:
        last = joined[-1] if joined else span
        near = times[span.start] - times[last.end] < merge_seconds
        if joined and near and last.label == span.label and not last.is_instant and not span.is_instant:
            joined[-1] = last.joined(span)
        else:
            joined.append(span)
    return joined


__all__ = ["Span", "find_instants", "find_segments", "tidy"]
