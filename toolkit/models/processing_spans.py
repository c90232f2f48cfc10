"""Events as spans of frames: found in probabilities, joined, and left out where they are too short.

Shapes: `F` frames, `V` labels.
"""

from bisect import bisect
from collections.abc import Mapping, Sequence
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


def choose(
    probabilities: Tensor, labels: Sequence[str], transitions: Mapping[str, Mapping[str, int]] | None = None
) -> Tensor:
    """The label of each frame, (F,): the likeliest one or, of all sequences of labels, its part in the likeliest.

    Which label follows which was counted in training; one more transition, to whichever label, is added to each
    label's, so that nothing is impossible. The sequence is found as in hidden Markov models (Rabiner, 1989, III.B),
    the network's probabilities standing for those of the observations.

    Args:
        probabilities: (F, V)
        labels: their names.
        transitions: how often a frame of one label was followed by one of another; none: each frame is by itself.

    >>> flicker = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.9, 0.1]])
    >>> choose(flicker, ["rest", "run"]).tolist()
    [0, 1, 0]
    >>> choose(flicker, ["rest", "run"], {"rest": {"rest": 50, "run": 1}, "run": {"rest": 1, "run": 50}}).tolist()
    [0, 0, 0]
    """
    if transitions is None or not len(probabilities):
        return probabilities.argmax(1)
    counts = [[transitions.get(one, {}).get(other, 0) for other in labels] for one in labels]
    follows = torch.tensor(counts, dtype=torch.float64) + 1 / len(labels)
    follows = (follows / follows.sum(1, keepdim=True)).log()
    first, *rest = probabilities.cpu().double().clamp(min=1e-8).log()
    best, came_from = first, []
    for scores in rest:
        best, before = (best.unsqueeze(1) + follows).max(0)
        best = best + scores
        came_from.append(before)
    path = [int(best.argmax())]
    for before in reversed(came_from):
        path.append(int(before[path[-1]]))
    return torch.tensor(path[::-1], device=probabilities.device)


def find_segments(
    probabilities: Tensor,
    labels: Sequence[str],
    *,
    chosen: Tensor | None = None,
    background: str | None = None,
    threshold: float = 0.0,
) -> list[Span]:
    """Runs of frames with the same label, but the background.

    Args:
        probabilities: (F, V)
        labels: their names.
        chosen: (F,) what `choose` gave; none: the likeliest label of each frame.
        background: the label that means "nothing", if there is one.
        threshold: what the probability of a frame's label must reach, or nothing happens there.

    >>> find_segments(torch.tensor([[0.9, 0.1], [0.25, 0.75], [0.25, 0.75]]), ["-", "run"], background="-")
    [Span(label='run', start=1, end=3, score=0.75)]
    """
    best = probabilities.argmax(1) if chosen is None else chosen
    scores = probabilities.gather(1, best.unsqueeze(1)).squeeze(1)
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
        taken: list[int] = []  # rising, so that only two can be the nearest
        for peak in peaks[probabilities[peaks, label].argsort(descending=True, stable=True)].tolist():
            place = bisect(taken, peak)
            if all(abs(peak - other) >= apart_frames for other in taken[max(place - 1, 0) : place + 1]):
                taken.insert(place, peak)
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


__all__ = ["Span", "choose", "find_instants", "find_segments", "tidy"]
