"""Scores that say how sure they are: a number with its 95 % bootstrap interval.

Shapes: `N` rows of a corpus, `K` counts kept of each, `R` resamples.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

_BLOCK_ROWS = 1024  # rows resampled at once: 8 MB of counts for 1,000 resamples, which stay in the processor's cache


@dataclass(frozen=True)
class Score:
    """A measured number, the interval around it and the number of rows it was measured on.

    Rates and overlaps are per cent. `signature` names every choice that changes the number.

    >>> print(Score("BLEU", 38.12, low=37.04, high=39.33, count=1000))
    BLEU 38.1 [37.0, 39.3]
    """

    name: str
    value: float
    low: float
    high: float
    count: int
    signature: str = ""
    higher_is_better: bool = True

    def __str__(self) -> str:
        """The score as a person writes it: one decimal from 10 upward, two below."""
        decimals = 1 if abs(self.high) >= 10 else 2
        return f"{self.name} {self.value:.{decimals}f} [{self.low:.{decimals}f}, {self.high:.{decimals}f}]"

    def numbers(self, key: str) -> dict[str, float]:
        """The value and its interval under flat names, as result files hold them.

        >>> Score("BLEU", 38.0, low=37.0, high=39.0, count=1000).numbers("bleu")
        {'bleu': 38.0, 'bleu_low': 37.0, 'bleu_high': 39.0}
        """
        return {key: self.value, f"{key}_low": self.low, f"{key}_high": self.high}


def bootstrap(
    statistics: np.ndarray,
    value_of: Callable[[np.ndarray], np.ndarray],
    *,
    resamples: int = 1000,
    seed: int = 12345,
) -> tuple[float, float, float]:
    """Measures a corpus and how far the number moves when the rows are drawn again, with replacement.

    The percentile bootstrap of Koehn (2004), on sums: whatever can be computed from column sums needs no second
    look at the texts. The interval is widened to the value where a statistic jumps so that the percentiles miss it.

    Args:
        statistics: (N, K), what each row adds to the sums.
        value_of: turns sums (R, K) into values (R,); it is called once with the corpus, once with all resamples.
        resamples: how many corpora of N rows are drawn.
        seed: the same seed and statistics give the same interval, to the last digit.

    Returns:
        the value of the corpus, and the 2.5th and 97.5th percentile of the resampled values

    >>> right = np.array([[1, 1]] * 90 + [[0, 1]] * 10)
    >>> bootstrap(right, lambda sums: sums[:, 0] / sums[:, 1])
    (0.9, 0.84, 0.95)
    """
    statistics = np.asarray(statistics)
    if statistics.ndim != 2 or not len(statistics):
        raise ValueError(
            f"`statistics` must be a table of at least one row, but its shape is {statistics.shape}. "
            "Pass the rows of a test set that is not empty."
        )
    if not np.isfinite(statistics).all():
        raise ValueError(
            "`statistics` must be finite, but a row holds NaN or infinity. Leave out the rows that are not defined."
        )
    if resamples < 1:
        raise ValueError(f"`resamples` must be at least 1, but is {resamples}. Pass 1000 for a 95 % interval.")
    value = float(value_of(statistics.sum(0, dtype=np.float64)[None])[0])
    low, high = np.percentile(value_of(_resampled_sums(statistics, resamples, seed)), [2.5, 97.5])
    return value, min(float(low), value), max(float(high), value)


def _resampled_sums(statistics: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Column sums of `resamples` corpora drawn from the rows: (N, K) → (R, K).

    Drawing first how many rows each block contributes and then which ones is the same multinomial draw as N rows
    at once, but needs memory for one block only, whatever N is.
    """
    random = np.random.default_rng(seed)
    blocks = [statistics[start : start + _BLOCK_ROWS] for start in range(0, len(statistics), _BLOCK_ROWS)]
    shares = np.array([len(block) for block in blocks]) / len(statistics)
    draws = random.multinomial(len(statistics), shares, size=resamples)  # (R, blocks)
    sums = np.zeros((resamples, statistics.shape[1]))
    for block, drawn in zip(blocks, draws.T, strict=True):
        rows = random.integers(len(block), size=drawn.sum())
        cells = rows + np.repeat(np.arange(resamples) * len(block), drawn)
        counts = np.bincount(cells, minlength=resamples * len(block)).reshape(resamples, len(block))
        sums += counts @ block.astype(np.float64)
    return sums


def score_of(
    name: str,
    statistics: np.ndarray,
    value_of: Callable[[np.ndarray], np.ndarray],
    *,
    signature: str = "",
    higher_is_better: bool = True,
) -> Score:
    """Puts a name to the bootstrapped value of per-row statistics (N, K); see `bootstrap`."""
    value, low, high = bootstrap(statistics, value_of)
    return Score(name, value, low, high, len(statistics), signature, higher_is_better)


def mean_score(
    values: Iterable[float], *, name: str = "mean", signature: str = "", higher_is_better: bool = True
) -> Score:
    """The mean of one number per row, with its interval.

    >>> print(mean_score([40.0, 60.0, 50.0, 50.0], name="accuracy"))
    accuracy 50.0 [42.5, 57.5]
    """
    numbers = np.fromiter(values, dtype=np.float64)
    statistics = np.stack([numbers, np.ones_like(numbers)], axis=1)
    return score_of(name, statistics, ratio, signature=signature, higher_is_better=higher_is_better)


def ratio(sums: np.ndarray) -> np.ndarray:
    """The first column per unit of the second: (R, 2) → (R,), the usual `value_of` of counts.

    A total of nothing counts as one, so that errors made where nothing was expected still show.
    """
    return sums[:, 0] / np.maximum(sums[:, 1], 1)


def percent(sums: np.ndarray) -> np.ndarray:
    """The first column per hundred of the second: (R, 2) → (R,); see `ratio`."""
    return 100 * ratio(sums)
