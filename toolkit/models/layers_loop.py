"""A recurrent layer a step at a time, where each step's input depends on the last one's output.

What such a loop costs beside its products is mostly the gradient of its weights: one small product per step, each
adding to a matrix as large as the weight. Here the steps only note what went in and what came back, and the gradient
is one large product after the loop.
"""

import torch
from torch import Tensor, nn

from .layers_decoding import DecodingWeights
from .layers_output import precision


class _Weight(torch.autograd.Function):
    """A weight on its way into a loop; its gradient is made of what the steps have noted."""

    @staticmethod
    def forward(ctx, weight: Tensor, notes: list[tuple[Tensor, Tensor]]) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.notes = notes
        return weight.view_as(weight)

    @staticmethod
    def backward(ctx, *_: Tensor) -> tuple[Tensor | None, None]:  # type: ignore[no-untyped-def]
        if not ctx.notes:
            return None, None
        errors, inputs = (torch.cat(parts) for parts in zip(*ctx.notes, strict=True))
        ctx.notes.clear()
        return errors.t() @ inputs, None


class _Step(torch.autograd.Function):
    """One step's product; autograd runs `_Weight.backward` after the last of them, though they hand it nothing."""

    @staticmethod
    def forward(ctx, onto: Tensor, inputs: Tensor, weight: Tensor, notes: list[tuple[Tensor, Tensor]]) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(inputs, weight)
        ctx.notes = notes
        return torch.addmm(onto, inputs, weight.t())

    @staticmethod
    def backward(ctx, error: Tensor) -> tuple[Tensor, Tensor, None, None]:  # type: ignore[no-untyped-def]
        inputs, weight = ctx.saved_tensors
        ctx.notes.append((error, inputs))
        return error, error @ weight, None, None


class LoopLinear:
    """`onto + inputs @ weight.T` for every step of one loop, with one product for the gradient of the weight.

    Made anew for each loop, so nothing of a batch outlives it.

    >>> weight = torch.ones(2, 3, requires_grad=True)
    >>> linear = LoopLinear(weight, DecodingWeights())
    >>> sum(linear(torch.zeros(1, 2), torch.full((1, 3), float(step))).sum() for step in range(4)).backward()
    >>> weight.grad[0]
    tensor([6., 6., 6.])
    """

    def __init__(self, weight: Tensor, decoding: DecodingWeights) -> None:
        self.notes: list[tuple[Tensor, Tensor]] = []
        self.is_hoisted = weight.requires_grad and torch.is_grad_enabled()
        self.dtype = precision(weight)
        if self.is_hoisted:
            self.weight = _Weight.apply(weight.to(self.dtype), self.notes)
        else:
            self.product = decoding.product(weight)

    def __call__(self, onto: Tensor, inputs: Tensor) -> Tensor:
        """(B, out) or (out,) and (B, in) to (B, out)."""
        if not self.is_hoisted:
            return self.product(onto, inputs)
        onto = onto.expand(len(inputs), -1)
        return _Step.apply(onto.to(self.dtype), inputs.to(self.dtype), self.weight, self.notes)


def layer_weights(layer: nn.RNNBase) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of a one-layer, one-way layer: input and recurrent weight, input and recurrent bias."""
    if not layer.training:  # nothing is dropped, and asking whether all is in place costs more than looking
        return tuple(getattr(layer, name) for name in layer._flat_weights_names)
    layer._update_flat_weights()
    return tuple(layer._flat_weights)  # type: ignore[return-value]


class LoopCell:
    """One LSTM or GRU layer for the time of one loop.

    Args:
        layer: torch's own layer, whose weights are used.
        widths: how its input is made up of several vectors side by side.
        decoding: the products where no gradient is wanted.
    """

    def __init__(self, layer: nn.RNNBase, widths: list[int], decoding: DecodingWeights) -> None:
        self.is_lstm = isinstance(layer, nn.LSTM)
        weight, recurrent_weight, bias, self.recurrent_bias = layer_weights(layer)
        self.inputs = [LoopLinear(part, decoding) for part in torch.split(weight, widths, 1)]
        self.recurrent = LoopLinear(recurrent_weight, decoding)
        # The GRU's reset gate stands between the two biases; the LSTM only ever sees their sum.
        self.bias = bias + self.recurrent_bias if self.is_lstm else bias

    def ahead(self, part: Tensor) -> tuple[Tensor, ...]:
        """What the first part of the input adds to the gates, for all steps: (B, T, in) to T times (B, gates)."""
        return self.inputs[0](self.bias, part.flatten(0, 1)).unflatten(0, part.shape[:2]).unbind(1)

    def __call__(
        self, parts: list[Tensor], before: tuple[Tensor, ...], given: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """The state after one step: hidden (B, D) and, of an LSTM, cell (B, D).

        Args:
            parts: the input's vectors, without the first one if `given` stands for it.
            before: the state.
            given: one step of `ahead`.
        """
        linears = self.inputs if given is None else self.inputs[1:]
        gates = self.bias if given is None else given
        for linear, part in zip(linears, parts, strict=True):
            gates = linear(gates, part)
        if self.is_lstm:
            return _lstm(self.recurrent(gates, before[0]), before[1])
        recalled = self.recurrent(self.recurrent_bias, before[0])
        return _gru(gates, recalled, before[0])


def _lstm(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Torch's order of gates: input, forget, cell, output."""
    keep, forget, new, show = torch.chunk(gates, 4, 1)
    cell = forget.sigmoid() * cell + keep.sigmoid() * new.tanh()
    return show.sigmoid() * cell.tanh(), cell


def _gru(given: Tensor, recalled: Tensor, hidden: Tensor) -> tuple[Tensor]:
    """Torch's order of gates: reset, update, new."""
    reset_given, update_given, new_given = torch.chunk(given, 3, 1)
    reset_recalled, update_recalled, new_recalled = torch.chunk(recalled, 3, 1)
    update = (update_given + update_recalled).sigmoid()
    new = (new_given + (reset_given + reset_recalled).sigmoid() * new_recalled).tanh()
    return (new + update * (hidden - new),)


def run_layer(layer: nn.RNNBase, inputs: Tensor, before: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Runs torch's own layer over all given steps.

    Args:
        layer: one layer, one direction, batch first.
        inputs: (B, T, in)
        before: hidden (B, D) and, of an LSTM, cell (B, D).

    Returns:
        Outputs (B, T, D), and the state after the last step as it came.
    """
    start = tuple(tensor.unsqueeze(0).contiguous() for tensor in before)
    outputs, end = layer(inputs, start if isinstance(layer, nn.LSTM) else start[0])
    return outputs, tuple(tensor[0] for tensor in (end if isinstance(layer, nn.LSTM) else (end,)))


__all__ = ["LoopCell", "LoopLinear", "layer_weights", "run_layer"]
