"""Training recordings vary as the flags say, and nothing else does."""

import numpy as np
import pytest
import torch

from tests.adapters.conftest import tone
from toolkit import Transcription
from toolkit.adapters.audio.variation import with_noise
from toolkit.rows import encode

COLUMNS = ("file_name", "text")
TINY = {"sample_rate_hz": 8000, "mel_bins": 20, "hidden_size": 8, "embedding_size": 8}


def decibels(samples: torch.Tensor, noisy: torch.Tensor) -> float:
    """How far what was added lies below the sound."""
    return 10 * (samples.square().mean() / (noisy - samples).square().mean()).log10().item()


@pytest.mark.parametrize("loudness", [0.01, 0.5])
@pytest.mark.parametrize("snr_db", [0.0, 10.0, 35.0])
def test_noise_lies_as_far_below_the_recording_as_asked(snr_db, loudness):
    samples = loudness * torch.sin(torch.arange(80_000) * 0.3)
    noisy = with_noise(samples, snr_db, np.random.default_rng(0))
    assert decibels(samples, noisy) == pytest.approx(snr_db, abs=0.1)
    assert torch.equal(noisy, with_noise(samples, snr_db, np.random.default_rng(0)))
    assert not torch.equal(noisy, with_noise(samples, snr_db, np.random.default_rng(1)))


def test_noise_is_drawn_from_the_flag_to_thirty_decibels_below_it(split, tmp_path):
    rows = split([(tone(tmp_path / "a.wav", "low high " * 4), "low")], columns=COLUMNS)
    adapter = Transcription(**TINY, noise_snr_db=10)
    adapter.fit({"train": rows})
    row, heard = rows.dataset[0], []
    adapter._learner.inputs = lambda samples: heard.append(samples) or {}
    for seed in range(60):
        adapter.varied_inputs(row, np.random.default_rng(seed))
    below = [decibels(adapter._samples(row), samples) for samples in heard]
    assert 9.8 < min(below) < 14 and 36 < max(below) < 40.2


@pytest.mark.parametrize("flags", [{"noise_snr_db": 10}, {"speed_perturbation": True}, {"spec_augment": True}], ids=str)
def test_only_training_rows_vary(flags, recordings, split):
    rows = split(recordings, columns=COLUMNS)
    plain, varied = Transcription(**TINY), Transcription(**TINY, **flags)
    for adapter in (plain, varied):
        adapter.fit({"train": rows})
    expected, evaluated = encode(plain, rows), encode(varied, rows)
    places = range(len(recordings))
    for place in places:
        assert torch.equal(evaluated[place]["input_features"], expected[place]["input_features"])
    trained, seen = encode(varied, rows, seed=1), []
    for epoch in range(2):
        trained.set_epoch(epoch)
        seen.append([trained[place]["input_features"] for place in places])
    unvaried = [expected[place]["input_features"] for place in places]
    for one, other in (seen, (seen[0], unvaried)):
        changed = sum(not torch.equal(*pair) for pair in zip(one, other, strict=True))
        assert changed >= len(recordings) / 3
    assert trained.lengths("source").tolist() == expected.lengths("source").tolist()
