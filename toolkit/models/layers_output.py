"""The last step to labels: output layer and loss in one, on real tokens only, without keeping logits."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

CHUNK_ELEMENTS = 2**22
ALIGNED = 64
"""Rows of logits begin at multiples of so many numbers."""


def aligned_linear(vectors: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """As `torch.nn.functional.linear` of (N, D) to (N, V), but faster where V is odd, and without a gradient.

    Where rows of the result lie close together and V is no multiple of a processor's vectors, every row begins at
    another place within them: of 9,723 labels the product then takes a third longer than with room between the rows.

    >>> aligned_linear(torch.ones(2, 3), torch.ones(5, 3), torch.zeros(5)).stride()
    (64, 1)
    """
    labels = len(weight)
    room = vectors.new_empty(len(vectors), -(-labels // ALIGNED) * ALIGNED)
    return torch.addmm(bias, vectors, weight.t(), out=room[:, :labels])


class _ProjectedCrossEntropy(torch.autograd.Function):
    """Takes the gradient chunk by chunk on the way forward, so that only one chunk of logits exists at a time."""

    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx, vectors: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, smoothing: float, agreement: float
    ) -> Tensor:
        readings, steps = labels.shape
        labels_known = weight.shape[0]
        rows = max(1, CHUNK_ELEMENTS // labels_known // readings)
        loss = vectors.new_zeros(())
        gradients = torch.empty_like(vectors), torch.zeros_like(weight), torch.zeros_like(bias)
        for start in range(0, steps, rows):
            chunk = vectors[:, start : start + rows].flatten(0, 1)
            wanted = labels[:, start : start + rows].reshape(-1, 1)
            logits = aligned_linear(chunk, weight, bias)
            # In place and by hand: on a CPU less than half of what log_softmax and exp cost.
            top, due = logits.amax(1, keepdim=True), logits.gather(1, wanted)
            all_due = logits.sum(1, keepdim=True) if smoothing else due
            shifted = logits.sub_(top)
            apart = shifted[: len(chunk) // 2] - shifted[len(chunk) // 2 :] if agreement else None
            error = shifted.exp_()
            total = error.sum(1, keepdim=True)
            scale = total.log() + top  # log-probabilities are logits less this
            loss -= (1 - smoothing) * (due - scale).sum() + smoothing * (all_due / labels_known - scale).sum()
            error.mul_(total.reciprocal_())  # d loss / d logits: softmax minus the smoothed target
            if apart is not None:
                apart.add_((top - scale)[: len(apart)]).sub_((top - scale)[len(apart) :])
                loss += _disagreement(error, apart, agreement)
            if smoothing:
                error -= smoothing / labels_known
            error.scatter_add_(1, wanted, error.new_full(wanted.shape, smoothing - 1))
            gradients[0][:, start : start + rows] = (error @ weight).view(readings, -1, weight.shape[1])
            gradients[1].addmm_(error.t(), chunk)
            gradients[2].add_(error.sum(0))
        ctx.save_for_backward(*gradients)
        return loss

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[no-untyped-def]
        return *(gradient * upstream for gradient in ctx.saved_tensors), None, None, None


def _disagreement(probabilities: Tensor, apart: Tensor, weight: float) -> Tensor:
    """Half the weight times KL(p, q) + KL(q, p), summed over all steps; its gradient goes onto the probabilities.

    Args:
        probabilities: (2 N, V), p and then q; comes back with the gradient by the logits added.
        apart: (N, V), log p - log q, overwritten.
        weight: of the mean of the two.
    """
    p, q = probabilities.chunk(2)
    there, back = (p * apart).sum(1, keepdim=True), (q * apart).sum(1, keepdim=True)
    pull = (p - q).mul_(weight / 2)
    p.addcmul_(p, apart - there, value=weight / 2).add_(pull)
    q.addcmul_(q, apart.sub_(back), value=-weight / 2).sub_(pull)
    return (there - back).sum() * (weight / 2)


def projected_cross_entropy(
    vectors: Tensor,
    weight: Tensor,
    bias: Tensor,
    labels: Tensor,
    *,
    label_smoothing: float = 0.0,
    agreement: float = 0.0,
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
        agreement: where the second half of the rows is the first once more under another dropout: what is added of the
            Kullback-Leibler divergence between the two, the mean of both directions (Liang et al., 2021, section 2.1).

    >>> w, b = torch.zeros(4, 2), torch.zeros(4)
    >>> projected_cross_entropy(torch.ones(3, 2), w, b, torch.tensor([1, 2, -100]))  # 2 log 4
    tensor(2.7726)
    """
    real = labels.reshape(-1).ne(-100).nonzero().squeeze(1)
    readings = 2 if agreement else 1
    shape = readings, len(real) // readings
    vectors = vectors.flatten(0, -2).index_select(0, real).view(*shape, vectors.shape[-1])
    labels = labels.reshape(-1).index_select(0, real).view(shape)
    if torch.is_grad_enabled() and not torch.is_autocast_enabled(vectors.device.type):
        return _ProjectedCrossEntropy.apply(vectors, weight, bias, labels, label_smoothing, agreement)
    chunks = (x.split(max(1, CHUNK_ELEMENTS // len(weight) // readings), 1) for x in (vectors, labels))
    losses = [
        checkpoint(_chunk_loss, chunk, wanted, weight, bias, label_smoothing, agreement, use_reentrant=False)
        for chunk, wanted in zip(*chunks, strict=True)
    ]
    return torch.stack(losses).sum()


def _chunk_loss(
    vectors: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, smoothing: float, agreement: float
) -> Tensor:
    """The loss of a chunk by autograd, under autocast, say; its logits are made again on the way back."""
    scores = F.linear(vectors, weight, bias).float().log_softmax(-1)
    loss = F.cross_entropy(scores.flatten(0, 1), labels.flatten(), reduction="sum", label_smoothing=smoothing)
    if agreement:
        p, q = scores
        loss = loss + agreement / 2 * ((p.exp() - q.exp()) * (p - q)).sum()
    return loss


__all__ = ["aligned_linear", "projected_cross_entropy"]
