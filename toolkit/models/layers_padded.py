"""A recurrent layer over rows of several lengths, without packing them.

Shapes: `B` rows, `S` steps, `D` width of a state.
"""

import torch
from torch import Tensor, nn

SHUT = 1e4
"""Beyond what a gate distinguishes: its logistic function gives 1, and 0 for the negative."""


def run_padded(layer: nn.RNNBase, vectors: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor | tuple[Tensor, Tensor]]:
    """What a layer gives for packed rows, by its plain kernel, whose gradient costs a CPU a fourth to nine tenths.

    For the backward direction each row is turned around within its own length. What comes behind the end of a row is
    taken for 0, computed and thrown away. So that an LSTM's cell stays there as it is, its vectors have one number
    more: 1 behind the end, where it opens the forget gate and shuts the input gate.

    Args:
        layer: one LSTM or GRU layer, batch first, of one or two directions.
        vectors: (B, S, in)
        lengths: (B,), the real steps of each row, which stand at its start.

    Returns:
        Outputs (B, S, directions * D), 0 behind the end, and the state after each row's last step: hidden
        (directions, B, D) and, of an LSTM, cell (directions, B, D).
    """
    layer._update_flat_weights()
    weights: list[Tensor] = list(layer._flat_weights)  # type: ignore[arg-type]
    is_lstm, size = isinstance(layer, nn.LSTM), layer.hidden_size
    steps, ends = torch.arange(vectors.shape[1]), lengths.unsqueeze(1)
    over, turned = steps >= ends, torch.where(steps < ends, ends - 1 - steps, steps).unsqueeze(2)
    last = (lengths - 1).view(-1, 1, 1).expand(-1, -1, size)
    start, settings = vectors.new_zeros(1, len(vectors), size), (True, 1, 0.0, layer.training, False, True)
    vectors = vectors.masked_fill(over.unsqueeze(2), 0.0)  # else NaN there would spoil the gradients
    if is_lstm:
        vectors = torch.cat([vectors, over.unsqueeze(2).to(vectors.dtype)], 2)
    outputs, hidden, cells = [], [], []
    for way in range(2 if layer.bidirectional else 1):
        given = vectors.gather(1, turned.expand_as(vectors)) if way else vectors
        weight, *others = weights[4 * way : 4 * way + 4]
        if is_lstm:
            shutting = weight.new_tensor([-SHUT, SHUT, 0, 0]).repeat_interleave(size).unsqueeze(1)
            weight = torch.cat([weight, shutting], 1)
            output, _, cell = torch.lstm(given, (start, start), [weight, *others], *settings)
            cells.append(cell[0])
        else:
            output, _ = torch.gru(given, start, [weight, *others], *settings)
        hidden.append(output.gather(1, last)[:, 0])
        outputs.append(output.gather(1, turned.expand_as(output)) if way else output)
    final = torch.stack(hidden)
    whole = torch.cat(outputs, 2).masked_fill(over.unsqueeze(2), 0.0)
    return whole, (final, torch.stack(cells)) if is_lstm else final


__all__ = ["run_padded"]
