"""The loops that write: greedily or with beams, in a batch that shrinks as sentences end.

Shapes: `B` sentences still being written, `K` hypotheses of each, `N` candidates of each, `T` target steps, `V` labels.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .layers_decoder import DecoderSteps, RecurrentDecoder
from .layers_output import largest, likeliest
from .layers_recurrent import RecurrentEncoderOutput

NEVER = -1e9
"""The score of a place that no hypothesis has taken yet, as in the library."""


class Writer:
    """Scores the next label of rows that are being written, and forgets those that have ended.

    Args:
        decoder: what reads labels.
        head: what scores the next one.
        encoded: the source, one row per sentence.
        state: where each row stands.
    """

    def __init__(
        self, decoder: RecurrentDecoder, head: nn.Linear, encoded: RecurrentEncoderOutput, state: dict[str, Tensor]
    ) -> None:
        self.decoder, self.encoded, self.state = decoder, encoded, state
        self.steps, self.score, self.bias = DecoderSteps(decoder), decoder.decoding.product(head.weight), head.bias

    def __call__(self, labels: Tensor) -> Tensor:
        """Labels (rows, T) since the last call to logits (rows, V), which are the caller's to change."""
        decoder = self.decoder
        self.state = self.state or decoder.start(self.encoded, labels.shape[0])
        for read in labels.split(1, 1):
            word = decoder.embed(read, self.encoded)[:, 0]
            vector, _, self.state = self.steps(read, word, self.encoded, self.state)
        words = self.score(self.bias, vector)
        if decoder.pointer is None:
            return words.float()
        vectors, latest = vector.unsqueeze(1), self.state["latest"]
        return decoder.with_moments(words.unsqueeze(1), vectors, latest, self.encoded)[:, 0].float()

    def keep(self, sentences: Tensor | None, rows: Tensor) -> None:
        """Goes on with these rows alone, of these sentences; none: of all."""
        if sentences is not None:
            kept = {name: tensor.index_select(0, sentences) for name, tensor in self.encoded.items()}
            self.encoded = RecurrentEncoderOutput(**kept)
        self.state = {name: tensor.index_select(0, rows) for name, tensor in self.state.items()}


def is_worth_dropping(number: int, rows: int) -> bool:
    """Whether so many of the rows are done that it pays to copy the others."""
    return 8 * number >= rows


def write_greedily(writer: Writer, start: Tensor, config: Any) -> Tensor:
    """The likeliest label again and again.

    Args:
        writer: scores the next label of each row.
        start: (B, T), what every row begins with.
        config: where a row ends, and what fills it then.

    Returns:
        (B, steps of the longest row)
    """
    ends, pad = config._eos_token_tensor, config._pad_token_tensor
    columns = list(start.unbind(1))
    places, labels = torch.arange(len(start), device=start.device), start
    ended, done = torch.zeros(len(start), dtype=torch.bool, device=start.device), 0
    while len(columns) < config.max_length:
        chosen = likeliest(writer(labels))
        if done:
            chosen = chosen.where(~ended, pad)
        all_rows = len(chosen) == len(start)
        columns.append(chosen if all_rows else pad.repeat(len(start)).index_copy(0, places, chosen))
        ended = ended | (chosen.unsqueeze(1) == ends).any(1)
        done = int(ended.sum())
        if done == len(chosen):
            break
        if is_worth_dropping(done, len(chosen)):
            going, done = (~ended).nonzero().squeeze(1), 0
            writer.keep(going, going)
            places, chosen, ended = places[going], chosen[going], ended[going]
        labels = chosen.unsqueeze(1)
    return torch.stack(columns, 1)


@dataclass(frozen=True)
class Ended:
    """The best hypotheses of each sentence that have ended, the best first.

    Attributes:
        scores: (B, K), divided by their lengths to the power asked for.
        ids: (B, K, steps of the longest)
        lengths: (B, K) steps that were written, 0 where there is no hypothesis yet.
        filler: stands behind the end of the shorter ones.
    """

    scores: Tensor
    ids: Tensor
    lengths: Tensor
    filler: int

    @property
    def is_full(self) -> Tensor:
        """(B, K), where there is a hypothesis."""
        return self.lengths > 0

    def merge(self, scores: Tensor, ids: Tensor, length: int) -> "Ended":
        """The best of these and of candidates (B, N) of a length, -inf where one is not meant."""
        best, order = torch.cat([self.scores, scores], 1).topk(self.scores.shape[1])
        lengths = torch.cat([self.lengths, torch.full_like(scores, length, dtype=torch.long)], 1)
        rows = torch.cat([self.filled(ids.shape[2]), ids], 1)
        return Ended(best, pick(rows, order), lengths.gather(1, order), self.filler)

    def filled(self, steps: int) -> Tensor:
        """The ids with so many steps."""
        return nn.functional.pad(self.ids, (0, steps - self.ids.shape[2]), value=self.filler)

    def rows(self, places: Tensor) -> "Ended":
        """Those of some sentences."""
        return Ended(self.scores[places], self.ids[places], self.lengths[places], self.filler)


def pick(rows: Tensor, order: Tensor) -> Tensor:
    """(B, N, T) and (B, K) to (B, K, T)."""
    return rows.gather(1, order.unsqueeze(2).expand(-1, -1, rows.shape[2]))


def best_continuations(logits: Tensor, scores: Tensor, number: int) -> tuple[Tensor, Tensor, Tensor]:
    """The likeliest hypotheses that are one label longer.

    The library normalizes all logits and sorts V labels of K hypotheses at once. It is less work to take the best
    labels of each hypothesis first, since no other can be among the best of all.

    Args:
        logits: (B * K, V), overwritten.
        scores: (B, K), log-probabilities of the hypotheses so far.
        number: how many.

    Returns:
        Their log-probabilities, the hypotheses they continue, and their last labels, (B, number) each.
    """
    each = min(number, logits.shape[1])
    best, labels = largest(logits, each)
    top = best[:, :1].clone()
    best = best - top - logits.sub_(top).exp_().sum(1, keepdim=True).log_()
    candidates = (best.view(*scores.shape, each) + scores.unsqueeze(2)).flatten(1)
    scored, places = candidates.topk(number)
    return scored, places // each, labels.view(len(scores), -1).gather(1, places)


def search_with_beams(writer: Writer, start: Tensor, config: Any) -> Tensor:
    """Beam search as the library defines it.

    Args:
        writer: scores the next label of each row.
        start: (B * K, T), what every row begins with.
        config: beams, penalty of length, when to stop early, how many to return.

    Returns:
        (B * hypotheses to return, steps of the longest of them)
    """
    beams, power, early = config.num_beams, config.length_penalty, config.early_stopping
    ends, prompt, longest = config._eos_token_tensor, start.shape[1], config.max_length
    written = start.view(-1, beams, prompt)
    places = torch.arange(len(written), device=start.device)
    scores = torch.full(written.shape[:2], NEVER, device=start.device)
    ended = Ended(scores.clone(), written, torch.zeros_like(written[..., 0]), int(config._pad_token_tensor or ends[0]))
    scores[:, 0] = 0.0
    done, has_ended, labels = places < 0, False, start
    found: list[tuple[Tensor, Ended]] = []
    for length in range(prompt + 1, longest + 1):
        scored, parents, chosen = best_continuations(writer(labels), scores, max(2, 1 + len(ends)) * beams)
        hits = (chosen.unsqueeze(2) == ends).any(2) | (length == longest)
        if hits.any():
            meant = hits & ~done.unsqueeze(1)
            if meant[:, :beams].any():
                meant[:, beams:] = False  # the rest is there in case that all of the best end
                new = (scored / (length - prompt) ** power).masked_fill(~meant, -torch.inf)
                candidates = torch.cat([pick(written, parents), chosen.unsqueeze(2)], 2)
                ended, has_ended = ended.merge(new, candidates, length - prompt), True
            scores, order = (scored + hits * NEVER).topk(beams)
            parents, chosen = parents.gather(1, order), chosen.gather(1, order)
        else:  # as they come, they are in order
            scores, parents, chosen = scored[:, :beams], parents[:, :beams], chosen[:, :beams]
        written = torch.cat([pick(written, parents), chosen.unsqueeze(2)], 2)
        if has_ended:  # before, no sentence can be done
            to_come = (longest if early == "never" and power > 0 else length) - prompt
            worst = ended.scores.where(ended.is_full, NEVER).min(1).values
            done = done | (scores[:, 0] / to_come**power <= worst) | (ended.is_full.all(1) & (early is True))
            if hits.all() or done.all():
                break
        rows, going = parents + beams * torch.arange(len(written), device=start.device).unsqueeze(1), None
        if is_worth_dropping(int(done.sum()), len(done)):
            found.append((places[done], ended.rows(done)))
            going = (~done).nonzero().squeeze(1)
            ended, places, done = ended.rows(going), places[going], done[going]
            written, scores, rows = written[going], scores[going], rows[going]
        writer.keep(going, rows.flatten())
        labels = written[..., -1:].flatten(0, 1)
    found.append((places, ended))
    order, number = torch.cat([places for places, _ in found]).argsort(), config.num_return_sequences
    steps = prompt + max(int(one.lengths[:, :number].max()) for _, one in found)
    ids = torch.cat([one.filled(max(steps, one.ids.shape[2]))[:, :number, :steps] for _, one in found])
    return ids[order].flatten(0, 1)


__all__ = ["Writer", "search_with_beams", "write_greedily"]
