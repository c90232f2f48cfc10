"""Attention maps: one row for each word that was written, over all source words, as the model really looked."""

import pytest
import torch

from tests.models.tiny import EOS, sentences, tiny_core
from toolkit.models import ATTENTION_TYPES

LENGTHS = (5, 9, 1, 3)
BATCH = sentences(*LENGTHS, extra=2)
BEAMS = dict(num_beams=3, num_return_sequences=2)
KINDS = [kind for kind in ATTENTION_TYPES if kind != "none"]


def looked(output: object, steps: int) -> torch.Tensor:
    """(sequences, T, S): where each finished sequence looked, following its hypothesis back through the beams."""
    rows = output.get("beam_indices")
    maps = [step[0][:, 0, -1] for step in output.cross_attentions[:steps]]
    if rows is None:
        return torch.stack(maps, 1)
    return torch.stack([weights[rows[:, step].clamp(min=0)] for step, weights in enumerate(maps)], 1)


@pytest.mark.promise("B1", "B3")
@pytest.mark.parametrize("search", [dict(), BEAMS, dict(BEAMS, do_sample=True)], ids=["greedy", "beam", "sampled beam"])
@torch.no_grad()
def test_each_word_that_is_written_has_its_weights_over_the_source(core, search):
    output = core.generate(**BATCH, **search, max_new_tokens=7, return_dict_in_generate=True, output_attentions=True)
    if core.config.attention_type == "none":
        assert not any(output.cross_attentions)
        return
    copies = len(output.sequences) // len(LENGTHS)
    steps = output.sequences.shape[1] - 1
    weights = looked(output, steps)
    assert weights.shape == (len(output.sequences), steps, BATCH["input_ids"].shape[1])
    ids = output.sequences[:, 1:]
    real = ((ids == EOS).cumsum(1) - (ids == EOS).long() == 0)[..., None]
    padding = BATCH["attention_mask"].repeat_interleave(copies, 0)[:, None] == 0
    assert ((weights == 0.0) | ~padding | ~real).all()
    assert torch.allclose(weights.sum(-1), torch.ones(1).double(), atol=1e-6)
    inputs = {name: tensor.repeat_interleave(copies, 0) for name, tensor in BATCH.items()}
    read = core(**inputs, decoder_input_ids=output.sequences[:, :-1], output_attentions=True)
    assert torch.allclose(weights * real, read.cross_attentions[0][:, 0] * real, atol=1e-9)


@pytest.mark.promise("B1")
@torch.no_grad()
def test_the_state_that_is_carried_changes_no_map(core):
    search = dict(max_new_tokens=5, return_dict_in_generate=True, output_attentions=True)
    with_state, without = (core.generate(**BATCH, **search, use_cache=use) for use in (True, False))
    for one, other in zip(with_state.cross_attentions, without.cross_attentions, strict=True):
        if core.config.attention_type == "none":
            assert one is other is None
        else:
            assert torch.allclose(one[0][:, :, -1], other[0][:, :, -1], atol=1e-12)


@pytest.mark.promise("B3")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@torch.no_grad()
def test_rows_sum_to_one_and_padding_is_zero_in_every_precision(kind, dtype):
    core = tiny_core(attention_type=kind).to(dtype)
    ids = torch.cat([BATCH["input_ids"], torch.full_like(BATCH["input_ids"][:1], 3)])  # the last row is all padding
    read = torch.full((5, 3), 4)
    weights = core(input_ids=ids, decoder_input_ids=read, output_attentions=True).cross_attentions[0][:, 0]
    assert weights.isfinite().all()
    assert not weights[4].any()
    for row, length in enumerate(LENGTHS):
        assert not weights[row, :, length:].any()
        assert torch.allclose(
            weights[row].sum(-1).float(), torch.ones(3), atol=1e-2 if dtype == torch.bfloat16 else 1e-6
        )


@torch.no_grad()
def test_maps_come_only_where_they_are_asked_for():
    core = tiny_core(attention_type="additive")
    assert core(**BATCH, decoder_input_ids=torch.full((4, 2), 4)).cross_attentions is None
    assert core.generate(**BATCH, max_new_tokens=2, return_dict_in_generate=True).get("cross_attentions") is None
