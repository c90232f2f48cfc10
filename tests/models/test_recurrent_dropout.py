"""Recurrent weights that are left out while training, beside models without these weights."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.models.test_forcing import LABELS, NEARLY_ONE, SOURCE, gradients
from tests.models.tiny import CORES, tiny_core

SHARE = 0.4
cores = pytest.mark.parametrize("settings", CORES)


def recurrent_weights(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: weight for name, weight in model.named_parameters() if ".weight_hh" in name}


@cores
def test_a_batch_is_read_as_by_a_model_without_these_weights(settings):
    core = tiny_core(**settings, recurrent_dropout=SHARE).train()
    torch.manual_seed(3)
    loss = core(**SOURCE, labels=LABELS).loss
    found = gradients(core, loss)

    thinned = tiny_core(**settings)
    torch.manual_seed(3)
    masks = {name: F.dropout(torch.ones_like(weight), SHARE) for name, weight in recurrent_weights(thinned).items()}
    with torch.no_grad():
        for name, weight in recurrent_weights(thinned).items():
            weight *= masks[name]
    expected = thinned(**SOURCE, labels=LABELS).loss
    assert torch.allclose(loss, expected)
    for name, gradient in gradients(thinned, expected).items():
        assert torch.allclose(found[name], gradient * masks.get(name, 1), atol=1e-10), name
    dropped = torch.cat([mask.flatten() for mask in masks.values()]) == 0
    assert abs(dropped.double().mean() - SHARE) < 0.1


@cores
def test_step_by_step_the_same_weights_are_missing_at_every_step(settings):
    core, losses = tiny_core(**settings, recurrent_dropout=SHARE).train(), []
    for ratio in (1.0, NEARLY_ONE):
        torch.manual_seed(3)
        core.teacher_forcing_ratio = ratio
        losses.append(core(**SOURCE, labels=LABELS).loss)
    assert torch.allclose(*losses)


def test_the_next_batch_misses_others_and_nobody_misses_any_who_does_not_train():
    core = tiny_core(recurrent_dropout=SHARE)
    whole = core(**SOURCE, labels=LABELS).loss
    assert whole == tiny_core()(**SOURCE, labels=LABELS).loss
    core.train()
    assert len({core(**SOURCE, labels=LABELS).loss.item() for _ in range(4)} | {whole.item()}) == 5
    assert core.eval()(**SOURCE, labels=LABELS).loss == whole


def test_weights_are_missing_too_in_layers_whose_weights_were_replaced():
    core = tiny_core(recurrent_dropout=SHARE).train()
    for layer in (*core.encoder.layers, *core.decoder.layers):
        for name, weight in list(layer.named_parameters()):
            setattr(layer, name, nn.Parameter(weight.detach().clone()))
    losses = {core(**SOURCE, labels=LABELS).loss.item() for _ in range(4)}
    assert len(losses) == 4


@torch.no_grad()
def test_a_single_step_while_training_keeps_no_copy_of_weights_that_miss_some():
    core = tiny_core(recurrent_dropout=SHARE).float().train()
    encoded = core.encode(**SOURCE)
    first = torch.ones(len(LABELS), 1, dtype=torch.long)
    for _ in range(5):
        core.decoder(first, encoded, {})
    assert not core.decoder.decoding._copies


def test_weights_are_whole_again_after_a_batch_and_after_a_batch_that_failed():
    core = tiny_core(recurrent_dropout=SHARE).train()
    before = deepcopy(core.state_dict())
    core(**SOURCE, labels=LABELS).loss.backward()
    core.encoder.dropout.register_forward_hook(lambda *_: core.encoder.nothing)
    with pytest.raises(AttributeError):
        core(**SOURCE, labels=LABELS)
    for layer in (*core.encoder.layers, *core.decoder.layers):
        assert all(one is other for one, other in zip(layer._flat_weights, layer.parameters(), strict=True))
    assert all(torch.equal(weight, before[name]) for name, weight in core.state_dict().items())
