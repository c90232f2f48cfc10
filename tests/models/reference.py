"""The recurrent encoder-decoder once more: one sentence, one step, one gate at a time, straight from the papers.

It takes the weights of a model and nothing else of it.
"""

import torch
from torch import Tensor


def recur(layer: torch.nn.RNNBase, word: Tensor, state: tuple[Tensor, ...], suffix: str = "") -> tuple[Tensor, ...]:
    """One step of one direction of a layer: (D,) -> the new state."""
    weights = {name: getattr(layer, f"{name}_l0{suffix}") for name in ("weight_ih", "bias_ih", "weight_hh", "bias_hh")}
    seen = weights["weight_ih"] @ word + weights["bias_ih"]
    kept = weights["weight_hh"] @ state[0] + weights["bias_hh"]
    if isinstance(
        layer, torch.nn.LSTM
    ):  # Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000)
        enter, forget, new, leave = (seen + kept).chunk(4)
        cell = forget.sigmoid() * state[1] + enter.sigmoid() * new.tanh()
        return leave.sigmoid() * cell.tanh(), cell
    (reset, update, new), (old_reset, old_update, old) = seen.chunk(3), kept.chunk(3)  # Cho et al. (2014)
    update = (update + old_update).sigmoid()
    return ((1 - update) * (new + (reset + old_reset).sigmoid() * old).tanh() + update * state[0],)


def encode(model: torch.nn.Module, words: list[Tensor]) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    """All states of the highest layer, and the last ones of both directions side by side."""
    for layer in model.encoder.layers:
        ways, ends = [], []
        for suffix in ("", "_reverse") if layer.bidirectional else ("",):
            state = (words[0].new_zeros(layer.hidden_size),) * (2 if isinstance(layer, torch.nn.LSTM) else 1)
            outputs = []
            for word in reversed(words) if suffix else words:
                state = recur(layer, word, state, suffix)
                outputs.append(state[0])
            ways.append(outputs[::-1] if suffix else outputs)
            ends.append(state)
        words = [torch.cat(step) for step in zip(*ways, strict=True)]
        context = tuple(torch.cat(parts) for parts in zip(*ends, strict=True))
    return words, context


def attend(model: torch.nn.Module, query: Tensor, values: list[Tensor], seen: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Answer and weights for one query: (D,), (S,)."""
    attention, kind = model.decoder.attention, model.config.attention_type
    project = getattr(model.encoder.project_keys, "weight", None)
    keys = values if project is None else [project @ value for value in values]
    if kind == "multi_head":
        heads = model.config.num_attention_heads
        parts = zip(
            attention.project_query(query).chunk(heads),
            zip(*(key.chunk(heads) for key in keys), strict=True),
            zip(*(value.chunk(heads) for value in values), strict=True),
            strict=True,
        )
        answers, weights = zip(*(weigh([q @ k / len(q) ** 0.5 for k in ks], vs) for q, ks, vs in parts), strict=True)
        return attention.project_values.weight @ torch.cat(answers), sum(weights) / heads
    if kind in ("dot", "general"):
        return weigh([query @ key for key in keys], values)
    asked = attention.project_query(query)
    marks = [torch.zeros_like(asked)] * len(keys)
    if kind == "location":
        filters = attention.convolve.weight[:, 0]  # (filters, width)
        half = filters.shape[1] // 2
        past = torch.cat([asked.new_zeros(half), sum(seen, asked.new_zeros(len(keys))), asked.new_zeros(half)])
        marks = [
            attention.project_location.weight @ (filters @ past[at : at + filters.shape[1]]) for at in range(len(keys))
        ]
    energies = [attention.energy.weight[0] @ (asked + key + mark).tanh() for key, mark in zip(keys, marks, strict=True)]
    return weigh(energies, values)


def weigh(scores: list[Tensor], values: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The mean of the values, weighted by the exponentials of their scores."""
    shares = torch.stack(scores).exp()
    shares = shares / shares.sum()
    return sum(share * value for share, value in zip(shares, values, strict=True)), shares


def decode(model: torch.nn.Module, source: Tensor, read: Tensor) -> tuple[Tensor, Tensor | None]:
    """Logits (T, V) after each label of `read` (T,), given a source (S,), and the weights (T, S)."""
    values, context = encode(model, list(model.encoder.embed_tokens.weight[source]))
    decoder, config = model.decoder, model.config
    bridges = [decoder.bridge[name](part).tanh() for name, part in zip(decoder.bridge, context, strict=True)]
    states = [tuple(parts) for parts in zip(*(b.chunk(config.num_hidden_layers) for b in bridges), strict=True)]
    feed, seen, logits = context[0].new_zeros(config.readout_size), [], []
    for word in decoder.embed_tokens.weight[read]:
        lower = torch.cat([word, feed]) if config.input_feeding else word
        answer = context[0]
        for index, layer in enumerate(decoder.layers):
            states[index] = recur(layer, lower, states[index])
            if index == 0 and config.attention_type != "none":
                answer, weights = attend(model, states[0][0], values, seen)
                seen.append(weights)
            lower = torch.cat([states[index][0], answer])
        feed = decoder.readout(lower).tanh()
        logits.append(model.lm_head(feed))
    return torch.stack(logits), torch.stack(seen) if seen else None
