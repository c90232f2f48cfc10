"""The copies of weights that single steps read follow the weights, whatever changes these."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from tests.models.tiny import CORES, sentences, targets, tiny_core
from toolkit.models.layers_decoding import DecodingWeights

BATCH, LABELS = sentences(5, 3), targets(4, 2)


def step(core: nn.Module, rows: int = 2) -> Tensor:
    """Logits of one step, as `generate` asks for them."""
    with torch.no_grad():
        inputs = {name: tensor[:rows] for name, tensor in BATCH.items()}
        return core(**inputs, decoder_input_ids=torch.full((rows, 1), 4)).logits


def slow_step(core: nn.Module, rows: int = 2) -> Tensor:
    """The same from the weights themselves: where gradients are wanted, no copy is read."""
    inputs = {name: tensor[:rows] for name, tensor in BATCH.items()}
    return core(**inputs, decoder_input_ids=torch.full((rows, 1), 4)).logits.detach()


def learn(core: nn.Module, **settings: object) -> None:
    core.train()
    optimizer = torch.optim.AdamW(core.parameters(), lr=0.3, **settings)
    core(**BATCH, labels=LABELS).loss.backward()
    optimizer.step()
    core.eval()


def scale(core: nn.Module) -> None:
    with torch.no_grad():
        for weight in core.parameters():
            weight.mul_(-1.5)


def exchange(core: nn.Module) -> None:
    """New tensors in place of the old, twice, so that the third can lie where the first lay."""
    for factor in (2.0, -1.0):
        core.load_state_dict({name: factor * weight for name, weight in core.state_dict().items()}, assign=True)
        core.eval()


CHANGES = {
    "an optimizer": learn,
    "a fused optimizer": lambda core: learn(core, fused=True),
    "an optimizer over lists": lambda core: learn(core, foreach=True),
    "an operation in place": scale,
    "a loaded state": lambda core: core.load_state_dict({n: 1.5 * w for n, w in core.state_dict().items()}),
    "exchanged tensors": exchange,
    "another precision and back": lambda core: core.bfloat16().float().eval(),
    "values behind autograd's back": lambda core: [core.lm_head.weight.data.neg_(), core.eval()],
}


@pytest.mark.xfail(strict=True, reason="a copy is looked up by address and version, and neither tells this change")
def test_a_step_after_a_change_that_nobody_announced_reads_the_changed_weights():
    test_a_step_after_a_change_reads_the_changed_weights(lambda core: core.lm_head.weight.data.neg_(), 2)


def test_a_model_made_in_inference_mode_writes():
    with torch.inference_mode():
        core = tiny_core().float()
        assert core.generate(**BATCH, max_new_tokens=3).shape[0] == 2


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("rows", [1, 2])
def test_a_step_after_a_change_reads_the_changed_weights(change, rows):
    core = tiny_core(attention_type="additive", input_feeding=True).float()
    before = step(core, rows)
    assert torch.allclose(before, slow_step(core, rows), atol=1e-5)
    change(core)
    after = step(core, rows)
    assert torch.allclose(after, slow_step(core, rows), atol=1e-4)
    assert not torch.allclose(after, before, atol=1e-3)


@pytest.mark.parametrize("growth", [0, 1])
@torch.no_grad()
def test_a_weight_that_lies_where_another_lay_is_read_itself_and_copies_go_with_their_weights(growth):
    decoding, places = DecodingWeights(), set()
    vectors, bias = torch.randn(2, 64), torch.randn(100)
    for number in range(20):
        weight = nn.Parameter(torch.randn(64 + growth * number, 64))
        places.add(weight.data_ptr())
        found, expected = (product(vectors, weight, bias[: len(weight)]) for product in (decoding.linear, linear))
        assert torch.allclose(found, expected, atol=1e-4)
        assert len(decoding._copies) == 1
        del weight
    assert len(places) < 20


def test_weights_that_are_computed_are_read_as_they_are_now_and_not_kept():
    core = tiny_core().float()
    for layer in (core.lm_head, core.decoder.readout):
        nn.utils.parametrizations.weight_norm(layer)
    nn.utils.parametrizations.weight_norm(core.decoder.layers[0], "weight_ih_l0")
    for _ in range(5):
        scale(core)
        assert torch.allclose(step(core), slow_step(core), rtol=1e-4, atol=1e-4)
    assert [shape for _, shape in core.decoder.decoding._copies] == [core.decoder.layers[0].weight_hh_l0.shape]


def test_a_step_while_training_reads_what_a_fused_optimizer_made():
    core = tiny_core().float().train()
    before = step(core)
    optimizer = torch.optim.AdamW(core.parameters(), lr=0.3, fused=True)
    core(**BATCH, labels=LABELS).loss.backward()
    optimizer.step()
    assert torch.allclose(step(core), slow_step(core), atol=1e-4)
    assert not torch.allclose(step(core), before, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("rows", [2, 130])
def test_the_encoder_learns_beneath_a_decoder_that_is_frozen(rows, dtype):
    batch, labels, found = sentences(*[3] * rows), targets(*[4] * rows), []
    for frozen in (True, False):
        core = tiny_core(attention_type="location", input_feeding=True).to(dtype).train()
        core.decoder.requires_grad_(not frozen)
        core(**batch, labels=labels).loss.backward()
        found.append(core.encoder.embed_tokens.weight.grad.float())
    assert found[0].any()
    assert torch.allclose(*found, rtol=0.1, atol=0.02 * float(found[1].abs().max()))


class Adapted(nn.Module):
    """A layer with something added, as adapters of low rank do: its `weight` is not all of it."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base, self.added = base, nn.Linear(base.in_features, base.out_features).to(base.weight.dtype)
        self.weight, self.bias, self.in_features = base.weight, base.bias, base.in_features

    def forward(self, vectors: Tensor) -> Tensor:
        return self.base(vectors) + self.added(vectors)


@pytest.mark.parametrize("feeding", [True, False])
def test_what_an_adapter_adds_is_trained_scored_and_written(feeding):
    core, whole = (tiny_core(input_feeding=feeding) for _ in range(2))
    for owner, name in ((core, "lm_head"), (core.decoder, "readout")):
        setattr(owner, name, Adapted(getattr(owner, name)))
    with torch.no_grad():
        for layer, head in ((whole.lm_head, core.lm_head), (whole.decoder.readout, core.decoder.readout)):
            layer.weight += head.added.weight
            layer.bias += head.added.bias
        whole.decoder.embed_tokens.weight = core.decoder.embed_tokens.weight
    assert torch.allclose(step(core), step(whole))
    for beams in (1, 3):
        settings = dict(num_beams=beams, max_new_tokens=6)
        assert torch.equal(core.generate(**BATCH, **settings), whole.generate(**BATCH, **settings))
    loss = core.train()(**BATCH, labels=LABELS).loss
    assert torch.allclose(loss, whole.train()(**BATCH, labels=LABELS).loss)
    loss.backward()
    assert core.lm_head.added.weight.grad.any() and core.decoder.readout.added.weight.grad.any()


@pytest.mark.parametrize("choice", CORES)
def test_a_single_step_gives_what_the_plain_products_give(choice):
    core = tiny_core(**choice).float()
    for rows in (1, 2):
        assert torch.allclose(step(core, rows), slow_step(core, rows), atol=1e-5)


@pytest.mark.parametrize("rows", [1, 2, 5, 64, 128, 129, 200])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@torch.no_grad()
def test_products_of_any_number_of_rows_are_those_of_torch(rows, dtype):
    weight, bias = nn.Parameter(torch.randn(37, 16, dtype=dtype)), torch.randn(37, dtype=dtype)
    vectors = torch.randn(rows, 1, 16, dtype=dtype)
    for given in (vectors, vectors[:, 0], vectors.transpose(0, 1)):
        found = DecodingWeights().linear(given, weight, bias)
        expected = linear(given, weight, bias)
        assert found.shape == expected.shape
        assert found.dtype == dtype
        assert torch.allclose(found, expected, atol=1e-5 if dtype == torch.float32 else 1e-2)


@pytest.mark.parametrize(
    "twin", [copy.deepcopy, lambda core: pickle.loads(pickle.dumps(core))], ids=["copied", "pickled"]
)
def test_another_model_has_weights_of_its_own(twin):
    core = tiny_core().float()
    before = step(core)
    other = twin(core)
    scale(other)
    assert torch.equal(step(core), before)
    assert torch.allclose(step(other), slow_step(other), atol=1e-4)


@pytest.mark.parametrize("labels", [63, 64, 65, 130])
@pytest.mark.parametrize("rows", [(129,), (130, 1), (9, 16)])
def test_products_of_many_rows_are_those_of_torch_and_keep_no_copy(labels, rows):
    vectors, weight, bias = torch.randn(*rows, 12), nn.Parameter(torch.randn(labels, 12)), torch.randn(labels)
    decoding = DecodingWeights()
    with torch.no_grad():
        product = decoding.linear(vectors, weight, bias)
        assert torch.allclose(product, linear(vectors, weight, bias), atol=1e-5)
        assert torch.equal(product.view(-1, labels), product.reshape(-1, labels))  # as losses look at logits
    assert not decoding._copies
