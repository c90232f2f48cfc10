"""Sound from whatever holds it, on one channel and at one rate: PyAV decodes, torchaudio resamples."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchaudio.transforms import Resample

from toolkit.media.container import Source, name_of, opened
from toolkit.media.decoding import SoundTrack, as_float32
from toolkit.media.faults import MediaError
from toolkit.media.values import Waveform

Sound = Source | np.ndarray | Tensor
"""A recording as `toolkit.media.container` opens it, or samples: see `read_audio`."""

_FINEST_RATIO = 640  # filters of the resampler; enough for 11025 → 16000 Hz to be exact
_MOST_HOURS = 4  # held at once; a small file can decode to days of silence


def read_audio(
    source: Sound, *, sample_rate_hz: int = 16000, start_seconds: float = 0.0, end_seconds: float | None = None
) -> Waveform:
    """Reads a recording, or a part of it, into memory: one channel, at the rate that is asked for.

    Every container and codec of FFmpeg is read, with no program installed beside Python. Several channels are
    averaged. A part has the samples of that part of the whole, but for noise that an AAC decoder draws, and a
    millisecond by which it may be off in webm and mkv.

    Args:
        source: a path, an http address, the bytes of a file, an open binary stream, a row {"path", "bytes"} as
            datasets gives it, or samples: {"array" or "raw", "sampling_rate"} as transformers takes them, or an array
            or tensor that already has `sample_rate_hz`. Samples are (N,), or two-dimensional with the channels on the
            shorter axis; whole numbers are scaled by their range.
        sample_rate_hz: samples per second of the result.
        start_seconds: where the part begins.
        end_seconds: where it ends; the recording may end before.

    Raises:
        MediaError: one sentence with the recording's name where it cannot be read, breaks off, or holds no sound,
            NaN or infinity.

    >>> read_audio({"raw": np.zeros(8000, dtype=np.int16), "sampling_rate": 8000}, start_seconds=0.25)
    Waveform(samples=(12000,), sample_rate_hz=16000, start_seconds=0.25, end_seconds=1.0)
    """
    _check_number("sample_rate_hz", sample_rate_hz, above=0)
    if not 0 <= start_seconds <= (float("inf") if end_seconds is None else end_seconds):
        raise ValueError(
            f"`start_seconds` must be at least 0 and not after `end_seconds` ({end_seconds}), but is {start_seconds}. "
            "Name the earlier time first."
        )
    parts, count = [torch.zeros(0)], 0
    for part in _samples(source, sample_rate_hz, start_seconds, end_seconds):
        parts.append(part)
        count += len(part)
        if count > _MOST_HOURS * 3600 * sample_rate_hz:
            sentence = f"is longer than {_MOST_HOURS} hours, too much to be held at once. Read it with `stream_audio`."
            raise MediaError(_name(source), sentence)
    return Waveform(torch.cat(parts), sample_rate_hz, round(start_seconds * sample_rate_hz) / sample_rate_hz)


def stream_audio(source: Sound, *, sample_rate_hz: int = 16000, block_seconds: float = 30.0) -> Iterator[Waveform]:
    """Reads a recording of any length block by block; only some blocks are ever in memory.

    The blocks joined are what `read_audio` gives, bit for bit: no click marks the border between two.

    Args:
        source: as for `read_audio`.
        sample_rate_hz: samples per second of the blocks.
        block_seconds: how long each block is; the last one is shorter.

    >>> [block.seconds for block in stream_audio(np.zeros(40_000), block_seconds=1.0)]
    [1.0, 1.0, 0.5]
    """
    _check_number("sample_rate_hz", sample_rate_hz, above=0)
    _check_number("block_seconds", block_seconds, above=1 / sample_rate_hz)
    return _blocks(_samples(source, sample_rate_hz, 0.0, None), sample_rate_hz, round(block_seconds * sample_rate_hz))


def audio_seconds(source: Sound, *, sample_rate_hz: int = 16000) -> float:
    """How long a recording is: from its header where that can be relied on, else by decoding it.

    Args:
        source: as for `read_audio`.
        sample_rate_hz: the rate of an array or tensor that comes without one.
    """
    with _pieces(source, sample_rate_hz, 0.0) as (pieces, track):
        if track is not None and track.promised_seconds is not None:
            return track.promised_seconds
        return max((piece.end_seconds for piece in pieces), default=0.0)


def _samples(source: Sound, sample_rate_hz: int, start_seconds: float, end_seconds: float | None) -> Iterator[Tensor]:
    """Consecutive samples of the part that is wanted, of any lengths, at the wanted rate."""
    wanted = (
        None if end_seconds is None else round(end_seconds * sample_rate_hz) - round(start_seconds * sample_rate_hz)
    )
    count = 0
    with _pieces(source, sample_rate_hz, start_seconds) as (pieces, track):
        for samples in _resampled(pieces, sample_rate_hz, round(start_seconds * sample_rate_hz)):
            samples = samples[: None if wanted is None else wanted - count]
            sound = samples[: _first_strange(samples)]
            count += len(sound)
            yield sound
            if len(sound) < len(samples):
                raise MediaError(
                    _name(source),
                    f"holds NaN or infinity, the first after {start_seconds + count / sample_rate_hz:.2f} s. "
                    "Repair the program that wrote it, or read the parts around it.",
                )
            if count == wanted:
                break
        if track is not None:
            track.check(end_seconds)
    if not count and wanted != 0:
        if start_seconds:
            raise MediaError(_name(source), f"is over before {start_seconds:g} s. Lower `start_seconds`.")
        raise MediaError(_name(source), "has a length of zero (0 samples). Leave it out, or record it again.")


def _name(source: Sound) -> str:
    """What messages call a source; samples beside which no path stands by their kind."""
    if isinstance(source, Mapping) and not (source.get("path") or source.get("bytes")):
        return name_of(source.get("array", source.get("raw")))
    return name_of(source)


@contextmanager
def _pieces(
    source: Sound, sample_rate_hz: int, start_seconds: float
) -> Iterator[tuple[Iterator[Waveform], SoundTrack | None]]:
    """The sound as it came, and the track that it is decoded from where it does not come as samples."""
    if isinstance(source, np.ndarray | Tensor):
        yield iter([_waveform(source, sample_rate_hz)]), None
    elif isinstance(source, Mapping) and ("array" in source or "raw" in source):
        if "sampling_rate" not in source:
            raise ValueError(
                f"`sampling_rate` must stand beside the samples of a mapping, but it has {sorted(source)} only. "
                "Add the samples per second."
            )
        _check_number("sampling_rate", source["sampling_rate"], above=0)
        samples = source["array"] if "array" in source else source["raw"]
        yield iter([_waveform(samples, source["sampling_rate"])]), None
    elif hasattr(source, "get_all_samples"):  # what a decoded row of a dataset holds
        held = source.get_all_samples()
        yield iter([_waveform(held.data, held.sample_rate)]), None
    else:
        with opened(source) as recording:
            track = SoundTrack(recording)
            yield track.pieces(start_seconds), track


def _waveform(samples: Any, sample_rate_hz: int) -> Waveform:
    """Samples that somebody else decoded, mixed to mono."""
    if isinstance(samples, Tensor):
        samples = samples.detach().cpu()
        samples = (samples.float() if samples.is_floating_point() else samples).numpy()
    if not isinstance(samples, np.ndarray) or samples.dtype.kind not in "fiu":
        kind = samples.dtype if isinstance(samples, np.ndarray) else type(samples).__name__
        raise TypeError(f"`array` must hold real numbers, but is of type {kind}. Pass a numpy array or a tensor.")
    if not 1 <= samples.ndim <= 2:
        raise ValueError(
            f"`array` must have the shape (samples,) or (channels, samples), but has {samples.shape}. "
            "Pass one recording at a time."
        )
    floats = as_float32(samples)
    mono = floats.mean(int(np.argmin(floats.shape))) if floats.ndim == 2 and floats.size else floats.ravel()
    return Waveform(torch.from_numpy(mono.copy()), sample_rate_hz)


def _first_strange(samples: Tensor) -> int | None:
    """The index of the first NaN or infinity, if there is one."""
    if samples.sum().isfinite():
        return None
    strange = (~samples.isfinite()).nonzero()
    return int(strange[0]) if len(strange) else None  # else only the sum is too large


def _resampled(pieces: Iterator[Waveform], sample_rate_hz: int, begin: int) -> Iterator[Tensor]:
    """Brings pieces to another rate as if they were one, from the sample with the index `begin` on.

    `step` samples in make `made` samples out, always the same way; so a piece may be cut anywhere between such
    groups if as many groups as the filter is wide stay on both sides of the cut.
    """
    first = next(pieces, None)
    if first is None:
        return
    # Odd rates (22254.5 Hz, rounded) are met nearly instead of with a filter for each sample of a second: to a
    # millionth or, where a filter has to look at many samples, a ten-thousandth.
    ratio = Fraction(first.sample_rate_hz, sample_rate_hz)
    ratio = ratio.limit_denominator(max(int(_FINEST_RATIO / max(float(ratio), 1.0)), 1))
    step, made = ratio.numerator, ratio.denominator
    change = Resample(step, made)
    around = 0 if step == made else -(-change.width // step)

    start = round(first.start_seconds * first.sample_rate_hz)
    group = max(begin // made - around, -(-start // step))
    unread, unwanted = group * step - start, begin - group * made
    held, ready = first.samples[:0], 0  # the groups of `held` before `ready` are out and only stand around
    for piece in _chained(first, pieces):
        held = torch.cat([held, piece.samples[unread:]])
        unread = max(unread - len(piece.samples), 0)
        whole = len(held) // step - around
        if whole > ready:
            made_now = change(held[: (whole + around) * step])[ready * made : whole * made]
            yield made_now[unwanted:]
            unwanted = max(unwanted - len(made_now), 0)
            ready = min(around, whole)
            held = held[(whole - ready) * step :]
    if len(held):
        yield change(held)[ready * made :][unwanted:]


def _chained(first: Waveform, others: Iterator[Waveform]) -> Iterator[Waveform]:
    yield first
    yield from others


def _blocks(parts: Iterable[Tensor], sample_rate_hz: int, length: int) -> Iterator[Waveform]:
    """Cuts consecutive samples into blocks of one length; the last one is shorter, or that before a fault."""
    held, count = torch.zeros(0), 0
    try:
        for part in parts:
            held = torch.cat([held, part])
            whole = len(held) // length * length
            for block in held[:whole].split(length) if whole else ():
                yield Waveform(block, sample_rate_hz, count / sample_rate_hz)
                count += length
            held = held[whole:]
    except MediaError:
        if len(held):
            yield Waveform(held, sample_rate_hz, count / sample_rate_hz)
        raise
    if len(held):
        yield Waveform(held, sample_rate_hz, count / sample_rate_hz)


def _check_number(name: str, value: float, *, above: float) -> None:
    if not above < value < float("inf"):
        raise ValueError(f"`{name}` must be above {above:g}, but is {value}. Pass 16000 samples or 30 seconds.")
