"""How much of the expected text is there: ROUGE, exact match and the ratio of lengths."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

from toolkit.metrics.intervals import Score, mean_score, ratio, score_of
from toolkit.metrics.rows import paired, row_statistics
from toolkit.metrics.tokens import tokens


def rouge(predicted: Iterable[str], expected: Iterable[str], *, kind: Literal["l", "1", "2"] = "l") -> Score:
    """Mean F1 of shared words ("1"), word pairs ("2") or the longest common subsequence ("l"), 0 to 100 (Lin 2004).

    Equal to the `rouge-score` package without stemmer on English. Our tokens also hold letters beyond a to z, single
    characters of Chinese and Japanese, and Korean words as they are spaced; see `tokens`. A row with nothing in
    common counts 0, also where both texts are empty.

    >>> print(rouge(["고양이가 매트 위에 앉았다"], ["고양이가 의자 위에 앉았다"], kind="1"))
    ROUGE-1 75.0 [75.0, 75.0]
    """
    if kind not in ("l", "1", "2"):
        raise ValueError(f"`kind` must be l, 1 or 2, but is {kind!r}. Pass l for the longest common subsequence.")
    rows = (
        _rouge_f1(tokens(prediction), tokens(reference), kind) for prediction, reference in paired(predicted, expected)
    )
    return mean_score((100 * f1 for f1 in rows), name=f"ROUGE-{kind.upper()}", signature="case:lc|stem:no|f1")


def _rouge_f1(predicted: list[str], expected: list[str], kind: str) -> float:
    if kind == "l":
        shared, total = _longest_common_subsequence(predicted, expected), len(predicted) + len(expected)
    else:
        ngrams, references = _ngrams(predicted, int(kind)), _ngrams(expected, int(kind))
        shared, total = (ngrams & references).total(), ngrams.total() + references.total()
    return 2 * shared / total if total else 0.0


def _ngrams(words: list[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(order)), strict=False))


def _longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Its length, by Hyyrö's bit-parallel rows (2004): one addition of long integers per word of `second`.

    >>> _longest_common_subsequence("abcbdab", "bdcaba")
    4
    """
    places: dict[str, int] = defaultdict(int)
    for place, word in enumerate(first):
        places[word] |= 1 << place
    full = (1 << len(first)) - 1
    row = full  # a zero marks each place where the subsequence grows
    for word in second:
        matches = row & places[word]
        row = (row + matches | row - matches) & full
    return len(first) - row.bit_count()


def exact_match(predicted: Iterable[str], expected: Iterable[str]) -> Score:
    """Per cent of rows that equal their reference, but for white space at the two ends.

    >>> print(exact_match(["1 January", "2 May", "3 May", "4 May"], ["1 January ", "2 may", "3 May", "4 May"]))
    exact match 75.0 [25.0, 100.0]
    """
    rows = (100 * (prediction.strip() == reference.strip()) for prediction, reference in paired(predicted, expected))
    return mean_score(rows, name="exact match", signature="case:mixed")


def length_ratio(predicted: Iterable[str], expected: Iterable[str]) -> Score:
    """Tokens written per token expected, over all rows: below 1 the output is too short. Neither end is better.

    References without any token count as one token.

    >>> length_ratio(["a short one"], ["a slightly longer reference text here"]).value
    0.5
    """
    lengths = row_statistics(
        paired(predicted, expected), lambda prediction, reference: (len(tokens(prediction)), len(tokens(reference))), 2
    )
    return score_of("length ratio", lengths, ratio)
