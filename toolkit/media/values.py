"""What a recording becomes: tensors that know when they happened."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False, repr=False)
class Waveform:
    """A stretch of sound on one channel, with its place on the recording's clock.

    Args:
        samples: (N,) float32, mostly in [-1, 1].
        sample_rate_hz: samples per second.
        start_seconds: when the first sample sounds, counted from the start of the recording.

    >>> import torch
    >>> Waveform(torch.zeros(8000), 16000, start_seconds=30.0)
    Waveform(samples=(8000,), sample_rate_hz=16000, start_seconds=30.0, end_seconds=30.5)
    """

    samples: Tensor
    sample_rate_hz: int
    start_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.sample_rate_hz

    @property
    def end_seconds(self) -> float:
        """When it is over, on the recording's clock."""
        return self.start_seconds + self.seconds

    def cut(self, start_seconds: float, end_seconds: float) -> "Waveform":
        """The part between two times of the recording's clock, as far as it is here; no samples are copied.

        Cuts at the same time share no sample and leave none out, whatever the times are.

        >>> import torch
        >>> Waveform(torch.zeros(8000), 16000, start_seconds=30.0).cut(30.25, 99.0)
        Waveform(samples=(4000,), sample_rate_hz=16000, start_seconds=30.25, end_seconds=30.5)
        """
        if not start_seconds <= end_seconds:
            raise ValueError(
                f"`start_seconds` must not lie after `end_seconds` ({end_seconds}), but is {start_seconds}. "
                "Name the earlier time first."
            )
        first, last = self._place(start_seconds), self._place(end_seconds)
        start = self.start_seconds + first / self.sample_rate_hz
        return Waveform(self.samples[first:last], self.sample_rate_hz, start)

    def _place(self, seconds: float) -> int:
        """The index of the sample that sounds at this time, moved inside the waveform."""
        length = len(self.samples)
        return round(min(max((seconds - self.start_seconds) * self.sample_rate_hz, 0), length))

    def __repr__(self) -> str:
        return (
            f"Waveform(samples={tuple(self.samples.shape)}, sample_rate_hz={self.sample_rate_hz}, "
            f"start_seconds={self.start_seconds}, end_seconds={self.end_seconds})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class Clip:
    """Some frames of a video, each with the time at which it is shown.

    Args:
        frames: (F, C, Y, X) uint8.
        seconds: (F,) float64, presentation times on the recording's clock, rising.
        frames_per_second: the rate at which the frames were taken; where it varies, the average.

    >>> import torch
    >>> Clip(torch.zeros(16, 3, 96, 160, dtype=torch.uint8), torch.arange(16.0) / 25, 25.0)
    Clip(frames=(16, 3, 96, 160), seconds=0.000 to 0.600, frames_per_second=25.0)
    """

    frames: Tensor
    seconds: Tensor
    frames_per_second: float

    def __repr__(self) -> str:
        shown = f"{self.seconds[0]:.3f} to {self.seconds[-1]:.3f}" if len(self.seconds) else "none"
        return f"Clip(frames={tuple(self.frames.shape)}, seconds={shown}, frames_per_second={self.frames_per_second})"
