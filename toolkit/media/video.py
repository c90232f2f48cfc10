"""The frames of a video with their times: as a stream, at a wanted rate, or exactly one."""

import reprlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import dropwhile, pairwise

import numpy as np
import torch
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from torch import Tensor

from toolkit.media.ahead import ahead
from toolkit.media.container import Recording, Source, early_seconds, name_of, opened
from toolkit.media.faults import MediaError
from toolkit.media.timeline import Timeline, decoded, picture_stream, read_timeline
from toolkit.media.values import Clip

_ROUNDING_SECONDS = 0.0005  # time stamps and labels are often rounded to milliseconds
_BATCHES_AHEAD = 2
_JUMP_FRAMES = 32  # to open the file anew at a keyframe costs about as much as to decode so many


@dataclass(frozen=True)
class VideoHeader:
    """What is known of a video before its frames are used.

    Args:
        name: its path or address.
        frames: how many there are; they were counted, whatever the file says of itself.
        width: of a frame as it is shown: after rotation.
        height: the same.
        frames_per_second: average rate.
        start_seconds: when the first frame is shown, on the clock of the file's time stamps.
        end_seconds: when the last frame is over.
    """

    name: str
    frames: int
    width: int
    height: int
    frames_per_second: float
    start_seconds: float
    end_seconds: float

    @property
    def duration_seconds(self) -> float:
        """How long frames are shown."""
        return self.end_seconds - self.start_seconds


@dataclass(frozen=True, eq=False, repr=False)
class Sampling:
    """Which frames of a file are looked at, and the way back to all of them.

    Args:
        source_frames: (N,) int64, rising: the index in the file of each sampled frame.
        seconds: (N,) float64, when each is shown.
        nearest: (F,) int64: for every frame of the file, the sample nearest in time; of two as near, the earlier.
    """

    source_frames: Tensor
    seconds: Tensor
    nearest: Tensor

    def __repr__(self) -> str:
        return f"Sampling(samples={len(self.source_frames)}, source_frames={len(self.nearest)})"


class VideoFile:
    """A video file as frames that know when they are shown.

    Times are presentation time stamps. Frames come upright, whatever rotation the file asks for, and all in one size,
    that of the first unless another is given. Of several video tracks, the one that a player would show is taken.
    Nothing is read before it is asked for, and memory does not grow with the length of the file, but for 8 bytes a
    frame. What cannot be used raises `MediaError`.

    Args:
        source: a path, an address, the bytes of a file, a binary stream (which is read whole), or {"path", "bytes"}.
        partial: take a file that is cut short or damaged as far as it goes, instead of refusing it.

    >>> from toolkit.media.video_writer import write_video
    >>> write_video("grey.mp4", [Clip(torch.full((10, 3, 48, 64), 99, dtype=torch.uint8), torch.arange(10) / 25, 25.0)])
    >>> video = VideoFile("grey.mp4")
    >>> video.header.frames, video.header.end_seconds
    (10, 0.4)
    >>> [clip] = video.frames(frames_per_second=12.5, size=(24, 32))
    >>> clip
    Clip(frames=(5, 3, 24, 32), seconds=0.000 to 0.320, frames_per_second=12.5)
    >>> video.sampling(frames_per_second=12.5).source_frames
    tensor([0, 2, 4, 6, 8])
    """

    def __init__(self, source: Source, *, partial: bool = False) -> None:
        self.name = name_of(source)
        self._partial = partial
        self.source = source if not hasattr(source, "read") else {"path": self.name, "bytes": source.read()}

    @cached_property
    def _timeline(self) -> Timeline:
        return read_timeline(self.source, partial=self._partial)

    @cached_property
    def header(self) -> VideoHeader:
        """Size, length and rate."""
        times, end_seconds = self._timeline.seconds, self._timeline.end_seconds
        [clip] = self._clips([0], None, self._rate, batch_frames=1)
        height, width = clip.frames.shape[2:]
        return VideoHeader(self.name, len(times), width, height, self._rate, float(times[0]), end_seconds)

    @property
    def _rate(self) -> float:
        """Frames per second, on average."""
        times = self._timeline.seconds
        return len(times) / (self._timeline.end_seconds - float(times[0]))

    def timestamps(self) -> Tensor:
        """When each frame of the file is shown: (F,) float64, rising."""
        return torch.from_numpy(self._timeline.seconds)

    def frame(self, index: int, *, size: tuple[int, int] | None = None) -> Clip:
        """The frame with this index, from 0, as a clip of one; `size` is (Y, X)."""
        count = len(self._timeline.seconds)
        if not 0 <= index < count:
            raise ValueError(
                f"`index` must be at least 0 and below the frames ({count}), but is {index}. "
                f"Count those of `{self.name}` from 0."
            )
        [clip] = self._clips([index], _checked(size), self._rate, batch_frames=1)
        return clip

    def sampling(
        self,
        *,
        frames_per_second: float | None = None,
        start_seconds: float | None = None,
        end_seconds: float | None = None,
    ) -> Sampling:
        """Which frames `frames` would yield with these arguments; nothing is decoded to know it."""
        times = self._timeline.seconds
        first = 0 if start_seconds is None else int(np.searchsorted(times, start_seconds - _ROUNDING_SECONDS))
        last = len(times) if end_seconds is None else int(np.searchsorted(times, end_seconds - _ROUNDING_SECONDS))
        if first >= last:
            raise ValueError(
                f"`start_seconds` and `end_seconds` must hold a frame of `{self.name}` between them "
                f"({times[0]:.3f} to {self._timeline.end_seconds:.3f} s), but are {start_seconds} and {end_seconds}. "
                "Lengthen the range."
            )
        chosen = np.arange(first, last)
        if frames_per_second is not None:
            if not frames_per_second > 0:
                raise ValueError(
                    f"`frames_per_second` must be above 0, but is {frames_per_second}. Pass None for every frame."
                )
            lasting = times[last - 1] - times[first] + _ROUNDING_SECONDS
            grid = times[first] + np.arange(int(lasting * frames_per_second) + 1) / frames_per_second
            chosen = first + np.unique(_nearest(times[first:last], grid))
        return Sampling(*map(torch.from_numpy, (chosen, times[chosen], _nearest(times[chosen], times))))

    def frames(
        self,
        *,
        frames_per_second: float | None = None,
        size: tuple[int, int] | None = None,
        start_seconds: float | None = None,
        end_seconds: float | None = None,
        batch_frames: int = 16,
    ) -> Iterator[Clip]:
        """Decodes in a thread of its own, a little ahead, and yields short clips one after the other.

        Args:
            frames_per_second: take the frames nearest to an even grid of times. None is taken twice: where they are
                rarer than the grid, all are taken. None means every frame.
            size: (Y, X) of the frames; area averages where that is smaller. None keeps the size of the file.
            start_seconds: leave out frames that are shown before; None begins with the first.
            end_seconds: leave out frames that are shown at this time or later; None goes on to the last.
            batch_frames: how many frames a clip has; the last may have fewer.
        """
        sampling = self.sampling(
            frames_per_second=frames_per_second, start_seconds=start_seconds, end_seconds=end_seconds
        )
        if batch_frames < 1:
            raise ValueError(f"`batch_frames` must be at least 1, but is {batch_frames}. Pass 16.")
        chosen, rate = sampling.source_frames.tolist(), frames_per_second or self._rate
        return ahead(self._clips(chosen, _checked(size), rate, batch_frames), depth=_BATCHES_AHEAD)

    def select(
        self, indices: Sequence[int], *, size: tuple[int, int] | None = None, batch_frames: int = 16
    ) -> Iterator[Clip]:
        """As `frames`, but those with these rising indices; in wide gaps, frames before a keyframe are not decoded."""
        count = len(self._timeline.seconds)
        if not len(indices) or not (np.diff([-1, *indices, count]) > 0).all():
            raise ValueError(
                f"`indices` must rise within 0 to {count - 1}, the last of `{self.name}`, but are "
                f"{reprlib.repr(list(indices))}. Sort them, and name each frame once."
            )
        return ahead(self._clips(list(indices), _checked(size), self._rate, batch_frames), depth=_BATCHES_AHEAD)

    def _clips(
        self, indices: list[int], size: tuple[int, int] | None, frames_per_second: float, batch_frames: int
    ) -> Generator[Clip, None, None]:
        """The frames with these rising indices, some at a time."""
        pictures = _pictures(self._chosen(indices), size)
        for start in range(0, len(indices), batch_frames):
            batch = indices[start : start + batch_frames]
            pixels = torch.from_numpy(np.stack([next(pictures) for _ in batch])).permute(0, 3, 1, 2)
            yield Clip(pixels, torch.from_numpy(self._timeline.seconds[batch]), frames_per_second)

    def _chosen(self, indices: list[int]) -> Iterator[VideoFrame]:
        numbered = self._numbered_from(indices[0])
        for before, wanted in pairwise([indices[0], *indices]):
            if wanted - before > _JUMP_FRAMES and self._keyframe(wanted) - before > _JUMP_FRAMES:
                numbered.close()
                numbered = self._numbered_from(wanted)
            yield next(frame for index, frame in numbered if index == wanted)

    def _keyframe(self, index: int) -> int:
        """Where decoding can begin to reach a frame."""
        keyframes = self._timeline.keyframes
        return int(keyframes[: np.searchsorted(keyframes, index, side="right")].max(initial=0))

    def _numbered_from(self, first: int) -> Generator[tuple[int, VideoFrame], None, None]:
        """Frames with their indices, from the keyframe at `first` or before it; each is checked by its time stamp."""
        ticks = self._timeline.ticks
        for start in sorted({self._keyframe(first), 0}, reverse=True):
            with opened(self.source) as recording:
                index = start
                for frame in self._frames_from(recording, start):
                    if ticks is not None and (index >= len(ticks) or frame.pts != ticks[index]):
                        break
                    yield index, frame
                    index += 1
            if not start:  # else the container was searched in vain: count from the first frame
                raise self._damage(index)

    def _frames_from(self, recording: Recording, start: int) -> Iterator[VideoFrame]:
        frames = decoded(recording, partial=self._partial)
        if not start or self._timeline.ticks is None:
            return frames
        tick, stream = int(self._timeline.ticks[start]), picture_stream(recording)
        early = round(early_seconds(recording.container) / float(stream.time_base or 1))
        recording.container.seek(max(tick - early, 0) if early else tick, stream=stream)
        return dropwhile(lambda frame: frame.pts is not None and frame.pts < tick, frames)

    def _damage(self, index: int) -> MediaError:
        times = self._timeline.seconds
        return MediaError(
            self.name,
            f"is damaged: frame {index} of {len(times)}, at {times[min(index, len(times) - 1)]:.2f} s, cannot be "
            "decoded. Copy it again; a pipeline takes what comes before with `partial=True`.",
        )


def _checked(size: tuple[int, int] | None) -> tuple[int, int] | None:
    if size is not None and not min(size) >= 1:
        raise ValueError(f"`size` must be a height and a width of at least 1, but is {size}. Pass (224, 224) or None.")
    return size


def _nearest(points: np.ndarray, times: np.ndarray) -> np.ndarray:
    """For each time the index of the nearest of some rising points; of two as near, the earlier.

    >>> _nearest(np.array([0.0, 1.0, 4.0]), np.array([-1.0, 0.5, 0.6, 3.0, 9.0]))
    array([0, 0, 1, 2, 2])
    """
    return np.searchsorted((points[1:] + points[:-1]) / 2, times - 1e-9)  # sums of fractions are as near by rounding


def _pictures(frames: Iterable[VideoFrame], size: tuple[int, int] | None) -> Iterator[np.ndarray]:
    """Upright pictures (Y, X, 3) of one size, that of the first frame where none is given.

    FFmpeg's own scaler converts and shrinks in one pass, which costs less than torchvision's resize of full frames.
    It is kept from frame to frame: setting it up takes as long as using it.
    """
    scaler = VideoReformatter()
    for frame in frames:
        quarter_turns = round(frame.rotation / 90) % 4
        lies = quarter_turns % 2 == 1  # on its side: what is stored as a column is shown as a row
        size = size or ((frame.width, frame.height) if lies else (frame.height, frame.width))
        height, width = (size[1], size[0]) if lies else size
        shrinks = height < frame.height or width < frame.width
        way = Interpolation.AREA if shrinks else Interpolation.BILINEAR
        pixels = scaler.reformat(frame, width, height, "rgb24", interpolation=way, threads=1).to_ndarray()
        yield np.rot90(pixels, quarter_turns) if quarter_turns else pixels
