"""Error rates are jiwer's; Korean is not punished for spacing that is a matter of taste."""

from importlib.metadata import version

import jiwer
import pytest

from toolkit.metrics import bleu, cer, chrf, wer
from toolkit.metrics.edits import _respaced


def test_both_rates_are_those_of_jiwer(corpus):
    predicted, expected = corpus
    words, characters = wer(predicted, expected), cer(predicted, expected)
    assert words.value == pytest.approx(100 * jiwer.wer(expected, predicted))
    assert characters.value == pytest.approx(100 * jiwer.cer(expected, predicted))
    for score in (words, characters):
        assert score.low <= score.value <= score.high
        assert not score.higher_is_better
        assert f"jiwer:{version('jiwer')}" in score.signature


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [(["a b"], [""]), ([""], [""]), ([""], ["a b"]), (["", "a b c"], ["a b", ""]), (["a b c d"], ["x"])],
)
def test_empty_rows_count_as_in_jiwer(predicted, expected):
    assert wer(predicted, expected).value == pytest.approx(100 * jiwer.wer(expected, predicted))
    assert cer(predicted, expected).value == pytest.approx(100 * jiwer.cer(expected, predicted))


def test_hand_counted_edits_give_the_rate():
    # one substitution (c → x), one deletion (b), one insertion (e) in eight words
    assert wer(["a x d", "e f g h i"], ["a b c d", "f g h i"]).value == pytest.approx(100 * 3 / 8)
    assert cer(["abd"], ["abcd"]).value == 25.0


def test_the_rate_weighs_rows_by_their_length():
    assert wer(["x", "a b c d e f g h i"], ["a", "a b c d e f g h i"]).value == pytest.approx(10)


def test_any_white_space_is_one_space():
    assert wer(["a\tb \u00a0 c\n"], ["a b c"]).value == 0.0
    assert cer(["a\tb \u00a0 c\n"], ["a b c"]).value == 0.0


def test_a_character_rate_without_spaces_forgives_them():
    assert cer(["학교에갔다"], ["학교에 갔다"]).value == pytest.approx(100 / 6)
    assert cer(["학교에갔다"], ["학교에 갔다"], ignore_spacing=True).value == 0.0


@pytest.mark.parametrize(
    ("text", "model", "respaced"),
    [
        ("나는학교에갔다", "나는 학교에 갔다", "나는 학교에 갔다"),
        ("나 는 학 교에 갔다", "나는 학교에 갔다", "나는 학교에 갔다"),
        ("저는학 교에 갔어요", "저는 학교에 갔다", "저는 학교에 갔어요"),
        ("나는 정말 학교에 갔다", "나는 학교에 갔다", "나는 정말 학교에 갔다"),
        ("갔다", "나는 학교에 갔다", "갔다"),
        ("", "나는", ""),
        ("나는", "", "나는"),
    ],
)
def test_words_are_spaced_as_the_reference_has_them_where_the_characters_agree(text, model, respaced):
    assert _respaced(text, model) == respaced


def test_forgiving_spaces_changes_nothing_where_they_are_right(corpus):
    _, expected = corpus
    for text in expected:
        assert _respaced(text, text) == text
    changed = [text.replace("a", "e", 1) for text in expected]
    assert wer(changed, expected, ignore_spacing=True).value == wer(changed, expected).value


def test_a_wrong_word_stays_wrong_when_spacing_is_forgiven():
    score = wer(["나는 학교에갔어"], ["나는 학교에 갔다"], ignore_spacing=True)
    assert score.name == "sWER"
    assert score.value == pytest.approx(100 / 3)


@pytest.mark.promise("E5")
def test_korean_that_differs_in_a_space_only_is_right_to_all_but_the_plain_rates():
    predicted, expected = ["비가오고 있다."], ["비가 오고 있다."]
    assert wer(predicted, expected).value == pytest.approx(200 / 3)
    assert wer(predicted, expected, ignore_spacing=True).value == 0.0
    assert cer(predicted, expected).value == pytest.approx(100 / 9)
    assert chrf(predicted, expected).value == pytest.approx(100)
    assert bleu(predicted, expected, tokenize="char").value > bleu(predicted, expected, tokenize="13a").value
