"""Windows hold all the speech, none is too long, and what lies between them is told."""

import numpy as np
import pytest
import torch

from toolkit.adapters.audio.transcript import Skipped
from toolkit.adapters.audio.windows import LONGEST_SILENCE_SECONDS, cut_windows
from toolkit.media.values import Waveform

RATE_HZ = 100


def blocks(seconds: float, block_seconds: float = 30.0):
    """A recording whose samples say when they sound."""
    samples = torch.arange(round(seconds * RATE_HZ)) / RATE_HZ
    for start in range(0, len(samples), round(block_seconds * RATE_HZ)):
        yield Waveform(samples[start : start + round(block_seconds * RATE_HZ)], RATE_HZ, start / RATE_HZ)


def speech(spans):
    """What a detector says that is shown a stretch of a recording in which these are spoken."""

    def find(stretch):
        first, last = stretch[0].start_seconds, stretch[-1].end_seconds
        return [(max(start, first), min(end, last)) for start, end in spans if start < last and end > first]

    return find


def cut(seconds, spans, longest_seconds=30.0):
    parts = list(
        cut_windows(blocks(seconds), None if spans is None else speech(spans), longest_seconds=longest_seconds)
    )
    return [part for part in parts if isinstance(part, Waveform)], [part for part in parts if isinstance(part, Skipped)]


def test_a_short_recording_is_one_unchanged_window():
    windows, skipped = cut(20.0, [(2.0, 5.0), (8.0, 17.0)])
    assert [(window.start_seconds, window.end_seconds) for window in windows] == [(0.0, 20.0)]
    assert skipped == []


@pytest.mark.promise("F6")
def test_silence_gives_no_window_and_is_told():
    windows, skipped = cut(2000.0, [])
    assert windows == []
    assert skipped == [Skipped(0.0, 2000.0, "no speech")]


@pytest.mark.promise("F6")
def test_long_silences_are_left_out_and_told():
    windows, skipped = cut(100.0, [(20.0, 25.0), (60.0, 62.0)])
    assert [(window.start_seconds, window.end_seconds) for window in windows] == [(19.5, 25.5), (59.5, 62.5)]
    assert [(part.start_seconds, part.end_seconds) for part in skipped] == [(0.0, 19.5), (25.5, 59.5), (62.5, 100.0)]


@pytest.mark.parametrize("seed", range(8))
def test_every_moment_is_in_one_window_or_told_and_all_speech_is_in_windows(seed):
    random = np.random.default_rng(seed)
    borders = np.cumsum(random.exponential([3.0, 25.0, 8.0][seed % 3], 60)).round(2)
    spans = list(zip(borders[::2].tolist(), borders[1::2].tolist(), strict=True))
    seconds = round(float(borders[-1]) + float(random.uniform(0, 12)), 2)
    windows, skipped = cut(seconds, spans)
    parts = sorted((part.start_seconds, part.end_seconds) for part in [*windows, *skipped])
    assert parts[0][0] == 0.0 and parts[-1][1] == pytest.approx(seconds)
    assert [end for _, end in parts[:-1]] == pytest.approx([start for start, _ in parts[1:]], abs=1 / RATE_HZ)
    for window in windows:
        assert window.seconds <= 30.0 + 1 / RATE_HZ
        assert window.samples[0].item() == pytest.approx(window.start_seconds, abs=1.5 / RATE_HZ)
    for start, end in spans:
        for part in skipped:
            assert part.end_seconds <= start or part.start_seconds >= end
    assert all(part.end_seconds - part.start_seconds >= LONGEST_SILENCE_SECONDS - 1.1 for part in skipped)


def test_a_short_window_is_not_filled_with_the_silence_before_speech():
    windows, skipped = cut(20.0, [(4.7, 20.0)], longest_seconds=6.0)
    assert windows[0].start_seconds == pytest.approx(4.2)
    assert [(part.start_seconds, part.end_seconds) for part in skipped] == [(0.0, pytest.approx(4.2))]


@pytest.mark.parametrize("longest_seconds", [1.0, 6.0, 12.0])
@pytest.mark.parametrize("seed", range(4))
def test_no_window_of_any_length_is_silence_alone(seed, longest_seconds):
    borders = np.cumsum(np.random.default_rng(seed).exponential([2.0, 4.0][seed % 2], 80)).round(2)
    spans = list(zip(borders[::2].tolist(), borders[1::2].tolist(), strict=True))
    windows, skipped = cut(float(borders[-1]) + 3.0, spans, longest_seconds)
    for window in windows:
        assert any(start < window.end_seconds and end > window.start_seconds for start, end in spans)
        assert window.seconds <= longest_seconds + 1 / RATE_HZ
    parts = sorted((part.start_seconds, part.end_seconds) for part in [*windows, *skipped])
    assert [end for _, end in parts[:-1]] == pytest.approx([start for start, _ in parts[1:]], abs=1 / RATE_HZ)


def test_windows_end_in_silences_where_there_are_some():
    spans = [(start, start + 3.5) for start in np.arange(0.0, 400.0, 4.0)]
    windows, _ = cut(400.0, spans)
    ends = [window.end_seconds for window in windows[:-1]]
    assert all(end % 4.0 == pytest.approx(3.75, abs=0.02) for end in ends)
    assert len(windows) == pytest.approx(400 / 28, abs=1)


def test_speech_without_silence_is_cut_where_it_is_quietest():
    loud = torch.rand(90 * RATE_HZ) + 0.5
    loud[25 * RATE_HZ : 26 * RATE_HZ] = 0.01
    parts = list(cut_windows([Waveform(loud, RATE_HZ)], None, longest_seconds=30.0))
    assert 25.0 <= parts[0].end_seconds <= 26.0
    assert sum(len(part.samples) for part in parts) == len(loud)


def test_memory_does_not_grow_with_the_recording():
    held = []
    for spans in ([], [(0.0, 40000.0)]):
        for part in cut_windows(blocks(40000.0), speech(spans), longest_seconds=30.0):
            if isinstance(part, Waveform):
                held.append(part.samples.untyped_storage().nbytes() / 4 / RATE_HZ)
    assert max(held) < 700


def test_an_empty_stream_has_no_windows():
    assert list(cut_windows([], None, longest_seconds=30.0)) == []
