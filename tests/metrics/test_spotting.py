"""Mean average precision of instants is what its definition says, taken another way."""

import itertools
import math
import random

import numpy as np
import pytest

from toolkit.metrics import mean_average_precision


def spotted(videos: int, seed: int) -> tuple[list, list]:
    """Predicted and expected instants of some videos, with scores that are all different."""
    dice = random.Random(seed)
    expected = [
        sorted({(dice.choice("ab"), dice.randrange(0, 60, 2)) for _ in range(dice.randrange(6))}) for _ in range(videos)
    ]
    scores = iter(dice.sample(range(10_000), 10_000))
    predicted = [
        [(label, time + dice.randint(-3, 3), next(scores) / 1e4) for label, time in truth if dice.random() < 0.8]
        + [(dice.choice("abc"), dice.randrange(60), next(scores) / 1e4) for _ in range(dice.randrange(3))]
        for truth in expected
    ]
    return predicted, expected


def average_precision_by_walking(predicted, expected, label: str, tolerance: float) -> float:
    """The area under the best precision at each recall or above, one prediction after the other."""
    ranked = sorted(
        (
            (score, video, time)
            for video, events in enumerate(predicted)
            for name, time, score in events
            if name == label
        ),
        reverse=True,
    )
    free = [[time for name, time in events if name == label] for events in expected]
    total = sum(map(len, free))
    points = []
    for count, (_, video, time) in enumerate(ranked, start=1):
        if free[video]:
            nearest = min(free[video], key=lambda due: abs(due - time))
            if abs(nearest - time) <= tolerance:
                free[video].remove(nearest)
        hits = total - sum(map(len, free))
        points.append((hits, hits / count))
    return (
        sum(max((precision for hits, precision in points if hits >= rank), default=0) for rank in range(1, total + 1))
        / total
    )


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.promise("G8")
def test_mean_average_precision_is_its_definition(seed):
    predicted, expected = spotted(6, seed)
    labels = {label for events in expected for label, _ in events}
    for tolerance in (0, 1, 2, 4):
        value = mean_average_precision(predicted, expected, tolerance=tolerance).value
        means = [average_precision_by_walking(predicted, expected, label, tolerance) for label in labels]
        assert value == pytest.approx(100 * np.mean(means))


def test_average_precision_worked_out_by_hand():
    truth = [[("a", 10), ("a", 20)], [("a", 5)]]
    found = [[("a", 10, 0.9), ("a", 11, 0.8), ("a", 22, 0.6)], [("a", 9, 0.7)]]
    # at 1 frame only 10 is hit, first of all: 1/3. At 2 also 22, fourth: precision 1 and 2/4. At 4 the order of hits
    # is 10, miss (11 is 9 away from what is left), 9 and 22: precisions 1, then 2/3 and 3/4, of which the best is 3/4.
    for tolerance, area in ((0, 1 / 3), (1, 1 / 3), (2, (1 + 0.5) / 3), (4, (1 + 0.75 + 0.75) / 3)):
        assert mean_average_precision(found, truth, tolerance=tolerance).value == pytest.approx(100 * area)


@pytest.mark.parametrize("shift", [1, 2, 3, 4])
def test_what_comes_late_is_hit_only_with_patience(shift):
    expected = [[("hit", 10), ("bounce", 40)], [("hit", 30)]]
    late = [[(label, time + shift, 0.5) for label, time in events] for events in expected]
    values = [mean_average_precision(late, expected, tolerance=tolerance).value for tolerance in range(6)]
    assert values == [100.0 if tolerance >= shift else 0.0 for tolerance in range(6)]


def test_seconds_are_counted_as_people_write_them():
    expected = [[("hit", 0.2)]]
    assert mean_average_precision([[("hit", 0.3, 1.0)]], expected, tolerance=0.1, unit="seconds").value == 100.0
    score = mean_average_precision([[("hit", 0.31, 1.0)]], expected, tolerance=0.1, unit="seconds")
    assert (score.name, score.value) == ("mAP@0.1 seconds", 0.0)


def test_the_order_of_equal_scores_does_not_matter():
    expected = [[("a", 10), ("a", 20), ("a", 30)], [("a", 7)]]
    events = [(0, ("a", 10, 0.5)), (0, ("a", 55, 0.5)), (1, ("a", 8, 0.5)), (0, ("a", 30, 0.9))]
    values = set()
    for order in itertools.permutations(events):
        found = [[event for video, event in order if video == wanted] for wanted in (0, 1)]
        values.add(mean_average_precision(found, expected, tolerance=1).value)
    [value] = values
    assert value == pytest.approx(100 * (1 + 2 * 3 / 4) / 4)  # 30 alone, then all others at once


def test_only_the_order_of_scores_matters_not_their_size():
    predicted, expected = spotted(6, seed=5)
    squashed = [[(label, time, math.tanh(score) - 7) for label, time, score in events] for events in predicted]
    one, other = (mean_average_precision(found, expected, tolerance=2) for found in (predicted, squashed))
    assert (one.low, one.value, one.high) == (other.low, other.value, other.high)


def test_videos_may_come_in_any_order():
    predicted, expected = spotted(8, seed=2)
    turned = mean_average_precision(predicted[::-1], expected[::-1], tolerance=1)
    assert turned.value == pytest.approx(mean_average_precision(predicted, expected, tolerance=1).value)


def test_an_interval_is_that_of_scoring_resampled_videos():
    predicted, expected = spotted(25, seed=9)
    score = mean_average_precision(predicted, expected, tolerance=2)
    dice = np.random.default_rng(0)
    values = []
    for _ in range(300):
        drawn = dice.integers(25, size=25)
        found, truth = ([column[video] for video in drawn] for column in (predicted, expected))
        labels = {label for events in truth for label, _ in events}
        values.append(100 * np.mean([average_precision_by_walking(found, truth, label, 2) for label in labels]))
    low, high = np.percentile(values, [2.5, 97.5])
    width = high - low
    assert score.low == pytest.approx(low, abs=0.2 * width)
    assert score.high == pytest.approx(high, abs=0.2 * width)


def test_labels_that_are_never_expected_cost_nothing_but_those_that_are_cost_all():
    expected = [[("hit", 10)]]
    assert mean_average_precision([[("hit", 10, 0.1), ("out", 3, 0.9)]], expected, tolerance=0).value == 100
    assert mean_average_precision([[("out", 10, 0.9)]], expected, tolerance=0).value == 0


@pytest.mark.promise("G8")
def test_what_is_right_scores_a_hundred_with_no_doubt():
    _, expected = spotted(6, seed=3)
    score = mean_average_precision([[(*event, 1.0) for event in events] for events in expected], expected, tolerance=0)
    assert (score.low, score.value, score.high, score.count) == (100, 100, 100, 6)


def test_where_nothing_is_expected_finding_nothing_is_right():
    assert mean_average_precision([[]], [[]], tolerance=1).value == 100
    assert mean_average_precision([[("a", 3, 0.5)]], [[]], tolerance=1).value == 0


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (lambda: mean_average_precision([[]], [[]], tolerance=-1), "`tolerance` must be at least 0"),
        (lambda: mean_average_precision([[]], [[]], tolerance=1, unit="m"), "`unit` must be"),
        (lambda: mean_average_precision([[]], [[], []], tolerance=1), "`predicted` must have the events"),
        (lambda: mean_average_precision([[("a", 1)]], [[]], tolerance=1), r"\(label, time, score\)"),
        (lambda: mean_average_precision([[("a", 1, math.nan)]], [[]], tolerance=1), "finite"),
    ],
)
def test_what_cannot_be_scored_is_refused(score, words):
    with pytest.raises(ValueError, match=words):
        score()


def test_many_videos_are_scored_in_a_second():
    dice = np.random.default_rng(1)
    truth = [[("a", int(time)) for time in dice.integers(0, 1000, 10)] for _ in range(200)]
    found = [[("a", float(time), float(dice.random())) for time in dice.integers(0, 1000, 30)] for _ in range(200)]
    assert 0 < mean_average_precision(found, truth, tolerance=4).value < 100
