"""Two lists in, numbers with intervals out."""

from toolkit.metrics.edits import cer, wer
from toolkit.metrics.forcing import ForcingCounts
from toolkit.metrics.intervals import Score, bootstrap, by_length, mean_score
from toolkit.metrics.overlap import exact_match, length_ratio, rouge
from toolkit.metrics.tokens import bleu_tokenizer
from toolkit.metrics.translation import bleu, chrf, ter

__all__ = [
    "ForcingCounts",
    "Score",
    "bleu",
    "bleu_tokenizer",
    "bootstrap",
    "by_length",
    "cer",
    "chrf",
    "exact_match",
    "length_ratio",
    "mean_score",
    "rouge",
    "ter",
    "wer",
]
