"""BLEU, chrF and TER are sacreBLEU's to the last digit, and their intervals those of sacreBLEU on resampled texts."""

import numpy as np
import pytest
import sacrebleu
from sacrebleu.metrics import BLEU, CHRF, TER

from toolkit.metrics import bleu, chrf, settings_of, ter, translation

EDGES = {
    "one row": (["The cat sat on the mat"], ["The cat sat on a mat"]),
    "an empty prediction": (["", "a b c d e"], ["some words", "a b c d e"]),
    "an empty reference": (["some words", "a b c d e"], ["", "a b c d e"]),
    "nothing predicted": (["", ""], ["some words", "more"]),
    "nothing expected": (["some words", "more"], ["", ""]),
    "nothing at all": ([""], [""]),
    "no four words": (["a b", "c d"], ["a b", "c d"]),
    "white space around": (["  a b c d\t", "e f g h \n"], ["a b c d", " e f g h"]),
}


@pytest.fixture(params=EDGES)
def edge(request):
    return EDGES[request.param]


@pytest.mark.parametrize("tokenize", ["13a", "char", "zh", "intl", "none"])
@pytest.mark.parametrize("lowercase", [False, True])
def test_bleu_is_that_of_sacrebleu(corpus, tokenize, lowercase):
    predicted, expected = corpus
    official = BLEU(tokenize=tokenize, lowercase=lowercase)
    score = bleu(predicted, expected, tokenize=tokenize, lowercase=lowercase)
    assert score.value == official.corpus_score(predicted, [expected]).score
    assert score.signature == str(official.get_signature())
    assert score.low <= score.value <= score.high
    assert score.count == len(expected)


@pytest.mark.parametrize("word_order", [0, 2])
@pytest.mark.parametrize("lowercase", [False, True])
def test_chrf_is_that_of_sacrebleu(corpus, word_order, lowercase):
    predicted, expected = corpus
    official = CHRF(word_order=word_order, lowercase=lowercase)
    reference = official.corpus_score(predicted, [expected])
    score = chrf(predicted, expected, word_order=word_order, lowercase=lowercase)
    assert (score.name, score.value) == (reference.name, reference.score)
    assert score.signature == str(official.get_signature())


@pytest.mark.parametrize("case_sensitive", [False, True])
@pytest.mark.parametrize("split", [False, True])
def test_ter_is_that_of_sacrebleu_and_less_of_it_is_better(corpus, case_sensitive, split):
    predicted, expected = corpus
    official = TER(case_sensitive=case_sensitive, normalized=split, asian_support=split)
    score = ter(predicted, expected, case_sensitive=case_sensitive, split_characters=split)
    assert score.value == official.corpus_score(predicted, [expected]).score
    assert score.signature == str(official.get_signature())
    assert not score.higher_is_better


@pytest.mark.parametrize("text", ["私は学校へ行きます。", "我用 PyTorch 训练模型。"])
def test_ter_counts_characters_where_there_are_no_spaces(text):
    official = TER(normalized=True, asian_support=True)
    wrong = text.replace("学", "大").replace("型", "具")
    score = ter([wrong], [text])
    assert 0 < score.value == official.corpus_score([wrong], [[text]]).score < 50
    assert score.signature == str(official.get_signature())


def test_the_edges_of_a_corpus_score_as_in_sacrebleu(edge):
    predicted, expected = edge
    assert bleu(predicted, expected).value == sacrebleu.corpus_bleu(predicted, [expected]).score
    assert chrf(predicted, expected).value == sacrebleu.corpus_chrf(predicted, [expected]).score
    assert ter(predicted, expected).value == sacrebleu.corpus_ter(predicted, [expected]).score


@pytest.mark.parametrize(
    ("metric", "official"),
    [
        (bleu, lambda predicted, expected: sacrebleu.corpus_bleu(predicted, [expected])),
        (chrf, lambda predicted, expected: sacrebleu.corpus_chrf(predicted, [expected])),
        (ter, lambda predicted, expected: sacrebleu.corpus_ter(predicted, [expected])),
    ],
)
def test_a_resample_scores_as_sacrebleu_scores_the_texts_drawn(monkeypatch, metric, official):
    predicted = ["the cat sat on a mat", "a dog ran", "we see three dogs there", "", "d c b a"]
    expected = ["the cat sat on the mat", "the dog ran off", "we saw three dogs", "yes", "a b c d"]
    caught = {}

    def catch(name, statistics, value_of, **rest):
        caught.update(statistics=statistics, value_of=value_of)
        return scored(name, statistics, value_of, **rest)

    scored = translation.score_of
    monkeypatch.setattr(translation, "score_of", catch)
    metric(predicted, expected)
    draws = np.random.default_rng(2).integers(len(expected), size=(60, len(expected)))
    sums = np.stack([caught["statistics"][rows].sum(0, dtype=float) for rows in draws])
    slow = [official([predicted[row] for row in rows], [expected[row] for row in rows]).score for rows in draws]
    assert caught["value_of"](sums).tolist() == slow
    if metric is bleu:  # the premise: exponential smoothing was at work, and not everywhere
        assert 0 < (sums[:, 5] == 0).sum() < len(sums)


def test_the_interval_is_the_spread_of_sacrebleu_over_resampled_texts(english):
    predicted, expected = (column * 20 for column in english)
    random = np.random.default_rng(4)
    slow = []
    for _ in range(300):
        rows = random.integers(len(expected), size=len(expected))
        texts = [predicted[row] for row in rows], [[expected[row] for row in rows]]
        slow.append(sacrebleu.corpus_bleu(*texts, force=True).score)
    low, high = np.percentile(slow, [2.5, 97.5])
    score = bleu(predicted, expected)
    assert score.low == pytest.approx(low, abs=0.15 * (high - low))
    assert score.high == pytest.approx(high, abs=0.15 * (high - low))


@pytest.mark.parametrize("metric", [bleu, chrf, ter])
def test_rows_that_are_all_alike_have_an_interval_of_no_width(metric):
    score = metric(["the cat sat on a mat"] * 30, ["the cat sat on the mat"] * 30)
    assert score.low == score.value == score.high


def test_every_row_is_scored_also_those_after_the_look_at_the_script():
    predicted = [f"the cat number {row} sat on a mat" for row in range(1500)]
    expected = [f"the cat number {row} sat on the mat" for row in range(1500)]
    assert bleu(iter(predicted), iter(expected)) == bleu(predicted, expected, tokenize="13a")


def test_the_tokenizer_follows_the_references_and_not_an_untrained_model():
    assert "tok:zh" in bleu(["the the the", "the"], ["我们昨天去公园了。", "他不喜欢喝茶。"]).signature


def test_an_unknown_tokenizer_is_refused_by_name():
    with pytest.raises(ValueError, match="`tokenize`.*13a.*'moses'"):
        bleu(["a"], ["a"], tokenize="moses")


def test_parts_of_a_corpus_are_scored_by_what_the_whole_chooses():
    references = ["我们昨天去公园了。", "他不喜欢喝茶。", "OK, fine!"]
    settings = settings_of(references)
    assert settings == {"bleu": {"tokenize": "zh"}, "ter": {"split_characters": True}}
    assert settings_of(references[2:]) == {"bleu": {"tokenize": "13a"}, "ter": {"split_characters": False}}
    for metric, name in ((bleu, "bleu"), (ter, "ter")):
        assert metric(references[::-1], references, **settings[name]) == metric(references[::-1], references)
