"""How good transcripts and translations are, and which score selects checkpoints."""

from collections.abc import Callable, Iterable
from functools import partial

import sacrebleu

from toolkit import metrics
from toolkit.metrics import Normalizer, Score

RATES: dict[str, tuple[Callable[..., Score], bool]] = {
    "wer": (metrics.wer, False),
    "cer": (metrics.cer, False),
    "wer_normalized": (metrics.wer, True),
    "cer_normalized": (metrics.cer, True),
}
"""Of transcripts: what measures, and whether the texts are made alike before."""
SHARES: dict[str, Callable[..., Score]] = {
    "bleu": metrics.bleu,
    "bleu_lowercase": partial(metrics.bleu, lowercase=True),
    "chrf": metrics.chrf,
}
"""Of translations, of which several are right, so that their words cannot be counted as errors."""
DEFAULT_METRIC = "wer"


def selecting(metric: str, task: str) -> str:
    """The score that selects checkpoints: what is asked for; `wer`, the default, stands for chrF of translations.

    Args:
        metric: asked for.
        task: "transcribe" or "translate".

    >>> selecting("wer", "transcribe"), selecting("wer", "translate"), selecting("bleu", "translate")
    ('wer', 'chrf', 'bleu')
    """
    known = SHARES if task == "translate" else RATES
    if task == "translate" and metric == DEFAULT_METRIC:
        return "chrf"
    if metric not in known:
        raise ValueError(
            f"`metric` must be one of {', '.join(known)} where the task is to {task}, but is {metric!r}. Choose one."
        )
    return metric


def score_texts(
    predicted: Iterable[str],
    expected: Iterable[str],
    *,
    task: str,
    normalizer: Normalizer,
    bleu_tokenizer: str = "auto",
    only: str | None = None,
) -> dict[str, Score]:
    """Error rates of transcripts, raw and normalised; shares of words and letters of translations.

    Args:
        predicted: one text per row.
        expected: the reference of each row.
        task: "transcribe" or "translate".
        normalizer: for the language of transcripts.
        bleu_tokenizer: of translations, see `metrics.bleu`.
        only: the one score that is wanted.
    """
    if task == "translate":
        settings = {"bleu": {"tokenize": bleu_tokenizer}}
        return {
            name: share(predicted, expected, **settings.get(name.removesuffix("_lowercase"), {}))
            for name, share in SHARES.items()
            if only in (None, name)
        }
    return {
        name: rate(predicted, expected, normalize=normalizer if is_normalized else "none")
        for name, (rate, is_normalized) in RATES.items()
        if only in (None, name)
    }


def score_text(predicted: str, expected: str, *, task: str) -> float:
    """How good one text is, 0 to 100: the chrF of a translation, 100 less the character error rate of a transcript."""
    if task == "translate":
        return sacrebleu.sentence_chrf(predicted, [expected]).score  # `metrics.chrf` would draw it 1,000 times
    return max(0.0, 100 - metrics.cer([predicted], [expected]).value)


__all__ = ["DEFAULT_METRIC", "score_text", "score_texts", "selecting"]
