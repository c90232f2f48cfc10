"""Predicted and expected texts side by side, read once and kept only as numbers."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest

import numpy as np

_END = object()


def paired(predicted: Iterable[str], expected: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Walks two columns of texts together and refuses what is not two columns of texts.

    >>> list(paired(["a house"], ["the house"]))
    [('a house', 'the house')]
    """
    for name, column in (("predicted", predicted), ("expected", expected)):
        if isinstance(column, str):
            raise TypeError(f"`{name}` must hold one text per row, but is a single text. Put it into a list.")
    return _walk(predicted, expected)


def _walk(predicted: Iterable[str], expected: Iterable[str]) -> Iterator[tuple[str, str]]:
    row = 0
    for row, (prediction, reference) in enumerate(zip_longest(predicted, expected, fillvalue=_END), start=1):
        yield _text("predicted", prediction, row), _text("expected", reference, row)
    if not row:
        raise ValueError("`predicted` must have at least one row, but is empty. Score a test set that has rows.")


def _text(column: str, entry: object, row: int) -> str:
    if entry is _END:
        raise ValueError(
            f"`{column}` must have as many rows as its counterpart, but ends before row {row}. "
            "Pass one prediction for each expected text."
        )
    if not isinstance(entry, str):
        raise TypeError(
            f"`{column}` must hold one text per row, but row {row} is of type {type(entry).__name__}. "
            "Decode the predictions and pass a single reference per row."
        )
    return entry


def row_statistics(
    pairs: Iterable[tuple[str, str]], measure: Callable[[str, str], Sequence[float]], columns: int
) -> np.ndarray:
    """Measures each pair as soon as it is read, so that memory holds four bytes per number and no texts.

    Args:
        pairs: predicted and expected texts.
        measure: the counts of one pair, all of them whole numbers.
        columns: how many counts that is, K.

    Returns:
        (N, K)
    """
    counts = (measure(predicted, expected) for predicted, expected in pairs)
    return np.fromiter(counts, dtype=np.dtype((np.int32, columns)))
