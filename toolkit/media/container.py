"""Opening recordings: by path, address, bytes or stream, with one sentence for whatever is wrong with them."""

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any, BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition

from toolkit.media.faults import MediaError

Source = str | PathLike[str] | bytes | BinaryIO | Mapping[str, Any]
"""A path, an address (http, https), the bytes of a file, an open binary stream, or a row {"path", "bytes"}."""

_ADDRESSES = ("http://", "https://")
_PATIENCE_SECONDS = 30.0  # for an address to answer, and for each read from it
_BROADCAST_FORMATS = ("mpeg", "mpegts")
_UNKNOWN_RIFF_BYTES = 0x7FFF0000  # programs that write to a pipe put this or more where they cannot know the size


@dataclass(frozen=True)
class Recording:
    """An open recording.

    Args:
        container: what FFmpeg opened.
        name: what messages call it.
        missing_bytes: how many bytes less it has than a RIFF header (wav, avi) counts; FFmpeg does not tell.
    """

    container: InputContainer
    name: str
    missing_bytes: int = 0


@contextmanager
def opened(source: Source) -> Iterator[Recording]:
    """Opens a recording for reading and closes it at the end.

    A fault that FFmpeg meets, now or inside the `with` block, becomes a `MediaError` with the recording's name.
    Only an address leads to the network: a playlist that calls itself talk.wav cannot.
    """
    name = name_of(source)
    file = _file(source, name)
    is_address = isinstance(file, str) and file.startswith(_ADDRESSES)
    try:
        if is_address:
            recording = Recording(av.open(file, "r", timeout=_PATIENCE_SECONDS), name)
        else:
            missing_bytes = _missing_bytes(file)
            # "file:", or FFmpeg takes the beginning of a name such as 12:30.mp4 for a protocol
            place = f"file:{file}" if isinstance(file, str) else file
            container = av.open(place, "r", container_options={"protocol_whitelist": "file"})
            recording = Recording(container, name, missing_bytes)
    except (OSError, av.FFmpegError, UnicodeError) as fault:
        raise MediaError(name, _sentence(fault, is_address)) from fault
    with recording.container:
        try:
            yield recording
        except av.FFmpegError as fault:
            raise MediaError(name, _sentence(fault, is_address)) from fault


def zero_seconds(container: InputContainer) -> float:
    """What 0 s is on the clock of a file's time stamps, for its sound and its picture alike.

    With a moving picture it is 0, but for formats of broadcasting: their clock was running before, and players show the
    time since the start of the file. Sound alone starts where it starts: neither the delay of an encoder nor the hour
    at which a stream was joined is silence.
    """
    is_film = any(not stream.disposition & Disposition.attached_pic for stream in container.streams.video)
    if is_film and container.format.name not in _BROADCAST_FORMATS:
        return 0.0
    return (container.start_time or 0) / av.time_base


def promised_end_seconds(container: InputContainer) -> float:
    """When a file is over as its header says, on the clock of its time stamps; 0 where it says nothing."""
    seconds = (container.duration or 0) / av.time_base
    counts_from_zero = container.format.name.startswith("matroska")  # others count from their first time stamp
    return seconds if counts_from_zero or not seconds else seconds + (container.start_time or 0) / av.time_base


def early_seconds(container: InputContainer) -> float:
    """How much earlier to search for a frame than it is shown: formats of broadcasting have no index of keyframes."""
    return 0.5 if container.format.name in _BROADCAST_FORMATS else 0.0


def name_of(source: object) -> str:
    """What messages call a source: its path or address, or the kind of thing that it is.

    >>> name_of("talk.mp3"), name_of(b"RIFF"), name_of({"path": "talk.mp3", "bytes": b"RIFF"})
    ('talk.mp3', '<bytes>', 'talk.mp3')
    """
    if isinstance(source, Mapping):
        return name_of(source.get("path") or source.get("bytes"))
    if isinstance(source, str | PathLike):
        return fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else f"<{type(source).__name__}>"


def traces(path: str | PathLike[str]) -> set[object]:
    """What two paths to one file have in common, whatever they are called: the way to it, and its place on the disk."""
    way = os.path.realpath(path)
    try:
        status = os.stat(way)
    except OSError:
        return {way}
    return {way, (status.st_dev, status.st_ino)}


def _file(source: Source, name: str) -> str | BinaryIO:
    """What FFmpeg opens; refuses what a look from outside shows to be no recording."""
    if isinstance(source, Mapping):
        if source.get("bytes") is None and source.get("path") is None:
            raise ValueError(
                f"`source` must have 'path' or 'bytes', or samples under 'array' or 'raw', but has {sorted(source)}. "
                "Fill one of them."
            )
        return _file(source["path"] if source.get("bytes") is None else source["bytes"], name)
    if isinstance(source, bytes | bytearray | memoryview):
        if not source:
            raise MediaError(name, "is empty (0 bytes). Read the recording again.")
        return io.BytesIO(source)
    if isinstance(source, str | PathLike):
        file = fspath(source)
        if not file.startswith(_ADDRESSES):
            _check_file(name, file)
        return file
    if isinstance(source, io.TextIOBase) or not hasattr(source, "read"):
        raise TypeError(
            "`source` must be a path, an address, bytes or a binary stream, but is of type "
            f"{type(source).__name__}. Open files with mode 'rb'."
        )
    return source


def _check_file(name: str, file: str) -> None:
    if os.path.isdir(file):  # a Path would raise for names that no file can have
        raise MediaError(name, "is a folder. Name one of its files.")
    if not os.path.exists(file):
        raise MediaError(name, "does not exist. Check its path; a relative one starts in the current folder.")
    if os.path.isfile(file) and not os.path.getsize(file):
        raise MediaError(name, "is empty (0 bytes). Copy the recording again.")


def _missing_bytes(file: str | BinaryIO) -> int:
    if isinstance(file, str):
        with open(file, "rb") as stream:
            return _missing_bytes(stream)
    if not hasattr(file, "seekable") or not file.seekable():
        return 0
    start = file.tell()
    header = file.read(8)
    present = file.seek(0, io.SEEK_END) - start
    file.seek(start)
    counted = int.from_bytes(header[4:], "little")
    if header[:4] != b"RIFF" or counted >= _UNKNOWN_RIFF_BYTES:
        return 0
    return max(counted + len(header) - present, 0)


def _sentence(fault: Exception, is_address: bool) -> str:
    reason = getattr(fault, "strerror", None) or str(fault)
    match fault:
        case av.error.InvalidDataError() | av.error.EOFError():
            return (
                "holds nothing that FFmpeg can play: it is damaged, cut off before its index, or something else under "
                "a recording's name. Play it, and copy or export it again."
            )
        case PermissionError():
            return "may not be read by you. Change its permissions."
        case _ if is_address:
            return f"could not be fetched ({reason}). Check the address and the connection, or download it first."
    return f"could not be read ({reason}). Copy it again, or convert it to wav or mp4."
