"""ROUGE against the rouge-score package and by hand; exact match and length ratio by hand."""

import random
from itertools import combinations

import pytest
from rouge_score.rouge_scorer import RougeScorer

from toolkit.metrics import exact_match, length_ratio, rouge
from toolkit.metrics.overlap import _longest_common_subsequence

KINDS = {"1": "rouge1", "2": "rouge2", "l": "rougeL"}
ENGLISH = [
    ("The cat sat on a mat.", "The cat sat on the mat."),
    ("the the the the", "The cat, the dog and the bird"),
    ("Don't panic: it's 42!", "don't panic, it is 42"),
    ("snake_case and e-mail", "Snake case and email"),
    ("one", "one"),
    ("one", "two"),
    ("", "something"),
    ("something", ""),
    ("", ""),
    ("?!", "..."),
    ("b a d c f e", "a b c d e f"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("predicted", "expected"), ENGLISH)
def test_each_english_row_scores_as_in_the_rouge_score_package(kind, predicted, expected):
    official = RougeScorer([KINDS[kind]], use_stemmer=False).score(expected, predicted)[KINDS[kind]].fmeasure
    assert rouge([predicted], [expected], kind=kind).value == pytest.approx(100 * official)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_random_words_score_as_in_the_rouge_score_package(kind):
    words = random.Random(1)
    rows = [[" ".join(words.choices("abcdef", k=words.randint(0, 40))) for _ in range(2)] for _ in range(100)]
    scorer = RougeScorer([KINDS[kind]], use_stemmer=False)
    official = [scorer.score(expected, predicted)[KINDS[kind]].fmeasure for predicted, expected in rows]
    score = rouge(*zip(*rows, strict=True), kind=kind)
    assert score.value == pytest.approx(100 * sum(official) / len(official))
    assert score.low < score.value < score.high


def test_the_longest_common_subsequence_is_that_of_trying_all():
    words = random.Random(2)
    for _ in range(50):
        first, second = ("".join(words.choices("abc", k=words.randint(0, 8))) for _ in range(2))
        longest = max(
            size for size in range(len(first) + 1) if {*combinations(first, size)} & {*combinations(second, size)}
        )
        assert _longest_common_subsequence(first, second) == longest


def test_korean_is_compared_by_eojeol():
    predicted, expected = ["고양이가 매트 위에 앉았다."], ["고양이가 의자 위에 앉았다"]
    assert rouge(predicted, expected, kind="1").value == pytest.approx(75)
    assert rouge(predicted, expected, kind="2").value == pytest.approx(100 / 3)
    assert rouge(predicted, expected, kind="l").value == pytest.approx(75)


def test_japanese_and_chinese_are_compared_by_character():
    assert rouge(["猫は魚を食べた。"], ["猫が魚を食べた"], kind="1").value == pytest.approx(100 * 6 / 7)
    assert rouge(["我们去了公园"], ["我们去公园了"], kind="l").value == pytest.approx(100 * 5 / 6)


def test_an_unknown_kind_of_rouge_is_refused():
    with pytest.raises(ValueError, match="`kind`.*'L'"):
        rouge(["a"], ["a"], kind="L")


def test_rows_that_are_all_alike_have_an_interval_of_no_width():
    score = rouge(["a b c"] * 40, ["a b d"] * 40)
    assert score.high - score.low == pytest.approx(0, abs=1e-9)
    assert exact_match(["a"] * 9, ["a"] * 9).low == 100.0


def test_exact_match_forgives_the_ends_and_nothing_else():
    assert exact_match([" a b\n", "a  b", "A b", ""], ["a b", "a b", "a b", " "]).value == 50.0


def test_the_length_ratio_counts_tokens_over_all_rows():
    assert length_ratio(["one two three", "four."], ["one", "two three four, five"]).value == 4 / 5
    assert length_ratio(["食べた"], ["食べました"]).value == 3 / 5
    assert length_ratio(["", ""], ["a", "b"]).value == 0.0
    assert length_ratio(["three more words"], [""]).value == 3.0
