"""Where somebody speaks: spans of speech on the recording's clock, found by the Silero voice activity detector."""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import distribution

import numpy as np
from onnxruntime import InferenceSession, SessionOptions

from toolkit.media.values import Waveform

_RATE_HZ = 16000
_WINDOW, _CONTEXT = 512, 64  # samples that the detector judges at a time, and those before them that it sees again
_HYSTERESIS = 0.15  # speech that has begun goes on until it is this much less probable than what began it

Span = tuple[float, float]


def speech_spans(
    blocks: Iterable[Waveform],
    *,
    threshold: float = 0.5,
    min_speech_seconds: float = 0.25,
    min_silence_seconds: float = 0.5,
    pad_seconds: float = 0.2,
) -> Iterator[Span]:
    """Finds the spans in which somebody speaks, each as soon as it is over, in a recording of any length.

    Args:
        blocks: consecutive blocks at 16,000 Hz, as `stream_audio` gives them. Where they are cut changes nothing.
        threshold: how probable speech must be to begin; it ends 0.15 below.
        min_speech_seconds: a shorter span is a knock, not speech.
        min_silence_seconds: a shorter pause belongs to the speech around it.
        pad_seconds: how much each span is widened on both sides, inside the recording. Spans that meet become one.

    Returns:
        start and end of each span in seconds on the recording's clock, rising, none touching another

    >>> import torch
    >>> list(speech_spans([Waveform(torch.zeros(16000), 16000), Waveform(torch.rand(16000), 16000, 1.0)]))
    []
    """
    if not _HYSTERESIS < threshold < 1:
        raise ValueError(
            f"`threshold` must be a probability between {_HYSTERESIS} and 1, but is {threshold}. Start from 0.5."
        )
    seconds = {"min_speech": min_speech_seconds, "min_silence": min_silence_seconds, "pad": pad_seconds}
    for name, value in seconds.items():
        if not 0 <= value < float("inf"):
            raise ValueError(f"`{name}_seconds` must be at least 0, but is {value}. Pass a time in seconds.")
    return _spans(_judged(blocks), threshold, min_speech_seconds, min_silence_seconds, pad_seconds)


def _spans(
    windows: Iterable[tuple[float, float, float]], threshold: float, min_speech: float, min_silence: float, pad: float
) -> Iterator[Span]:
    """Turns (start, end, probability of speech) of consecutive windows into spans."""
    origin = start = pause = None  # when the recording, the speech and the pause in it began
    held: Span | None = None  # a span that is over; speech that follows at once would still join it
    end = 0.0
    for begin, end, probability in windows:
        origin = begin if origin is None else origin
        if probability >= threshold:
            start = begin if start is None else start
            pause = None
        elif start is not None and probability < threshold - _HYSTERESIS:
            pause = begin if pause is None else pause
            if begin - pause >= min_silence:
                held = _joined(held, start, pause, min_speech, pad)
                start = pause = None
        if held is not None and held[1] < (end if start is None else start) - pad:
            yield max(held[0], origin), held[1]
            held = None
    if start is not None:
        held = _joined(held, start, end if pause is None else pause, min_speech, pad)
    if held is not None and origin is not None:
        yield max(held[0], origin), min(held[1], end)


def _joined(held: Span | None, start: float, end: float, min_speech: float, pad: float) -> Span | None:
    """The held span with the next one, which meets it; a next one that is too short does not count."""
    if end - start < min_speech:
        return held
    return (start - pad if held is None else held[0]), end + pad


def _judged(blocks: Iterable[Waveform]) -> Iterator[tuple[float, float, float]]:
    """Start, end and probability of speech of window after window; the detector's state is carried over all blocks."""
    detector = _detector()
    state = {"h": np.zeros((1, 1, 128), np.float32), "c": np.zeros((1, 1, 128), np.float32)}
    waiting, count, origin = np.zeros(_CONTEXT, np.float32), 0, 0.0  # `count` samples were judged since `origin`
    for block in blocks:
        if block.sample_rate_hz != _RATE_HZ:
            raise ValueError(
                f"`blocks` must have {_RATE_HZ} samples per second, but one has {block.sample_rate_hz}. "
                f"Read the recording with `sample_rate_hz={_RATE_HZ}`."
            )
        heard = count + len(waiting) - _CONTEXT
        if not heard:
            origin = block.start_seconds
        if abs(block.start_seconds - origin - heard / _RATE_HZ) > 1 / _RATE_HZ:
            raise ValueError(
                f"`blocks` must follow each other, but after {origin + heard / _RATE_HZ:.3f} s comes one that starts "
                f"at {block.start_seconds:.3f} s. Find the spans of each part of a recording apart."
            )
        waiting = np.concatenate([waiting, block.samples.numpy()])
        probabilities, state = _probabilities(detector, waiting, state)
        for probability in probabilities:
            yield origin + count / _RATE_HZ, origin + (count + _WINDOW) / _RATE_HZ, probability
            count += _WINDOW
        waiting = waiting[len(probabilities) * _WINDOW :]
    if rest := len(waiting) - _CONTEXT:
        (probability,), _ = _probabilities(detector, np.pad(waiting, (0, _WINDOW - rest)), state)
        yield origin + count / _RATE_HZ, origin + (count + rest) / _RATE_HZ, probability


def _probabilities(
    detector: InferenceSession, samples: np.ndarray, state: dict[str, np.ndarray]
) -> tuple[list[float], dict[str, np.ndarray]]:
    """Judges the whole windows of samples that begin with the context of the first; gives the state after them."""
    if len(samples) < _CONTEXT + _WINDOW:
        return [], state
    windows = np.lib.stride_tricks.sliding_window_view(samples, _CONTEXT + _WINDOW)[::_WINDOW]
    probabilities, h, c = detector.run(None, {"input": windows.copy(), **state})
    return probabilities.tolist(), {"h": h, "c": c}


@cache
def _detector() -> InferenceSession:
    """The network of the silero-vad wheel that judges many windows in one call."""
    # The wheel is not imported: that would limit all of torch to one thread.
    path = distribution("silero-vad").locate_file("silero_vad/data/silero_vad_16k_sequence.onnx")
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
