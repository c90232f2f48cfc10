"""What the decoder reads while it learns: the target, its own choices, or some of both."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tests.models.tiny import SOS, TARGET_WORDS, sentences, targets, tiny_core

SOURCE, LABELS = sentences(5, 9, 1, 3), targets(3, 6, 2, 1)
NEARLY_ONE = 1 - 1e-9  # asks for the way of scheduled sampling, and never gets a choice of its own


def step_by_step(core: nn.Module, inputs: dict[str, Tensor], read: Tensor) -> Tensor:
    """Logits (B, T, V), one call and one label at a time."""
    encoded, state, logits = core.encode(**inputs), {}, []
    for label in read.unbind(1):
        vectors, _, state = core.decoder(label[:, None], encoded, state)
        logits.append(core.lm_head(vectors[:, 0]))
    return torch.stack(logits, 1)


def mean_loss(logits: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


def gradients(core: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    """By parameter, zeros where the loss does not depend on it."""
    found = torch.autograd.grad(loss, list(core.parameters()), allow_unused=True, materialize_grads=True)
    return dict(zip(dict(core.named_parameters()), found, strict=True))


@pytest.mark.promise("D1")
def test_a_whole_target_at_once_is_the_same_as_step_by_step(core):
    core.train()
    read = core.prepare_decoder_input_ids_from_labels(LABELS)
    losses = [core(**SOURCE, labels=LABELS).loss, mean_loss(step_by_step(core, SOURCE, read), LABELS)]
    core.teacher_forcing_ratio = NEARLY_ONE
    losses.append(core(**SOURCE, labels=LABELS).loss)
    first, *others = [(loss, gradients(core, loss)) for loss in losses]
    for loss, found in others:
        assert abs(loss - first[0]) < 1e-12
        for name, gradient in found.items():
            assert torch.allclose(gradient, first[1][name], atol=1e-10), name


def test_the_gradient_of_a_kept_graph_is_the_same_twice(core):
    loss = core.train()(**SOURCE, labels=LABELS).loss
    first = torch.autograd.grad(loss, list(core.parameters()), retain_graph=True, allow_unused=True)
    again = torch.autograd.grad(loss, list(core.parameters()), allow_unused=True)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True) if one is not None)


@pytest.mark.xfail(strict=True, reason="what the steps noted for the first gradient is counted again in the second")
def test_asking_for_one_gradient_first_changes_no_other():
    core = tiny_core(input_feeding=True).train()
    loss = core(**SOURCE, labels=LABELS).loss
    expected = torch.autograd.grad(loss, core.decoder.readout.weight, retain_graph=True)[0]
    torch.autograd.grad(loss, core.encoder.embed_tokens.weight, retain_graph=True)
    assert torch.allclose(torch.autograd.grad(loss, core.decoder.readout.weight)[0], expected)


@pytest.mark.promise("D1")
def test_by_default_what_the_model_would_have_chosen_changes_nothing_later(core):
    core.train()
    read = core.prepare_decoder_input_ids_from_labels(LABELS)
    before = core(**SOURCE, decoder_input_ids=read).logits
    losses = [core(**SOURCE, labels=LABELS[:, : step + 1]).loss for step in range(LABELS.shape[1])]
    favourite = 1e3 * torch.eye(TARGET_WORDS)[SOS].double()
    core.lm_head.bias.data += favourite  # now it would choose <sos> at every step
    after = core(**SOURCE, decoder_input_ids=read).logits
    assert (after.argmax(-1) == SOS).all() and not (before.argmax(-1) == SOS).all()
    assert torch.allclose(after - favourite, before, atol=1e-9)
    for step, loss in enumerate(losses):
        assert abs(loss - mean_loss(before[:, : step + 1], LABELS[:, : step + 1])) < 1e-12


@pytest.mark.promise("D1")
@torch.no_grad()
def test_a_label_changes_only_what_is_scored_at_its_step_and_read_after_it(core):
    other = LABELS.clone()
    other[:, 2] = 8
    plain = core(**SOURCE, decoder_input_ids=core.prepare_decoder_input_ids_from_labels(LABELS)).logits
    changed = core(**SOURCE, decoder_input_ids=core.prepare_decoder_input_ids_from_labels(other)).logits
    assert torch.allclose(changed[:, :3], plain[:, :3], atol=1e-12)
    assert ((changed - plain)[:, 3].abs().amax(-1) > 1e-6).all()


@pytest.mark.promise("D4")
def test_without_teacher_forcing_the_loss_is_that_of_reading_ones_own_choices(core):
    core.train().teacher_forcing_ratio = 0.0
    encoded, state, read, logits = core.encode(**SOURCE), {}, torch.full((4, 1), SOS), []
    for _ in range(LABELS.shape[1]):
        vectors, _, state = core.decoder(read, encoded, state)
        logits.append(core.lm_head(vectors[:, 0]))
        read = logits[-1].argmax(-1, keepdim=True)
    assert abs(core(**SOURCE, labels=LABELS).loss - mean_loss(torch.stack(logits, 1), LABELS)) < 1e-12
    assert abs(core(**SOURCE, labels=LABELS).loss - core.eval()(**SOURCE, labels=LABELS).loss) > 1e-3


@pytest.mark.promise("D4")
@pytest.mark.parametrize("probability", [0.25, 0.7])
@torch.no_grad()
def test_each_token_is_chosen_for_itself_with_the_given_probability(probability):
    """A choice that never stands in the target shows, row by row, which tokens the decoder has read."""
    core, rows, chosen = tiny_core(attention_type="additive"), 500, 11
    source = {name: tensor[:1].expand(rows, -1) for name, tensor in SOURCE.items()}
    read = torch.tensor([[SOS, 4, 5, 6, 7]])
    choose = (probability, lambda vectors, latest: torch.full((len(vectors), 1), chosen))
    vectors = core.decoder(read.expand(rows, -1), core.encode(**source), {}, choose=choose)[0]
    mixtures = torch.tensor([[False, *own] for own in product([False, True], repeat=4)])
    alone = {name: tensor[:1].expand(16, -1) for name, tensor in SOURCE.items()}
    candidates = core.decoder(torch.where(mixtures, chosen, read), core.encode(**alone), {})[0]
    distance = (vectors[:, None] - candidates[None]).abs().amax((2, 3))  # (rows, mixtures)
    assert (distance.amin(1) < 1e-9).all() and ((distance < 1e-9).sum(1) == 1).all()
    own = mixtures[distance.argmin(1)][:, 1:].double()
    deviation = (probability * (1 - probability) / rows) ** 0.5
    assert (own.mean(0) - probability).abs().max() < 4 * deviation
    both_of_two = (own[:, 1:] * own[:, :-1]).mean(0)  # neighbours are drawn independently
    assert (both_of_two - probability**2).abs().max() < 4 * 0.5 / rows**0.5


@pytest.mark.promise("D4")
def test_no_gradient_flows_through_a_choice():
    core = tiny_core(input_feeding=True).train()
    core.teacher_forcing_ratio = 0.0
    loss = core(**SOURCE, labels=LABELS).loss
    assert all(gradient.isfinite().all() for gradient in gradients(core, loss).values())


def test_choices_are_for_training_only():
    core = tiny_core()
    forced = core(**SOURCE, labels=LABELS).loss
    core.teacher_forcing_ratio = 0.0
    assert core(**SOURCE, labels=LABELS).loss == forced


@pytest.mark.parametrize("variational", [False, True])
@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_a_core_with_all_its_dropouts_learns(core, variational, ratio):
    kinds = ("embedding_dropout", "dropout", "output_dropout", "recurrent_dropout", "word_dropout")
    shares = dict.fromkeys(kinds, 0.3)
    model = tiny_core(**{**core.config.to_diff_dict(), **shares, "variational_dropout": variational}).train()
    model.teacher_forcing_ratio = ratio
    first, second = (model(**SOURCE, labels=LABELS).loss for _ in range(2))
    assert first != second
    assert all(gradient.isfinite().all() for gradient in gradients(model, first).values())


@pytest.mark.parametrize("kind", ["dropout", "output_dropout"])
@torch.no_grad()
def test_variational_dropout_drops_the_same_elements_at_every_step_and_the_other_kind_others(core, kind):
    for variational in (True, False):
        settings = {**core.config.to_diff_dict(), kind: 0.5, "variational_dropout": variational}
        model = tiny_core(**settings).train()
        model.decoder.readout.weight.copy_(torch.eye(8, 16))  # what is read out is the last layer's output
        model.decoder.readout.bias.zero_()
        dropped = model.decoder(torch.full((3, 6), 5), model.encode(**sentences(2, 2, 2)), {})[0] == 0
        assert 0.2 < dropped.double().mean() < 0.8
        assert (dropped == dropped[:, :1]).all() == variational


@pytest.mark.parametrize("items", [None, 40, torch.tensor(40)])
def test_the_loss_is_the_mean_over_real_labels_or_the_sum_over_a_given_number(items):
    core = tiny_core().train()
    expected = mean_loss(core.eval()(**SOURCE, labels=LABELS).logits, LABELS)
    divisor = LABELS.ne(-100).sum() if items is None else items
    found = core.train()(**SOURCE, labels=LABELS, num_items_in_batch=items).loss
    assert torch.allclose(found, expected * LABELS.ne(-100).sum() / divisor)


def test_labels_are_smoothed_while_training_only():
    core = tiny_core(label_smoothing=0.2)
    output = core(**SOURCE, labels=LABELS)
    assert torch.allclose(output.loss, mean_loss(output.logits, LABELS))
    smooth = cross_entropy(output.logits.flatten(0, 1), LABELS.flatten(), label_smoothing=0.2)
    trained = core.train()(**SOURCE, labels=LABELS)
    assert torch.allclose(trained.loss, smooth)
    assert trained.logits is None


@pytest.mark.promise("A3")
def test_one_batch_holds_pairs_of_very_different_lengths(core):
    source, labels = sentences(3, 40), targets(11, 2)
    together = core.train()(**source, labels=labels).loss
    alone = 0.0
    for row, (length, words) in enumerate(zip((3, 40), (12, 3), strict=True)):
        inputs = {name: tensor[row : row + 1, :length] for name, tensor in source.items()}
        alone += words * core(**inputs, labels=labels[row : row + 1, :words]).loss
    assert torch.allclose(together, alone / 15)
