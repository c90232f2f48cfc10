"""What the report of a text run shows of the cells: how far each gate was open, step by step."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from toolkit.models import RecurrentSeq2SeqForConditionalGeneration
from toolkit.models.layers_loop import layer_weights
from toolkit.report import Section, curves, text_block

SHOWN, MOST_TOKENS = 3, 40
NOTE = (
    "How far the gates of the decoder's lowest layer were open, on the mean of its units: 0 is shut, 1 is open. Of an "
    "LSTM the input gate lets the new in, the forget gate keeps the old, the output gate shows it; of a GRU the reset "
    "gate lets the old into what is new, the update gate keeps the old."
)


@torch.no_grad()
def decoder_gates(
    model: RecurrentSeq2SeqForConditionalGeneration, source: Mapping[str, Tensor], read: Tensor
) -> dict[str, Tensor]:
    """The gates of the lowest layer while the decoder reads (Hochreiter and Schmidhuber, 1997; Cho et al., 2014).

    Args:
        model: in evaluation mode.
        source: one sentence, as `encode` takes it.
        read: (1, T) labels that the decoder reads.

    Returns:
        By name, (T, D): input, forget and output of an LSTM, reset and update of a GRU.
    """
    decoder = model.decoder
    weight, recurrent_weight, bias, recurrent_bias = layer_weights(decoder.layers[0])
    encoded = model.encode(**source)
    state, opened = decoder.start(encoded, 1), []
    for label in read.split(1, 1):
        vector = torch.cat([decoder.embed(label, encoded), *([state["feed"][:, None]] if "feed" in state else [])], -1)
        given = linear(vector[:, 0], weight, bias)
        recalled = linear(state["hidden"][:, 0], recurrent_weight, recurrent_bias)
        opened.append((given + recalled).sigmoid())
        _, _, state = decoder(label, encoded, state)
    names = ("input", "forget", "", "output") if model.config.cell_type == "lstm" else ("reset", "update", "")
    parts = torch.cat(opened).chunk(len(names), 1)
    return {name: part for name, part in zip(names, parts, strict=True) if name}


def gate_curves(
    records: Iterable[Mapping[str, Any]], serve: Callable[..., Any], tokenize: Callable[[str], Mapping[str, list[int]]]
) -> Iterator[Section]:
    """A chart for each of a few rows, where the model has gates to show.

    Args:
        records: with `line`, `source` and `source_length`.
        serve: a text pipeline.
        tokenize: from a source to what the encoder reads of it.
    """
    model: Any = getattr(serve, "model", None)
    if not isinstance(model, RecurrentSeq2SeqForConditionalGeneration):
        return
    figures = []
    for row in islice((row for row in islice(records, 1000) if row["source_length"] <= MOST_TOKENS), SHOWN):
        tokens = [step["input"] for step in serve(row["source"], return_steps=True)[0]["steps"]]
        if not tokens:
            continue
        source = {name: torch.tensor([ids], device=model.device) for name, ids in tokenize(row["source"]).items()}
        read = torch.tensor([serve.tokenizer.convert_tokens_to_ids(tokens)], device=model.device)  # type: ignore[attr-defined]
        gates = decoder_gates(model, source, read)
        points = {name: list(enumerate(units.mean(1).tolist(), 1)) for name, units in gates.items()}
        said = "  ".join(f"{place} {token}" for place, token in enumerate(tokens, 1))
        figures += [
            text_block(f"line {row['line']}, read: {said}"),
            curves(points, x_label="step", y_label="gate, mean"),
        ]
    if figures:
        yield Section("What the gates did", "".join(figures), note=NOTE)


__all__ = ["gate_curves"]
