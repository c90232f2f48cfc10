"""Which part of which recording a row names, and whether it can be heard."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from torch import Tensor

from toolkit.data import parse_seconds
from toolkit.media.audio import audio_seconds, read_audio
from toolkit.media.faults import MediaError
from toolkit.media.values import Waveform

LEAST_SECONDS = 0.02
KEPT_SAMPLES = 2**27
"""How much sound stays in memory once it is read: half a gigabyte, two hours at 16 kHz."""


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
        """The inverse of `str`; what looks like times and is none belongs to the name."""
        path, mark, times = shown.rpartition("#t=")
        start, _, end = times.partition(",")
        try:
            return cls(path, float(start), float(end) if end else None) if mark else cls(shown)
        except ValueError:
            return cls(shown)

    def __str__(self) -> str:
        """As media fragments are written (W3C, Media Fragments URI 1.0, 4.2.1)."""
        if self.start_seconds == 0 and self.end_seconds is None:
            return self.path
        end = "" if self.end_seconds is None else f",{self.end_seconds:.10g}"
        return f"{self.path}#t={self.start_seconds:.10g}{end}"

    def first(self, seconds: float) -> "Excerpt":
        """The beginning of it, where it is longer.

        >>> print(Excerpt("talk.mp3", 1.5, 40.0).first(15))
        talk.mp3#t=1.5,16.5
        """
        return replace(self, end_seconds=min(self.start_seconds + seconds, self.end_seconds or inf))

    @property
    def seconds(self) -> float:
        """How long it is, by its times or by what the recording says of itself; decoded where that cannot be relied on.

        Raises:
            MediaError: it cannot be read.
        """
        end = audio_seconds(self.path) if self.end_seconds is None else self.end_seconds
        return max(0.0, end - self.start_seconds)

    def read(self, sample_rate_hz: int, *, most_seconds: float = inf) -> Waveform:
        """The sound.

        Args:
            sample_rate_hz: samples per second of it.
            most_seconds: nothing after these is decoded.

        Raises:
            MediaError: it cannot be read, ends before it should, or is next to nothing.
        """
        end = min(self.start_seconds + most_seconds, self.end_seconds or inf)
        sound = read_audio(
            self.path,
            sample_rate_hz=sample_rate_hz,
            start_seconds=self.start_seconds,
            end_seconds=None if end == inf else end,
        )
        if self.end_seconds is not None and sound.end_seconds < end - LEAST_SECONDS:
            sentence = f"ends at {sound.end_seconds:.2f} s, before `end` ({self.end_seconds:g} s). Correct the time."
            raise MediaError(self.path, sentence)
        if sound.seconds < LEAST_SECONDS:
            sentence = f"has {1000 * sound.seconds:.0f} ms of sound, too little to hear. Remove the row."
            raise MediaError(self.path, sentence)
        return sound


class Sounds:
    """Excerpts that are read once, as far as memory may hold them.

    Args:
        most_samples: of all that are kept.
    """

    def __init__(self, most_samples: int = KEPT_SAMPLES) -> None:
        self._kept: dict[Excerpt, Tensor] = {}
        self._room = most_samples

    def read(self, excerpt: Excerpt, rate_hz: int, *, most_seconds: float = inf) -> Tensor:
        """The sound at that many samples per second, (N,), from memory if it is there.

        Args:
            excerpt: what is read.
            rate_hz: samples per second.
            most_seconds: see `Excerpt.read`; `forget` what is longer.
        """
        if excerpt in self._kept:
            return self._kept[excerpt]
        samples = excerpt.read(rate_hz, most_seconds=most_seconds).samples
        if self._room >= len(samples):
            self._room -= len(samples)
            self._kept[excerpt] = samples
        return samples

    def forget(self, excerpt: Excerpt) -> None:
        """Leaves the room to others, where a sound will not be asked for again."""
        self._room += len(self._kept.pop(excerpt, ()))


__all__ = ["Excerpt", "Sounds"]
