"""The same model as a careful author writes it with torch alone: the reference that needs no other toolkit.

Everything that does not depend on the step stands outside the loop: keys, the words' part of the gates, the output
layer, which never sees padding. Shapes: `B` rows, `S` source steps, `T` target steps, `D` width of a state.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def batches_by_length(lengths: np.ndarray, rows: int, random: np.random.Generator) -> list[np.ndarray]:
    """Rows of one target length, and of one source length where there are enough, in a random order of batches.

    Args:
        lengths: (sentences, 2), of source and target.
        rows: sentences in a batch.
        random: makes the order.
    """
    order = np.lexsort((random.random(len(lengths)), lengths[:, 0], lengths[:, 1]))
    batches = [order[start : start + rows] for start in range(0, len(order), rows)]
    return [batches[place] for place in random.permutation(len(batches))]


@dataclass(frozen=True)
class Source:
    """What the decoder looks at: values and keys (B, S, D), and what hides padding, (B, S)."""

    values: Tensor
    keys: Tensor
    hiding: Tensor

    def repeat(self, times: int) -> "Source":
        """Each row so many times in a row."""
        return Source(*(tensor.repeat_interleave(times, 0) for tensor in (self.values, self.keys, self.hiding)))


class PlainSeq2Seq(nn.Module):
    """Bidirectional LSTM, then an LSTM with additive attention and input feeding.

    Args:
        labels: size of the vocabulary, on both sides.
        padding: the label that fills rows.
        embedding: width of a word vector.
        size: width of the decoder's state and of the encoder's output.
        dropout: share of the elements of word vectors and of the last vectors set to zero.
    """

    def __init__(
        self, labels: int, *, padding: int, embedding: int = 256, size: int = 512, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.padding, self.dropout = padding, dropout
        self.source_words = nn.Embedding(labels, embedding, padding)
        self.target_words = nn.Embedding(labels, embedding, padding)
        self.encoder = nn.LSTM(embedding, size // 2, bidirectional=True, batch_first=True)
        self.bridge = nn.Linear(size, 2 * size)
        self.word_gates = nn.Linear(embedding, 4 * size)
        self.state_gates = nn.Linear(2 * size, 4 * size, bias=False)
        self.keys = nn.Linear(size, size, bias=False)
        self.query = nn.Linear(size, size)
        self.energy = nn.Linear(size, 1, bias=False)
        self.readout = nn.Linear(2 * size, size)
        self.output = nn.Linear(size, labels)

    def encode(self, source: Tensor) -> tuple[Source, tuple[Tensor, Tensor, Tensor]]:
        """Reads (B, S) labels; gives what to look at and the state to start from: feed, hidden and cell, (B, D)."""
        real = source.ne(self.padding)
        words = F.dropout(self.source_words(source), self.dropout, self.training)
        packed = pack_padded_sequence(words, real.sum(1), batch_first=True, enforce_sorted=False)
        packed, (final, _) = self.encoder(packed)
        values, _ = pad_packed_sequence(packed, batch_first=True, total_length=source.shape[1])
        hidden, cell = self.bridge(final.transpose(0, 1).flatten(1)).tanh().chunk(2, 1)
        hiding = torch.zeros(real.shape).masked_fill(~real, -1e9)
        return Source(values, self.keys(values), hiding), (torch.zeros_like(hidden), hidden, cell)

    def step(self, gates: Tensor, source: Source, state: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, ...]:
        """One target step from the word's part of the gates, (B, 4 D)."""
        feed, hidden, cell = state
        gates = gates + self.state_gates(torch.cat([feed, hidden], 1))
        keep, write, show, new = gates.chunk(4, 1)
        cell = keep.sigmoid() * cell + write.sigmoid() * new.tanh()
        hidden = show.sigmoid() * cell.tanh()
        scores = self.energy((source.keys + self.query(hidden).unsqueeze(1)).tanh()).squeeze(2)
        answer = (scores + source.hiding).softmax(1).unsqueeze(1).bmm(source.values).squeeze(1)
        return self.readout(torch.cat([hidden, answer], 1)).tanh(), hidden, cell

    def forward(self, source: Tensor, shifted: Tensor, labels: Tensor) -> Tensor:
        """The mean loss of (B, T) labels, each after the ones before it; `shifted` holds those."""
        looked_at, state = self.encode(source)
        gates = self.word_gates(F.dropout(self.target_words(shifted), self.dropout, self.training))
        vectors = []
        for gate in gates.unbind(1):
            state = self.step(gate, looked_at, state)
            vectors.append(state[0])
        real = labels.flatten().ne(self.padding).nonzero().squeeze(1)
        vectors = torch.stack(vectors, 1).flatten(0, 1).index_select(0, real)
        logits = self.output(F.dropout(vectors, self.dropout, self.training))
        return F.cross_entropy(logits, labels.flatten().index_select(0, real))

    @torch.inference_mode()
    def translate(self, source: Tensor, *, start: int, steps: int, beams: int) -> Tensor:
        """Writes (B, steps) labels, the best hypothesis of each row; no hypothesis is ever finished early."""
        looked_at, state = self.encode(source)
        rows = len(source)
        looked_at, state = looked_at.repeat(beams), tuple(tensor.repeat_interleave(beams, 0) for tensor in state)
        scores = torch.full((rows, beams), -1e9)
        scores[:, 0] = 0.0  # all hypotheses of a row start alike, so only one may be continued
        first = torch.arange(rows).unsqueeze(1) * beams
        labels, written = torch.full((rows * beams,), start), torch.empty(rows * beams, 0, dtype=torch.long)
        for _ in range(steps):
            state = self.step(self.word_gates(self.target_words(labels)), looked_at, state)
            logits = self.output(state[0])
            if beams == 1:
                labels = logits.argmax(1)
            else:
                best, candidates = logits.topk(beams, 1)
                best = best - logits.logsumexp(1, keepdim=True)
                scores, chosen = (scores.unsqueeze(2) + best.unflatten(0, (rows, -1))).flatten(1).topk(beams, 1)
                parents = (first + chosen // beams).flatten()
                labels = candidates.view(rows, -1).gather(1, chosen).flatten()
                state = tuple(tensor.index_select(0, parents) for tensor in state)
                written = written.index_select(0, parents)
            written = torch.cat([written, labels.unsqueeze(1)], 1)
        return written.view(rows, beams, -1)[:, 0]
