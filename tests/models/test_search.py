"""Beam search against the enumeration of everything that could be written, and the scores that it reports."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn

from tests.models.tiny import EOS, SOS, sentences, tiny_core

WORDS, STEPS = 6, 4  # <unk>, <sos>, <eos>, <pad> and two more; at most four of them in a row
BATCH = sentences(4, 2)


def everything(steps: int) -> list[list[int]]:
    """All sequences that end with the end-of-sequence label, or have the full length."""
    ended = [
        [*row, EOS]
        for length in range(steps)
        for row in product([word for word in range(WORDS) if word != EOS], repeat=length)
    ]
    return ended + [list(row) for row in product([word for word in range(WORDS) if word != EOS], repeat=steps)]


@torch.no_grad()
def log_probabilities(core: nn.Module, inputs: dict[str, Tensor], rows: list[list[int]]) -> list[float]:
    """Of each row, given one source: teacher-forced, all at once."""
    labels = torch.tensor([row + [-100] * (STEPS - len(row)) for row in rows])
    repeated = {name: tensor.expand(len(rows), -1) for name, tensor in inputs.items()}
    scores = core(**repeated, decoder_input_ids=core.prepare_decoder_input_ids_from_labels(labels)).logits
    chosen = scores.log_softmax(-1).gather(-1, labels.clamp(min=0)[..., None]).squeeze(-1)
    return chosen.masked_fill(labels == -100, 0.0).sum(1).tolist()


@pytest.mark.promise("C4")
@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_a_beam_as_wide_as_the_vocabulary_allows_finds_what_enumeration_finds(core, length_penalty):
    small = tiny_core(**{**core.config.to_diff_dict(), "vocab_size": WORDS, "source_vocab_size": 20})
    rows = everything(STEPS)
    output = small.generate(
        **BATCH,
        num_beams=WORDS ** (STEPS - 1),
        num_return_sequences=5,
        max_new_tokens=STEPS,
        length_penalty=length_penalty,
        early_stopping="never",
        return_dict_in_generate=True,
        output_scores=True,
    )
    for sentence in range(2):
        inputs = {name: tensor[sentence : sentence + 1] for name, tensor in BATCH.items()}
        scores = log_probabilities(small, inputs, rows)
        scored = sorted(
            ((score / len(row) ** length_penalty, row) for score, row in zip(scores, rows, strict=True)), reverse=True
        )
        found = output.sequences[5 * sentence : 5 * sentence + 5, 1:].tolist()
        for (score, row), ids, reported in zip(scored, found, output.sequences_scores[5 * sentence :], strict=False):
            assert ids[: len(row)] == row
            assert abs(reported - score) < 1e-4


def test_the_enumeration_leaves_nothing_out():
    probability = torch.tensor(
        log_probabilities(tiny_core(vocab_size=WORDS), {"input_ids": BATCH["input_ids"][:1]}, everything(STEPS))
    )
    assert abs(probability.exp().sum() - 1) < 1e-5
    assert len(everything(STEPS)) == 1 + 5 + 25 + 125 + 625


@pytest.mark.promise("C4")
@pytest.mark.parametrize("search", [dict(), dict(num_beams=4, num_return_sequences=2, length_penalty=0.7)], ids=str)
@torch.no_grad()
def test_scores_that_are_reported_are_the_models_own(core, search):
    batch = sentences(5, 9, 1)
    output = core.generate(**batch, **search, max_new_tokens=8, return_dict_in_generate=True, output_scores=True)
    beams = output.get("beam_indices")
    steps = core.compute_transition_scores(output.sequences, output.scores, beams, normalize_logits=beams is None)
    ids = output.sequences[:, 1:]
    real = (ids == EOS).cumsum(1) - (ids == EOS).long() == 0
    copies = len(ids) // 3
    inputs = {name: tensor.repeat_interleave(copies, 0) for name, tensor in batch.items()}
    own = core(**inputs, decoder_input_ids=output.sequences[:, :-1]).logits.log_softmax(-1)
    own = own.gather(-1, ids[..., None]).squeeze(-1)
    assert torch.allclose(steps[real], own[real].to(steps.dtype), atol=1e-5)
    if beams is not None:
        total = own.masked_fill(~real, 0.0).sum(1) / real.sum(1) ** 0.7
        assert torch.allclose(output.sequences_scores.double(), total, atol=1e-5)


def test_every_hypothesis_starts_with_the_start_of_sequence():
    assert set(tiny_core().generate(**BATCH, num_beams=2, max_new_tokens=3)[:, 0].tolist()) == {SOS}
