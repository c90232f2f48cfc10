"""Numbers, scales and thinning: what every drawing stands on."""

import random

import pytest

from toolkit.report.markup import number
from toolkit.report.scales import Scale, thinned

NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (31.41592, "31.42"),
        (-0.5, "-0.5"),
        (9_912_345, "9,912,345"),
        (12_345.6, "12,346"),
        (0.000123456, "0.0001235"),
        (1.5e-7, "1.5e-07"),
        (2.5e20, "2.5e+20"),
        (NAN, "not a number"),
        (INFINITY, "∞"),
        (-INFINITY, "-∞"),
    ],
)
def test_numbers_are_written_for_reading(value: float, written: str) -> None:
    assert number(value) == written


def test_the_ticks_of_any_range_are_few_round_and_reach_around_it() -> None:
    draw = random.Random(0)
    for _ in range(500):
        low = draw.uniform(-1, 1) * 10 ** draw.randint(-5, 6)
        values = [low, low + 10 ** draw.uniform(-4, 7)]
        scale = Scale.over(values, start=0, end=100)

        assert 3 <= len(scale.ticks) <= 9
        assert scale.low <= values[0] < values[1] <= scale.high
        written = [float(label.replace(",", "")) for label in scale.labels()]
        assert written == pytest.approx(scale.ticks, abs=1e-6 * (scale.high - scale.low)), (
            "a label rounds its tick away"
        )


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0, 1e16, 5e-324])
def test_a_single_value_stands_inside_its_scale(value: float) -> None:
    scale = Scale.over([value], start=0, end=100)

    assert 0 < scale(value) < 100


def test_thinning_keeps_the_order_the_size_and_every_spike() -> None:
    points = [(float(step), 1.0) for step in range(10_000)]
    points[1234], points[8765] = (1234.0, 99.0), (8765.0, -99.0)

    kept = thinned(points[::-1], most=100)

    assert len(kept) <= 100
    assert kept == sorted(kept)
    assert {(1234.0, 99.0), (8765.0, -99.0)} <= set(kept)
