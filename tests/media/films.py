"""Small films whose frames carry their own number, written by PyAV alone."""

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from torch import Tensor

BARS = 10  # a frame shows its number in binary, as light and dark bars from left to right
TICKS = Fraction(1, 12_800)
OLD_CODECS = ("mpeg4", "mpeg2video", "wmv2")  # they count in frames


def picture(number: int, size: tuple[int, int] = (48, 80)) -> np.ndarray:
    """The frame with this number, (Y, X, 3); its lower third is dark, so that it has an up and a down."""
    bits = np.array([number >> bar & 1 for bar in range(BARS)])
    row = np.repeat(bits, -(-size[1] // BARS))[: size[1]] * 200 + 30
    pixels = np.repeat(row[None, :, None], size[0], axis=0).repeat(3, axis=2).astype(np.uint8)
    pixels[size[0] * 2 // 3 :] = 30
    return pixels


def numbers(frames: Tensor) -> list[int]:
    """The numbers that frames (F, 3, Y, X) show, upright."""
    _, _, height, width = frames.shape
    places = [int((bar + 0.5) * width / BARS) for bar in range(BARS)]
    bits = frames[:, 1, height // 3, places] > 128
    return (bits.numpy() @ (1 << np.arange(BARS))).tolist()


def film(
    path: str,
    seconds: Sequence[float],
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    size: tuple[int, int] = (48, 80),
    options: dict[str, str] | None = None,
    first_number: int = 0,
    **container_options: str,
) -> str:
    """Writes a film with a frame at each of these times: a keyframe every 12 frames, and 3 B-frames where it can."""
    with av.open(path, "w", options=container_options) as output:
        stream = output.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width, stream.pix_fmt = *size, pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, 25) if codec in OLD_CODECS else TICKS
        stream.codec_context.gop_size = 12
        if codec in ("libx264", *OLD_CODECS):
            stream.codec_context.max_b_frames = {"libx264": 3, "mpeg2video": 2}.get(codec, 0)
        for number, time in enumerate(seconds, start=first_number):
            frame = av.VideoFrame.from_ndarray(picture(number, size))
            frame.pts, frame.time_base = round(time / stream.time_base), stream.time_base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def hollow(path: str, codec: str = "mpeg4") -> str:
    """Writes a file with a video track and not one frame in it, where its container can say so."""
    with av.open(path, "w") as output:
        stream = output.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 80, "yuv420p"
        output.start_encoding()
    return path


def undecodable(path: str, frames: int = 30) -> str:
    """Writes a file whose packets have times, but nothing in them that could be shown."""
    with av.open(film(f"whole_{path}", even(frames))) as whole, av.open(path, "w") as output:
        stream = output.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.size:
                empty = av.Packet(bytes(packet.size))
                empty.pts, empty.dts, empty.time_base = packet.pts, packet.dts, packet.time_base
                empty.stream, empty.is_keyframe = stream, packet.is_keyframe
                output.mux(empty)
    return path


def two_tracks(path: str, frames: int, sizes: Sequence[tuple[int, int]] = ((48, 80), (96, 160))) -> str:
    """Writes a file with two pictures, of which a player shows the second."""
    with av.open(path, "w") as output:
        tracks = [output.add_stream("libx264", rate=25) for _ in sizes]
        tracks[0].disposition, tracks[1].disposition = Disposition(0), Disposition.default
        for track, (height, width) in zip(tracks, sizes, strict=True):
            track.height, track.width, track.pix_fmt = height, width, "yuv420p"
        for number in range(frames):
            for track, size in zip(tracks, sizes, strict=True):
                output.mux(track.encode(av.VideoFrame.from_ndarray(picture(number, size))))
        for track in tracks:
            output.mux(track.encode(None))
    return path


def growing(path: str, frames: int) -> str:
    """Writes a bare stream whose frames are larger from its middle on."""
    half = frames // 2
    small = film(f"small_{path}", even(half))
    large = film(f"large_{path}", even(frames - half), size=(96, 160), first_number=half)
    Path(path).write_bytes(Path(small).read_bytes() + Path(large).read_bytes())
    return path


def turned(path: str, degrees: int, copy: str) -> str:
    """A copy of an mp4 file that asks players to turn it clockwise, as a telephone held upright does."""
    data = bytearray(Path(path).read_bytes())
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    start = data.index(b"tkhd") + 4 + 40  # behind the version, times, identity, duration, layer, group and volume
    one = 1 << 16
    data[start : start + 36] = struct.pack(
        ">9i", cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30
    )
    Path(copy).write_bytes(data)
    return copy


def even(frames: int, rate: float = 25.0) -> list[float]:
    """The times of so many frames at one rate."""
    return [number / rate for number in range(frames)]


def uneven(frames: int, start: float = 0.12, steps: Iterable[float] = (0.02, 0.035, 0.04, 0.12)) -> list[float]:
    """Times whose steps change from frame to frame, the first of them after 0."""
    choices = np.random.default_rng(1).choice(list(steps), frames - 1)
    return [start, *(start + np.cumsum(choices)).tolist()]
