"""The attentions: where should the decoder look?  One signature: `attend(query, keys, values, mask)`.

Shapes: `B` batch, `S` source steps, `T` target steps, `D` width of a vector. The keys come projected
(`make_key_projection`). No attention keeps anything of a batch: what the next step needs of the last one (only
`location` does) is passed in.
"""

import torch
from torch import Tensor, nn


def weigh(scores: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Turns scores into weights and takes the weighted mean of the values.

    Args:
        scores: (B, T, S), any finite numbers.
        values: (B, S, D)
        mask: (B, S), true where a source step is real.

    Returns:
        The mean, (B, T, D), and the weights, (B, T, S): exactly 0 at padding, also in a row that is all padding;
        elsewhere they sum to 1.

    >>> weigh(torch.zeros(1, 1, 3), torch.eye(3)[None], torch.tensor([[True, True, False]]))[1]
    tensor([[[0.5000, 0.5000, 0.0000]]])
    """
    hidden = ~mask.unsqueeze(1)
    weights = scores.masked_fill(hidden, torch.finfo(scores.dtype).min).softmax(-1).masked_fill(hidden, 0.0)
    return weights.to(values.dtype) @ values, weights


def energies(vector: nn.Linear, doubled: Tensor) -> Tensor:
    """Scores v · tanh z, but for a number that is the same for all steps of the source and that no weight depends on.

    They are computed as 2 v · σ(2 z), for tanh z = 2 σ(2 z) - 1: on a CPU the logistic function is far cheaper.

    Args:
        vector: v.
        doubled: (..., D), 2 z, overwritten.
    """
    return 2 * vector(doubled.sigmoid_()).squeeze(-1)


class DotAttention(nn.Module):
    """Score = query · key (Luong et al., 2015, section 3.1).

    "dot" where the keys are the encoder's outputs; "general" where they are W times these.
    """

    def forward(self, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return weigh(query @ keys.transpose(1, 2), values, mask)


class AdditiveAttention(nn.Module):
    """Score = v · tanh(W query + U key) (Bahdanau et al., 2015, appendix A.1.2)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.project_query = nn.Linear(size, size)
        self.energy = nn.Linear(size, 1, bias=False)

    def forward(self, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        doubled = torch.add(2 * self.project_query(query).unsqueeze(2), keys.unsqueeze(1), alpha=2)  # (B, T, S, D)
        return weigh(energies(self.energy, doubled), values, mask)


class MultiHeadAttention(nn.Module):
    """Scaled dot products in several subspaces (Vaswani et al., 2017, section 3.2).

    The weights that come back are the mean over the heads.
    """

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project_query = nn.Linear(size, size)
        self.project_values = nn.Linear(size, size, bias=False)

    def forward(self, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        split = [x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in (self.project_query(query), keys, values)]
        query, keys, values = (x.flatten(0, 1) for x in split)  # (B * heads, T or S, D / heads)
        scores = query @ keys.transpose(1, 2) / keys.shape[-1] ** 0.5
        value, weights = weigh(scores, values, mask.repeat_interleave(self.heads, 0))
        value = value.unflatten(0, (-1, self.heads)).transpose(1, 2).flatten(2)  # (B, T, D)
        return self.project_values(value), weights.unflatten(0, (-1, self.heads)).mean(1)


class LocationAttention(nn.Module):
    """Additive attention that also sees where it has looked so far (Chorowski et al., 2015, section 2.1).

    We give it the sum of all earlier weights rather than the last weights alone, as Tacotron 2 does (Shen et al.,
    2018): a step that was read stays marked.
    """

    def __init__(self, size: int, filters: int = 10, width: int = 15) -> None:
        super().__init__()
        self.project_query = nn.Linear(size, size)
        self.convolve = nn.Conv1d(1, filters, width, padding=width // 2, bias=False)
        self.project_location = nn.Linear(filters, size, bias=False)
        self.energy = nn.Linear(size, 1, bias=False)

    def forward(
        self, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor, seen: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As every attention; `seen` is the sum of each query's earlier weights, (B, T, S), none before the first."""
        seen = values.new_zeros(*query.shape[:2], mask.shape[1]) if seen is None else seen
        marks = self.convolve(seen.flatten(0, 1).unsqueeze(1)).transpose(1, 2)  # (B * T, S, filters)
        # One pass over (B, T, S, D), which is what a step costs: the sum of all three grows in one place.
        onto = keys.unsqueeze(1).expand(-1, query.shape[1], -1, -1).flatten(0, 1)
        spread = self.project_location.weight.t().expand(len(onto), -1, -1)
        doubled = torch.baddbmm(onto, marks, spread, beta=2, alpha=2).unflatten(0, query.shape[:2])
        doubled.add_(self.project_query(query).unsqueeze(2), alpha=2)
        return weigh(energies(self.energy, doubled), values, mask)


class NoAttention(nn.Module):
    """The same fixed context at every step (Cho et al., 2014): the bottleneck that attention was invented against.

    Its only key and value is the encoder's final state, so nothing else of the source can reach the output.
    """

    def forward(self, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return values.expand(-1, query.shape[1], -1), values.new_ones(query.shape[:2] + (1,))


def make_attention(kind: str, size: int, heads: int) -> nn.Module:
    """Builds the attention of that name over vectors of that width."""
    if kind == "multi_head":
        return MultiHeadAttention(size, heads)
    if kind in ("additive", "location"):
        return {"additive": AdditiveAttention, "location": LocationAttention}[kind](size)
    return NoAttention() if kind == "none" else DotAttention()


def make_key_projection(kind: str, size: int) -> nn.Module:
    """Builds what turns the encoder's outputs into that attention's keys: applied once per sentence, not per step."""
    return nn.Identity() if kind in ("dot", "none") else nn.Linear(size, size, bias=False)


__all__ = ["make_attention", "make_key_projection", "weigh"]
