"""Weights laid out for writing one label at a time, where the whole cost of a product is reading its weights."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .layers_output import aligned_linear

MOST_ROWS = 64
"""With more rows than this the usual layout of a weight is as fast."""

LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "transposed": lambda weight: weight.t().contiguous(),
    "packed": lambda weight: torch.ops.mkldnn._reorder_linear_weight(weight, MOST_ROWS),
}


class DecodingWeights:
    """Products without gradients on a CPU; with few rows from copies of weights that they read up to twice as fast.

    The copy is transposed for one row and packed by oneDNN for up to 64; the numbers are the same but for rounding.
    It belongs to the weight, not to a batch. It is made anew when the weight has changed as far as torch counts
    changes, which a fused optimizer escapes: `forget` stands between training and writing.
    """

    def __init__(self) -> None:
        self._copies: dict[tuple[int, str], tuple[int, Tensor]] = {}

    def forget(self) -> None:
        """Drops all copies; they are made again when they are needed."""
        self._copies.clear()

    def linear(self, vectors: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """As `torch.nn.functional.linear`: (..., D) to (..., V)."""
        rows = vectors.shape[:-1].numel()
        is_plain = (
            weight.device.type == "cpu" and weight.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
        )
        if not is_plain or torch.is_grad_enabled() or not rows:
            return F.linear(vectors, weight, bias)
        flat = vectors.flatten(0, -2)
        if rows > MOST_ROWS:
            product = aligned_linear(flat, weight, bias)
        elif rows == 1 or not torch.backends.mkldnn.is_available():
            product = torch.addmm(bias, flat, self._copy("transposed", weight))
        else:
            product = torch.ops.mkldnn._linear_pointwise(flat, self._copy("packed", weight), bias, "none", [], "")
        return product.unflatten(0, vectors.shape[:-1])

    def _copy(self, layout: str, weight: Tensor) -> Tensor:
        key, version = (weight.data_ptr(), layout), weight._version
        if key not in self._copies or self._copies[key][0] != version:
            self._copies[key] = version, LAYOUTS[layout](weight.detach())
        return self._copies[key][1]

    def __reduce__(self) -> tuple:
        """Copies of weights are not copied or pickled along: another model has weights of its own."""
        return DecodingWeights, ()


__all__ = ["DecodingWeights"]
