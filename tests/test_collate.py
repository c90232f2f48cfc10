"""Batches: what a row becomes in one, and which rows meet."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

from toolkit.collate import LengthBatches, Pad


@pytest.fixture
def lengths() -> np.ndarray:
    """Source and target lengths of 500 rows, some of them far longer than the others."""
    random = np.random.default_rng(1)
    lengths = random.integers(1, 30, size=(500, 2))
    lengths[:3] = [[40, 2], [3, 90], [200, 200]]
    return lengths


@pytest.mark.promise("A3")
def test_each_field_is_padded_with_its_own_filler_to_its_own_length():
    rows = [
        {"input_ids": [5] * 3, "labels": [6] * 11, "name": "short"},
        {"input_ids": [7] * 40, "labels": [8] * 2, "name": "long"},
    ]
    batch = Pad({"input_ids": 3, "labels": -100})(rows)
    assert set(batch) == {"input_ids", "labels"}
    assert (batch["input_ids"].shape, batch["labels"].shape) == ((2, 40), (2, 11))
    assert (batch["input_ids"][0, 3:] == 3).all() and (batch["labels"][1, 2:] == -100).all()
    assert batch["labels"].dtype == torch.long


def test_a_filler_with_a_point_makes_vectors_of_numbers():
    batch = Pad({"input_features": 0.0})([{"input_features": [[1, 2]]}, {"input_features": [[3, 4], [5, 6]]}])
    assert batch["input_features"].dtype == torch.float32
    assert batch["input_features"].tolist() == [[[1, 2], [0, 0]], [[3, 4], [5, 6]]]


def test_a_field_that_the_rows_lack_is_left_out():
    assert set(Pad({"input_ids": 3, "labels": -100})([{"input_ids": [1]}])) == {"input_ids"}


@pytest.mark.parametrize("tokens", [None, 300])
def test_each_epoch_sees_each_row_once_in_equally_many_batches(lengths, tokens):
    batches = LengthBatches(lengths, rows=32, tokens=tokens)
    counts = set()
    for epoch in range(6):
        batches.set_epoch(epoch)
        seen = Counter(row for batch in batches for row in batch)
        assert seen == Counter(range(len(lengths)))
        assert len(list(batches)) == len(batches)
        counts.add(len(batches))
    assert len(counts) == 1


@pytest.mark.parametrize("tokens", [None, 300])
def test_another_epoch_or_seed_has_other_batches_in_another_order(lengths, tokens):
    def made(epoch: int, seed: int = 0) -> list[tuple[int, ...]]:
        batches = LengthBatches(lengths, rows=32, tokens=tokens, seed=seed)
        batches.set_epoch(epoch)
        return [tuple(batch) for batch in batches]

    assert made(1) == made(1)
    for one, other in ((made(0), made(1)), (made(0), made(0, seed=1))):
        assert {frozenset(batch) for batch in one} != {frozenset(batch) for batch in other}
        assert [len(batch) for batch in one] != [len(batch) for batch in other]


@pytest.mark.promise("A3")
@pytest.mark.parametrize("tokens", [100, 300, 5000])
def test_no_batch_is_above_the_budget_padding_counted(lengths, tokens):
    for batch in LengthBatches(lengths, rows=10_000, tokens=tokens):
        padded = len(batch) * lengths[batch].max(0).sum()
        assert padded <= tokens or len(batch) == 1


def test_a_budget_is_used_up_where_there_are_rows_for_it(lengths):
    sizes = [len(batch) * lengths[batch].max(0).sum() for batch in LengthBatches(lengths, rows=10_000, tokens=1000)]
    assert np.mean(sizes) > 700


def test_no_batch_has_more_rows_than_asked_for(lengths):
    sizes = [len(batch) for batch in LengthBatches(lengths, rows=7)]
    assert max(sizes) == 7 and Counter(sizes)[7] >= len(sizes) - 1


def padding(lengths: np.ndarray, batches: list[list[int]]) -> np.ndarray:
    """The share of the source and of the target steps that is padding."""
    return 1 - lengths.sum(0) / sum(len(batch) * lengths[batch].max(0) for batch in batches)


@pytest.mark.promise("A3")
@pytest.mark.parametrize("count", [20_000, 200_000])
@pytest.mark.parametrize("budget", [{"rows": 80}, {"rows": 10_000, "tokens": 3000}])
def test_little_of_either_side_is_padding_where_sentences_are_about_as_long_as_their_translations(budget, count):
    random = np.random.default_rng(2)
    source = random.gamma(6, 2, count).astype(int) + 2
    target = np.maximum(2, (source * random.normal(1.1, 0.25, len(source))).astype(int))
    lengths = np.stack([source, target], 1)
    assert padding(lengths, list(LengthBatches(lengths, **budget))).max() < 0.08
    by_source = np.argsort(source + 2 * random.random(len(source)))
    alone = [by_source[start : start + 80].tolist() for start in range(0, len(source), 80)]
    assert padding(lengths, alone).max() > 0.25, "the test would not notice rows sorted by one side only"


def test_frames_count_more_than_letters_where_there_are_far_more_of_them():
    random = np.random.default_rng(2)
    frames = random.gamma(6, 60, 2000).astype(int) + 50
    letters = np.maximum(1, (frames / 8 * random.normal(1, 0.2, 2000)).astype(int))
    lengths = np.stack([frames, letters], 1)
    of_frames, of_letters = padding(lengths, list(LengthBatches(lengths, rows=16)))
    assert of_frames < 0.04 and of_letters < 0.25


def test_long_and_short_batches_come_in_no_order(lengths):
    means = [lengths[batch, 0].mean() for batch in LengthBatches(lengths, rows=16)]
    assert 0.2 < np.mean([one < other for one, other in pairwise(means)]) < 0.8


def test_the_shortest_come_first_in_the_first_epochs_only():
    lengths = np.random.default_rng(0).integers(1, 50, (200, 2))
    batches = LengthBatches(lengths, rows=8, shortest_first=1)
    first = [lengths[batch, 0].mean() for batch in batches]
    assert first == sorted(first)
    batches.set_epoch(1)
    assert [lengths[batch, 0].mean() for batch in batches] != sorted(first)
    assert sorted(sum(batches, [])) == list(range(200))


def dealt(lengths, count: int, **limits) -> list[list[list[int]]]:
    """The batches of each of several processes, and what one process has with limits so many times as high."""
    return [list(LengthBatches(lengths, share=(process, count), **limits)) for process in range(count)]


@pytest.mark.promise("H6")
@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("rows", [496, 497, 498, 499, 500])
@pytest.mark.parametrize("tokens", [None, 300])
def test_several_processes_see_each_row_once_in_as_many_batches(lengths, tokens, rows, count):
    parts = dealt(lengths[:rows], count, rows=16, tokens=tokens, seed=3)
    assert Counter(row for part in parts for batch in part for row in batch) == Counter(range(rows))
    for step in zip(*parts, strict=True):
        sizes = [len(batch) for batch in step]
        assert min(sizes) >= 1 and max(sizes) - min(sizes) <= 1
        assert tokens or max(sizes) <= 16
        padded = [len(batch) * lengths[batch].max(0).sum() for batch in step]
        assert tokens is None or max(padded) <= tokens or max(sizes) <= 1


@pytest.mark.promise("H6")
def test_processes_share_the_batches_of_one_with_limits_as_many_times_as_high(lengths):
    [one], two = dealt(lengths, 1, rows=32), dealt(lengths, 2, rows=16)
    assert [sorted(batch) for batch in one] == [sorted([*a, *b]) for a, b in zip(*two, strict=True)]


@pytest.mark.parametrize(("rows", "sizes"), [(5, [2, 3]), (4, [1, 3]), (3, [3])])
def test_the_last_batch_is_never_too_small_for_all(rows, sizes):
    parts = dealt(np.full((rows, 2), 5), 3, rows=1)
    assert [sum(map(len, step)) for step in zip(*parts, strict=True)] in (sizes, sizes[::-1], [rows])


def test_more_processes_than_rows_are_refused():
    with pytest.raises(ValueError, match="must not be above the number of training rows .2., but there are 3"):
        LengthBatches(np.ones((2, 2)), rows=4, share=(0, 3))
