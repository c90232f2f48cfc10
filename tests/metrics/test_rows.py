"""Two columns of texts are checked where they enter, read once and not kept."""

import tracemalloc

import pytest

from toolkit.metrics import bleu, cer, chrf, exact_match, length_ratio, rouge, ter, wer
from toolkit.metrics.rows import paired, row_statistics

METRICS = [bleu, cer, chrf, exact_match, length_ratio, rouge, ter, wer]


@pytest.mark.parametrize("metric", METRICS)
def test_iterables_that_can_be_read_once_score_as_lists(metric, english):
    predicted, expected = english
    assert metric(iter(predicted), (text for text in expected)) == metric(predicted, expected)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("predicted", "expected", "error", "message"),
    [
        (["a", "b"], ["a"], ValueError, "`expected`.*before row 2"),
        (["a"], ["a", "b", "c"], ValueError, "`predicted`.*before row 2"),
        ([], [], ValueError, "at least one row"),
        (["a", None], ["a", "b"], TypeError, "`predicted`.*row 2.*NoneType"),
        (["a"], [["a", "b"]], TypeError, "`expected`.*row 1.*list"),
        ("a", ["a"], TypeError, "`predicted`.*single text"),
        (["a"], "a", TypeError, "`expected`.*single text"),
    ],
)
def test_what_is_not_two_columns_of_texts_is_refused(metric, predicted, expected, error, message):
    with pytest.raises(error, match=message):
        metric(predicted, expected)


def by_counts(predicted, expected):
    """The way of the metrics that keep counts instead of one number per row."""
    pairs = paired(predicted, expected)
    right, rows = row_statistics(pairs, lambda prediction, reference: (prediction == reference, 1), 2).sum(0)
    return 100 * right / rows


def by_mean(predicted, expected):
    """The way of the metrics that average one number per row."""
    return exact_match(predicted, expected).value


@pytest.mark.parametrize("measure", [by_counts, by_mean])
def test_a_corpus_larger_than_the_memory_it_may_use_is_scored(measure):
    rows, characters = 30_000, 3_000  # 180 MB of texts on the two sides

    def texts(mistake: str):
        for row in range(rows):
            yield f"{row:0{characters}d}{mistake if row % 10 == 0 else ''}"

    tracemalloc.start()
    value = measure(texts("!"), texts(""))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert value == 90.0
    assert peak < 60e6  # one block of resampled counts
