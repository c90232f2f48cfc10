"""Products with few rows read another copy of the weights and give the same numbers."""

import copy

import pytest
import torch
import torch.nn.functional as F

from toolkit.models.layers_decoding import MOST_ROWS, DecodingWeights
from toolkit.models.layers_loop import run_layer
from toolkit.models.layers_recurrent import recurrent_layer


@pytest.mark.parametrize("rows", [1, 2, MOST_ROWS, MOST_ROWS + 1])
def test_every_number_of_rows_gives_the_plain_product(rows):
    weight, bias, vectors = torch.randn(50, 24), torch.randn(50), torch.randn(rows, 1, 24)
    with torch.inference_mode():
        product = DecodingWeights().linear(vectors, weight, bias)
    torch.testing.assert_close(product, F.linear(vectors, weight, bias), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rows", [1, 7])
def test_a_weight_that_was_changed_in_place_is_read_anew(rows):
    decoding, weight, bias = DecodingWeights(), torch.randn(50, 24), torch.zeros(50)
    vectors = torch.randn(rows, 24)
    with torch.no_grad():
        before = decoding.linear(vectors, weight, bias)
        weight.mul_(2)
        torch.testing.assert_close(decoding.linear(vectors, weight, bias), 2 * before)


def test_gradients_flow_while_they_are_recorded():
    weight, bias = torch.randn(50, 24, requires_grad=True), torch.zeros(50, requires_grad=True)
    DecodingWeights().linear(torch.randn(1, 24), weight, bias).sum().backward()
    assert weight.grad is not None


def test_a_copied_model_brings_no_copies_of_another_ones_weights():
    decoding = DecodingWeights()
    with torch.no_grad():
        decoding.linear(torch.randn(1, 4), torch.randn(6, 4), torch.zeros(6))
    assert decoding._copies and not copy.deepcopy(decoding)._copies


@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
def test_a_single_step_equals_torchs_own_layer(cell_type):
    layer = recurrent_layer(cell_type, 12, 8)
    inputs, before = torch.randn(3, 5, 12), tuple(torch.randn(3, 8) for _ in range(2 if cell_type == "lstm" else 1))
    with torch.no_grad():
        whole, end = run_layer(layer, inputs, before, DecodingWeights())
        outputs, state = [], before
        for step in inputs.split(1, 1):
            output, state = run_layer(layer, step, state, DecodingWeights())
            outputs.append(output)
    torch.testing.assert_close(torch.cat(outputs, 1), whole)
    torch.testing.assert_close(state, end)
