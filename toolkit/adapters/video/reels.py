"""Videos that are looked at through windows: a few frames of the file at a time, some frames apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from toolkit.media.video import VideoFile


@dataclass(frozen=True, eq=False)
class Reel:
    """A video whose frames are decoded as they are asked for.

    Args:
        file: the video.
        seconds: (F,) when each frame of the file is shown.
        end_seconds: when the last one is over.
    """

    file: VideoFile
    seconds: np.ndarray
    end_seconds: float

    def window(self, start: int, end: int, *, length: int, step: int) -> Tensor:
        """Every `step`-th frame from `start` up to `end`, filled with the last of them: (length, C, Y, X) bytes."""
        [clip] = self.file.select(range(start, end, step)[:length], batch_frames=length)
        return filled(clip.frames, length)


class Reels:
    """The videos of a run; their time stamps are read once."""

    def __init__(self) -> None:
        self._open: dict[str, Reel] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Without the videos: `datasets` pickles what makes its rows, to tell it apart."""
        return {"_open": {}}

    def __getitem__(self, path: str) -> Reel:
        """The video at a path.

        Raises:
            MediaError: it breaks off, or its first frame cannot be decoded.
        """
        if path not in self._open:
            file = VideoFile(path)
            self._open[path] = Reel(file, file.timestamps().numpy(), file.header.end_seconds)
        return self._open[path]


def window_starts(first: int, end: int, *, length: int, step: int) -> range:
    """Where windows of `length` frames, `step` apart, begin that cover a clip from `first` up to `end`.

    >>> list(window_starts(0, 10, length=4, step=2))
    [0, 8]
    """
    return range(first, end, step)[::length]


def filled(frames: Tensor, length: int) -> Tensor:
    """At least one frame, and its last repeated: (some, C, Y, X) -> (length, C, Y, X)."""
    return frames[[min(place, len(frames) - 1) for place in range(length)]]


__all__ = ["Reel", "Reels", "filled", "window_starts"]
