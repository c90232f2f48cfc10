"""Scores of labelled frames and of their segments are what the definitions say, taken another way."""

import itertools
import random
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from toolkit.metrics import Score, confusion, edit_score, frame_accuracy, segment_f1, segments

LABELS = ["walk", "sit", "fall", "background"]


def made_up(videos: int, seed: int, *, mistakes: float = 0.3) -> tuple[list[list[str]], list[list[str]]]:
    """Predicted and expected labels of some videos; runs of one to nine frames, some of them wrong."""
    dice = random.Random(seed)
    expected = [
        [label for _ in range(dice.randint(1, 8)) for label in [dice.choice(LABELS)] * dice.randint(1, 9)]
        for _ in range(videos)
    ]
    predicted = [[dice.choice(LABELS) if dice.random() < mistakes else due for due in truth] for truth in expected]
    return predicted, expected


# The definitions, written in the slow and obvious way.


def runs(labels: list[str], background: tuple[str, ...]) -> list[tuple[str, set[int]]]:
    """Maximal runs as sets of frames."""
    found: list[tuple[str, set[int]]] = []
    for frame, label in enumerate(labels):
        if frame and labels[frame - 1] == label:
            found[-1][1].add(frame)
        else:
            found.append((label, {frame}))
    return [run for run in found if run[0] not in background]


def edit_by_recursion(found: list[str], truth: list[str]) -> float:
    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        change = distance(i - 1, j - 1) + (found[i - 1] != truth[j - 1])
        return min(change, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    return 100 - 100 * distance(len(found), len(truth)) / max(len(found), len(truth))


def f1_of_sets(predicted, expected, overlap: Fraction, background: tuple[str, ...]) -> float:
    hits = misses = false = 0
    for found, truth in zip(predicted, expected, strict=True):
        due, taken = runs(truth, background), set()
        for label, frames in runs(found, background):
            overlaps = [
                Fraction(len(frames & others), len(frames | others)) if label == other else Fraction(0)
                for other, others in due
            ]
            best = max(range(len(due)), key=lambda at: overlaps[at], default=None)
            if best is not None and overlaps[best] >= overlap and best not in taken:
                taken.add(best)
            else:
                false += 1
        hits += len(taken)
        misses += len(due) - len(taken)
    precision, recall = hits / (hits + false), hits / (hits + misses)
    return 200 * precision * recall / (precision + recall) if hits else 0.0


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.promise("G8")
def test_scores_of_frames_and_segments_are_their_definitions(seed):
    predicted, expected = made_up(5, seed)
    frames = [pair for video in zip(predicted, expected, strict=True) for pair in zip(*video, strict=True)]
    assert frame_accuracy(predicted, expected).value == pytest.approx(100 * np.mean([a == b for a, b in frames]))
    for background in ((), ("background",), ("background", "sit")):
        orders = [
            [[label for label, _ in runs(labels, background)] for labels in pair]
            for pair in zip(predicted, expected, strict=True)
        ]
        edits = [edit_by_recursion(*order) if any(order) else 100.0 for order in orders]
        assert edit_score(predicted, expected, background=background).value == pytest.approx(np.mean(edits))
        for percent in (10, 25, 50, 75, 100):
            value = segment_f1(predicted, expected, overlap_percent=percent, background=background).value
            assert value == pytest.approx(f1_of_sets(predicted, expected, Fraction(percent, 100), background))


def test_numbers_worked_out_by_hand():
    truth = ["a"] * 10 + ["b"] * 10 + ["a"] * 10
    found = ["a"] * 14 + ["b"] * 6 + ["c"] * 4 + ["a"] * 6
    assert frame_accuracy([found], [truth]).value == pytest.approx(100 * 22 / 30)
    assert edit_score([found], [truth]).value == 75.0  # a b c a for a b a: one of four is too many
    # overlaps: a 10 of 14, b 6 of 10, c none, a 6 of 10
    assert segment_f1([found], [truth], overlap_percent=50).value == pytest.approx(100 * 6 / 7)
    assert segment_f1([found], [truth], overlap_percent=65).value == pytest.approx(100 * 2 / 7)
    assert segment_f1([found], [truth], overlap_percent=75).value == 0.0


@pytest.mark.promise("G8")
def test_what_is_right_scores_a_hundred_with_no_doubt():
    _, expected = made_up(6, seed=3)
    for score in (
        frame_accuracy(expected, expected),
        edit_score(expected, expected),
        segment_f1(expected, expected, overlap_percent=100),
    ):
        assert (score.low, score.value, score.high) == (100, 100, 100), score


@pytest.mark.parametrize("rows", [slice(None), slice(0, 1)])
def test_every_score_has_an_interval_around_it_and_counts_videos(rows):
    predicted, expected = (column[rows] for column in made_up(12, seed=4))
    scores: list[Score] = [
        frame_accuracy(predicted, expected),
        edit_score(predicted, expected, background=["background"]),
        segment_f1(predicted, expected, overlap_percent=25, background=["background"]),
    ]
    for score in scores:
        assert score.low <= score.value <= score.high
        assert (score.low < score.high) or len(expected) == 1 or score.value in (0, 100)
        assert score.count == len(expected)


def test_background_is_stated_with_the_number():
    predicted, expected = made_up(3, seed=1)
    assert "background:none" in edit_score(predicted, expected).signature
    for metric in (edit_score, lambda *columns, **options: segment_f1(*columns, overlap_percent=50, **options)):
        score = metric(predicted, expected, background={"sit", "background"})
        assert score.signature == "MS-TCN|background:background,sit"


@pytest.mark.promise("G8")
def test_a_video_without_segments_is_right_when_nothing_is_found_in_it():
    silent, loud = ["background"] * 9, ["background"] * 4 + ["fall"] * 5
    options = {"background": ["background"]}
    for found, truth, value in ((silent, silent, 100), (loud, silent, 0), (silent, loud, 0), ([], [], 100)):
        assert edit_score([found], [truth], **options).value == value
        assert segment_f1([found], [truth], overlap_percent=50, **options).value == value
    assert edit_score([silent, silent], [silent, loud], **options).value == 50


def test_frames_that_nobody_labelled_are_left_out():
    found, truth = ["a", "b", "b", "c"], ["a", "b", None, None]
    assert frame_accuracy([found], [truth]).value == 100
    assert edit_score([found], [truth]).value == 100
    assert segment_f1([found], [truth], overlap_percent=100).value == 100
    assert confusion([found], [truth]).labels == ("a", "b")


def test_confusions_are_counted_frame_by_frame():
    predicted, expected = made_up(4, seed=8)
    table = confusion(predicted, expected)
    assert table.labels == tuple(sorted(LABELS))
    for row, due in enumerate(table.labels):
        for column, label in enumerate(table.labels):
            pairs = [pair for video in zip(predicted, expected, strict=True) for pair in zip(*video, strict=True)]
            assert table.matrix[row, column] == pairs.count((label, due))


def test_segments_cover_all_frames_once():
    _, expected = made_up(5, seed=6)
    for labels in [[], *expected]:
        assert [label for label, start, end in segments(labels) for _ in range(start, end)] == labels
        assert all(one[0] != other[0] and one[2] == other[1] for one, other in itertools.pairwise(segments(labels)))


@pytest.mark.parametrize(
    ("score", "error", "words"),
    [
        (lambda: frame_accuracy([["a"]], [["a", "b"]]), ValueError, "video 1 has 1 for 2 frames"),
        (lambda: edit_score([["a"]], [["a"], ["b"]]), ValueError, r"\(2, at least 1\), but has those of 1"),
        (lambda: frame_accuracy([], []), ValueError, "at least 1"),
        (lambda: frame_accuracy(["ab"], ["ab"]), TypeError, "video 1 is a single text"),
        (lambda: edit_score([["a"]], [["a"]], background="a"), TypeError, "`background` must be a list"),
        (lambda: segment_f1([["a"]], [["a"]], overlap_percent=0), ValueError, "`overlap_percent` must be above 0"),
    ],
)
def test_what_cannot_be_scored_is_refused(score, error, words):
    with pytest.raises(error, match=words):
        score()


def test_long_videos_are_scored_in_a_second():
    dice = np.random.default_rng(1)
    long = [["a", "b", "c"][at] for at in np.repeat(dice.integers(0, 3, 2000), 25)]
    wrong = [["a", "b", "c"][at] for at in np.repeat(dice.integers(0, 3, 2000), 25)]
    assert 0 < edit_score([wrong], [long]).value < 100
    assert 0 < segment_f1([wrong], [long], overlap_percent=10).value < 100
