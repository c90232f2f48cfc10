"""One collator for every modality, and batches of rows of about one length."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Sampler


@dataclass(frozen=True)
class Pad:
    """Pads each named field along its first axis with its own filler; fields without a filler are left out.

    >>> batch = Pad({"input_ids": 3, "labels": -100})(
    ...     [{"input_ids": [5, 2], "labels": [7]}, {"input_ids": [2], "labels": []}]
    ... )
    >>> batch["input_ids"].tolist(), batch["labels"].tolist()
    ([[5, 2], [2, 3]], [[7], [-100]])
    """

    fillers: Mapping[str, float]

    def __call__(self, rows: Sequence[Mapping]) -> dict[str, Tensor]:
        """One batch of tensors, (rows, longest row, ...)."""
        return {
            name: pad_sequence([_as_tensor(row[name], filler) for row in rows], batch_first=True, padding_value=filler)
            for name, filler in self.fillers.items()
            if name in rows[0]
        }


def _as_tensor(values: object, filler: float) -> Tensor:
    """A tensor of the filler's kind, whatever an empty list would be taken for."""
    return torch.as_tensor(values, dtype=torch.long if isinstance(filler, int) else torch.float32)


class LengthBatches(Sampler[list[int]]):
    """Batches of rows that are about equally long, so that little of them is padding.

    The batches are a pure function of the seed and the epoch: a run that was stopped goes on with the same ones.
    Several processes make the same batches, as large for all of them as is asked for each, and deal out their rows:
    each gets as many as the others, or one less, of about the same lengths, and never none.

    Args:
        lengths: (rows, 2), the source and target length of each row.
        rows: the most rows that a process gets of a batch.
        tokens: the most source plus target steps that it gets, padding included; none: no limit but `rows`. A row that
            is longer alone makes a batch of its own.
        seed: makes another order.
        shortest_first: in so many first epochs the batches come in the order of their length, so that what is easy is
            learnt first (Amodei et al., 2016, Deep Speech 2, 3.2).
        share: which process this is, of how many.

    >>> batches = LengthBatches(np.array([[3, 3], [9, 9], [3, 3], [9, 8]]), rows=2)
    >>> sorted(sorted(batch) for batch in batches)
    [[0, 2], [1, 3]]
    """

    def __init__(
        self,
        lengths: np.ndarray,
        *,
        rows: int,
        tokens: int | None = None,
        seed: int = 0,
        shortest_first: int = 0,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        if len(lengths) < share[1]:
            raise ValueError(
                f"`nproc_per_node` must not be above the number of training rows ({len(lengths)}), but there are "
                f"{share[1]} processes. Start fewer."
            )
        self.lengths, self.rows, self.tokens, self.seed, self.epoch = lengths, rows, tokens, seed, 0
        self.shortest_first, self.share = shortest_first, share
        self._made: tuple[int, list[list[int]]] | None = None

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch that the next pass belongs to."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        process, processes = self.share
        return (batch[process::processes] for batch in self._batches())

    def __len__(self) -> int:
        return len(self._batches())

    def _batches(self) -> list[list[int]]:
        if self._made is None or self._made[0] != self.epoch:
            self._made = self.epoch, self._make()
        return self._made[1]

    def _make(self) -> list[list[int]]:
        random = np.random.default_rng((self.seed, self.epoch))
        chance = random.random(len(self.lengths))
        # With a budget the order of the lengths is exact, so that every epoch has the same number of batches, which
        # resuming counts on. Without one they are blurred by up to a twentieth, so that other rows meet each epoch.
        blur = np.floor(self.lengths[:, 0] * chance / 20) if self.tokens is None else np.zeros_like(chance)
        batches = self._cut(_in_strips(self.lengths, self._strips, chance, blur))
        if self.epoch < self.shortest_first:
            return sorted(batches, key=lambda batch: float(self.lengths[batch, 0].mean()))
        return [batches[place] for place in random.permutation(len(batches))]

    @cached_property
    def _strips(self) -> int:
        """Into how many strips the rows are laid so that the fewest steps are padding."""
        rows = self.rows * self.share[1]
        if self.tokens is not None:
            rows = min(rows, max(1, int(self.tokens * self.share[1] / max(1.0, self.lengths.sum(1).mean()))))
        even = np.zeros(len(self.lengths))

        def padded(strips: int) -> int:
            lengths = self.lengths[_in_strips(self.lengths, strips, even, even)]
            return int(np.maximum.reduceat(lengths, np.arange(0, len(lengths), rows)).sum())

        # As many strips as a strip has batches, or some fewer where the source is the longer side; one where many rows
        # have the same two lengths.
        middle = (len(self.lengths) // rows).bit_length() // 2
        return min((1, *(1 << power for power in range(max(1, middle - 3), middle + 2))), key=padded)

    def _cut(self, order: np.ndarray) -> list[list[int]]:
        """The rows in this order in batches as large as they may be."""
        processes = self.share[1]
        batches: list[list[int]] = [[]]
        longest = np.zeros(2, dtype=np.int64)
        for row in order:
            longest = np.maximum(longest, self.lengths[row])
            size = len(batches[-1]) + 1
            most = -(-size // processes)  # of one process
            if size > processes and (most > self.rows or (self.tokens and longest.sum() * most > self.tokens)):
                batches.append([])
                longest = self.lengths[row]
            batches[-1].append(int(row))
        if len(batches[-1]) < processes:  # too few for all: the batch before gives some, or takes them if it is small
            last = batches.pop()
            rest = batches.pop() + last
            batches += [rest[:-processes], rest[-processes:]] if len(rest) >= 2 * processes else [rest]
        return batches


def _in_strips(lengths: np.ndarray, strips: int, chance: np.ndarray, blur: np.ndarray) -> np.ndarray:
    """The rows in an order in which neighbours are alike in both lengths.

    They are cut into strips of about one target length, and each strip is sorted by the source length, up and down in
    turn, so that the rows at its end are like those at the start of the next one.

    Args:
        lengths: (rows, 2), the source and target length of each row.
        strips: how many; few keep the source lengths of neighbours alike, many the target lengths.
        chance: (rows,), settles which of equal rows comes first.
        blur: (rows,), what is added to the source length.
    """
    source, target = lengths.T
    strip = np.empty_like(target)
    strip[np.lexsort((chance, source, target))] = np.arange(len(target)) * strips // len(target)
    return np.lexsort((chance, target, np.where(strip % 2, -1, 1) * (source + blur), strip))
