"""Sound and frames know their time."""

import pytest
import torch

from toolkit.media.values import Clip, Waveform


@pytest.fixture
def waveform():
    return Waveform(torch.arange(32_000.0), 16_000, start_seconds=10.0)


def test_a_waveform_knows_when_it_begins_and_ends(waveform):
    assert (waveform.seconds, waveform.end_seconds) == (2.0, 12.0)


def test_a_cut_is_named_in_times_of_the_recording(waveform):
    part = waveform.cut(10.5, 11.0)
    assert (part.start_seconds, part.end_seconds) == (10.5, 11.0)
    assert part.samples.tolist() == list(range(8_000, 16_000))


def test_a_cut_reaches_no_further_than_the_waveform(waveform):
    assert waveform.cut(0.0, 99.0).samples.equal(waveform.samples)
    assert len(waveform.cut(0.0, 5.0).samples) == len(waveform.cut(20.0, float("inf")).samples) == 0


def test_cuts_that_meet_share_no_sample_and_leave_none_out(waveform):
    times = [10.0, 10.3333333, 10.70001, 11.99999, 12.0]
    parts = [waveform.cut(start, end) for start, end in zip(times, times[1:], strict=False)]
    assert torch.cat([part.samples for part in parts]).equal(waveform.samples)
    for before, after in zip(parts, parts[1:], strict=False):
        assert after.start_seconds == pytest.approx(before.end_seconds, abs=1e-9)


def test_a_cut_that_ends_before_it_begins_is_refused(waveform):
    with pytest.raises(ValueError, match="`start_seconds` must not lie after `end_seconds` \\(10.5\\), but is 11.0"):
        waveform.cut(11.0, 10.5)


def test_values_show_shapes_and_times_but_no_numbers(waveform):
    assert repr(waveform) == ("Waveform(samples=(32000,), sample_rate_hz=16000, start_seconds=10.0, end_seconds=12.0)")
    clip = Clip(torch.zeros(0, 3, 4, 4, dtype=torch.uint8), torch.zeros(0), 25.0)
    assert repr(clip) == "Clip(frames=(0, 3, 4, 4), seconds=none, frames_per_second=25.0)"
