"""What goes into Whisper's decoder, and what comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.adapters.audio.engines import Reading
from toolkit.media.values import Waveform


@dataclass(frozen=True)
class Written:
    """What the decoder wrote for one window, without prompt and end.

    Args:
        tokens: text and timestamps.
        mean_log_probability: of the tokens and the end.
        no_speech_probability: that the window holds none, as the first step judged.
        finished: whether it ended by itself, and not at a limit.
    """

    tokens: list[int]
    mean_log_probability: float
    no_speech_probability: float
    finished: bool = True


@dataclass(frozen=True)
class Encoded:
    """Windows and what the encoder made of them."""

    windows: Sequence[Waveform]
    states: Any


def longest_gap(reading: Reading, window: Waveform) -> float:
    """The most seconds of a window in a row that no segment covers; none where nothing was read, which is told."""
    ends = [window.start_seconds, *(segment.end_seconds for segment in reading.segments)]
    starts = [*(segment.start_seconds for segment in reading.segments), window.end_seconds]
    return max(start - end for start, end in zip(starts, ends, strict=True)) if reading.segments else 0.0


__all__ = ["Encoded", "Written", "longest_gap"]
