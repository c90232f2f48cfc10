"""Loops are found in every script and wherever a limit cuts them; lists, refrains and digits are left alone."""

import pytest

from toolkit.adapters.audio.repetition import loop_start, without_loop
from toolkit.adapters.audio.transcript import Segment, Word

LIMIT = 2.4


@pytest.mark.parametrize(
    ("begun", "loop"),
    [
        ("ご視聴ありがとうございました", "ありがとうございました" * 12),
        ("ご視聴ありがとうございました", "ありがとうございました" * 12 + "ありがと"),
        ("谢谢大家", "谢谢大家" * 30),
        ("ขอบคุณครับ", "ขอบคุณครับ" * 20),
        (" he went on and on and again", " and again" * 30),
        (" he went on and on and again", " and again" * 30 + " and ag"),
    ],
)
def test_a_loop_is_cut_in_every_script_also_within_a_round(begun, loop):
    kept, (cut,) = without_loop([Segment(begun + loop, 10.0, 20.0)], LIMIT)
    assert [segment.text for segment in kept] == [begun]
    assert cut.text == loop
    assert 10.0 < kept[-1].end_seconds == cut.start_seconds < cut.end_seconds == 20.0


def test_half_a_character_at_the_limit_hides_no_loop():
    kept, (cut,) = without_loop([Segment("谢谢大家" * 30 + "谢\ufffd", 0.0, 9.0)], LIMIT)
    assert kept[0].text == "谢谢大家"
    assert cut.text == "谢谢大家" * 29 + "谢"


def test_a_loop_over_several_segments_is_cut_in_the_first():
    segments = [
        Segment("こんにちは", 0.0, 2.0),
        *(Segment("はいはいはいはい", at, at + 1.0) for at in (2.0, 3.0, 4.0, 5.0)),
    ]
    kept, (cut,) = without_loop(segments, 2.0)
    assert "".join(segment.text for segment in kept) == "こんにちは" + "はいはいはいはい"
    assert (kept[-1].end_seconds, cut.start_seconds, cut.end_seconds) == (3.0, 3.0, 6.0)


@pytest.mark.parametrize(
    "said",
    [
        " one one one one",
        " three seven seven seven seven oh",
        " eight eight eight eight eight",
        " the same words in the same order" * 3,
        " the same words in the same order" * 3 + " ahhhhhhhhh",
    ],
)
def test_what_a_person_may_say_is_no_loop(said):
    segments = [Segment(said, 0.0, 4.0)]
    assert without_loop(segments, 1.4 if "same" in said else LIMIT) == (segments, [])


def test_without_a_limit_nothing_is_cut():
    segments = [Segment(" so" * 50, 0.0, 4.0)]
    assert without_loop(segments, None) == (segments, [])


def test_words_that_are_kept_keep_their_times():
    words = tuple(Word(f" {word}", 0.5 * place, 0.5 * place + 0.4) for place, word in enumerate(["a", *["so"] * 40]))
    kept, (cut,) = without_loop([Segment(" a" + " so" * 40, 0.0, 20.5, words)], LIMIT)
    assert kept == [Segment(" a so", 0.0, 0.9, words[:2])]
    assert cut.start_seconds == 0.9


def test_of_two_loops_at_the_end_the_one_that_begins_first_counts():
    assert loop_start("x" + "hmmmm " * 5 + "hmmmm") == 7
    assert loop_start("-" * 2000) == 1
