"""The encoder against torch's own packed recurrences, and the context that it hands on."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from tests.models.tiny import PAD, SOURCE_WORDS, sentences, tiny_core
from toolkit.models.layers_padded import run_padded

LENGTHS = (3, 7, 1, 5)


def packed(layer: nn.RNNBase, vectors: Tensor, lengths: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """What torch's multi-layer network gives for rows of these lengths: outputs and final states."""
    sequence: PackedSequence = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
    output, final = layer(sequence)
    final = final if isinstance(final, tuple) else (final,)
    return pad_packed_sequence(output, batch_first=True)[0], final


def twin(encoder: nn.Module) -> nn.RNNBase:
    """The same weights in one network of torch."""
    first = encoder.layers[0]
    whole = type(first)(
        first.input_size, first.hidden_size, len(encoder.layers), batch_first=True, bidirectional=first.bidirectional
    )
    state = {
        name.replace("l0", f"l{depth}"): weight
        for depth, layer in enumerate(encoder.layers)
        for name, weight in layer.state_dict().items()
    }
    whole.double().load_state_dict(state)
    return whole


@pytest.mark.promise("A6", "A12")
@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [True, False])
@torch.no_grad()
def test_states_are_those_of_torchs_own_packed_network(cell_type, layers, bidirectional):
    encoder = tiny_core(cell_type=cell_type, num_hidden_layers=layers, bidirectional=bidirectional).encoder
    batch = sentences(*LENGTHS)
    encoded = encoder(**batch)
    output, final = packed(twin(encoder), encoder.embed_tokens(batch["input_ids"]), torch.tensor(LENGTHS))
    ways = 2 if bidirectional else 1
    assert torch.allclose(encoded.last_hidden_state, output, atol=1e-12)
    for context, state in zip((encoded.context, encoded.context_cell), final, strict=False):
        assert torch.allclose(context, torch.cat(list(state[-ways:]), -1), atol=1e-12)
    assert (encoded.context_cell is None) == (cell_type == "gru")


@pytest.mark.promise("A12")
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_rows_that_are_not_packed_give_states_and_gradients_of_rows_that_are(kind, bidirectional, dtype):
    layer = kind(6, 8, batch_first=True, bidirectional=bidirectional).to(dtype)
    vectors, lengths = torch.randn(5, 9, 6, dtype=dtype, requires_grad=True), torch.tensor([3, 9, 1, 8, 5])
    vectors.data[0, 3:] = torch.nan  # padding may be anything

    def gradients(run: Callable) -> list[Tensor]:
        output, final = run(layer, vectors, lengths)
        everything = [output, *(final if isinstance(final, tuple) else (final,))]
        sum((tensor * torch.arange(tensor.numel()).view_as(tensor)).sum() for tensor in everything).backward()
        found = [parameter.grad.clone() for parameter in (vectors, *layer.parameters())]
        layer.zero_grad()
        vectors.grad = None
        return [tensor.detach() for tensor in (*everything, *found)]

    accuracy = 1e-10 if dtype == torch.float64 else 1e-4
    for ours, torchs in zip(gradients(run_padded), gradients(packed), strict=True):
        assert torch.allclose(ours, torchs, atol=accuracy * float(torchs.abs().max()))


@pytest.mark.promise("A12")
@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
@torch.no_grad()
def test_the_context_is_each_rows_state_at_its_own_last_step_in_both_directions(cell_type):
    encoded = tiny_core(attention_type="none", cell_type=cell_type).encode(**sentences(*LENGTHS, extra=4))
    for row, length in enumerate(LENGTHS):
        there, back = encoded.last_hidden_state[row].chunk(2, -1)
        assert torch.equal(encoded.context[row], torch.cat([there[length - 1], back[0]]))
        assert not encoded.last_hidden_state[row, length:].any()


@pytest.mark.promise("A13")
@torch.no_grad()
def test_the_context_of_three_steps_is_as_large_as_that_of_three_hundred(core):
    short, long = core.encode(**sentences(3)), core.encode(**sentences(300))
    assert short.context.shape == long.context.shape == (1, core.config.hidden_size)
    for name in ("hidden", "cell") if core.config.cell_type == "lstm" else ("hidden",):
        shapes = {core.decoder.start(encoded, 1)[name].shape for encoded in (short, long)}
        assert shapes == {(1, core.config.num_hidden_layers, core.config.hidden_size)}


@torch.no_grad()
def test_without_a_mask_everything_but_padding_is_real(core):
    batch = sentences(*LENGTHS)
    with_mask, without = core.encode(**batch), core.encode(input_ids=batch["input_ids"])
    assert torch.equal(with_mask.context, without.context)
    assert torch.equal(with_mask.attention_mask, without.attention_mask)


@torch.no_grad()
def test_word_vectors_can_be_given_in_place_of_words():
    core, batch = tiny_core(), sentences(4, 4)
    vectors = core.encoder.embed_tokens(batch["input_ids"])
    assert torch.equal(core.encode(inputs_embeds=vectors).keys, core.encode(**batch).keys)


def test_padding_on_the_left_is_refused_with_the_way_out():
    batch = {name: tensor.flip(1) for name, tensor in sentences(4, 2).items()}
    message = "`attention_mask` must be 1 at the start of a row and 0 after its end, but has a 0 before a 1. Pad on"
    for refused in (batch, {"input_ids": batch["input_ids"]}):
        with pytest.raises(ValueError, match=message):
            tiny_core().encode(**refused)
        with pytest.raises(ValueError, match=message):
            tiny_core().generate(**refused, max_new_tokens=2)


def test_an_input_that_the_encoder_does_not_know_is_refused_by_name():
    with pytest.raises(TypeError, match="attn_mask"):
        tiny_core().encode(**sentences(3), attn_mask=torch.ones(1, 3))


@torch.no_grad()
def test_a_row_that_is_all_padding_disturbs_no_other():
    core, batch = tiny_core(attention_type="additive"), sentences(4, 2)
    ids = torch.cat([batch["input_ids"], torch.full((1, 4), PAD)])
    encoded = core.encode(input_ids=ids)
    assert all(tensor.isfinite().all() for tensor in encoded.values())
    assert torch.allclose(encoded.context[:2], core.encode(**batch).context, atol=1e-12)


@torch.no_grad()
def test_source_words_beyond_the_targets_vocabulary_are_read():
    core = tiny_core()
    assert core.encode(input_ids=torch.tensor([[SOURCE_WORDS - 1]])).context.shape == (1, core.config.hidden_size)
