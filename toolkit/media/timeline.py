"""When each frame of a video is shown, found without decoding wherever that is exact."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import av
import numpy as np
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from toolkit.media.container import Recording, Source, opened, promised_end_seconds, zero_seconds
from toolkit.media.faults import MediaError

# Codecs of which each packet becomes one frame, shown at the packet's time. Others hide frames (VP8), pack two into
# one packet or leave some out (MPEG-4 in AVI), and have to be decoded to be counted.
_COUNTABLE_CODECS = {"av1", "dnxhd", "ffv1", "h264", "hevc", "mjpeg", "prores", "vp9"}
_MOST_PIXELS = 1 << 26  # of a frame: 8192 x 8192
_LONGEST_FRAME_SECONDS = 3600.0  # a model at an even rate sees such a frame thousands of times
_LONGEST_SECONDS = 7 * 86_400.0
_SHORTFALL_SECONDS = 1.0  # headers round their length, and sound may end a little after the picture


@dataclass(frozen=True, eq=False)
class Timeline:
    """The presentation times of all frames, in the order in which they are shown.

    Args:
        seconds: (F,) float64, rising.
        end_seconds: when the last frame is over.
        ticks: (F,) int64, the time stamps that decoded frames carry, in the units of the stream; None where some are
            missing or not rising, so that only counting from the first frame tells which one it is.
        keyframes: (K,) int64, the frames at which decoding can begin.
    """

    seconds: np.ndarray
    end_seconds: float
    ticks: np.ndarray | None
    keyframes: np.ndarray


class _Stamp(NamedTuple):
    """What is kept of a packet: when its frame is shown and decoded, in the units of the stream, and its kind."""

    ticks: int | None
    duration: int
    is_keyframe: bool
    is_discard: bool
    is_corrupt: bool
    decoding_ticks: int | None

    @classmethod
    def of(cls, packet: Packet) -> "_Stamp":
        kinds = packet.is_keyframe, packet.is_discard, packet.is_corrupt
        return cls(packet.pts, packet.duration or 0, *kinds, packet.dts)

    @property
    def end(self) -> int:
        return (self.ticks or 0) + self.duration


def read_timeline(source: Source, *, partial: bool = False) -> Timeline:
    """Reads all time stamps, from the packets where these are as good as the frames, else from the frames.

    Args:
        source: what `opened` takes; it is opened up to twice.
        partial: take a file that breaks off as far as it goes.

    Raises:
        MediaError: no moving picture, no frame, or a file that is cut short.
    """
    if not partial:
        with opened(source) as recording:
            stream = picture_stream(recording)
            stamps = [_Stamp.of(packet) for packet in recording.container.demux(stream) if packet.size]
            _check_whole(recording, stamps)
            if stream.codec_context.codec.canonical_name in _COUNTABLE_CODECS and _are_countable(stamps):
                return _from_packets(recording, stamps)
    with opened(source) as recording:
        return _from_frames(recording, decoded(recording, partial=partial))


def picture_stream(recording: Recording) -> VideoStream:
    """The stream that a player would show, refused where it is no moving picture."""
    stream = recording.container.streams.best("video")
    if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
        kinds = sorted({each.type for each in recording.container.streams if each is not stream})
        only = " and ".join(kinds) or "an empty frame"
        raise MediaError(recording.name, f"has no moving picture, only {only}. Pass a file with a video track.")
    if recording.container.format.name == "tty":  # FFmpeg shows texts as a terminal does, letter after letter
        raise MediaError(recording.name, "is a text, which has no frames. Name the video file itself.")
    if stream.codec_context is None:
        raise MediaError(recording.name, "has a picture that FFmpeg cannot decode. Convert it to mp4.")
    if stream.width * stream.height > _MOST_PIXELS:
        sentence = f"has frames of {stream.width} x {stream.height} points, of which {_MOST_PIXELS:,} can be read"
        raise MediaError(recording.name, f"{sentence}. Export it smaller.")
    return stream


def decoded(recording: Recording, *, partial: bool = False) -> Iterator[VideoFrame]:
    """The frames from where the container stands until its end, or until the damage where a part is enough.

    Packets before the first frame that cannot be decoded are skipped: a stream that was cut out of a longer one may
    begin with some that refer to what is gone.
    """
    stream = picture_stream(recording)
    stream.thread_type = "AUTO"
    stream.codec_context.options = {"max_pixels": str(2 * _MOST_PIXELS)}  # where they outgrow the header
    seconds = None
    for packet in recording.container.demux(stream):
        try:
            for frame in packet.decode():
                seconds = frame.time or 0.0
                yield frame
        except av.error.InvalidDataError as fault:
            if seconds is None:
                continue
            if partial:
                return
            raise MediaError(
                recording.name,
                f"is damaged: what follows {seconds - zero_seconds(recording.container):.2f} s cannot be decoded. "
                "Copy it again; a pipeline takes what comes before with `partial=True`.",
            ) from fault


def _check_whole(recording: Recording, stamps: list[_Stamp]) -> None:
    """Raises where there is no frame, or where the file ends before its header says."""
    if not stamps:
        raise MediaError(recording.name, "has a video track, but not one frame in it. Record or export it again.")
    container = recording.container
    promised = promised_end_seconds(container)
    end = max(stamp.end for stamp in stamps) * _unit(recording)
    if promised - end > _SHORTFALL_SECONDS:  # unless it is the sound that lasts longer
        container.seek(container.start_time or 0)
        end = max([end, *(float(_Stamp.of(packet).end * packet.time_base) for packet in container.demux())])
    if stamps[-1].is_corrupt or promised - end > _SHORTFALL_SECONDS:
        zero = zero_seconds(container)
        whole = f" of {promised - zero:.2f} s" if promised > end else ", in the middle of a frame"
        raise MediaError(
            recording.name,
            f"is cut short: it ends after {end - zero:.2f} s{whole}. "
            "Copy it again; a pipeline takes what is there with `partial=True`.",
        )


def _are_countable(stamps: list[_Stamp]) -> bool:
    """Whether each packet has a time of its own and can be decoded, the first of them being shown first."""
    ticks = {stamp.ticks for stamp in stamps}
    decoding = [stamp.decoding_ticks for stamp in stamps if stamp.decoding_ticks is not None]
    return (
        None not in ticks
        and len(ticks) == len(stamps)
        and decoding == sorted(decoding)  # else the clock was set anew: recordings were joined
        and stamps[0].is_keyframe
        and stamps[0] == min(stamps)  # else frames are shown before it that refer to what is gone
        and not any(stamp.is_corrupt for stamp in stamps)
        and not all(stamp.is_discard for stamp in stamps)
    )


def _from_packets(recording: Recording, stamps: list[_Stamp]) -> Timeline:
    shown = sorted(stamp for stamp in stamps if not stamp.is_discard)  # an edit list leaves frames out
    keyframes = np.flatnonzero([stamp.is_keyframe for stamp in shown])
    return _timeline(recording, [stamp.ticks for stamp in shown], shown[-1].duration, keyframes)


def _from_frames(recording: Recording, frames: Iterable[VideoFrame]) -> Timeline:
    stamps = [(frame.pts, frame.duration, frame.key_frame) for frame in frames]
    if not stamps:
        raise MediaError(recording.name, "has a video track, but not one frame of it can be decoded. Export it again.")
    ticks, durations, are_keyframes = zip(*stamps, strict=True)
    return _timeline(recording, list(ticks), durations[-1], np.flatnonzero(are_keyframes))


def _timeline(recording: Recording, stamps: list[int | None], last: int, keyframes: np.ndarray) -> Timeline:
    """Turns time stamps into seconds; where some are missing or not rising, frames follow at the average rate."""
    stream = picture_stream(recording)
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    if None in stamps or (np.diff(np.array(stamps, dtype=np.int64)) <= 0).any():
        return Timeline(np.arange(len(stamps)) / rate, len(stamps) / rate, None, np.zeros(1, dtype=np.int64))
    ticks = np.array(stamps, dtype=np.int64)
    seconds = ticks * _unit(recording) - zero_seconds(recording.container)
    _check_lasting(recording.name, seconds)
    usual = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 1 / rate
    return Timeline(seconds, float(seconds[-1]) + (max(last, 0) * _unit(recording) or usual), ticks, keyframes)


def _check_lasting(name: str, seconds: np.ndarray) -> None:
    """Raises where time stamps leap so far that they can only be damaged."""
    longest, whole = float(np.diff(seconds).max(initial=0.0)), float(seconds[-1] - seconds[0])
    if longest > _LONGEST_FRAME_SECONDS or whole > _LONGEST_SECONDS:
        sentence = f"has damaged time stamps: its {len(seconds)} frames last {whole:.0f} s, one of them {longest:.0f} s"
        raise MediaError(name, f"{sentence}. Export it again.")


def _unit(recording: Recording) -> float:
    """One tick of the picture's clock, in seconds."""
    return float(picture_stream(recording).time_base or 1)
