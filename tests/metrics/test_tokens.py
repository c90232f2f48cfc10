"""Tokens follow the script; so does the tokenizer that BLEU takes."""

import unicodedata

import pytest
import sacrebleu

from toolkit.metrics import bleu, bleu_tokenizer, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Über den Fluß, señor!", ["über", "den", "fluß", "señor"]),
        ("снег — это вода", ["снег", "это", "вода"]),
        ("मैं हिन्दी बोलता हूँ।", ["मैं", "हिन्दी", "बोलता", "हूँ"]),
        ("나는 학교에 간다.", ["나는", "학교에", "간다"]),
        ("コーヒーを飲む々", ["コ", "ー", "ヒ", "ー", "を", "飲", "む", "々"]),
        ("ｶﾅと漢字", ["ｶ", "ﾅ", "と", "漢", "字"]),
        ("ผมไป GPU ที่นี่", ["ผ", "ม", "ไ", "ป", "gpu", "ที่", "นี่"]),
        ("ខ្ញុំ", ["ខ្", "ញុំ"]),
        ("GPU上で3回", ["gpu", "上", "で", "3", "回"]),
        ("soft\u00adhyphen and zero\u200bwidth", ["softhyphen", "and", "zerowidth"]),
        ("I ❤️ you 👍🏽", ["i", "you"]),
        (" \t\n", []),
    ],
)
def test_words_or_single_characters_as_the_script_has_them(text, expected):
    assert tokens.tokens(text) == expected


def test_composed_and_decomposed_writing_is_the_same():
    for text in ("나는 학교에 간다", "Über", "がぎぐ"):
        assert tokens.tokens(unicodedata.normalize("NFD", text)) == tokens.tokens(text)


@pytest.fixture(params=[True, False], ids=["with MeCab", "without MeCab"])
def mecab(request, monkeypatch):
    monkeypatch.setattr(tokens, "_is_installed", lambda tokenizer: request.param)
    return request.param


@pytest.mark.parametrize(
    ("texts", "with_mecab", "without"),
    [
        (["Ein Mann läuft."], "13a", "13a"),
        (["Он идёт домой."], "13a", "13a"),
        ([], "13a", "13a"),
        (["...", ""], "13a", "13a"),
        (["我们昨天去公园了。"], "zh", "zh"),
        (["我用 PyTorch 和 TensorFlow 训练"], "zh", "zh"),
        (["The character 字 is Chinese, as everybody knows."], "13a", "13a"),
        (["猫が魚を食べた。"], "ja-mecab", "char"),
        (["東京都議会議員選挙の結果"], "ja-mecab", "char"),
        (["我们昨天在新开的优の良品买了很多好吃的零食，今天还想再去。"], "zh", "zh"),
        (["나는 학교에 간다."], "ko-mecab", "13a"),
        (["ผมไปโรงเรียน"], "char", "char"),
        (["ကျွန်တော် ကျောင်းသွားတယ်။", "GPU"], "char", "char"),
        (["thai food is ผัดไทย in Thailand, of course"], "13a", "13a"),
        (["나는 GPU 에서 모델을 훈련한다", "OK"], "ko-mecab", "13a"),
        (["안녕 means hello in the Korean language"], "13a", "13a"),
    ],
)
def test_bleu_takes_the_tokenizer_of_the_script_that_prevails(texts, with_mecab, without, mecab):
    assert bleu_tokenizer(iter(texts)) == (with_mecab if mecab else without)


@pytest.mark.parametrize("name", ["ko-mecab", "ja-mecab"])
def test_a_tokenizer_counts_as_installed_when_sacrebleu_can_build_it(name):
    try:
        sacrebleu.BLEU(tokenize=name)
    except RuntimeError:
        assert not tokens._is_installed(name)
    else:
        assert tokens._is_installed(name)


@pytest.mark.parametrize("failure", [RuntimeError, ImportError, AssertionError])
def test_a_tokenizer_with_missing_or_wrong_parts_counts_as_absent(failure, monkeypatch):
    def fail(tokenize):
        raise failure("no dictionary")

    tokens._is_installed.cache_clear()
    monkeypatch.setattr(tokens, "BLEU", fail)
    assert not tokens._is_installed("ko-mecab")
    tokens._is_installed.cache_clear()


@pytest.mark.promise("E5")
def test_korean_bleu_uses_a_korean_tokenizer_where_there_is_one(korean):
    predicted, expected = korean
    tokenizer = "ko-mecab" if tokens._is_installed("ko-mecab") else "13a"
    score = bleu(predicted, expected)
    assert f"tok:{tokenizer}" in score.signature
    assert score.value == sacrebleu.corpus_bleu(predicted, [expected], tokenize=tokenizer).score
