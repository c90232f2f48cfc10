"""Two readings of a batch that should agree, beside readings made one by one."""

import pytest
import torch
from torch.nn.functional import kl_div

from tests.models.test_forcing import LABELS, SOURCE, gradients
from tests.models.tiny import CORES, tiny_core

WEIGHT = 3.0
cores = pytest.mark.parametrize("settings", CORES)


@cores
def test_readings_without_dropout_agree_and_cost_nothing_more(settings):
    plain, twice = tiny_core(**settings).train(), tiny_core(**settings, r_drop=WEIGHT).train()
    for items in (None, 40, torch.tensor(40)):
        losses = [core(**SOURCE, labels=LABELS, num_items_in_batch=items).loss for core in (plain, twice)]
        assert torch.allclose(*losses)
    expected = gradients(plain, losses[0])
    assert all(torch.allclose(found, expected[name]) for name, found in gradients(twice, losses[1]).items())


def test_the_loss_is_the_mean_of_both_readings_and_what_they_disagree():
    """Two readings of a batch of two rows are one of four rows, whose dropout is drawn in the same order."""
    core = tiny_core(dropout=0.3, output_dropout=0.3, embedding_dropout=0.3, r_drop=WEIGHT).train()
    torch.manual_seed(3)
    loss = core(**SOURCE, labels=LABELS).loss
    torch.manual_seed(3)
    core.config.r_drop = 0.0
    kept = []
    core.decoder.register_forward_hook(lambda _, __, output: kept.append(output[0]))
    doubled = {name: torch.cat([rows, rows]) for name, rows in SOURCE.items()}
    mean = core(**doubled, labels=torch.cat([LABELS, LABELS])).loss
    p, q = (rows[LABELS != -100].log_softmax(-1) for rows in core.lm_head(kept[0]).chunk(2))
    apart = [kl_div(one, other, log_target=True, reduction="sum") for one, other in ((p, q), (q, p))]
    assert not torch.allclose(p, q)
    assert torch.allclose(loss, mean + WEIGHT / 2 * sum(apart) / 2 / LABELS.ne(-100).sum())


def test_what_is_not_trained_is_read_once():
    core, plain = tiny_core(r_drop=WEIGHT, dropout=0.3), tiny_core(dropout=0.3)
    outputs = [model(**SOURCE, labels=LABELS) for model in (core, plain)]
    assert outputs[0].loss == outputs[1].loss and torch.equal(outputs[0].logits, outputs[1].logits)
    assert len(core.train()(**SOURCE, decoder_input_ids=LABELS.clamp(min=0)).logits) == len(LABELS)
