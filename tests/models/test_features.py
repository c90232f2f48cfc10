"""Vectors in place of words: frames of sound or film, whatever an adapter puts before the core."""

import pytest
import torch
from torch import Tensor, nn

from tests.models.tiny import EOS, tiny_core
from toolkit.models import RecurrentSeq2SeqConfig, RecurrentSeq2SeqForConditionalGeneration

WIDTH = 4
FEATURES, MASK = (
    torch.randn(3, 6, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(6)),
    torch.ones(3, 6),
)
MASK[1, 4:] = MASK[2, 1:] = 0


def reader(**settings: object) -> nn.Module:
    return tiny_core(source_vocab_size=None, input_feature_size=WIDTH, **settings)


@torch.no_grad()
def test_padded_frames_change_nothing(core):
    settings = {**core.config.to_diff_dict(), "source_vocab_size": None, "input_feature_size": WIDTH}
    model = tiny_core(**settings)
    search = dict(max_new_tokens=6, num_beams=2)
    together = model.generate(input_features=FEATURES, attention_mask=MASK, **search)
    for row, length in enumerate(MASK.sum(1).int()):
        alone = model.generate(input_features=FEATURES[row : row + 1, :length], **search)[0]
        assert torch.equal(together[row, : len(alone)], alone)
    noisy = torch.where(MASK[..., None] > 0, FEATURES, 1e3)
    assert torch.equal(model.generate(input_features=noisy, attention_mask=MASK, **search), together)


@torch.no_grad()
def test_a_context_of_frames_can_be_handed_on():
    model = reader()
    encoded = model.encode(input_features=FEATURES, attention_mask=MASK)
    assert torch.equal(
        model.generate(encoder_outputs=encoded, max_new_tokens=6),
        model.generate(input_features=FEATURES, attention_mask=MASK, max_new_tokens=6),
    )


def test_the_model_says_what_it_reads():
    assert reader().main_input_name == reader().encoder.main_input_name == "input_features"
    assert tiny_core().main_input_name == tiny_core().encoder.main_input_name == "input_ids"


@pytest.mark.parametrize("attention_type", ["general", pytest.param("location", marks=pytest.mark.slow)])
def test_noisy_vectors_are_learnt_as_labels(attention_type):
    """Each label sounds like one direction of space, for two steps of time."""
    sounds = torch.linalg.qr(torch.randn(8, 8))[0]

    def batch(rows: int) -> tuple[Tensor, Tensor]:
        labels = torch.randint(4, 12, (rows, 4))
        frames = sounds[labels - 4].repeat_interleave(2, 1) + 0.1 * torch.randn(rows, 8, 8)
        return frames, torch.cat([labels, torch.full((rows, 1), EOS)], 1)

    model = RecurrentSeq2SeqForConditionalGeneration(
        RecurrentSeq2SeqConfig(
            vocab_size=12, input_feature_size=8, embedding_size=16, hidden_size=32, attention_type=attention_type
        )
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(120):
        frames, labels = batch(32)
        model(input_features=frames, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    frames, labels = batch(100)
    written = model.eval().generate(input_features=frames, max_new_tokens=6)[:, 1:6]
    assert (written == labels).all(1).double().mean() >= 0.9
