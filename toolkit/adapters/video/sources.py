"""What pipelines are asked about: one video in any form, or several."""

from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from typing import Any

from torch import Tensor

from toolkit.media.video import VideoFile

FORMS = (str, PathLike, bytes, bytearray, memoryview, Mapping, VideoFile)
"""What is one video, though some of it could be walked through."""


def holds_frames(source: Any) -> bool:
    """Whether this is an array of frames, which need not be decoded."""
    return isinstance(source, Tensor) or hasattr(source, "__array__")


def is_file(source: Any) -> bool:
    """Whether this is a video to be decoded; not, where frames came, or what cannot be known."""
    if isinstance(source, Mapping):
        return bool({"path", "bytes"} & source.keys())
    return not holds_frames(source)


def is_one(videos: Any) -> bool:
    """Whether this is one video, or nothing that can be walked through.

    >>> [is_one(videos) for videos in ("a.mp4", {"path": "a.mp4"}, ["a.mp4"], iter(["a.mp4"]), 17)]
    [True, True, False, False, True]
    """
    if isinstance(videos, FORMS) or holds_frames(videos) or hasattr(videos, "read"):
        return True
    return not isinstance(videos, Iterable) and not hasattr(videos, "__getitem__")


def walked(videos: Any) -> Iterator[Any]:
    """One video after the other, of a generator, a dataset, or what else holds them."""
    return iter(videos) if isinstance(videos, Iterable) else (videos[place] for place in range(len(videos)))


__all__ = ["holds_frames", "is_file", "is_one", "walked"]
