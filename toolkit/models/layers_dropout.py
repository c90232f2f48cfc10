"""The kinds of dropout that recurrent models are trained with.

Shapes: `B` batch, `T` steps, `D` width of a vector.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch.nn.functional as F
from torch import Tensor, nn


class SequenceDropout(nn.Module):
    """Dropout on (B, T, D): a mask per step, or one mask per sequence (Gal and Ghahramani, 2016)."""

    def __init__(self, share: float, *, variational: bool = False) -> None:
        super().__init__()
        self.share, self.variational = share, variational

    def forward(self, vectors: Tensor) -> Tensor:
        """While training, (B, T, D) with elements set to zero and the others scaled up."""
        if not self.training or not self.share:
            return vectors
        if not self.variational:
            return F.dropout(vectors, self.share)
        return vectors * F.dropout(vectors.new_ones(vectors.shape[0], 1, vectors.shape[2]), self.share)

    def masks(self, like: Tensor, size: int) -> list[Tensor] | None:
        """The same for a loop: a mask (B, size) for each step of (B, T, ·), or none where nothing is dropped."""
        if not self.training or not self.share:
            return None
        rows, steps = like.shape[:2]
        drawn = F.dropout(like.new_ones(1 if self.variational else steps, rows, size), self.share)
        return list(drawn.expand(steps, -1, -1))


class WordEmbedding(nn.Embedding):
    """Word vectors with both of their dropouts: whole words (Gal and Ghahramani, 2016, 4.2), then single elements."""

    def __init__(self, words: int, size: int, padding_idx: int | None, *, word_dropout: float, dropout: float) -> None:
        super().__init__(words, size, padding_idx)
        self.word_dropout, self.dropout = word_dropout, dropout

    def forward(self, input: Tensor) -> Tensor:
        """(B, T) -> (B, T, D)."""
        vectors = super().forward(input)
        if not self.training:
            return vectors
        if self.word_dropout:
            vectors = vectors * F.dropout(vectors.new_ones(*input.shape, 1), self.word_dropout)
        return F.dropout(vectors, self.dropout)


@contextmanager
def dropped_weights(layers: Iterable[nn.RNNBase], share: float) -> Iterator[None]:
    """Sets a share of the recurrent weights to zero while training layers are run in it (Merity et al., 2018, 2).

    The same weights are missing at every step of every row, so torch's own layers can run over all steps.
    """
    dropping = [layer for layer in layers if layer.training and share]
    for layer in dropping:
        layer._update_flat_weights()  # else the layer does so where it runs, and has all its weights
    whole = {layer: layer._flat_weights for layer in dropping}
    for layer, weights in whole.items():
        names = layer._flat_weights_names
        layer._flat_weights = [
            F.dropout(weight, share) if name.startswith("weight_hh") else weight  # type: ignore[arg-type]
            for name, weight in zip(names, weights, strict=True)
        ]
    try:
        yield
    finally:
        for layer, weights in whole.items():
            layer._flat_weights = weights


__all__ = ["SequenceDropout", "WordEmbedding", "dropped_weights"]
