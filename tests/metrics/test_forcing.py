"""The diagnostics of teacher forcing, counted by hand."""

import random

import pytest

from toolkit.metrics import ForcingCounts

EOS = 2
ACCURACIES = {"teacher_forced_accuracy", "free_running_accuracy", "exposure_gap", "share_before_first_error"}
AFTER = {"teacher_forced_accuracy_after_first_error", "free_running_accuracy_after_first_error"}


def values(*rows):
    counts = ForcingCounts()
    for row in rows:
        counts.add(*row)
    return {name: score.value for name, score in counts.scores().items()}


def test_a_row_counted_by_hand():
    # reference  5  6  7  8  <eos>
    # forced     5  9  7  8  <eos>      4 of 5; after the free error (position 1): 3 of 3
    # free       5  9  7  9  <eos>      3 of 5; first error at 1 of 5;         after it: 2 of 3
    assert values(([5, 6, 7, 8, EOS], [5, 9, 7, 8, EOS], [5, 9, 7, 9, EOS])) == pytest.approx(
        {
            "teacher_forced_accuracy": 80,
            "free_running_accuracy": 60,
            "exposure_gap": 20,
            "share_before_first_error": 20,
            "teacher_forced_accuracy_after_first_error": 100,
            "free_running_accuracy_after_first_error": 100 * 2 / 3,
        }
    )


def test_accuracies_weigh_tokens_and_the_share_weighs_rows():
    scores = values(([5, EOS], [5, EOS], [5, EOS]), ([5, 6, 7, 8, 9, EOS], [1] * 6, []))
    assert scores["teacher_forced_accuracy"] == scores["free_running_accuracy"] == pytest.approx(100 * 2 / 8)
    assert scores["share_before_first_error"] == 50.0  # (1 + 0) / 2


def test_a_row_without_error_is_right_throughout_and_has_nothing_after_it():
    scores = values(([5, 6, EOS], [5, 6, EOS], [5, 6, EOS]))
    assert set(scores) == ACCURACIES
    assert scores["share_before_first_error"] == 100.0
    assert scores["exposure_gap"] == 0.0


def test_an_error_at_the_last_position_has_nothing_after_it():
    assert set(values(([5, 6, EOS], [5, 6, EOS], [5, 6, 7]))) == ACCURACIES


def test_an_empty_output_is_wrong_from_the_first_position():
    scores = values(([5, 6, EOS], [5, 6, EOS], []))
    assert scores["free_running_accuracy"] == scores["share_before_first_error"] == 0.0
    assert scores["free_running_accuracy_after_first_error"] == 0.0
    assert scores["teacher_forced_accuracy_after_first_error"] == 100.0
    assert scores["exposure_gap"] == 100.0


def test_an_output_that_ends_early_is_wrong_from_there_on():
    scores = values(([5, 6, 7, EOS], [5, 6, 7, EOS], [5, EOS]))
    assert scores["free_running_accuracy"] == scores["share_before_first_error"] == 25.0


def test_what_is_written_beyond_the_reference_is_not_counted_twice():
    assert values(([5, EOS], [5, EOS], [5, 6, 6, 6])) == values(([5, EOS], [5, EOS], [5, 6]))


def test_one_word_too_many_makes_all_later_positions_wrong():
    scores = values(([5, 6, 7, EOS], [5, 6, 7, EOS], [9, 5, 6, 7, EOS]))
    assert scores["free_running_accuracy_after_first_error"] == 0.0


def test_a_gap_can_be_negative():
    assert values(([5, 6, EOS], [1, 1, 1], [5, 6, EOS]))["exposure_gap"] == -100.0


def test_rows_without_error_take_no_part_in_what_follows_an_error():
    counts = ForcingCounts()
    for _ in range(9):
        counts.add([5, 6, EOS], [5, 6, EOS], [5, 6, EOS])
    counts.add([5, 6, EOS], [5, 6, EOS], [9, 9, EOS])
    scores = counts.scores()
    assert len(counts) == scores["free_running_accuracy"].count == 10
    after = scores["free_running_accuracy_after_first_error"]
    assert (after.value, after.low, after.high, after.count) == (50.0, 50.0, 50.0, 1)


def test_no_rows_have_no_scores():
    assert ForcingCounts().scores() == {}


def test_counts_agree_with_a_plain_loop_over_random_rows():
    draw = random.Random(3)
    rows = []
    for _ in range(200):
        length = draw.randint(1, 12)
        rows.append([[draw.choice([5, 6]) for _ in range(size)] for size in (length, length, draw.randint(0, 15))])
    right = dict.fromkeys(("forced", "free", "forced_after", "free_after", "positions", "after"), 0)
    shares = []
    for reference, forced, free in rows:
        spoiled = False
        for position, token in enumerate(reference):
            free_right = position < len(free) and free[position] == token
            forced_right = forced[position] == token
            right["positions"] += 1
            right["forced"] += forced_right
            right["free"] += free_right
            right["after"] += spoiled
            right["forced_after"] += spoiled and forced_right
            right["free_after"] += spoiled and free_right
            if not free_right and not spoiled:
                spoiled = True
                shares.append(position / len(reference))
        if not spoiled:
            shares.append(1)
    assert values(*rows) == pytest.approx(
        {
            "teacher_forced_accuracy": 100 * right["forced"] / right["positions"],
            "free_running_accuracy": 100 * right["free"] / right["positions"],
            "exposure_gap": 100 * (right["forced"] - right["free"]) / right["positions"],
            "share_before_first_error": 100 * sum(shares) / len(shares),
            "teacher_forced_accuracy_after_first_error": 100 * right["forced_after"] / right["after"],
            "free_running_accuracy_after_first_error": 100 * right["free_after"] / right["after"],
        }
    )


def test_the_gap_is_surer_than_its_two_sides_where_they_rise_and_fall_together():
    draw = random.Random(4)
    counts = ForcingCounts()
    for _ in range(300):
        skill = draw.random()  # an easy row is easy in both ways
        reference = [5] * 10
        forced = [5 if draw.random() < skill else 6 for _ in reference]
        counts.add(reference, forced, [token if draw.random() < 0.95 else 6 for token in forced])
    scores = counts.scores()
    gap, forced = scores["exposure_gap"], scores["teacher_forced_accuracy"]
    assert gap.low > 0
    assert gap.high - gap.low < 0.5 * (forced.high - forced.low)
    assert not gap.higher_is_better


def test_scores_can_be_read_while_rows_are_still_added():
    counts = ForcingCounts()
    counts.add([5, EOS], [5, EOS], [5, EOS])
    first = counts.scores()
    counts.add([5, EOS], [6, EOS], [6, EOS])
    assert first["free_running_accuracy"].value == 100.0
    assert counts.scores()["free_running_accuracy"].value == 75.0
    assert counts.scores() == counts.scores()


def test_a_row_costs_24_bytes_whatever_its_length():
    counts = ForcingCounts()
    for _ in range(1000):
        counts.add([5] * 100, [5] * 100, [5] * 100)
    assert counts._rows.itemsize * len(counts._rows) == 24_000


@pytest.mark.parametrize(
    ("reference", "forced", "message"),
    [
        ([], [], "`reference_ids`.*at least one"),
        ([5, EOS, -100], [5, EOS, EOS], "`reference_ids`.*padding"),
        ([5, EOS], [5], "`teacher_forced_ids`.*1 tokens"),
        ([5, EOS], [5, EOS, EOS], "`teacher_forced_ids`.*3 tokens"),
    ],
)
def test_rows_that_cannot_be_compared_are_refused_and_not_counted(reference, forced, message):
    counts = ForcingCounts()
    with pytest.raises(ValueError, match=message):
        counts.add(reference, forced, [5])
    assert len(counts) == 0
