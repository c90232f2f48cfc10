"""Two lists in, numbers with intervals out."""

from toolkit.metrics.classes import accuracy, macro_f1
from toolkit.metrics.edits import cer, wer
from toolkit.metrics.events import Confusion, confusion, edit_score, frame_accuracy, segment_f1, segments
from toolkit.metrics.forcing import ForcingCounts
from toolkit.metrics.intervals import Score, bootstrap, mean_score
from toolkit.metrics.normalization import Normalizer, whisper_normalizer
from toolkit.metrics.overlap import exact_match, length_ratio, rouge
from toolkit.metrics.speech import confused_words, edit_counts
from toolkit.metrics.spotting import mean_average_precision
from toolkit.metrics.tokens import bleu_tokenizer
from toolkit.metrics.translation import bleu, chrf, settings_of, ter

__all__ = [
    "Confusion",
    "ForcingCounts",
    "Normalizer",
    "Score",
    "accuracy",
    "bleu",
    "bleu_tokenizer",
    "bootstrap",
    "cer",
    "chrf",
    "confused_words",
    "confusion",
    "edit_counts",
    "edit_score",
    "exact_match",
    "frame_accuracy",
    "length_ratio",
    "macro_f1",
    "mean_average_precision",
    "mean_score",
    "rouge",
    "segment_f1",
    "segments",
    "settings_of",
    "ter",
    "wer",
    "whisper_normalizer",
]
