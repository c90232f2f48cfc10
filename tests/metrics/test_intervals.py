"""Bootstrap intervals behave as intervals do, whatever is measured."""

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from toolkit.metrics import Score, bootstrap, mean_score
from toolkit.metrics.intervals import _resampled_sums, percent, ratio


def accuracies(rows: int, share: float = 0.7, seed: int = 1) -> np.ndarray:
    """One row of right and total tokens each, (rows, 2)."""
    random = np.random.default_rng(seed)
    totals = random.integers(5, 20, rows)
    return np.stack([random.binomial(totals, share), totals], axis=1)


def width(statistics: np.ndarray) -> float:
    _, low, high = bootstrap(statistics, percent)
    return high - low


def test_the_interval_holds_the_value_and_the_value_is_that_of_the_whole_corpus():
    statistics = accuracies(200)
    value, low, high = bootstrap(statistics, percent)
    assert value == 100 * statistics[:, 0].sum() / statistics[:, 1].sum()
    assert low < value < high


def test_an_interval_shrinks_with_the_square_root_of_the_rows():
    assert width(accuracies(400)) / width(accuracies(6400)) == pytest.approx(4, rel=0.2)


def test_the_interval_of_a_mean_is_the_textbook_one():
    values = np.random.default_rng(3).normal(50, 10, size=2000)
    score = mean_score(values)
    half = 1.96 * values.std() / math.sqrt(len(values))
    assert score.value == pytest.approx(values.mean())
    assert score.low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert score.high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_nineteen_of_twenty_intervals_hold_the_truth():
    hits = 0
    for seed in range(200):
        _, low, high = bootstrap(accuracies(150, share=0.7, seed=seed), percent, resamples=300)
        hits += low <= 70 <= high
    assert 178 <= hits <= 199  # 190 expected, with three standard deviations on either side


def test_rows_that_are_all_alike_leave_no_doubt():
    value, low, high = bootstrap(np.full((50, 2), (3, 4)), percent)
    assert low == value == high == 75.0


def test_a_single_row_gives_its_own_value_three_times():
    assert bootstrap(np.array([[1, 4]]), percent) == (25.0, 25.0, 25.0)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another_one():
    statistics = accuracies(3000)
    first, again = bootstrap(statistics, percent), bootstrap(statistics, percent)
    assert first == again
    assert bootstrap(statistics, percent, seed=7) != first


def test_an_interval_reaches_its_value_where_the_percentiles_miss_it():
    statistics = np.array([[1, 1], [0, 1]] * 5000)

    def best_at_one_half(sums: np.ndarray) -> np.ndarray:
        return -np.abs(ratio(sums) - 0.5)

    resampled = best_at_one_half(_resampled_sums(statistics, 1000, 12345))
    assert np.percentile(resampled, 97.5) < 0  # the premise: hardly any resample is as good as the corpus
    value, low, high = bootstrap(statistics, best_at_one_half)
    assert low < value == high == 0


@pytest.mark.parametrize("rows", [1, 1000, 1024, 1025, 5000])
def test_every_resample_draws_as_many_rows_as_there_are(rows):
    sums = _resampled_sums(np.ones((rows, 1)), resamples=50, seed=1)
    assert (sums == rows).all()


def test_blocks_of_rows_do_not_change_how_resamples_spread():
    values = np.random.default_rng(5).normal(0, 1, size=(5000, 1))
    sums = _resampled_sums(values, resamples=4000, seed=1)
    assert sums.mean() == pytest.approx(values.sum(), abs=4 * math.sqrt(5000 / 4000))
    assert sums.std() == pytest.approx(values.std() * math.sqrt(5000), rel=0.05)


def test_rows_of_different_blocks_are_drawn_as_one_multinomial():
    which_block = np.repeat(np.eye(2), 1024, axis=0)  # two blocks of equal size
    drawn = _resampled_sums(which_block, resamples=4000, seed=1)[:, 0]
    assert drawn.std() == pytest.approx(math.sqrt(2048 * 0.25), rel=0.05)


@pytest.mark.parametrize(
    ("statistics", "resamples", "named"),
    [
        (np.zeros((0, 2)), 10, "at least one row"),
        (np.zeros(3), 10, "table"),
        (np.array([[1.0, float("nan")]]), 10, "finite"),
        (np.ones((2, 2)), 0, "`resamples`"),
    ],
)
def test_what_has_no_interval_is_refused(statistics, resamples, named):
    with pytest.raises(ValueError, match=named):
        bootstrap(statistics, percent, resamples=resamples)


def test_a_score_reads_as_people_write_it_and_cannot_be_changed():
    score = Score("WER", 2.054, low=1.508, high=2.622, count=100, higher_is_better=False)
    assert str(score) == "WER 2.05 [1.51, 2.62]"
    assert str(Score("BLEU", 9.97, low=8.0, high=12.0, count=5)) == "BLEU 10.0 [8.0, 12.0]"
    with pytest.raises(FrozenInstanceError):
        score.value = 0.0
