"""From raw frames to what a model sees of a video.

Shapes: `F` frames, `C` channels, `Y` `X` height and width.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import BatchFeature, ProcessorMixin

from .processing_events import EventVocabulary

GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601
ROUNDING_SECONDS = 0.0005  # containers often count in milliseconds
TIE_SECONDS = 0.0006  # the same, and what the sums of fractions are off by
MEDIAN_FRAMES = 127  # of the whole video: enough to find what does not move


class FrameProcessor(ProcessorMixin):
    """Everything that a model wants done to a video: frames at its rate, of its size, as numbers around 0.

    Frames are stretched to the size, so nothing of them is cut off.

    Args:
        size: height and width.
        mean: of each channel, from 0 to 1, to be subtracted; one number for grey frames, three for colour.
        std: of each channel, to be divided by.
        frames_per_second: the rate at which the model sees a video, whatever rate that has.
        subtract_median: whether to subtract the video's median frame in place of the mean: for cameras that stand
            still. Where nobody tells it beforehand, all frames of a video are held at once, small and as bytes.
        labels: names of the labels, in the order of their ids.
        background: the label that means "nothing", if there is one.
        event_steps: `{"step_seconds", "steps"}` of the `EventVocabulary`, for models that write events.
    """

    def __init__(
        self,
        size: Sequence[int] = (48, 64),
        mean: Sequence[float] = (0.5,),
        std: Sequence[float] = (0.25,),
        frames_per_second: float = 25.0,
        subtract_median: bool = False,
        labels: Sequence[str] = (),
        background: str | None = None,
        event_steps: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if len(mean) != len(std) or len(mean) not in (1, 3):
            raise ValueError(
                "`mean` and `std` must both have 1 number for grey frames or 3 for colour, "
                f"but have {len(mean)} and {len(std)}."
            )
        if not frames_per_second > 0:
            raise ValueError(f"`frames_per_second` must be above 0, but is {frames_per_second}.")
        if background is not None and background not in labels:
            raise ValueError(f"`background` must be one of the labels ({', '.join(labels)}), but is {background!r}.")
        self.size, self.mean, self.std = list(size), list(mean), list(std)
        self.frames_per_second, self.subtract_median = frames_per_second, subtract_median
        self.labels, self.background = list(labels), background
        self.event_steps = None if event_steps is None else dict(event_steps)

    def __call__(self, frames: Any, *, seconds: Any = None, frames_per_second: float | None = None) -> BatchFeature:
        """What the model sees of one whole video: `frames` (1, F, C, Y, X) and `attention_mask` (1, F).

        Args:
            frames: uint8, (F, Y, X, C) or (F, C, Y, X).
            seconds: (F,) when each is shown, rising; none: evenly at
            frames_per_second: the video's own rate; none: the model's.
        """
        if seconds is None:
            seconds = torch.arange(len(frames)) / (frames_per_second or self.frames_per_second)
        seen = torch.cat(list(self.stream([(frames, seconds)])))[None]
        return BatchFeature({"frames": seen, "attention_mask": torch.ones(seen.shape[:2], dtype=torch.long)})

    @property
    def model_input_names(self) -> list[str]:
        """Names of the tensors that the model reads."""
        return ["frames", "attention_mask"]

    @property
    def events(self) -> EventVocabulary:
        """The words for events."""
        if self.event_steps is None:
            raise ValueError("`event_steps` must be set for a model that writes events, but is None.")
        return EventVocabulary(tuple(name for name in self.labels if name != self.background), **self.event_steps)

    def stream(
        self, blocks: Iterable[tuple[Any, Any]], *, last_seconds: float | None = None, still: Tensor | None = None
    ) -> Iterator[Tensor]:
        """What the model sees of one video that comes in blocks.

        Args:
            blocks: frames as in a call, with their seconds, one after the other.
            last_seconds: when the video's last frame is shown, where that is not among them.
            still: (C, Y, X), the median frame, where it is to be subtracted and known.

        Yields:
            (some frames, C, Y, X)
        """
        shrunk = (self.shrink(frames) for frames in at_rate(blocks, self.frames_per_second, last_seconds))
        if still is not None or not self.subtract_median:
            yield from (self.normalise(frames, still) for frames in shrunk)
            return
        whole = torch.cat(list(shrunk))
        median = self.median(whole)
        yield from (self.normalise(frames, median) for frames in whole.split(256))

    def shrink(self, frames: Any) -> Tensor:
        """Frames as the model sees them, still as bytes: (F, C, Y, X) uint8."""
        frames = channels_first(frames)
        if list(frames.shape[2:]) != self.size:
            frames = F.interpolate(frames, size=self.size, mode="bilinear", antialias=True)
        if frames.shape[1] == 3 and len(self.mean) == 1:
            weights = torch.tensor(GREY, device=frames.device)[:, None, None]
            frames = (frames * weights).sum(1, keepdim=True).round().to(torch.uint8)
        return frames.expand(-1, len(self.mean), -1, -1)

    @staticmethod
    def median_places(count: int) -> Tensor:
        """Which of a video's seen frames tell what does not move."""
        return torch.linspace(0, count - 1, min(count, MEDIAN_FRAMES)).round().long()

    @staticmethod
    def median(frames: Tensor) -> Tensor:
        """The frame of what does not move: (F, C, Y, X) -> (C, Y, X)."""
        return frames[FrameProcessor.median_places(len(frames))].median(0).values

    def normalise(self, frames: Tensor, median: Tensor | None = None) -> Tensor:
        """Bytes of shrunk frames to float32 around 0; with a median, that takes the place of the mean."""
        mean, std = (frames.new_tensor(values, dtype=torch.float32)[:, None, None] for values in (self.mean, self.std))
        return (frames / 255 - (mean if median is None else median.to(frames.device) / 255)) / std

    def seen(self, seconds: Any) -> Tensor:
        """Which of a video's frames the model sees, for labels: (F,) times -> indices, some left out or repeated."""
        seconds = torch.as_tensor(seconds, dtype=torch.float64)
        return torch.cat(list(at_rate([(torch.arange(len(seconds)), seconds)], self.frames_per_second)))

    def places(self, seconds: Any) -> Tensor:
        """For each of a video's frames which of the seen ones is nearest: (F,) times -> (F,) indices.

        Of two as near, to the rounding of times, it is the later one: so all seen frames stand for as many.
        """
        since = torch.as_tensor(seconds, dtype=torch.float64)
        since = since - since[:1]
        last = int((since[-1] + ROUNDING_SECONDS) * self.frames_per_second)
        return ((since + TIE_SECONDS) * self.frames_per_second + 0.5).floor().long().clamp(max=last)


def channels_first(frames: Any) -> Tensor:
    """(F, Y, X, C) or (F, C, Y, X) bytes, as an array or a tensor -> (F, C, Y, X).

    >>> channels_first(torch.zeros(5, 48, 64, 3, dtype=torch.uint8)).shape
    torch.Size([5, 3, 48, 64])
    """
    frames = torch.as_tensor(frames)
    if frames.dim() != 4 or frames.dtype != torch.uint8 or not {frames.shape[1], frames.shape[3]} & {1, 3}:
        raise ValueError(
            "`frames` must be bytes (uint8) of shape (frames, height, width, 3), "
            f"but are {frames.dtype} of shape {tuple(frames.shape)}. Decode the video first."
        )
    return frames.permute(0, 3, 1, 2) if frames.shape[3] in (1, 3) else frames


def at_rate(
    blocks: Iterable[tuple[Any, Any]], frames_per_second: float, last_seconds: float | None = None
) -> Iterator[Tensor]:
    """Takes a video's frames at an even rate: at each tick the frame whose time is nearest.

    Where the video is slower than the rate, frames come several times; the last tick is the last one that is not after
    the last frame. How the video is cut into blocks does not matter.

    Args:
        blocks: frames with their times in seconds, rising, one block after the other.
        frames_per_second: the rate.
        last_seconds: until when there are ticks; none: the last frame's time.

    >>> times = torch.arange(7, dtype=torch.float64) / 25
    >>> torch.cat(list(at_rate([(torch.arange(7), times)], 12.5)))
    tensor([0, 2, 4, 6])
    """
    held, first, ticks = None, 0.0, 0
    for frames, times in blocks:
        frames, times = torch.as_tensor(frames), torch.as_tensor(times, dtype=torch.float64)
        if len(frames) != len(times):
            raise ValueError(
                f"`seconds` must hold a time for each of the {len(frames)} frames, but holds {len(times)}."
            )
        if not len(frames):
            continue
        if held is None:
            first = times[0].item()
        else:
            frames, times = torch.cat([held[0], frames]), torch.cat([held[1], times])
        if not (times.diff() > 0).all():
            raise ValueError("`seconds` must rise from frame to frame, but do not. Sort the frames by their times.")
        held = frames[-1:], times[-1:]
        until = int((times[-1].item() - first) * frames_per_second) + 1
        if until > ticks:
            wanted = first + torch.arange(ticks, until, dtype=torch.float64) / frames_per_second
            yield frames[torch.searchsorted((times[1:] + times[:-1]) / 2, wanted)]
            ticks = until
    if held is None:
        raise ValueError("`frames` must hold at least one frame, but the video has none. Leave it out.")
    end = held[1].item() if last_seconds is None else last_seconds
    rest = int((end - first + ROUNDING_SECONDS) * frames_per_second) + 1 - ticks
    if rest > 0:
        yield held[0].expand(rest, *held[0].shape[1:])


__all__ = ["FrameProcessor", "at_rate", "channels_first"]
