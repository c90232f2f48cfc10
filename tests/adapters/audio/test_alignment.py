"""Which moment belongs to which token, and to which word."""

import numpy as np
import pytest
import torch

from toolkit.adapters.audio.alignment import token_steps, warp, without_pauses
from toolkit.adapters.audio.transcript import Word


def test_warping_finds_the_cheapest_path_of_all():
    cost = torch.rand(4, 6)

    def best(row, column):
        if row == column == 0:
            return cost[0, 0].item(), ()
        steps = [(row - 1, column - 1), (row - 1, column), (row, column - 1)]
        paths = [best(*step) + (step,) for step in steps if min(step) >= 0]
        total, path, step = min(paths)
        return total + cost[row, column].item(), (*path, step)

    _, path = best(3, 5)
    entered = {}
    for row, column in [*path, (3, 5)]:
        entered.setdefault(row, column)
    assert warp(cost) == [entered[row] for row in range(4)]


def test_tokens_are_found_where_attention_moves_on():
    maps = torch.full((3, 4, 40), 0.01)
    for token, start in enumerate((0, 12, 20, 33)):
        maps[:, token, start : (12, 20, 33, 40)[token]] = 1.0
    found = token_steps(maps + 0.001 * torch.rand(3, 4, 40), slice(None))
    assert np.abs(np.array(found) - [0, 12, 20, 33]).max() <= 3
    assert token_steps(maps, slice(1, 3))[1] == pytest.approx(20, abs=3)


def spoken(*times: tuple[float, float]) -> list[Word]:
    return [Word(f" {number}", *pair) for number, pair in enumerate(times)]


@pytest.mark.promise("F5")
def test_words_without_time_take_it_from_the_pause_before_them():
    said = spoken((0.0, 0.4), (0.4, 0.7), (2.0, 2.0), (2.0, 2.0), (2.0, 2.4), (2.4, 2.8), (2.8, 2.8), (2.8, 3.2))
    words = without_pauses(said)
    assert [word.text for word in words] == [word.text for word in said]
    starts, ends = ([getattr(word, f"{side}_seconds") for word in words] for side in ("start", "end"))
    times = [time for pair in zip(starts, ends, strict=True) for time in pair]
    assert times == pytest.approx(sorted(times)) and ends[3] == pytest.approx(2.0)
    assert [end - start for start, end in zip(starts, ends, strict=True)][2:4] == pytest.approx([0.4, 0.4])
    assert (starts[6], ends[6]) == (2.8, 2.8), "nothing is before it that could be given"


@pytest.mark.promise("F5")
def test_words_without_time_share_a_pause_that_is_too_short_for_them():
    words = without_pauses(spoken((0.0, 0.5), (0.5, 1.0), (1.2, 1.2), (1.2, 1.2), (1.2, 1.6)))
    assert [(word.start_seconds, word.end_seconds) for word in words[2:4]] == [
        pytest.approx((1.0, 1.1)),
        pytest.approx((1.1, 1.2)),
    ]
