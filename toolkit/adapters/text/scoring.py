"""How good written texts are, whatever code points a letter is made of."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import sacrebleu

from toolkit import metrics
from toolkit.metrics import Score

SCORES: dict[str, Callable[..., Score]] = {
    "bleu": metrics.bleu,
    "bleu_lowercase": partial(metrics.bleu, lowercase=True),
    "chrf": metrics.chrf,
    "ter": metrics.ter,
    "rouge1": partial(metrics.rouge, kind="1"),
    "rouge2": partial(metrics.rouge, kind="2"),
    "rougeL": partial(metrics.rouge, kind="l"),
    "cer": metrics.cer,
    "exact_match": metrics.exact_match,
    "length_ratio": metrics.length_ratio,
}


def composed(text: str) -> str:
    """A text as it is compared: the same letters are the same code points, and a no-break space is a space.

    A vocabulary that is learnt here knows texts in this form only, so a model can write no other.

    >>> composed("Cafe\u0301\u00a0noir")
    'Café noir'
    """
    return unicodedata.normalize("NFC", text).replace("\u00a0", " ")


@dataclass(frozen=True)
class Composed:
    """Texts as they are compared, read anew on every pass."""

    texts: Iterable[str]

    def __iter__(self) -> Iterator[str]:
        return map(composed, self.texts)


def score_texts(
    names: Iterable[str],
    predicted: Iterable[str],
    expected: Iterable[str],
    settings: Mapping[str, Mapping[str, Any]],
) -> dict[str, Score]:
    """The named scores.

    Args:
        names: of some of `SCORES`.
        predicted: texts, read once for each.
        expected: their references.
        settings: of `bleu`, which are those of `bleu_lowercase` too, and of others.
    """
    return {
        name: SCORES[name](Composed(predicted), Composed(expected), **settings.get(name.removesuffix("_lowercase"), {}))
        for name in names
    }


def chosen(expected: Iterable[str], bleu_tokenizer: str) -> dict[str, Mapping[str, Any]]:
    """Settings for `score_texts`: what is left to choose, chosen by all of these references."""
    return {**metrics.settings_of(Composed(expected)), **asked(bleu_tokenizer)}


def asked(bleu_tokenizer: str) -> dict[str, Mapping[str, Any]]:
    """Settings for `score_texts` as a flag gives them; none where the script of the references decides."""
    return {} if bleu_tokenizer == "auto" else {"bleu": {"tokenize": bleu_tokenizer}}


def score_text(predicted: str, expected: str) -> float:
    """The chrF of one text."""
    return sacrebleu.sentence_chrf(composed(predicted), [composed(expected)]).score


__all__ = ["asked", "chosen", "score_text", "score_texts"]
