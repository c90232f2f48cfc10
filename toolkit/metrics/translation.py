"""BLEU, chrF and TER: sacreBLEU's numbers to the last digit, with intervals and in bounded memory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any

import numpy as np
from sacrebleu.metrics import BLEU, CHRF, TER

from toolkit.metrics.intervals import Score, score_of
from toolkit.metrics.rows import paired, row_statistics
from toolkit.metrics.tokens import bleu_tokenizer

_LOOK_AHEAD_ROWS = 1000  # rows that decide on the tokenizer
_WITHOUT_SPACES = ("zh", "ja-mecab", "char")  # tokenizers for texts that have none between words


def bleu(
    predicted: Iterable[str], expected: Iterable[str], *, lowercase: bool = False, tokenize: str = "auto"
) -> Score:
    """Corpus BLEU (Papineni et al. 2002), 0 to 100, with sacreBLEU's exponential smoothing and signature.

    Args:
        predicted: one text per row, not tokenised.
        expected: the reference of each row.
        lowercase: compare without case, as the Multi30k papers do.
        tokenize: one of sacreBLEU's tokenizers, or "auto": what `bleu_tokenizer` says of the first 1,000 references.

    >>> score = bleu(["The cat sat on the mat."], ["The cat sat on a mat."])
    >>> print(score)
    BLEU 48.9 [48.9, 48.9]
    >>> score.signature.rpartition("|")[0]
    'nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp'
    """
    pairs = paired(predicted, expected)
    if tokenize == "auto":
        tokenize, pairs = _looked_ahead(pairs)
    elif tokenize not in BLEU.TOKENIZERS:
        raise ValueError(
            f"`tokenize` must be auto or one of sacreBLEU's tokenizers ({', '.join(BLEU.TOKENIZERS)}), "
            f"but is {tokenize!r}. Pass auto to choose by the script of the references."
        )
    metric = BLEU(lowercase=lowercase, tokenize=tokenize)
    return _corpus_score("BLEU", metric, pairs, columns=2 + 2 * metric.max_ngram_order)


def chrf(predicted: Iterable[str], expected: Iterable[str], *, lowercase: bool = False, word_order: int = 0) -> Score:
    """Character n-gram F-score (Popović 2015), 0 to 100; needs no tokenizer. `word_order=2` is chrF++.

    >>> print(chrf(["나는 학교에 갔다."], ["나는 학교에 간다."]))
    chrF2 45.7 [45.7, 45.7]
    """
    metric = CHRF(lowercase=lowercase, word_order=word_order)
    return _corpus_score("chrF2" + "+" * word_order, metric, paired(predicted, expected), columns=3 * metric.order)


def ter(
    predicted: Iterable[str],
    expected: Iterable[str],
    *,
    case_sensitive: bool = False,
    split_characters: bool | None = None,
) -> Score:
    """Translation edit rate (Snover et al. 2006): edits and shifts per hundred reference words; less is better.

    Args:
        predicted: one text per row.
        expected: the reference of each row.
        case_sensitive: compare with case; sacreBLEU's default is without.
        split_characters: separate punctuation and Chinese and Japanese characters, whose words have no spaces
            (sacreBLEU's `normalized` and `asian_support`); none: where the first 1,000 references are such.

    >>> print(ter(["on the mat the cat sat"], ["the cat sat on the mat"]))
    TER 16.7 [16.7, 16.7]
    """
    pairs = paired(predicted, expected)
    if split_characters is None:
        tokenizer, pairs = _looked_ahead(pairs)
        split_characters = tokenizer in _WITHOUT_SPACES
    metric = TER(case_sensitive=case_sensitive, normalized=split_characters, asian_support=split_characters)
    return _corpus_score("TER", metric, pairs, columns=2, higher_is_better=False)


def settings_of(expected: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What `bleu` and `ter` choose by the first 1,000 references, to score parts of a corpus alike.

    >>> settings_of(["我用电脑。", "An English name"])
    {'bleu': {'tokenize': 'zh'}, 'ter': {'split_characters': True}}
    """
    tokenizer = bleu_tokenizer(islice(expected, _LOOK_AHEAD_ROWS))
    return {"bleu": {"tokenize": tokenizer}, "ter": {"split_characters": tokenizer in _WITHOUT_SPACES}}


def _looked_ahead(pairs: Iterator[tuple[str, str]]) -> tuple[str, Iterator[tuple[str, str]]]:
    """The tokenizer that the first references ask for, and all pairs."""
    first = list(islice(pairs, _LOOK_AHEAD_ROWS))
    return bleu_tokenizer(reference for _, reference in first), chain(first, pairs)


def _corpus_score(
    name: str,
    metric: BLEU | CHRF | TER,
    pairs: Iterable[tuple[str, str]],
    *,
    columns: int,
    higher_is_better: bool = True,
) -> Score:
    """Lets sacreBLEU measure each row and turn each resample's sums into a score.

    The two underscored names are private to sacreBLEU and used nowhere else. They are what its own bootstrap is made
    of; the pinned version and the tests of equality with its public functions guard them.
    """

    def measure(hypothesis: str, reference: str) -> Sequence[float]:
        return metric._extract_corpus_statistics([hypothesis], [[reference]])[0]

    def value_of(sums: np.ndarray) -> np.ndarray:
        # 5 to 10 µs a resample: not worth a second version of the smoothing that could come to differ
        return np.array([metric._compute_score_from_stats(resample).score for resample in sums.tolist()])

    statistics = row_statistics(pairs, measure, columns)
    score = score_of(name, statistics, value_of, higher_is_better=higher_is_better)
    return replace(score, signature=str(metric.get_signature()))
