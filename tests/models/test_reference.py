"""The model against a second one that was written without tensors of sentences or steps."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.models import reference
from tests.models.tiny import PAD, SOS, sentences, targets, tiny_core

SOURCE, LABELS = sentences(5, 3, 1), targets(3, 4, 1)


@pytest.mark.promise("A6")
@torch.no_grad()
def test_every_core_computes_what_the_papers_say(core):
    output = core(**SOURCE, labels=LABELS, output_attentions=True)
    read = core.prepare_decoder_input_ids_from_labels(LABELS)
    for row, length in enumerate(SOURCE["attention_mask"].sum(1)):
        logits, weights = reference.decode(core, SOURCE["input_ids"][row, :length], read[row])
        assert torch.allclose(output.logits[row], logits, atol=1e-10)
        if weights is None:
            assert output.cross_attentions is None
        else:
            assert torch.allclose(output.cross_attentions[0][row, 0, :, :length], weights, atol=1e-10)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_every_core_learns_along_the_gradients_that_follow_from_it(core, smoothing):
    core.config.label_smoothing = smoothing
    core.train()(**SOURCE, labels=LABELS).loss.backward()
    found = {name: weight.grad for name, weight in core.named_parameters()}
    core.zero_grad(set_to_none=True)
    read, losses = core.prepare_decoder_input_ids_from_labels(LABELS), []
    for row, length in enumerate(SOURCE["attention_mask"].sum(1)):
        logits, _ = reference.decode(core, SOURCE["input_ids"][row, :length], read[row])
        losses.append(cross_entropy(logits, LABELS[row], reduction="sum", label_smoothing=smoothing))
    (sum(losses) / LABELS.ne(-100).sum()).backward()
    for name, weight in core.named_parameters():
        expected = torch.zeros_like(weight) if weight.grad is None else weight.grad
        assert torch.allclose(torch.zeros_like(weight) if found[name] is None else found[name], expected, atol=1e-9), (
            name
        )


@pytest.mark.parametrize(
    "settings",
    [
        dict(bidirectional=False),
        dict(num_hidden_layers=2, num_encoder_layers=1),
        dict(num_encoder_layers=3),
        dict(tie_word_embeddings=True, input_feeding=True),
        dict(tie_word_embeddings=True, share_embeddings=True, source_vocab_size=None, vocab_size=20),
    ],
    ids=str,
)
@torch.no_grad()
def test_so_does_a_core_with_another_choice(settings):
    core = tiny_core(attention_type="additive", **settings)
    output = core(**SOURCE, labels=LABELS)
    read = core.prepare_decoder_input_ids_from_labels(LABELS)
    logits, _ = reference.decode(core, SOURCE["input_ids"][1, :3], read[1])
    assert torch.allclose(output.logits[1], logits, atol=1e-10)


def test_the_decoder_reads_the_target_one_step_late():
    read = tiny_core().prepare_decoder_input_ids_from_labels(
        torch.tensor([[7, 8, 2], [9, 2, -100], [-100, -100, -100]])
    )
    assert read.tolist() == [[SOS, 7, 8], [SOS, 9, 2], [SOS, PAD, PAD]]
