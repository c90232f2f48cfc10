"""The text metrics as one module of the `evaluate` library, which loads it from its path without a network.

The names of its configurations are the keys of `_METRICS`; options such as `lowercase=True` go to `compute`:
`evaluate.load("toolkit/metrics/text_metric.py", "bleu").compute(predictions=[...], references=[...])`
"""

# evaluate copies this file alone and reads its imports line by line: keep each on a line of its own, and absolute.
from collections.abc import Callable
from functools import partial
from typing import Any

import datasets
import evaluate

from toolkit.metrics import Score, bleu, cer, chrf, exact_match, rouge, ter, wer

_METRICS: dict[str, Callable[..., Score]] = {
    "bleu": bleu,
    "chrf": chrf,
    "ter": ter,
    "rouge1": partial(rouge, kind="1"),
    "rouge2": partial(rouge, kind="2"),
    "rougeL": partial(rouge, kind="l"),
    "exact_match": exact_match,
    "cer": cer,
    "wer": wer,
}


class TextMetric(evaluate.Metric):
    """One of the text metrics with its 95 % bootstrap interval, chosen by the configuration's name."""

    def _info(self) -> evaluate.MetricInfo:
        if self.config_name not in _METRICS:
            raise ValueError(
                f"`config_name` must be one of {', '.join(_METRICS)}, but is {self.config_name!r}. "
                "Pass it to `evaluate.load` after the path."
            )
        return evaluate.MetricInfo(
            description=_METRICS[self.config_name].__doc__ or "",
            citation="Koehn (2004): Statistical Significance Tests for Machine Translation Evaluation.",
            inputs_description="predictions, references: one text per row, a single reference each.",
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
            ),
        )

    def _compute(self, predictions: list[str], references: list[str], **options: Any) -> dict[str, float]:
        return _METRICS[self.config_name](predictions, references, **options).numbers(self.config_name)
