"""Weights laid out for writing one label at a time, where most of what a product costs is reading its weights."""

from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from .layers_output import aligned_linear

MOST_ROWS = 128
"""With more rows than this the usual layout of a weight is as fast in float32."""
ROOM = 16
"""Numbers between the rows of a transposed copy; without them rows of 2,048 fall on each other in a cache."""


def transposed(weight: Tensor) -> Tensor:
    """(V, D) to a copy (D, V) with room between its rows."""
    labels, width = weight.shape
    return weight.new_empty(width, labels + ROOM)[:, :labels].copy_(weight.t())


def packed(weight: Tensor) -> Tensor:
    """A copy as oneDNN wants it: (V, D), in blocks."""
    return torch.ops.mkldnn._reorder_linear_weight(weight, MOST_ROWS)


@cache
def multiplies_bfloat16() -> bool:
    """Whether this processor does, by oneDNN."""
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def layout_of(weight: Tensor) -> Callable[[Tensor], Tensor] | None:
    """What makes a copy of a weight without a gradient; none where the usual layout serves as well.

    None either where a copy could be wrong or would be of no use again: of a weight that was made in inference mode,
    whose changes nobody counts, and of one that is computed anew whenever it is asked for.
    """
    whole = weight if weight._base is None else weight._base
    if weight.device.type != "cpu" or type(whole) is not nn.Parameter or weight.is_inference():
        return None
    if torch.is_grad_enabled() or torch.is_autocast_enabled("cpu"):
        return None
    if weight.dtype == torch.bfloat16:
        return packed if multiplies_bfloat16() else None
    return transposed if weight.dtype == torch.float32 else None


def is_changed(module: nn.Module) -> bool:
    """Whether somebody has put hooks or another `forward` on it, so that it must be called to give what they want."""
    return bool(module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module))


def is_plain(layer: nn.Module) -> bool:
    """Whether it is its weight and bias alone: no adapter, hook, parametrization or quantization has a part in it."""
    return type(layer) is nn.Linear and not is_changed(layer)


class DecodingWeights:
    """Products without gradients on a CPU from copies of weights, up to twice as fast; the same but for rounding.

    In float32 the copy is transposed and serves few rows, in bfloat16 it is packed by oneDNN. It belongs to the weight,
    not to a batch, and goes with it. It is made anew when the weight has changed as far as torch counts changes, which
    a fused optimizer escapes: `forget` stands between training and writing.
    """

    def __init__(self) -> None:
        self._copies: dict[tuple[int, torch.Size], tuple[StorageWeakRef, int, Tensor]] = {}

    def forget(self) -> None:
        """Drops all copies; they are made again when they are needed."""
        self._copies.clear()

    def product(self, weight: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        """What makes `onto + vectors @ weight.T` of (N, V) or (V,) and (N, D) while the weight stays as it is."""
        layout, copy = layout_of(weight), None
        if layout is None:
            return lambda onto, vectors: torch.addmm(onto, vectors, weight.t())

        def from_transposed(onto: Tensor, vectors: Tensor) -> Tensor:
            nonlocal copy
            if vectors.shape[0] > MOST_ROWS:
                return aligned_linear(vectors, weight, onto)
            copy = self._copy(weight, transposed) if copy is None else copy
            return torch.addmm(onto, vectors, copy)

        def from_packed(onto: Tensor, vectors: Tensor) -> Tensor:
            nonlocal copy
            copy = self._copy(weight, packed) if copy is None else copy
            bias = onto if onto.dim() == 1 else None
            product = torch.ops.mkldnn._linear_pointwise(vectors, copy, bias, "none", [], "")
            return product if bias is not None else product.add_(onto)

        return from_transposed if layout is transposed else from_packed

    def linear(self, vectors: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """As `torch.nn.functional.linear`: (..., D) to (..., V)."""
        shape = vectors.shape[:-1]
        if not shape.numel() or layout_of(weight) is None:
            return F.linear(vectors, weight, bias)
        product = self.product(weight)(bias, vectors.reshape(-1, vectors.shape[-1]))
        return product if len(shape) == 1 else product.unflatten(0, shape)

    def through(self, layer: nn.Module, vectors: Tensor) -> Tensor:
        """What a layer makes of vectors, (..., D) to (..., V); one that is more than its weights is called."""
        if layer.training or not is_plain(layer):  # weights that are being trained change unseen, see `forget`
            return layer(vectors)
        return self.linear(vectors, layer.weight, layer.bias)  # type: ignore[arg-type]

    def _copy(self, weight: Tensor, layout: Callable[[Tensor], Tensor]) -> Tensor:
        place, version = (weight.data_ptr(), weight.shape), weight._version
        storage, known, copy = self._copies.get(place, (None, -1, weight))
        if storage is None or known != version or storage.expired():  # else another weight lies where the old one lay
            copies = {place: kept for place, kept in self._copies.items() if not kept[0].expired()}
            copy = layout(weight.detach())
            self._copies = {**copies, place: (StorageWeakRef(weight.untyped_storage()), version, copy)}
        return copy

    def __reduce__(self) -> tuple:
        """Copies of weights are not copied or pickled along: another model has weights of its own."""
        return DecodingWeights, ()


__all__ = ["DecodingWeights", "is_changed", "is_plain"]
