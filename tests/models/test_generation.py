"""One answer, whichever way it is asked for: with or without state, alone or in a batch, with or without padding."""

import pytest
import torch
from torch import Tensor

from tests.models.tiny import CORES, EOS, PAD, SOS, sentences, targets, tiny_core

LENGTHS = (5, 9, 1, 3)
BATCH = sentences(*LENGTHS)
STEPS = 12
SEARCHES = {
    "greedy": dict(),
    "beam": dict(num_beams=4, length_penalty=0.6),
    "n-best": dict(num_beams=3, num_return_sequences=3, early_stopping=True),
    "sampling": dict(do_sample=True, top_k=0, num_return_sequences=2),
}
TRIED = [
    pytest.param(search, id=name, marks=pytest.mark.slow if name == "beam" else ()) for name, search in SEARCHES.items()
]
CERTAIN = [search for search in TRIED if search.id != "sampling"]


def generate(core: torch.nn.Module, inputs: dict[str, Tensor], **search: object) -> Tensor:
    """Ids that the same random numbers lead to, without the filling after the end."""
    torch.manual_seed(3)
    return core.generate(**inputs, max_new_tokens=STEPS, **search)


def written(ids: Tensor) -> list[list[int]]:
    """Each row up to and with its end-of-sequence label."""
    rows = [row[1:] for row in ids.tolist()]
    return [row[: row.index(EOS) + 1] if EOS in row else row for row in rows]


def test_the_answers_compared_here_differ_in_words_and_length():
    answers = [written(generate(tiny_core(**choice.values[0]), BATCH)) for choice in CORES[::4]]
    assert all(len({tuple(row) for row in rows}) > 1 for rows in answers)
    assert sum(len({len(row) for row in rows}) > 1 for rows in answers) > len(answers) / 2


@pytest.mark.promise("C4")
@pytest.mark.parametrize("search", TRIED)
def test_the_state_that_is_carried_changes_nothing(core, search):
    assert torch.equal(generate(core, BATCH, **search), generate(core, BATCH, **search, use_cache=False))


@pytest.mark.promise("C4", "A3")
@pytest.mark.parametrize("search", CERTAIN)
def test_a_batch_gives_what_its_sentences_give_one_by_one(core, search):
    core, alone = core.float(), []
    for row, length in enumerate(LENGTHS):
        alone += written(generate(core, {"input_ids": BATCH["input_ids"][row : row + 1, :length]}, **search))
    assert written(generate(core, BATCH, **search)) == alone


@pytest.mark.promise("B3")
@pytest.mark.parametrize("search", TRIED)
def test_fifty_more_pads_change_no_word(core, search):
    padded = generate(core, sentences(*LENGTHS, extra=50), **search)
    assert written(padded) == written(generate(core, BATCH, **search))


@pytest.mark.promise("B3")
@torch.no_grad()
def test_fifty_more_pads_change_no_logit_no_loss_and_no_weight(core):
    labels = targets(3, 6, 2, 1)
    more = torch.cat([labels, torch.full((4, 50), -100)], 1)
    plain = core(**BATCH, labels=labels, output_attentions=True)
    padded = core(**sentences(*LENGTHS, extra=50), labels=more, output_attentions=True)
    assert torch.allclose(padded.logits[:, : labels.shape[1]], plain.logits, atol=1e-6)
    assert abs(padded.loss - plain.loss) < 1e-6
    if plain.cross_attentions is not None:
        steps, words = plain.cross_attentions[0].shape[2:]
        weights = padded.cross_attentions[0][:, :, :steps]
        assert torch.allclose(weights[..., :words], plain.cross_attentions[0], atol=1e-6)
        assert not weights[..., words:].any()


@pytest.mark.promise("C4")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@torch.no_grad()
def test_one_beam_is_greedy_is_a_loop_written_by_hand(core, dtype):
    encoded, state = core.to(dtype).encode(**BATCH), {}
    ids, ended = torch.full((len(LENGTHS), 1), SOS), torch.zeros(len(LENGTHS), dtype=torch.bool)
    while ids.shape[1] <= STEPS and not ended.all():
        vectors, _, state = core.decoder(ids[:, -1:], encoded, state)
        choice = core.lm_head(vectors[:, -1]).argmax(-1).masked_fill(ended, PAD)
        ids, ended = torch.cat([ids, choice[:, None]], 1), ended | (choice == EOS)
    assert torch.equal(generate(core, BATCH), ids)
    assert torch.equal(generate(core, BATCH, num_beams=1), ids)


@torch.no_grad()
def test_a_start_that_is_given_is_continued_as_if_it_had_been_written(core):
    start = torch.tensor([[SOS, 5, 8], [SOS, 8, 4], [SOS, 4, 4], [SOS, 9, 10]])
    ids = generate(core, BATCH, decoder_input_ids=start)
    assert torch.equal(ids[:, :3], start)
    logits = core(**BATCH, decoder_input_ids=ids[:, :-1]).logits
    open_rows = ids[:, 3:] != PAD
    assert torch.equal(ids[:, 3:][open_rows], logits[:, 2:].argmax(-1)[open_rows])


@torch.no_grad()
def test_the_steps_of_one_call_can_be_divided_among_several(core):
    read = targets(6, 6, 6, 6)[:, :6]
    encoded = core.encode(**BATCH)
    whole = core(encoder_outputs=encoded, decoder_input_ids=read, use_cache=True)
    state, parts = None, []
    for part in read.split((1, 3, 2), 1):
        output = core(encoder_outputs=encoded, decoder_input_ids=part, past_key_values=state, use_cache=True)
        state = output.past_key_values
        parts.append(output.logits)
    assert torch.allclose(torch.cat(parts, 1), whole.logits, atol=1e-12)
    assert state.get_seq_length() == whole.past_key_values.get_seq_length() == 6
    for name, tensor in whole.past_key_values.tensors.items():
        assert torch.allclose(state.tensors[name], tensor, atol=1e-12)


def test_only_the_last_steps_are_scored_where_only_they_are_wanted():
    core = tiny_core()
    whole = core(**BATCH, decoder_input_ids=torch.full((4, 5), SOS)).logits
    last = core(**BATCH, decoder_input_ids=torch.full((4, 5), SOS), logits_to_keep=2).logits
    assert torch.allclose(last, whole[:, 3:], atol=1e-12)


def test_sampling_draws_with_the_models_own_probabilities():
    core = tiny_core(attention_type="additive", input_feeding=True)
    one = {"input_ids": BATCH["input_ids"][:1, :5]}
    torch.manual_seed(4)
    drawn = core.generate(**one, do_sample=True, top_k=0, max_new_tokens=1, num_return_sequences=4000)[:, 1]
    shares = torch.bincount(drawn, minlength=core.config.vocab_size) / len(drawn)
    expected = core(**one, decoder_input_ids=torch.tensor([[SOS]])).logits[0, 0].softmax(-1)
    assert (shares - expected).abs().max() < 4 * 0.5 / 4000**0.5  # four standard deviations


def test_decoding_that_would_have_to_forget_steps_is_refused():
    core = tiny_core()
    with pytest.raises(ValueError, match="stateful"):
        core.generate(**sentences(4), assistant_model=tiny_core(), max_new_tokens=4)


@pytest.mark.parametrize("beams", [1, 3])
def test_unknown_generation_arguments_are_refused_by_name(beams):
    with pytest.raises(ValueError, match="beam_width"):
        tiny_core().generate(**sentences(4), beam_width=beams, max_new_tokens=4)


def test_unknown_model_inputs_are_refused_by_name():
    with pytest.raises(TypeError, match="label"):
        tiny_core()(**sentences(4), label=targets(3))


def test_neither_labels_nor_decoder_input_is_refused_with_the_way_out():
    with pytest.raises(
        ValueError, match="`decoder_input_ids` or `labels` must be given. To write freely call `generate`"
    ):
        tiny_core()(**sentences(4))
