"""What was said in a recording, when, and what was left out."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Word:
    """One word as the model wrote it, with the space before it and the punctuation around it."""

    text: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class Segment:
    """What was said without a pause; `words` are there where their times were asked for."""

    text: str
    start_seconds: float
    end_seconds: float
    words: tuple[Word, ...] = ()

    def without_space(self) -> "Segment":
        """The same without the space before it."""
        words = tuple(replace(word, text=word.text.lstrip()) for word in self.words[:1]) + self.words[1:]
        return replace(self, text=self.text.lstrip(), words=words)


@dataclass(frozen=True)
class Skipped:
    """A part that gave no text, and why; `text` is what was written there and taken back."""

    start_seconds: float
    end_seconds: float
    reason: str
    text: str = ""

    def answer(self, seconds: float) -> dict[str, Any]:
        """As the pipeline gives it, of a recording of so many seconds."""
        times = {"start": _shown(self.start_seconds, seconds), "end": _shown(self.end_seconds, seconds)}
        return {**times, "reason": self.reason, **({"text": self.text} if self.text else {})}


@dataclass(frozen=True)
class Transcript:
    """All that was said in one recording.

    Args:
        segments: in the order in which they were said.
        skipped: what gave no text, in order.
        language: its code, where the model knows languages.
        seconds: how long the recording is.

    >>> talk = Transcript((Segment(" Hello.", 0.5, 0.9), Segment(" Good bye.", 1.2, 2.0)), seconds=2.0)
    >>> talk.text
    ' Hello. Good bye.'
    >>> talk.answer(timestamps=True)["chunks"][0]
    {'text': ' Hello.', 'timestamp': (0.5, 0.9)}
    """

    segments: tuple[Segment, ...]
    skipped: tuple[Skipped, ...] = ()
    language: str | None = None
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """Everything that was said."""
        return "".join(segment.text for segment in self.segments)

    def answer(self, *, timestamps: bool | str = False) -> dict[str, Any]:
        """The dictionary that transformers gives, with the language and what was skipped.

        Args:
            timestamps: adds `chunks` with their times: the segments, or the words for "word".
        """
        given: dict[str, Any] = {"text": self.text}
        if timestamps:
            pieces = [word for segment in self.segments for word in segment.words]
            shown = [
                (piece.text, _shown(piece.start_seconds, self.seconds), _shown(piece.end_seconds, self.seconds))
                for piece in (pieces if timestamps == "word" else self.segments)
            ]
            given["chunks"] = [{"text": text, "timestamp": (start, end)} for text, start, end in shown]
        if self.language is not None:
            given["language"] = self.language
        if self.skipped:
            given["skipped"] = [skipped.answer(self.seconds) for skipped in self.skipped]
        return given

    def inside(self) -> "Transcript":
        """The same with all times rising, within the recording, and within their segment for words.

        Models place the end of what they wrote last, and words near a border, up to a second wrong.
        """
        segments, before = [], 0.0
        for segment in self.segments:
            start = min(max(segment.start_seconds, before), self.seconds)
            end = min(max(segment.end_seconds, start), self.seconds)
            words = []
            at = start
            for word in segment.words:
                first = min(max(word.start_seconds, at), end)
                at = min(max(word.end_seconds, first), end)
                words.append(replace(word, start_seconds=first, end_seconds=at))
            segments.append(Segment(segment.text, start, end, tuple(words)))
            before = end
        return replace(self, segments=tuple(segments))

    def as_json(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> "Transcript":
        """The transcript that `as_json` was taken of."""
        segments = tuple(
            Segment(**{**segment, "words": tuple(Word(**word) for word in segment["words"])})
            for segment in held["segments"]
        )
        return cls(
            segments, tuple(Skipped(**skipped) for skipped in held["skipped"]), held["language"], held["seconds"]
        )


def _shown(at_seconds: float, seconds: float) -> float:
    """Rounded to a hundredth, but not to after the end, where that is known."""
    return min(round(at_seconds, 2), round(seconds or math.inf, 6))


__all__ = ["Segment", "Skipped", "Transcript", "Word"]
