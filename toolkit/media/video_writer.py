"""Frames in, an mp4 file out: each frame shown at its own time, with the sound of another file beside it."""

import heapq
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from toolkit.media.container import Recording, Source, name_of, opened, traces, zero_seconds
from toolkit.media.values import Clip

_TICK_SECONDS = Fraction(1, 90_000)  # the clock of MPEG: frames at 24, 25, 30 and 30000/1001 a second fall on its ticks


def write_video(path: str | os.PathLike[str], clips: Iterable[Clip], *, sound_from: Source | None = None) -> None:
    """Writes clips one after the other as H.264 in mp4; the file appears whole or not at all.

    Args:
        path: the file, replaced if it is there; another one than `sound_from`.
        clips: colour (C = 3) or grey (C = 1), all frames in one size. Their times rise from clip to clip and become
            presentation time stamps. An odd side is lengthened by a repeated line: H.264 halves the size of colours.
        sound_from: a recording whose sound is copied: as it is where mp4 can hold it, else as AAC.
    """
    path = Path(path)
    if sound_from is not None and traces(path) & traces(name_of(sound_from)):
        raise ValueError(
            f"`path` must lead to another file than what is read, but is {path} itself. "
            f"Write {path.with_stem(f'{path.stem}-labels')}."
        )
    aside = path.with_name(f".{path.name}.part")
    clips = iter(clips)
    first = next(clips, None)
    if first is None or not len(first.frames):
        raise ValueError("`clips` must hold at least one frame, but there is none. Pass what there is to be seen.")
    try:
        with av.open(aside, "w", format="mp4") as output:
            pictures = _pictures(_picture_stream(output, first), chain([first], clips))
            sound = _sound(output, sound_from) if sound_from is not None else iter(())
            # Merging takes a packet of each before it gives one: all tracks are there when the first is written.
            for packet in heapq.merge(pictures, sound, key=_decoding_seconds):
                output.mux(packet)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _decoding_seconds(packet: Packet) -> float:
    """What packets of several tracks are ordered by in a file, so that a player has them when they are due."""
    return float((packet.dts or 0) * (packet.time_base or 1))


def _picture_stream(output: OutputContainer, first: Clip) -> VideoStream:
    height, width = first.frames.shape[2:]
    rate = Fraction(first.frames_per_second).limit_denominator(1001)
    stream = output.add_stream("libx264", rate=rate, options={"crf": "18", "preset": "veryfast"})
    stream.height, stream.width = height + height % 2, width + width % 2
    stream.pix_fmt = "yuv420p"
    stream.time_base = stream.codec_context.time_base = _TICK_SECONDS
    return stream


def _pictures(stream: VideoStream, clips: Iterable[Clip]) -> Iterator[Packet]:
    last = None
    for clip in clips:
        for pixels, seconds in zip(clip.frames, clip.seconds.tolist(), strict=True):
            ticks = round(seconds / _TICK_SECONDS)
            if last is not None and ticks <= last:
                raise ValueError(
                    f"`clips` must hold frames at rising times, but {seconds:.5f} s follows "
                    f"{float(last * _TICK_SECONDS):.5f} s. Sort the frames, and show one at a time."
                )
            last = ticks
            picture = pixels.expand(3, -1, -1).permute(1, 2, 0).numpy()  # (Y, X, 3)
            odd = [(0, stream.height - len(picture)), (0, stream.width - picture.shape[1]), (0, 0)]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.pad(picture, odd, mode="edge")))
            frame.pts, frame.time_base = ticks, _TICK_SECONDS
            yield from stream.encode(frame)
    yield from stream.encode(None)


def _sound(output: OutputContainer, source: Source) -> Iterator[Packet]:
    """Adds a track to the output where the source has sound; its packets come on the clock of the frames."""
    with opened(source) as recording:
        track = recording.container.streams.best("audio")
        if not isinstance(track, AudioStream) or track.codec_context is None:
            return
        if track.codec_context.codec.canonical_name in output.supported_codecs:
            yield from _copied(recording, track, output.add_stream_from_template(track))
        else:
            yield from _encoded(recording, track, output)


def _copied(recording: Recording, source: AudioStream, target: AudioStream) -> Iterator[Packet]:
    for packet in recording.container.demux(source):
        if packet.dts is not None and packet.pts is not None:
            early = round(zero_seconds(recording.container) / float(packet.time_base))
            packet.dts, packet.pts, packet.stream = packet.dts - early, packet.pts - early, target
            yield packet


def _encoded(recording: Recording, source: AudioStream, output: OutputContainer) -> Iterator[Packet]:
    layout = "mono" if source.layout.nb_channels == 1 else "stereo"
    target = output.add_stream("aac", rate=source.rate, layout=layout)
    resampler = AudioResampler(format="fltp", layout=layout, rate=source.rate)
    early = zero_seconds(recording.container)
    for frame in chain(recording.container.decode(source), [None]):
        if frame is not None and frame.pts is not None:
            frame.pts -= round(early / float(frame.time_base or 1))
        for resampled in resampler.resample(frame):
            yield from target.encode(resampled)
    yield from target.encode(None)
