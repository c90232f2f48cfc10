"""What reaches the decoder: the whole source, before the first word, through the context and through attention."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from tests.models.tiny import SOS, sentences, tiny_core
from toolkit.run_folder import count_parameters

BATCH = sentences(5, 9, 2, 3)
START = torch.full((4, 1), SOS)
SEARCHES = [dict(), dict(num_beams=3, num_return_sequences=2), dict(do_sample=True)]


@pytest.mark.promise("A5")
@torch.no_grad()
def test_another_last_source_word_changes_the_first_output_distribution(core):
    ids = BATCH["input_ids"].clone()
    last = BATCH["attention_mask"].sum(1, keepdim=True) - 1
    ids.scatter_(1, last, 4 + (ids.gather(1, last) - 3) % 16)
    first = core(**BATCH, decoder_input_ids=START).logits.softmax(-1)
    other = core(**{**BATCH, "input_ids": ids}, decoder_input_ids=START).logits.softmax(-1)
    assert ((first - other).abs().sum((1, 2)) > 1e-4).all()


@pytest.mark.promise("A10")
@pytest.mark.parametrize("search", SEARCHES, ids=str)
@torch.no_grad()
def test_a_context_that_is_taken_and_handed_on_gives_the_same_answer(core, search):
    answers = []
    for inputs in (BATCH, {"encoder_outputs": core.encode(**BATCH)}):
        torch.manual_seed(5)
        answers.append(core.generate(**inputs, **search, max_new_tokens=8))
    assert torch.equal(*answers)


@torch.no_grad()
def test_what_was_encoded_stays_as_it_was_while_it_is_decoded(core):
    encoded = core.encode(**BATCH)
    before = {name: tensor.clone() for name, tensor in encoded.items()}
    core.generate(encoder_outputs=encoded, num_beams=3, max_new_tokens=5)
    assert all(torch.equal(tensor, before[name]) for name, tensor in encoded.items())


def changed(encoded: object, core: nn.Module, **tensors: Tensor) -> Tensor:
    """By how much the output moves, per sentence, when parts of the encoder's output are replaced."""
    read = torch.tensor([[SOS, 7, 5]]).expand(4, -1)
    plain = core(encoder_outputs=encoded, decoder_input_ids=read).logits
    return (core(encoder_outputs=dataclasses.replace(encoded, **tensors), decoder_input_ids=read).logits - plain).abs()


@pytest.mark.promise("A11")
@torch.no_grad()
def test_other_encoder_outputs_reach_the_decoder_through_attention_only(core):
    encoded = core.encode(**BATCH)
    noise = torch.randn_like(encoded.last_hidden_state)
    moved = changed(encoded, core, last_hidden_state=noise, keys=core.encoder.project_keys(noise)).sum((1, 2))
    if core.config.attention_type == "none":
        assert not moved.any()
    else:
        assert (moved > 1e-4).all()


@pytest.mark.promise("A11")
@torch.no_grad()
def test_the_final_state_always_reaches_it(core):
    encoded = core.encode(**BATCH)
    assert (changed(encoded, core, context=encoded.context + 1).sum((1, 2)) > 1e-4).all()
    if encoded.context_cell is not None:
        assert (changed(encoded, core, context_cell=encoded.context_cell + 1).sum((1, 2)) > 1e-4).all()


@pytest.mark.promise("A2")
def test_encoder_and_decoder_share_no_parameter(core):
    encoder, decoder = ({id(weight) for weight in part.parameters()} for part in (core.encoder, core.decoder))
    assert not encoder & decoder
    counts = count_parameters(core)
    assert "shared" not in counts
    assert counts["encoder"] == sum(weight.numel() for weight in core.encoder.parameters())
    assert counts["decoder"] == sum(weight.numel() for weight in core.decoder.parameters())
    assert counts["all"] == counts["encoder"] + counts["decoder"] + counts["output layer"]


@pytest.mark.promise("A2")
@pytest.mark.parametrize("share", [False, True])
def test_what_is_tied_on_request_is_counted_once_and_under_its_own_name(share):
    settings = dict(source_vocab_size=None, vocab_size=20) if share else {}
    core = tiny_core(tie_word_embeddings=True, share_embeddings=share, **settings)
    words = core.decoder.embed_tokens.weight
    assert core.lm_head.weight is words
    assert (core.encoder.embed_tokens.weight is words) == share
    counts = count_parameters(core)
    assert counts["shared"] == words.numel()
    assert counts["all"] == sum(weight.numel() for weight in core.parameters())
    assert counts["all"] == sum(count for part, count in counts.items() if part != "all")


@pytest.mark.promise("A6")
@pytest.mark.parametrize("layers", [1, 2])
def test_a_gru_has_three_quarters_of_the_recurrent_parameters_of_an_lstm(layers):
    def recurrent(cell_type: str) -> dict[str, int]:
        core = tiny_core(cell_type=cell_type, num_hidden_layers=layers)
        stacks = {"encoder": core.encoder.layers, "decoder": core.decoder.layers}
        return {name: sum(weight.numel() for weight in stack.parameters()) for name, stack in stacks.items()}

    lstm, gru = recurrent("lstm"), recurrent("gru")
    assert {name: 3 * count / 4 for name, count in lstm.items()} == gru
