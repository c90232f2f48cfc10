"""The texts that a vocabulary is learnt from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from toolkit.data import Split

MOST_ROWS = 1_000_000
"""A vocabulary is learnt from no more: it would hardly change."""


@dataclass(frozen=True)
class Texts:
    """The texts of some columns of the first rows of a split, read anew on every pass."""

    split: Split
    columns: Sequence[str]
    lowercase: Sequence[str] = ()

    def __iter__(self) -> Iterator[str]:
        for batch in self.split.dataset.select_columns(list(self.columns)).take(MOST_ROWS).iter(batch_size=1000):
            for name in self.columns:
                yield from (text.lower() for text in batch[name]) if name in self.lowercase else batch[name]


__all__ = ["Texts"]
