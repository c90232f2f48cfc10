"""The last step to labels: the best of their scores, and output layer and loss in one, without keeping logits."""

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK_ELEMENTS = 2**22
ALIGNED = 64
"""Rows of logits begin at multiples of so many numbers."""
BLOCK = 64
"""So many scores beside each other are compared first; the best of all then lie in the best blocks."""
FEW_SCORES = 2**15
"""Fewer scores are not worth more than one call."""


def likeliest(scores: Tensor) -> Tensor:
    """As `scores.argmax(1)` of (N, V): the first of the largest of each row.

    Looking for the block in which it lies first, and only there for its place, costs a CPU a quarter.

    >>> likeliest(torch.eye(3))
    tensor([0, 1, 2])
    """
    whole = scores.shape[1] // BLOCK
    if scores.device.type != "cpu" or scores.numel() < FEW_SCORES or not whole:
        return scores.argmax(1)
    blocks = scores[:, : whole * BLOCK].unflatten(1, (whole, BLOCK))
    rest = scores[:, (whole - 1) * BLOCK :]  # the last whole block is in it as well
    block = torch.cat([blocks[:, :-1].amax(2), rest.amax(1, keepdim=True)], 1).argmax(1)
    within = blocks[torch.arange(len(scores), device=scores.device), block].argmax(1)
    return torch.where(block == whole - 1, rest.argmax(1), within) + block * BLOCK


def largest(scores: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """As `scores.topk(number)` of (N, V), but for which of equal scores are taken: the values and their places.

    They lie in the blocks with the largest maxima, and a maximum costs a CPU far less than sorting.
    """
    whole = scores.shape[1] // BLOCK
    if scores.device.type != "cpu" or scores.numel() < FEW_SCORES or whole < 8 * number:
        return scores.topk(number)
    blocks, rest = scores[:, : whole * BLOCK].unflatten(1, (whole, BLOCK)), scores[:, whole * BLOCK :]
    best = blocks.amax(2).topk(number, sorted=False).indices.unsqueeze(2)
    places = (best * BLOCK + torch.arange(BLOCK, device=scores.device)).flatten(1)
    values = blocks.gather(1, best.expand(-1, -1, BLOCK)).flatten(1)
    values, order = torch.cat([values, rest], 1).topk(number)
    behind = torch.arange(whole * BLOCK, scores.shape[1], device=scores.device).expand(len(scores), -1)
    return values, torch.cat([places, behind], 1).gather(1, order)


def aligned_linear(vectors: Tensor, weight: Tensor, onto: Tensor) -> Tensor:
    """As `torch.nn.functional.linear` of (N, D) to (N, V), but faster where V is odd, and without a gradient.

    What it adds may be a bias (V,) or a matrix (N, V).

    Where rows of the result lie close together and V is no multiple of a processor's vectors, every row begins at
    another place within them: of 9,723 labels the product then takes a third longer than with room between the rows.

    >>> aligned_linear(torch.ones(2, 3), torch.ones(5, 3), torch.zeros(5)).stride()
    (64, 1)
    """
    labels = len(weight)
    room = vectors.new_empty(len(vectors), -(-labels // ALIGNED) * ALIGNED)
    return torch.addmm(onto, vectors, weight.t(), out=room[:, :labels])


def precision(weight: Tensor) -> torch.dtype:
    """In what a product with a weight is computed: its own kind of numbers, or that of autocast."""
    device = weight.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype


class _ProjectedCrossEntropy(torch.autograd.Function):
    """Takes the gradient chunk by chunk on the way forward, so that only one chunk of logits exists at a time.

    Under autocast the products are of reduced precision; logits and what is summed over chunks are not.
    """

    @staticmethod
    def forward(ctx, vectors: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, smoothing: float) -> Tensor:  # type: ignore[no-untyped-def]
        labels_known = weight.shape[0]
        rows = max(1, CHUNK_ELEMENTS // labels_known)
        loss = weight.new_zeros(())
        gradients = torch.empty_like(vectors), torch.zeros_like(weight), torch.zeros_like(bias)
        low = precision(weight)
        cast_weight, cast_bias = weight.to(low), bias.to(low)
        for start in range(0, len(vectors), rows):
            chunk, wanted = vectors[start : start + rows].to(low), labels[start : start + rows, None]
            logits = aligned_linear(chunk, cast_weight, cast_bias).to(weight.dtype)
            # In place and by hand: on a CPU less than half of what log_softmax and exp cost.
            top, due = logits.amax(1, keepdim=True), logits.gather(1, wanted)
            all_due = logits.sum(1, keepdim=True) if smoothing else due
            error = logits.sub_(top).exp_()
            total = error.sum(1, keepdim=True)
            scale = total.log() + top  # log-probabilities are logits less this
            loss -= (1 - smoothing) * (due - scale).sum() + smoothing * (all_due / labels_known - scale).sum()
            error.mul_(total.reciprocal_())  # d loss / d logits: softmax minus the smoothed target
            if smoothing:
                error -= smoothing / labels_known
            error.scatter_add_(1, wanted, error.new_full(wanted.shape, smoothing - 1))
            gradients[2].add_(error.sum(0))
            error = error.to(low)
            if low == weight.dtype:
                torch.mm(error, weight, out=gradients[0][start : start + rows])
                gradients[1].addmm_(error.t(), chunk)
            else:
                gradients[0][start : start + rows] = error @ cast_weight
                gradients[1].add_(error.t() @ chunk)
        ctx.save_for_backward(*gradients)
        return loss

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[no-untyped-def]
        return *(gradient * upstream for gradient in ctx.saved_tensors), None, None


def projected_cross_entropy(
    vectors: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, *, label_smoothing: float = 0.0
) -> Tensor:
    """Sums the cross entropy of `vectors @ weight.T + bias` over all labels but -100.

    Equal to `cross_entropy(..., reduction="sum", ignore_index=-100)` on the whole logits, which are never made: padding
    is dropped first, and what is left goes through the output layer in chunks.

    Args:
        vectors: (..., D)
        weight: (V, D)
        bias: (V,)
        labels: (...), -100 where nothing is to be predicted.
        label_smoothing: probability mass spread evenly over the vocabulary (Szegedy et al., 2016, section 7).

    >>> w, b = torch.zeros(4, 2), torch.zeros(4)
    >>> projected_cross_entropy(torch.ones(3, 2), w, b, torch.tensor([1, 2, -100]))  # 2 log 4
    tensor(2.7726)
    """
    real = labels.reshape(-1).ne(-100).nonzero().squeeze(1)
    vectors, labels = vectors.flatten(0, -2).index_select(0, real), labels.reshape(-1).index_select(0, real)
    if torch.is_grad_enabled():
        return _ProjectedCrossEntropy.apply(vectors, weight, bias, labels, label_smoothing)
    total = weight.new_zeros(())
    chunks = (x.split(max(1, CHUNK_ELEMENTS // len(weight))) for x in (vectors, labels))
    for chunk, wanted in zip(*chunks, strict=True):
        logits = F.linear(chunk, weight, bias).float()
        total += F.cross_entropy(logits, wanted, reduction="sum", label_smoothing=label_smoothing)
    return total


__all__ = ["aligned_linear", "largest", "likeliest", "precision", "projected_cross_entropy"]
