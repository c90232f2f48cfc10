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
    ],
)
def test_what_a_person_may_say_is_no_loop(said):
    segments = [Segment(said, 0.0, 4.0)]
    assert without_loop(segments, LIMIT) == (segments, [])


@pytest.mark.parametrize(
    "said",
    [
        " the same words in the same order" * 3,
        " the same words in the same order" * 3 + " ahhhhhhhhh",
        " no no no no the same words in the same order the same words in the same order",
    ],
)
def test_what_shrinks_too_much_without_a_loop_stays_and_is_told(said):
    segments = [Segment(said, 1.0, 4.0)]
    kept, (told,) = without_loop(segments, 1.4)
    assert kept == segments
    assert (told.start_seconds, told.end_seconds, told.text) == (1.0, 4.0, "")
    assert "above 1.4), but in no loop: it stays" in told.reason


@pytest.mark.parametrize(
    ("begun", "loop", "rest"),
    [
        (" so we begin eight", " eight" * 59, " thank you very much for listening"),
        (" he went on and on and again", " and again" * 30, " and then he stopped"),
        ("ご視聴ありがとう", "ありがとう" * 20, "ありません、それでは"),
        (" well ha", "ha" * 60, " so I said"),
        ("", " thank you" * 40, " good bye"),
    ],
)
def test_a_loop_with_other_words_after_it_is_cut_and_they_are_kept(begun, loop, rest):
    begun = begun or " thank you"
    kept, (cut,) = without_loop([Segment(begun + loop + rest, 0.0, 30.0)], LIMIT)
    assert [segment.text for segment in kept] == [begun, rest]
    assert cut.text == loop and cut.reason.startswith("repeats itself (compression ratio")
    assert 0.0 < kept[0].end_seconds == cut.start_seconds < cut.end_seconds == kept[1].start_seconds < 30.0


def test_every_loop_is_cut_where_there_are_several():
    said = " we begin" + " one two" * 30 + " and go on" + " three" * 40 + " and end" + " so" * 30
    kept, cut = without_loop([Segment(said, 0.0, 30.0)], LIMIT)
    assert "".join(segment.text for segment in kept) == " we begin one two and go on three and end so"
    assert sorted(each.text for each in cut) == [" one two" * 29, " so" * 29, " three" * 39]


def test_a_loop_over_several_segments_leaves_those_around_it():
    segments = [Segment(" now", 0.0, 1.0), *(Segment(" so so so so", at, at + 1.0) for at in range(1, 9))]
    segments += [Segment(" so it goes", 9.0, 10.0), Segment(" and ends", 10.0, 11.0)]
    kept, (cut,) = without_loop(segments, LIMIT)
    assert [segment.text for segment in kept] == [" now", " so", " it goes", " and ends"]
    assert (kept[0], kept[-1]) == (segments[0], segments[-1])
    assert (cut.start_seconds, round(cut.end_seconds, 2)) == (1.25, 9.27)


def test_words_on_both_sides_of_a_loop_keep_their_times():
    said = ["a", *["so"] * 40, "b", "c"]
    words = tuple(Word(f" {word}", 0.5 * place, 0.5 * place + 0.4) for place, word in enumerate(said))
    kept, (cut,) = without_loop([Segment("".join(word.text for word in words), 0.0, 22.0, words)], LIMIT)
    assert kept == [Segment(" a so", 0.0, 0.9, words[:2]), Segment(" b c", 20.5, 22.0, words[-2:])]
    assert (cut.start_seconds, cut.end_seconds) == (0.9, 20.5)


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
