"""How far gates were open, beside the states that they lead to."""

import pytest
import torch
from torch import Tensor

from tests.models.texts import foreign, ours, processor, tokenizer
from tests.models.tiny import CORES, sentences, tiny_core
from toolkit import pipeline
from toolkit.adapters.text.gates import decoder_gates, gate_curves

READ = torch.tensor([[1, 5, 6, 7, 4]])


def states(core: torch.nn.Module, source: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """The state before the first label and after each one."""
    encoded = core.encode(**source)
    found = [core.decoder.start(encoded, 1)]
    for label in READ.split(1, 1):
        found.append(core.decoder(label, encoded, found[-1])[2])
    return found


@pytest.mark.promise("A7")
@pytest.mark.parametrize("settings", CORES)
@torch.no_grad()
def test_gates_are_those_that_lead_from_one_state_to_the_next(settings):
    """An LSTM shows its cell through the output gate; a GRU keeps of the old what its update gate says."""
    core, source = tiny_core(**settings), sentences(6)
    gates, visited = decoder_gates(core, source, READ), states(core, source)
    layer, encoded = core.decoder.layers[0], core.encode(**source)
    for step, (before, after) in enumerate(zip(visited, visited[1:], strict=False)):
        old, new = before["hidden"][0, 0], after["hidden"][0, 0]
        if settings["cell_type"] == "lstm":
            assert torch.allclose(new, gates["output"][step] * after["cell"][0, 0].tanh())
            kept = gates["forget"][step] * before["cell"][0, 0]
            assert ((after["cell"][0, 0] - kept).abs() <= gates["input"][step] + 1e-9).all(), "what is let in is a tanh"
        else:
            word = core.decoder.embed(READ[:, step : step + 1], encoded)[0, 0]
            word = torch.cat([word, *([before["feed"][0]] if "feed" in before else [])])
            given = (layer.weight_ih_l0 @ word + layer.bias_ih_l0).chunk(3)[2]
            recalled = (layer.weight_hh_l0 @ old + layer.bias_hh_l0).chunk(3)[2]
            fresh = (given + gates["reset"][step] * recalled).tanh()
            assert torch.allclose(new, gates["update"][step] * old + (1 - gates["update"][step]) * fresh)


@pytest.mark.promise("A7")
def test_the_report_draws_them_for_the_core_and_for_nobody_else():
    rows = [{"line": 2, "source": "the cat", "source_length": 3}, {"line": 3, "source": "a", "source_length": 41}]
    read = processor().source_tokenizer
    serve = pipeline("translation", ours(), processor=processor())
    (section,) = gate_curves(rows, serve, lambda text: read(text, return_token_type_ids=False))
    assert section.title == "What the gates did"
    assert "line 2" in section.body and "line 3" not in section.body and "forget" in section.body
    other = pipeline("translation", foreign("marian"), tokenizer=tokenizer())
    assert not list(gate_curves(rows, other, tokenizer()))
