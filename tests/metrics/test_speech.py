"""What was misheard is counted, and not how it is spelt; the edits are the fewest that there are."""

from functools import cache

import jiwer
import numpy as np
import pytest

from toolkit.metrics import Normalizer, cer, confused_words, edit_counts, wer, whisper_normalizer

NORMALIZED = (
    ["Uh, it's Twenty-One dogs, Mr. Smith!", "The colour (laughs) is grey!"],
    ["it is 21 dogs mister smith", "the colour is gray"],
)


@cache
def fewest_edits(written: tuple[str, ...], expected: tuple[str, ...]) -> int:
    """The distance of Levenshtein, by its definition."""
    if not written or not expected:
        return len(written) + len(expected)
    same = fewest_edits(written[:-1], expected[:-1]) + (written[-1] != expected[-1])
    return min(same, fewest_edits(written[:-1], expected) + 1, fewest_edits(written, expected[:-1]) + 1)


@pytest.fixture
def transcripts() -> tuple[list[str], list[str]]:
    """Forty rows of few different words, so that much is confused; some are empty."""
    random = np.random.default_rng(0)
    rows = [[" ".join(random.choice(list("abcde"), random.integers(0, 8))) for _ in range(40)] for _ in range(2)]
    return rows[0], rows[1]


@pytest.mark.parametrize("language", ["zh", "ja", "th"])
def test_spaces_that_a_normaliser_puts_between_letters_are_no_letters(language):
    normalize = whisper_normalizer(language)
    for rate in (wer, cer):
        assert rate(["今日は、雨です!"], ["今日も雨です。"], normalize=normalize).value == pytest.approx(100 / 6)


@pytest.mark.promise("F7")
def test_hand_counted_edits_are_listed_by_kind():
    # c → x and d → y; b left out; e added
    predicted, expected = ["a x y f", "f g e"], ["a b c d f", "f g"]
    counts = edit_counts(predicted, expected)
    assert counts == {"hits": 4, "substitutions": 2, "deletions": 1, "insertions": 1}
    assert wer(predicted, expected).value == pytest.approx(100 * 4 / 7)


@pytest.mark.promise("F7")
def test_the_counts_are_those_of_jiwer_and_of_the_definition(transcripts):
    predicted, expected = transcripts
    counts = edit_counts(predicted, expected)
    whole = jiwer.process_words(expected, predicted)
    assert counts == {kind: getattr(whole, kind) for kind in counts}
    edits = counts["substitutions"] + counts["deletions"] + counts["insertions"]
    assert edits == sum(
        fewest_edits(tuple(p.split()), tuple(e.split())) for p, e in zip(predicted, expected, strict=True)
    )
    assert wer(predicted, expected).value == pytest.approx(
        100 * edits / (edits - counts["insertions"] + counts["hits"])
    )


def test_every_edit_is_one_confusion(transcripts):
    predicted, expected = transcripts
    counts = edit_counts(predicted, expected)
    words = confused_words(predicted, expected, most=1_000)
    assert all(right != written for right, written, _ in words)
    assert sum(count for right, written, count in words if right and written) == counts["substitutions"]
    assert sum(count for _, written, count in words if not written) == counts["deletions"]
    assert sum(count for right, _, count in words if not right) == counts["insertions"]


@pytest.mark.promise("F7")
def test_the_most_confused_words_come_first():
    predicted = ["nine five", "nine", "four for", "one", "two"]
    expected = ["five five", "five", "four", "one one", "two"]
    assert confused_words(predicted, expected) == [("five", "nine", 2), ("", "for", 1), ("one", "", 1)]
    assert confused_words(predicted, expected, most=1) == [("five", "nine", 2)]
    assert confused_words(["a b"], ["a b"]) == []


def test_the_order_of_rows_changes_no_count(transcripts):
    predicted, expected = transcripts
    assert confused_words(predicted[::-1], expected[::-1]) == confused_words(predicted, expected)
    assert edit_counts(predicted[::-1], expected[::-1]) == edit_counts(predicted, expected)


@pytest.mark.promise("F7")
def test_normalised_rates_forgive_spelling_and_raw_ones_do_not():
    predicted, expected = NORMALIZED
    assert wer(predicted, expected).value > 60
    score = wer(predicted, expected, normalize="whisper")
    assert score.value == pytest.approx(100 / 10), "grey is not gray until somebody says so"
    assert score.low <= score.value <= score.high
    assert (score.name, score.count) == ("normalised WER", 2)
    assert score.signature.startswith("norm:whisper-en-spelling-kept|")
    american = whisper_normalizer(spelling={"grey": "gray", "colour": "color"})
    for metric in (wer, cer):
        assert metric(predicted, expected, normalize=american).value == 0.0
        assert metric(predicted, expected, normalize=american).signature.startswith("norm:whisper-en|")
    assert cer(predicted, expected, normalize="whisper").value == pytest.approx(100 / 44)
    assert edit_counts(predicted, expected, normalize=american)["substitutions"] == 0
    assert confused_words(predicted, expected, normalize="whisper") == [("gray", "grey", 1)]


def test_english_is_normalised_as_the_tokenizer_of_whisper_does_it(tmp_path):
    from transformers import WhisperTokenizer

    (tmp_path / "vocab.json").write_text('{"a": 0, "<|endoftext|>": 1}')
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    (tmp_path / "normalizer.json").write_text('{"honour": "honor"}')
    tokenizer = WhisperTokenizer(
        vocab={"a": 0, "<|endoftext|>": 1}, merges=[], normalizer_file=str(tmp_path / "normalizer.json")
    )
    ours = whisper_normalizer(spelling=tokenizer.english_spelling_normalizer)
    for text in (*NORMALIZED[0], "The HONOUR, um, is mine; won't you? £3.50 for 1,000 [noise]", "", "..."):
        assert ours(text) == tokenizer.normalize(text)


@pytest.mark.promise("F7")
@pytest.mark.parametrize(
    ("language", "predicted", "expected", "rate"),
    [
        ("ja", "今日は、雨です!", "今日も雨です。", 100 / 6),
        ("zh", "我们昨天去了公园", "我们 昨天 去 公园。", 100 / 7),
        ("chinese", "我们昨天去了公园", "我们 昨天 去 公园。", 100 / 7),
        ("th", "สวัสดี", "สวัสดี", 0.0),
        ("ko", "나는 학교에 갔다.", "나는 학교에 간다", 100 / 3),
        ("de", "Äpfel, (leise) BITTE!", "äpfel bitte", 0.0),
        ("german", "Äpfel bitte", "apfel bitte", 50.0),
        ("en-GB", "It's fine.", "it is fine", 0.0),
    ],
)
def test_other_languages_are_scored_by_word_or_where_there_are_none_by_character(language, predicted, expected, rate):
    normalizer = whisper_normalizer(language)
    assert wer([predicted], [expected], normalize=normalizer).value == pytest.approx(rate)


def test_what_is_only_noise_to_the_normaliser_counts_as_nothing():
    assert wer(["[music] uh"], ["hm"], normalize="whisper").value == 100.0
    assert wer(["[music]"], ["uh"], normalize="whisper").value == 0.0
    assert edit_counts(["yes"], ["[music]"], normalize="whisper")["insertions"] == 1


def test_a_normaliser_of_ones_own_is_named_in_the_signature():
    lowered = Normalizer("lower", str.lower)
    assert wer(["YES"], ["yes"], normalize=lowered).value == 0.0
    assert wer(["YES"], ["yes"], normalize=lowered).signature.startswith("norm:lower|spacing:kept|")


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match='`normalize` must be "none", "whisper" or a Normalizer, but is \'basic\''):
        wer(["a"], ["a"], normalize="basic")
    with pytest.raises(ValueError, match="`most` must be at least 1, but is 0"):
        confused_words(["a"], ["a"], most=0)
    with pytest.raises(ValueError, match="ends before row 2"):
        edit_counts(["a"], ["a", "b"])
    with pytest.raises(TypeError, match="is a single text"):
        confused_words("a", ["a"])
