"""The loss that makes no logits against torch's own on all of them."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from toolkit.models import layers_output
from toolkit.models.layers_output import projected_cross_entropy

WORDS, WIDTH = 7, 5


def case(*shape: int, dtype: torch.dtype = torch.float64) -> tuple[list[Tensor], Tensor]:
    """Vectors, weight and bias that want gradients, and labels of which about a third are padding."""
    inputs = [
        torch.randn(*size, dtype=dtype, requires_grad=True) for size in ((*shape, WIDTH), (WORDS, WIDTH), (WORDS,))
    ]
    labels = torch.randint(0, WORDS, shape)
    return inputs, labels.masked_fill(torch.rand(shape) < 0.3, -100)


def reference(inputs: list[Tensor], labels: Tensor, smoothing: float) -> Tensor:
    logits = linear(*inputs).flatten(0, -2)
    return cross_entropy(logits, labels.flatten(), reduction="sum", label_smoothing=smoothing)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("rows_per_chunk", [1, 3, 5, 1000])
def test_loss_and_gradients_are_torchs_own_however_many_chunks_there_are(smoothing, rows_per_chunk, monkeypatch):
    monkeypatch.setattr(layers_output, "CHUNK_ELEMENTS", rows_per_chunk * WORDS)
    inputs, labels = case(4, 6)
    loss = projected_cross_entropy(*inputs, labels, label_smoothing=smoothing)
    expected = reference(inputs, labels, smoothing)
    assert torch.allclose(loss, expected)
    for found, wanted in zip(
        torch.autograd.grad(3 * loss, inputs), torch.autograd.grad(3 * expected, inputs), strict=True
    ):
        assert torch.allclose(found, wanted)
    with torch.no_grad():
        unlearnt = projected_cross_entropy(*inputs, labels, label_smoothing=smoothing)
    assert abs(unlearnt / expected - 1) < 1e-6


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gradients_are_the_slopes_of_the_loss(smoothing):
    inputs, labels = case(2, 3)
    assert torch.autograd.gradcheck(lambda *x: projected_cross_entropy(*x, labels, label_smoothing=smoothing), inputs)


@pytest.mark.parametrize("with_gradient", [True, False])
def test_nothing_to_predict_costs_nothing(with_gradient):
    inputs, labels = case(2, 3)
    with torch.set_grad_enabled(with_gradient):
        loss = projected_cross_entropy(*inputs, torch.full_like(labels, -100))
    assert loss == 0
    if with_gradient:
        assert not any(gradient.any() for gradient in torch.autograd.grad(loss, inputs))


def test_only_what_wants_a_gradient_gets_one():
    (vectors, weight, bias), labels = case(2, 3)
    weight.requires_grad_(False)
    projected_cross_entropy(vectors, weight, bias, labels).backward()
    assert weight.grad is None
    assert vectors.grad is not None


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_half_precision_by_autocast_stays_close(smoothing):
    inputs, labels = case(4, 6, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = projected_cross_entropy(*inputs, labels, label_smoothing=smoothing)
    expected = reference(inputs, labels, smoothing)
    assert loss.dtype == torch.float32
    assert abs(loss / expected - 1) < 0.02
    for found, wanted in zip(torch.autograd.grad(loss, inputs), torch.autograd.grad(expected, inputs), strict=True):
        assert (found - wanted).norm() / wanted.norm() < 0.05


def test_under_autocast_no_logits_are_kept_for_the_way_back():
    inputs, labels = case(40, 6, dtype=torch.float32)
    kept: list[torch.Size] = []

    def note(tensor: Tensor) -> Tensor:
        kept.append(tensor.shape)
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", dtype=torch.bfloat16):
        projected_cross_entropy(*inputs, labels)
    assert kept and not any(len(shape) == 2 and shape[1] == WORDS for shape in kept)
