"""Training in reduced precision beside the same step in single precision."""

import pytest
import torch
from torch.nn.functional import cosine_similarity

from tests.models.test_forcing import LABELS, NEARLY_ONE, SOURCE, gradients
from tests.models.tiny import CORES, tiny_core


@pytest.mark.parametrize("settings", CORES)
@pytest.mark.parametrize("ratio", [1.0, NEARLY_ONE], ids=["in one go", "step by step"])
def test_a_step_under_autocast_goes_where_one_in_single_precision_goes(settings, ratio):
    core = tiny_core(**settings, label_smoothing=0.1).float().train()
    with torch.no_grad():
        for weight in core.parameters():
            weight.mul_(0.3)
    core.teacher_forcing_ratio = ratio
    expected = core(**SOURCE, labels=LABELS).loss
    wanted = gradients(core, expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = core(**SOURCE, labels=LABELS).loss
    found = gradients(core, loss)
    assert loss.dtype == torch.float32 and abs(loss / expected - 1) < 0.02
    assert all(gradient.dtype == torch.float32 for gradient in found.values())
    together = [torch.cat([all_of[name].flatten() for name in wanted]) for all_of in (found, wanted)]
    assert cosine_similarity(*together, 0) > 0.995
