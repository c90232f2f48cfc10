"""Videos as a model sees them: decoded once, then kept on disk."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub import constants
from numpy.lib.format import write_array_header_1_0
from torch import Tensor

from toolkit.adapters.kept import kept_array, key_of
from toolkit.media.video import VideoFile
from toolkit.models import FrameProcessor
from toolkit.models.processing_frames import at_rate

BLOCK_FRAMES = 64
HELD_BYTES = 1 << 25
"""A video whose frames, as small as the model sees them, take no more is held while it is looked at."""


@dataclass(frozen=True, eq=False)
class Film:
    """A video at the rate and size at which a model sees it.

    Args:
        seconds: (F,) when each frame of the file is shown.
        end_seconds: when the last one is over.
        count: N, how many frames the model sees.
        read: gives them.
        median: whether to subtract the median frame.
    """

    seconds: np.ndarray
    end_seconds: float
    count: int
    read: Callable[[], np.ndarray]
    median: bool

    @property
    def frames(self) -> np.ndarray:
        """(N, C, Y, X) uint8, what the model sees: a file that is open as long as they are held, as there are many."""
        return self.read()

    @cached_property
    def still(self) -> Tensor | None:
        """(C, Y, X), what does not move, if that is to be subtracted."""
        return FrameProcessor.median(torch.from_numpy(self.frames)) if self.median else None

    def seen(self, processor: FrameProcessor, start: int = 0, end: int | None = None) -> Tensor:
        """What the model reads of a part: (some of N, C, Y, X) float32."""
        return processor.normalise(torch.from_numpy(self.frames[start:end]), self.still)


class Films:
    """The videos of a run. Each is decoded once, whatever is asked of it and however often a run is started.

    What is kept is found by the file's path, size and time and by the settings, so that a changed file is read anew.

    Args:
        processor: says size, colour and rate.
        folder: where to keep them; none: beside the cache of the Hub.
    """

    def __init__(self, processor: FrameProcessor, folder: str | None = None) -> None:
        self.processor = processor
        self.folder = Path(folder or Path(constants.HF_HOME) / "video-frames")
        self._open: dict[str, Film] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Without the videos: `datasets` pickles what makes its rows, to tell it apart."""
        return {**self.__dict__, "_open": {}}

    def __getitem__(self, path: str) -> Film:
        """The video at a path.

        Raises:
            MediaError: it cannot be decoded.
        """
        if path not in self._open:
            self._open[path] = self._read(path)
        return self._open[path]

    def key(self, path: str, **more: Any) -> str:
        """Tells apart what is made of files, of their versions, and with other settings."""
        processor = self.processor
        return key_of(path, processor.size, len(processor.mean), processor.frames_per_second, more)

    def kept(self, key: str, make: Callable[[Path], None]) -> np.ndarray:
        """An array from the folder, made if it is not there.

        Raises:
            OSError: the folder cannot be used; the sentence names it.
        """
        try:
            return kept_array(self.folder / f"{key}.npy", make)
        except OSError as error:
            raise OSError(
                f"`frames_folder` must have room for the small frames of videos, but {self.folder} cannot be used "
                f"({error.strerror or error}). Make room there, or name another folder."
            ) from error

    def _read(self, path: str) -> Film:
        video = VideoFile(path)
        seconds = video.timestamps().numpy()
        read = partial(self.kept, self.key(path), partial(self._decode, video))
        return Film(seconds, video.header.end_seconds, len(read()), read, self.processor.subtract_median)

    def _decode(self, video: VideoFile, aside: Path) -> None:
        processor = self.processor
        count, last_seconds = len(processor.seen(video.timestamps())), video.timestamps()[-1].item()
        shape = (count, len(processor.mean), *processor.size)
        with aside.open("wb") as file:  # not mapped: where the disk is full, that ends the process without a word
            write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            for block in at_rate(as_blocks(video, processor), processor.frames_per_second, last_seconds):
                file.write(processor.shrink(block).numpy().tobytes())


def as_blocks(video: VideoFile, processor: FrameProcessor) -> Iterator[tuple[Tensor, Tensor]]:
    """A video as the processor takes it in: the frames that it sees, of its size, with their times."""
    yield from _chosen(video, processor, processor.seen(video.timestamps()).unique())


def still_of(video: VideoFile, processor: FrameProcessor) -> Tensor | None:
    """(C, Y, X) bytes, what does not move, if that is to be subtracted; only the frames that tell it are looked at.

    None too of a video so short that the processor may hold all of it to find out: it need not be decoded twice.
    """
    if not processor.subtract_median:
        return None
    seen = processor.seen(video.timestamps())
    if len(seen) * len(processor.mean) * math.prod(processor.size) <= HELD_BYTES:
        return None
    rising, places = seen[processor.median_places(len(seen))].unique(return_inverse=True)
    frames = torch.cat([processor.shrink(frames) for frames, _ in _chosen(video, processor, rising)])
    return processor.median(frames[places])


def _chosen(video: VideoFile, processor: FrameProcessor, indices: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    height, width = processor.size
    for clip in video.select(indices.tolist(), size=(height, width), batch_frames=BLOCK_FRAMES):
        yield clip.frames, clip.seconds


def write_array(path: Path, parts: Iterable[Tensor]) -> None:
    """Vectors that come in parts, as one array on disk."""
    with path.open("wb") as file:
        np.save(file, torch.cat(list(parts)).float().numpy())


__all__ = ["BLOCK_FRAMES", "HELD_BYTES", "Film", "Films", "as_blocks", "still_of", "write_array"]
