"""Words that are moments of the source: writing one is choosing a place, reading one is looking there.

Shapes: `B` rows, `S` source steps, `T` target steps, `D` width of a state, `E` of a word vector, `R` of the readout.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .configuration_recurrent_seq2seq import RecurrentSeq2SeqConfig
from .layers_recurrent import RecurrentEncoderOutput

RARE = 4.0
"""Before anything is learnt, a moment is passed by with a probability of 98 %."""
NEAR = 8
"""So many steps after the last moment are told apart; what is further away is alike."""


class MomentPointer(nn.Module):
    """The moments 0 to S are the borders of the source's steps, and words from the id `first` on.

    A pointer network (Vinyals et al., 2015, 2.3) compares all places with a question at once, so it cannot prefer the
    next of several that look alike. Here they are scanned in the order of time, as in monotonic attention (Raffel et
    al., 2017, 2.2): each is taken with a probability p of its own, so that the moment t has
    p_t (1 - p_0) … (1 - p_{t-1}), and every moment that is rightly passed by is a lesson too. Where they begin the
    scan at the last place, ours begins at 0 and learns what is worth taking before it, at it and up to `NEAR` steps
    after it: events may overlap. The other words compete with all this in one softmax, so `<eos>` wins where little
    is left to be taken.
    """

    def __init__(self, config: RecurrentSeq2SeqConfig) -> None:
        super().__init__()
        self.first, self.moments = config.spelt_words, config.vocab_size - config.spelt_words
        size = config.hidden_size
        self.ask = nn.Linear(config.readout_size, 2 * size)
        self.place = nn.Linear(config.readout_size, NEAR + 2)
        self.look = nn.Linear(2 * size, config.embedding_size)
        self.name = nn.Linear(size, self.first)

    def latest(self, input_ids: Tensor, before: Tensor) -> Tensor:
        """The moment that was written last, at each step: (B, T), below 0 before the first one.

        Args:
            input_ids: (B, T)
            before: the same for the steps before these; at the start -1.
        """
        moments = torch.cat([before[:, -1:], input_ids - self.first], 1)
        steps = torch.arange(moments.shape[1], device=moments.device)
        return moments.gather(1, torch.where(moments >= 0, steps, 0).cummax(1).values)[:, 1:]

    def read(self, input_ids: Tensor, words: Tensor, encoded: RecurrentEncoderOutput) -> Tensor:
        """Word vectors (B, T, E), where moments have been replaced by what is seen on both sides of them."""
        values = F.pad(encoded.last_hidden_state, (0, 0, 1, 1))  # (sentences, 1 + S + 1, D)
        moments = (input_ids - self.first).clamp(min=0, max=values.shape[1] - 2).reshape(len(values), -1, 1)
        sides = [values.gather(1, (moments + side).expand(-1, -1, values.shape[2])) for side in (0, 1)]
        seen = self.look(torch.cat(sides, -1)).reshape(words.shape)
        return torch.where((input_ids >= self.first).unsqueeze(-1), seen, words)

    def forward(self, vectors: Tensor, latest: Tensor, encoded: RecurrentEncoderOutput) -> Tensor:
        """Scores of all moments, of which those past the source's end are impossible: (B, T, moments).

        Args:
            vectors: (B, T, R), what the decoder reads out.
            latest: (B, T), see there.
            encoded: the source, of which several rows in a row may share one.
        """
        values = encoded.last_hidden_state
        if values.shape[1] >= self.moments:
            raise ValueError(
                f"A source must have at most {self.moments - 1} steps, as there are words for no more, but has "
                f"{values.shape[1]}. Cut it into stretches."
            )
        asked = self.ask(vectors).reshape(len(values), -1, 2 * values.shape[2]) / values.shape[2] ** 0.5
        before, after = (question @ values.transpose(1, 2) for question in asked.chunk(2, -1))
        energies = (F.pad(before, (1, 0)) + F.pad(after, (0, 1))).reshape(*vectors.shape[:2], -1)  # (B, T, S + 1)
        from_latest = torch.arange(energies.shape[2], device=latest.device) - latest.unsqueeze(-1)
        energies = energies + self.place(vectors).gather(2, from_latest.clamp(-1, NEAR) + 1) - RARE
        energies = energies.to(torch.promote_types(energies.dtype, torch.float32))  # sums over hundreds of steps
        passed = F.logsigmoid(-energies).cumsum(-1)
        scores = F.logsigmoid(energies) + F.pad(passed[..., :-1], (1, 0))
        real = F.pad(encoded.attention_mask, (1, 0), value=True)  # (sentences, S + 1)
        real = real.repeat_interleave(len(vectors) // len(real), 0).unsqueeze(1)
        impossible = torch.finfo(scores.dtype).min
        scores = scores.masked_fill(~real, impossible)
        return F.pad(scores, (0, self.moments - scores.shape[2]), value=impossible)

    def loss(self, logits: Tensor, labels: Tensor, encoded: RecurrentEncoderOutput, smoothing: float) -> Tensor:
        """Cross entropy of logits (B, T, V), summed over all labels (B, T) but -100; while training with the lesson."""
        if (labels - self.first > encoded.attention_mask.sum(1, keepdim=True)).any():
            raise ValueError(
                "`labels` must name no moment after the source's end, but do. Its last one is the number of its steps."
            )
        if smoothing:
            raise ValueError(
                f"`label_smoothing` must be 0 where labels are moments, but is {smoothing}: some are impossible, and "
                "to leave them a probability costs without end."
            )
        total = F.cross_entropy(logits.transpose(1, 2), labels, reduction="sum")
        return total + self.lesson(labels, encoded) if self.training else total

    def lesson(self, labels: Tensor, encoded: RecurrentEncoderOutput) -> Tensor:
        """How badly the encoder alone tells the events of each step: cross entropy, summed over all steps.

        Joint training (Kim et al., 2017, 2.3) with labels of steps in place of CTC: while the decoder cannot point yet,
        it has nothing to teach the encoder. An event is a moment, a word and a moment; where both moments are the same
        it is in the step that begins there.
        """
        starts, words, ends = labels[:, :-2, None] - self.first, labels[:, 1:-1], labels[:, 2:, None] - self.first
        is_word = (words >= 0) & (words < self.first)
        steps = torch.arange(encoded.attention_mask.shape[1], device=labels.device)
        inside = (starts >= 0) & is_word.unsqueeze(2) & (starts <= steps) & (steps < torch.maximum(ends, starts + 1))
        inside = inside & (ends >= 0)  # (B, events, S)
        energies = self.name(encoded.last_hidden_state).transpose(1, 2) - RARE  # (B, words, S)
        named = F.one_hot(words * is_word, self.first).transpose(1, 2).to(energies.dtype) @ inside.to(energies.dtype)
        losses = F.binary_cross_entropy_with_logits(energies, named.clamp(max=1), reduction="none")
        return losses.sum(1)[encoded.attention_mask].sum()


__all__ = ["MomentPointer"]
