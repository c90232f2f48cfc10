"""The attentions against cases that were worked out by hand: two questions to three source steps."""

from math import exp, tanh

import pytest
import torch
from torch import Tensor, nn

from toolkit.models import ATTENTION_TYPES
from toolkit.models.layers_attention import make_attention, make_key_projection, weigh

QUERY = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
SOURCE = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
REAL, FIRST_TWO, NOTHING = (torch.tensor([row], dtype=torch.bool) for row in ([1, 1, 1], [1, 1, 0], [0, 0, 0]))
ADDED = [[tanh(2) + tanh(0), tanh(1) + tanh(1), tanh(2) + tanh(1)], [tanh(1) + tanh(2), tanh(3), tanh(1) + tanh(3)]]
SCORES = {
    "dot": [[1, 0, 1], [0, 2, 2]],
    "general": [[0, 1, 1], [2, 0, 2]],  # its key matrix swaps the two elements
    "additive": ADDED,
    "location": ADDED,  # nothing was seen yet
}


def plain(kind: str, *, heads: int = 1) -> nn.Module:
    """An attention whose matrices are the identity and whose energy is the sum of both elements.

    For "location" the first element also counts how much the step itself was seen, the second the step before it.
    """
    attention = make_attention(kind, 2, heads)
    with torch.no_grad():
        for name, weight in attention.named_parameters():
            weight.copy_(torch.eye(*weight.shape) if weight.dim() == 2 else torch.zeros_like(weight))
            if name == "energy.weight":
                weight.fill_(1.0)
            elif name == "convolve.weight":
                weight[0, 0, 7] = weight[1, 0, 6] = 1.0
    return attention


def by_hand(scores: list[list[float]]) -> list[list[float]]:
    """Weights that follow from scores, as fractions of exponentials."""
    return [[exp(score) / sum(map(exp, row)) for score in row] for row in scores]


def mean_of_source(weights: list[list[float]]) -> list[list[float]]:
    """The source steps are (1, 0), (0, 1) and (1, 1)."""
    return [[first + third, second + third] for first, second, third in weights]


def same(tensor: Tensor, rows: list[list[float]]) -> bool:
    return tensor.shape == (1, len(rows), len(rows[0])) and torch.allclose(tensor[0], torch.tensor(rows), atol=1e-6)


@pytest.mark.promise("B4")
@pytest.mark.parametrize("kind", SCORES)
def test_value_and_weights_are_those_worked_out_by_hand(kind):
    project = make_key_projection(kind, 2)
    for weight in project.parameters():
        weight.data = torch.eye(2).flip(0) if kind == "general" else torch.eye(2)
    value, weights = plain(kind)(QUERY, project(SOURCE), SOURCE, REAL)
    assert same(weights, by_hand(SCORES[kind]))
    assert same(value, mean_of_source(by_hand(SCORES[kind])))


@pytest.mark.promise("B4")
def test_location_attention_adds_what_was_seen_around_each_step():
    seen = torch.tensor([[[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]]])
    value, weights = plain("location")(QUERY, SOURCE, SOURCE, REAL, seen)
    scores = [
        [tanh(2.5) + tanh(0), tanh(1.25) + tanh(1.5), tanh(2.25) + tanh(1.25)],
        [tanh(1) + tanh(2), tanh(1) + tanh(3), tanh(1) + tanh(4)],
    ]
    assert same(weights, by_hand(scores))
    assert same(value, mean_of_source(by_hand(scores)))


@pytest.mark.promise("B4")
def test_each_of_several_heads_looks_with_its_own_part_of_the_vectors():
    value, weights = plain("multi_head", heads=2)(QUERY, SOURCE, SOURCE, REAL)
    left, right = by_hand([[1, 0, 1], [0, 0, 0]]), by_hand([[0, 0, 0], [0, 2, 2]])
    assert same(weights, [[(a + b) / 2 for a, b in zip(*rows, strict=True)] for rows in zip(left, right, strict=True)])
    assert same(value, [[a[0] + a[2], b[1] + b[2]] for a, b in zip(left, right, strict=True)])


@pytest.mark.promise("B4")
def test_no_attention_gives_the_only_value_it_has():
    value, weights = plain("none")(QUERY, SOURCE[:, 1:2], SOURCE[:, 1:2], FIRST_TWO)
    assert same(value, [[0.0, 1.0], [0.0, 1.0]])
    assert same(weights, [[1.0], [1.0]])


@pytest.mark.promise("B3")
@pytest.mark.parametrize("kind", [kind for kind in ATTENTION_TYPES if kind != "none"])
def test_padding_weighs_exactly_nothing_and_the_rest_shares_its_weight(kind):
    value, weights = plain(kind)(QUERY, SOURCE, SOURCE, FIRST_TWO)
    alone = plain(kind)(QUERY, SOURCE[:, :2], SOURCE[:, :2], FIRST_TWO[:, :2])
    assert (weights[..., 2] == 0.0).all()
    assert torch.allclose(weights[..., :2].sum(-1), torch.ones(1, 2))
    assert torch.allclose(value, alone[0])
    assert torch.allclose(weights[..., :2], alone[1])


@pytest.mark.promise("B3")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_scores_of_any_size_and_kind_of_number_give_weights(dtype):
    limits = torch.tensor([[[-1e4, 1e4, 0.0], [-3e4, -3e4, -3e4]]], dtype=dtype)
    value, weights = weigh(limits, SOURCE.to(dtype), FIRST_TWO)
    assert weights.tolist() == [[[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]]]
    assert value.tolist() == [[[0.0, 1.0], [0.5, 0.5]]]


@pytest.mark.promise("B3")
def test_a_row_that_is_all_padding_gives_zeros_and_gradients_without_holes():
    scores = QUERY.new_ones(1, 2, 3).requires_grad_()
    value, weights = weigh(scores, SOURCE, NOTHING)
    assert not weights.any()
    assert not value.any()
    value.sum().backward()
    assert scores.grad.isfinite().all()


@pytest.mark.parametrize("kind", ATTENTION_TYPES)
def test_an_attention_gives_the_same_answer_twice_and_in_any_order(kind):
    attention = make_attention(kind, 2, 1)
    first = attention(QUERY, SOURCE[:, :1], SOURCE[:, :1], REAL[:, :1])
    attention(QUERY.flip(1), 3 * SOURCE[:, 1:2], SOURCE[:, 2:], REAL[:, :1])
    again = attention(QUERY, SOURCE[:, :1], SOURCE[:, :1], REAL[:, :1])
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
