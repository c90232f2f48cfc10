"""Events as words that a decoder writes, and back to frames."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor

from .processing_spans import Span

SPECIAL_TOKENS = ("<unk>", "<sos>", "<eos>", "<pad>")


@dataclass(frozen=True)
class EventVocabulary:
    """The words in which a decoder tells events: `<start> label <end>` for each, in the order of time, then `<eos>`.

    Times are counted in steps from the start of a stretch of video, so that few words serve videos of any length. An
    event that goes on beyond the stretch begins with its first time or ends with its last one. An instant has the same
    time twice.

    Args:
        labels: names of events; the background is none.
        step_seconds: from one time to the next.
        steps: length of a stretch.

    >>> words = EventVocabulary(("sit", "walk"), step_seconds=0.5, steps=4)
    >>> ids = words.encode([{"label": "walk", "start": 10.5, "end": 99.0}], start_seconds=10.0)
    >>> " ".join(words.tokens[word] for word in ids)
    '<0.50> walk <2.00> <eos>'
    >>> words.decode(ids, start_seconds=10.0)
    [{'label': 'walk', 'start': 10.5, 'end': 12.0}]
    """

    labels: tuple[str, ...]
    step_seconds: float
    steps: int

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """All words in the order of their ids: the special ones, labels, times."""
        times = (f"<{step * self.step_seconds:.2f}>" for step in range(self.steps + 1))
        return (*SPECIAL_TOKENS, *self.labels, *times)

    @property
    def first_time(self) -> int:
        """The id of the time 0."""
        return len(SPECIAL_TOKENS) + len(self.labels)

    def encode(self, events: Iterable[Mapping[str, Any]], *, start_seconds: float = 0.0) -> list[int]:
        """The ids of what happens in one stretch.

        Args:
            events: `label`, and `start` and `end` in seconds on the video's clock; what lies outside is left out.
            start_seconds: when the stretch starts.
        """
        found = [(*steps, self._label(event)) for event in events if (steps := self._steps(event, start_seconds))]
        ids = [
            word
            for start, end, label in sorted(found)
            for word in (self.first_time + start, len(SPECIAL_TOKENS) + label, self.first_time + end)
        ]
        return [*ids, SPECIAL_TOKENS.index("<eos>")]

    def _label(self, event: Mapping[str, Any]) -> int:
        if event["label"] not in self.labels:
            raise ValueError(
                f"`label` must be one of {', '.join(self.labels)}, but is {event['label']!r}. "
                "Add it to the labels or leave the event out."
            )
        return self.labels.index(event["label"])

    def _steps(self, event: Mapping[str, Any], start_seconds: float) -> tuple[int, int] | None:
        """Start and end inside the stretch; none where nothing of the event is there."""
        start, end = ((event[name] - start_seconds) / self.step_seconds for name in ("start", "end"))
        # What reaches half a step into the next stretch, or less, is not told there.
        instant, whole = start == end, start >= 0 and end <= self.steps + 0.5
        if start >= self.steps or end < 0 or (end == 0 and not instant):
            return None
        first, last = round(max(start, 0)), round(min(end, self.steps))
        if instant:  # where the stretch ends, nothing is seen of it
            return min(first, self.steps - 1), min(last, self.steps - 1)
        if first < last:
            return first, last
        if not whole:  # what reaches in is too little to be told
            return None
        return min(first, self.steps - 1), min(first, self.steps - 1) + 1

    def spell(self, ids: Iterable[int]) -> Iterator[tuple[int, int, int, int]]:
        """Reads what a model wrote, which may be nonsense in places: complete events only, each once.

        Yields:
            start and end in steps, the label's index, and the place of the label among the ids.
        """
        read: list[int] = []
        seen = set()
        for place, word in enumerate(ids):
            if word == SPECIAL_TOKENS.index("<eos>"):
                return
            is_time = self.first_time <= word <= self.first_time + self.steps
            is_label = len(SPECIAL_TOKENS) <= word < self.first_time
            if is_label and len(read) == 1:
                read.append(word - len(SPECIAL_TOKENS))
            elif is_time and len(read) == 2 and word - self.first_time >= read[0]:
                event = (read[0], word - self.first_time, read[1])
                if event not in seen:
                    yield *event, place - 1
                seen.add(event)
                read = []
            else:
                read = [word - self.first_time] if is_time else []

    def decode(self, ids: Iterable[int], *, start_seconds: float = 0.0) -> list[dict[str, Any]]:
        """The events of one stretch, in seconds on the video's clock."""
        return [
            {
                "label": self.labels[label],
                "start": start_seconds + start * self.step_seconds,
                "end": start_seconds + end * self.step_seconds,
            }
            for start, end, label, _ in self.spell(ids)
        ]


class EventGrammar(LogitsProcessor):
    """Leaves only words that continue what was written: time, label, time and so on, and no way back in time.

    Args:
        vocabulary: of the words.
    """

    def __init__(self, vocabulary: EventVocabulary) -> None:
        self.vocabulary = vocabulary

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores (B, V) of the next word, minus infinity where it would make no sense after those (B, 1 + T)."""
        words, first = self.vocabulary, self.vocabulary.first_time
        place, ids = (input_ids.shape[1] - 1) % 3, torch.arange(scores.shape[1], device=scores.device)
        if place == 1:
            possible = (len(SPECIAL_TOKENS) <= ids) & (ids < first)
        else:  # the last event began three words ago, this one two words ago
            begun = input_ids[:, -3 if place == 0 else -2, None] if input_ids.shape[1] > 2 else first
            possible = (ids >= first) & (ids >= begun) & bool(words.labels)
            if place == 0:
                possible = possible | (ids == SPECIAL_TOKENS.index("<eos>"))
        return scores.masked_fill(~possible, -torch.inf)


@dataclass(frozen=True)
class Stretch:
    """What a decoder wrote about one part of a video.

    Attributes:
        start_seconds: when the part starts, on the video's clock.
        end_seconds: when it ends.
        words: ids that were written.
        scores: how likely each of them was.
        weights: where the decoder looked for each of them, (words, steps of the part); none: nobody asked.
    """

    start_seconds: float
    end_seconds: float
    words: Sequence[int]
    scores: Sequence[float]
    weights: Tensor | None = None

    def attention(self, vocabulary: EventVocabulary, first_seconds: float) -> dict[str, Any]:
        """Where the decoder looked: `seconds` of the steps, `events`, and for each the mean of its words' `weights`.

        Args:
            vocabulary: of the words.
            first_seconds: when the video starts, to be added to all times.
        """
        assert self.weights is not None
        begins, step = first_seconds + self.start_seconds, vocabulary.step_seconds
        return {
            "seconds": [begins + step * place for place in range(self.weights.shape[1])],
            "events": vocabulary.decode(self.words, start_seconds=begins),
            "weights": [
                self.weights[place - 1 : place + 2].mean(0).tolist() for *_, place in vocabulary.spell(self.words)
            ],
        }


def tell(stretches: Sequence[Stretch], vocabulary: EventVocabulary, edges: Tensor) -> tuple[list[Span], list[Span]]:
    """What overlapping stretches say together: of two neighbours each answers for its half of what both have seen.

    Args:
        stretches: in the order of time.
        vocabulary: of the words.
        edges: (F) seconds at which each frame gives way to the next, and the video ends.

    Returns:
        the events, joined where one stretch goes on with what another began; and, between them, where nothing happens,
        labelled "" and scored by the word with which the model went on.
    """
    events: list[Span] = []
    nothing: list[Span] = []
    step = vocabulary.step_seconds
    # What reaches to the last stretch's end reaches to the video's, however long its last frame is shown.
    edges = torch.cat([edges[:-1], edges[-1:].clamp(max=stretches[-1].end_seconds - 1e-6)])
    for index, stretch in enumerate(stretches):
        first = (stretch.start_seconds + stretches[index - 1].end_seconds) / 2 if index else stretch.start_seconds
        last = stretch.end_seconds
        if index + 1 < len(stretches):
            last = (last + stretches[index + 1].start_seconds) / 2
        open_ones = {one.label: place for place, one in enumerate(events) if one.end >= _frame(edges, first - step)}
        quiet, place = first, -2  # so that, where nothing is told, the next word is the first one
        for start, end, label, place in vocabulary.spell(stretch.words):
            begins, ends = (stretch.start_seconds + steps * step for steps in (start, end))
            nothing += _cut("", quiet, begins, first, last, stretch.scores[place - 1], edges)
            quiet = max(quiet, ends)
            for span in _cut(vocabulary.labels[label], begins, ends, first, last, stretch.scores[place], edges):
                goes_on = index > 0 and begins <= first + step and not span.is_instant
                if goes_on and span.label in open_ones and not events[open_ones[span.label]].is_instant:
                    events[open_ones[span.label]] = events[open_ones[span.label]].joined(span)
                else:
                    events.append(span)
        closing = stretch.scores[min(place + 2, len(stretch.scores) - 1)]
        nothing += _cut("", quiet, last, first, last, closing, edges)
    return sorted(events, key=lambda span: (span.start, span.end)), nothing


def _frame(edges: Tensor, seconds: float) -> int:
    return int(torch.searchsorted(edges, seconds))


def _cut(label: str, begins: float, ends: float, first: float, last: float, score: float, edges: Tensor) -> list[Span]:
    """The part of an event between two times, in frames; an event keeps at least one, an instant stays one."""
    if begins == ends and label:
        frame = min(_frame(edges, begins), len(edges) - 1)
        return [Span(label, frame, frame, score)] if first <= begins < last else []
    begins, ends = max(begins, first), min(ends, last)
    if begins >= ends:
        return []
    start, end = _frame(edges, begins), _frame(edges, ends)
    if start == end and label and end < len(edges):
        end += 1
    return [Span(label, start, end, score)] if start < end else []


__all__ = ["SPECIAL_TOKENS", "EventGrammar", "EventVocabulary", "Stretch", "tell"]
