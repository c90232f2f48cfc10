"""Where a value stands on a drawing, which round numbers mark the way, and which points are worth drawing."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A straight line from values (`low` to `high`) to places (`start` to `end`), with round `ticks` on it.

    >>> scale = Scale.over([3, 97], start=0, end=200)
    >>> scale.ticks, scale(50)
    ((0.0, 20.0, 40.0, 60.0, 80.0, 100.0), 100.0)
    """

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]

    @classmethod
    def over(cls, values: Iterable[float], *, start: float, end: float, snug: bool = False) -> "Scale":
        """Fits a scale to finite values.

        Args:
            values: what must have a place on the scale.
            start: the place of the lowest value.
            end: the place of the highest value.
            snug: end at the outermost values themselves, not at the round numbers beyond them.
        """
        finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
        low, high = _widened(min(finite), max(finite))
        ticks = _ticks(low, high)
        if snug:
            slack = (high - low) * 1e-9
            ticks = tuple(tick for tick in ticks if low - slack <= tick <= high + slack)
        else:
            low, high = ticks[0], ticks[-1]
        return cls(low, high, start, end, ticks)

    def __call__(self, value: float) -> float:
        """Returns the place of a value, rounded to a tenth of a pixel."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def labels(self) -> list[str]:
        """Writes the ticks, all with as many decimals as the finest of them needs."""
        step = min((after - before for before, after in zip(self.ticks, self.ticks[1:], strict=False)), default=1.0)
        if not 1e-6 <= step < 1e15:
            return [f"{tick:g}" for tick in self.ticks]
        decimals = next((places for places in range(8) if math.isclose(round(step, places), step, rel_tol=1e-6)), 7)
        return [f"{tick:,.{decimals}f}" for tick in self.ticks]


def thinned(points: Sequence[tuple[float, float]], *, most: int) -> list[tuple[float, float]]:
    """Keeps at most `most` points in the order of x, and every peak and valley among them.

    The points are cut into stretches and each stretch keeps its lowest and its highest point, so that a spike of the
    loss is never drawn smooth.

    >>> len(thinned([(step, step % 7) for step in range(10_000)], most=400))
    400
    """
    ordered = sorted(points, key=lambda point: point[0])
    if len(ordered) <= most:
        return ordered
    stretches = most // 2
    cuts = [len(ordered) * place // stretches for place in range(stretches + 1)]
    kept = []
    for first, last in zip(cuts, cuts[1:], strict=False):
        by_height = sorted(range(first, last), key=lambda index: ordered[index][1])
        kept += [ordered[index] for index in sorted({by_height[0], by_height[-1]})]
    return kept


def _widened(low: float, high: float) -> tuple[float, float]:
    """Makes room around a single value, and begins at zero when zero is near."""
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-300):
        room = abs(high) / 10 or 0.5
        return low - room, high + room
    return (0 if 0 < low < high * 0.4 else low), high


def _ticks(low: float, high: float) -> tuple[float, ...]:
    """Returns four to eight round numbers, the outermost at or beyond the ends."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.99)
    return tuple(index * step for index in range(math.floor(low / step), math.ceil(high / step) + 1))
