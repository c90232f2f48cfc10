"""The sound of a file as it was recorded: in order, on one clock, and with what is missing told."""

from collections.abc import Iterator
from functools import cached_property
from math import floor

import av
import numpy as np
import torch
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from torch import Tensor

from toolkit.media.container import Recording, promised_end_seconds, zero_seconds
from toolkit.media.faults import MediaError
from toolkit.media.values import Waveform

_PIECE_SECONDS = 5.0
_PREROLL_SECONDS = 2.0  # decoders need the packets before to start clean: MP3's bit reservoir, Opus's 80 ms
_GAP_SECONDS = 0.1  # some containers round their time stamps; a smaller step is no gap
_LONGEST_GAP_SECONDS = 3600.0  # a larger step is a clock that was set, not an hour of silence
_LONGEST_GAPS_SECONDS = 6 * 3600.0  # of all gaps together; time stamps of a few bytes can leave years
_RATES_HZ = (1_000, 768_000)
_UNBROKEN_FORMATS = ("ogg",)  # transmit pauses too, so a gap is a page that was damaged
_GUESSING_FORMATS = ("aac", "ac3", "eac3", "mp3")  # bare packets, whose length FFmpeg guesses from their bit rate


class SoundTrack:
    """The sound of an open recording, mixed to mono by averaging the channels, at the rate of the file.

    Time stamps rule. Where they leave a gap there is silence: before sound that begins later than the picture, where
    a pause was not transmitted, in place of a packet that cannot be decoded. After a clock that was set back, or
    forward by more than an hour, sound goes on where it stood. Part of a webm or mkv may lie a millisecond off, which
    is how finely they note times.
    """

    def __init__(self, recording: Recording) -> None:
        self._name = recording.name
        self._container = recording.container
        self._missing_bytes = recording.missing_bytes
        self._stream = self._chosen()
        self._zero_seconds = zero_seconds(recording.container)
        self._lost_seconds = self._silent_seconds = 0.0
        self._end_seconds: float | None = None  # known when all was decoded

    def _chosen(self) -> AudioStream:
        """The stream of sound that a player would take."""
        stream = self._container.streams.best("audio")
        if not isinstance(stream, AudioStream):
            kinds = " and ".join(sorted({each.type for each in self._container.streams})) or "an empty frame"
            raise MediaError(self._name, f"has no sound, only {kinds}. Pass a recording with a sound track.")
        if stream.codec_context is None:
            raise MediaError(self._name, "has sound that FFmpeg cannot decode. Convert it to wav, flac or mp3.")
        return stream

    @cached_property
    def promised_seconds(self) -> float | None:
        """How long the sound is as the container says it, or None where it says nothing that can be relied on."""
        container, stream = self._container, self._stream
        if container.format.name in _GUESSING_FORMATS and not container.start_time:
            return None  # an encoder that notes the length of an MP3 notes its delay too, so that it starts later
        if stream.duration is not None and stream.time_base is not None:
            seconds = float(stream.duration * stream.time_base)
            if stream.start_time is not None:
                seconds += max(0.0, float(stream.start_time * stream.time_base) - self._zero_seconds)
            if container.format.name == "wav" and stream.bit_rate:
                seconds += self._missing_bytes * 8 / stream.bit_rate
            return seconds
        if container.duration is not None and all(each.type == "audio" for each in container.streams):
            return promised_end_seconds(container) - self._zero_seconds
        return None

    def pieces(self, start_seconds: float = 0.0) -> Iterator[Waveform]:
        """Decodes from a time on: consecutive waveforms of some seconds, the first of them at that time or before.

        What lies before a fault comes before it is raised.
        """
        batch: list[AudioFrame] = []
        rate, begin, at, shift = 0, 0, 0, 0  # `at` counts samples of the recording's clock, the batch starts at `begin`
        try:
            for frame in self._frames(start_seconds):
                if not rate:
                    rate = self._checked_rate(frame)
                    place = self._place(frame, 0)
                    begin = at = place if 0 <= place <= start_seconds * rate else 0
                elif frame.sample_rate != rate:
                    raise MediaError(
                        self._name,
                        f"changes its sample rate from {rate} to {frame.sample_rate} Hz after {at / rate:.2f} s. "
                        "Convert it to wav, or cut it there.",
                    )
                gap = self._place(frame, at - shift) + shift - at
                if gap < -_GAP_SECONDS * rate or gap > _LONGEST_GAP_SECONDS * rate:
                    shift -= gap
                    gap = 0
                is_gap = gap > _GAP_SECONDS * rate
                if batch and (is_gap or at - begin >= _PIECE_SECONDS * rate or _kind(frame) != _kind(batch[0])):
                    yield Waveform(_mono(batch), rate, begin / rate)
                    batch, begin = [], at
                if is_gap:
                    self._note_gap(gap / rate, at / rate)
                    yield from _silence(begin, begin + gap, rate)
                    begin = at = at + gap
                batch.append(frame)
                at += frame.samples
        except (MediaError, av.FFmpegError):
            if batch:
                yield Waveform(_mono(batch), rate, begin / rate)
            raise
        if batch:
            yield Waveform(_mono(batch), rate, begin / rate)
        self._end_seconds = at / rate if rate else 0.0

    def check(self, end_seconds: float | None = None) -> None:
        """Raises where more than a quarter of a second and a thousandth of the sound is missing.

        Call it when all that is wanted was taken from `pieces`. Reading what is there, up to a time before the
        recording breaks off, is no fault.
        """
        end = self._end_seconds
        if end is None or (end_seconds is not None and end_seconds <= end and not self._lost_seconds):
            return
        promised = max(self.promised_seconds or 0.0, end)
        allowed = 0.25 + promised / 1000
        if self._lost_seconds > allowed:
            raise MediaError(
                self._name,
                f"is damaged: {self._lost_seconds:.2f} s of its {promised:.2f} s cannot be decoded. "
                "Copy it again, or read the parts around the damage with `start_seconds` and `end_seconds`.",
            )
        if promised - end > allowed:
            raise MediaError(
                self._name,
                f"is cut short or damaged: {end:.2f} s could be read of the {promised:.2f} s that its header promises. "
                f"Copy it again, or read what is there with `end_seconds={max(floor(end * 100) - 1, 0) / 100:.2f}`.",
            )

    def _frames(self, start_seconds: float) -> Iterator[AudioFrame]:
        """Decodes from two seconds before a time, or from the start where the container cannot be searched."""
        frames = self._decoded(start_seconds)
        first = next(frames, None)
        if first is None:
            return
        if first.time is not None and abs(first.time - self._zero_seconds) <= _GAP_SECONDS:
            self._zero_seconds = first.time  # the delay of an encoder is not part of the recording
        if start_seconds > _PREROLL_SECONDS and self._seek(start_seconds - _PREROLL_SECONDS):
            found = self._decoded(start_seconds)
            landed = next(found, None)
            if landed is None or landed.time is None or landed.time - self._zero_seconds > start_seconds:
                self._seek(0.0)
                found = self._decoded(start_seconds)
                landed = next(found, first)
            first, frames = landed, found
        yield first
        yield from frames

    def _seek(self, seconds: float) -> bool:
        time_base = self._stream.time_base
        try:
            offset = int((seconds + self._zero_seconds) / time_base) if time_base else 0
            self._container.seek(offset, stream=self._stream)
        except av.FFmpegError:
            return False
        return True

    def _decoded(self, start_seconds: float) -> Iterator[AudioFrame]:
        """Decodes packet after packet; counts the time of those that cannot be."""
        self._lost_seconds = self._silent_seconds = 0.0
        for packet in self._container.demux(self._stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                seconds = [float((ticks or 0) * packet.time_base) for ticks in (packet.pts, packet.duration)]
                if seconds[0] - self._zero_seconds >= start_seconds:  # before it, the decoder only runs in
                    self._lost_seconds += seconds[1]
                continue
            yield from (frame for frame in frames if frame.samples)

    def _note_gap(self, seconds: float, at_seconds: float) -> None:
        """Counts silence that is put in; raises where it is more than a recorder would leave."""
        if at_seconds and self._container.format.name in _UNBROKEN_FORMATS:
            self._lost_seconds += seconds
        self._silent_seconds += seconds
        if self._silent_seconds > _LONGEST_GAPS_SECONDS:
            sentence = f"has time stamps with {self._silent_seconds / 3600:.1f} hours of nothing between them"
            raise MediaError(self._name, f"{sentence} up to {at_seconds:.2f} s. Convert it to wav.")

    def _place(self, frame: AudioFrame, expected: int) -> int:
        """The index of a frame's first sample on the recording's clock, as its time stamp has it."""
        return expected if frame.time is None else round((frame.time - self._zero_seconds) * frame.sample_rate)

    def _checked_rate(self, frame: AudioFrame) -> int:
        low, high = _RATES_HZ
        if not low <= frame.sample_rate <= high:
            raise MediaError(
                self._name,
                f"has {frame.sample_rate} samples per second, but sound has {low} to {high}. Export it again.",
            )
        return frame.sample_rate


def _kind(frame: AudioFrame) -> tuple[str, int]:
    """What frames must have in common to be joined."""
    return frame.format.name, frame.layout.nb_channels


def _mono(frames: list[AudioFrame]) -> Tensor:
    """Joins frames of one kind and averages their channels: (N,) float32."""
    samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
    format_name, channels = _kind(frames[0])
    floats = as_float32(samples)
    if channels == 1:
        return torch.from_numpy(floats[0])
    weights = np.full(channels, 1 / channels, dtype=np.float32)
    is_planar = len(floats) == channels
    return torch.from_numpy(weights @ floats if is_planar else floats.reshape(-1, channels) @ weights)


def as_float32(samples: np.ndarray) -> np.ndarray:
    """Scales whole numbers so that their range becomes [-1, 1); floats stay as they are.

    >>> as_float32(np.array([-32768, 16384], dtype=np.int16))
    array([-1. ,  0.5], dtype=float32)
    """
    if samples.dtype.kind == "f":
        return samples.astype(np.float32, copy=False)
    half = 2.0 ** (samples.dtype.itemsize * 8 - 1)
    middle = half if samples.dtype.kind == "u" else 0.0
    return ((samples.astype(np.float32) - np.float32(middle)) / np.float32(half)).astype(np.float32, copy=False)


def _silence(begin: int, end: int, rate: int) -> Iterator[Waveform]:
    """Silence in pieces, so that a long gap costs no memory."""
    step = round(_PIECE_SECONDS * rate)
    for start in range(begin, end, step):
        yield Waveform(torch.zeros(min(step, end - start)), rate, start / rate)
