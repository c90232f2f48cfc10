"""Which part of which recording a row names, and whether it can be heard."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.data import parse_seconds
from toolkit.media.audio import read_audio
from toolkit.media.faults import MediaError
from toolkit.media.values import Waveform

LEAST_SECONDS = 0.02


@dataclass(frozen=True)
class Excerpt:
    """A recording, or a part of it.

    Args:
        path: of the recording.
        start_seconds: where the part begins.
        end_seconds: where it ends; none: with the recording.

    >>> print(Excerpt("talk.mp3", 1.5, 4.0))
    talk.mp3#t=1.5,4
    >>> Excerpt.parse("talk.mp3#t=1.5,4") == Excerpt("talk.mp3", 1.5, 4.0)
    True
    """

    path: str
    start_seconds: float = 0.0
    end_seconds: float | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any], column: str) -> "Excerpt":
        """What a row of a table names in `column`, and in `start` and `end` if it has them.

        Raises:
            ValueError: the times are no times, or swapped.
        """
        start = parse_seconds(row["start"], "start") if row.get("start") else 0.0
        end = parse_seconds(row["end"], "end") if row.get("end") else None
        if end is not None and end <= start:
            raise ValueError(f"`end` must lie after `start` ({start:g} s), but is {end:g} s. Correct one of them.")
        return cls(row[column], start, end)

    @classmethod
    def parse(cls, shown: str) -> "Excerpt":
        """The inverse of `str`."""
        path, mark, times = shown.rpartition("#t=")
        if not mark:
            return cls(shown)
        start, _, end = times.partition(",")
        return cls(path, float(start), float(end) if end else None)

    def __str__(self) -> str:
        """As media fragments are written (W3C, Media Fragments URI 1.0, 4.2.1)."""
        if self.start_seconds == 0 and self.end_seconds is None:
            return self.path
        end = "" if self.end_seconds is None else f",{self.end_seconds:.10g}"
        return f"{self.path}#t={self.start_seconds:.10g}{end}"

    def read(self, sample_rate_hz: int) -> Waveform:
        """The sound.

        Raises:
            MediaError: it cannot be read, ends before it should, or is next to nothing.
        """
        sound = read_audio(
            self.path,
            sample_rate_hz=sample_rate_hz,
            start_seconds=self.start_seconds,
            end_seconds=self.end_seconds,
        )
        if self.end_seconds is not None and sound.end_seconds < self.end_seconds - LEAST_SECONDS:
            sentence = f"ends at {sound.end_seconds:.2f} s, before `end` ({self.end_seconds:g} s). Correct the time."
            raise MediaError(self.path, sentence)
        if sound.seconds < LEAST_SECONDS:
            sentence = f"has {1000 * sound.seconds:.0f} ms of sound, too little to hear. Remove the row."
            raise MediaError(self.path, sentence)
        return sound


__all__ = ["Excerpt"]
