"""Scores of one label per clip are their definitions, and take little memory however many labels there are."""

import random
import tracemalloc

import pytest

from toolkit.metrics import accuracy, confusion, macro_f1

LABELS = ["walk", "sit", "fall", "rest"]


def made_up(videos: int, seed: int) -> tuple[list[list[str]], list[list[str]]]:
    """Predicted and expected labels of the clips of some videos."""
    dice = random.Random(seed)
    expected = [[dice.choice(LABELS[:3]) for _ in range(dice.randint(1, 9))] for _ in range(videos)]
    predicted = [[due if dice.random() < 0.6 else dice.choice(LABELS) for due in video] for video in expected]
    return predicted, expected


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_their_definitions(seed):
    predicted, expected = made_up(6, seed)
    table = confusion(predicted, expected).matrix
    right = table.diagonal()
    assert accuracy(predicted, expected).value == pytest.approx(100 * right.sum() / table.sum())
    f1 = 2 * right / (table.sum(0) + table.sum(1))
    assert macro_f1(predicted, expected).value == pytest.approx(100 * f1.mean())


@pytest.mark.parametrize("metric", [accuracy, macro_f1])
def test_memory_grows_with_videos_and_labels_but_not_with_pairs_of_labels(metric):
    names = [[f"label {video}"] for video in range(400)]
    tracemalloc.start()
    try:
        assert metric(names, names).value == 100
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 400 * 400 * 400 * 8 / 8
