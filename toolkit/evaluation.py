"""Free-running evaluation beside teacher forcing, row by row to disk, in bounded memory."""

import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm
from transformers import PreTrainedModel

from toolkit.adapters.base import Adapter
from toolkit.aside import written_aside
from toolkit.metrics import ForcingCounts, Score
from toolkit.rows import Examples

WINDOW_ROWS = 4096
"""Rows that are sorted by length together; the order on disk stays that of the data."""


@dataclass(frozen=True)
class Evaluation:
    """What a model did on one split.

    Attributes:
        path: one JSON object per row: line, source, prediction, reference, finished, source_length.
        rows: how many there are.
        scores: with intervals, by name; empty without references.
        loss: mean teacher-forced cross entropy per label, in nats, without label smoothing.
        unfinished: outputs per hundred that hit the length limit instead of ending by themselves.
    """

    path: Path
    rows: int
    scores: dict[str, Score] = field(default_factory=dict)
    loss: float = math.nan
    unfinished: float = 0.0

    @property
    def records(self) -> "Records":
        """The rows as they were written."""
        return Records(self.path)

    def numbers(self) -> dict[str, float]:
        """All figures, flat: a score `x` with its interval `x_low`, `x_high`."""
        flat: dict[str, float] = {"rows": self.rows, "unfinished": self.unfinished}
        if not math.isnan(self.loss):
            flat |= {"teacher_forced_loss": self.loss}
        for name, score in self.scores.items():
            flat |= score.numbers(name)
        return flat


@dataclass(frozen=True)
class Records:
    """The rows of a predictions file, read anew on every pass and never held in memory."""

    path: Path

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with self.path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


@dataclass(frozen=True)
class Column:
    """One field of a predictions file, in the manner of `Records`.

    Attributes:
        path: the file.
        name: the field.
        lengths: only of rows whose source is so long.
    """

    path: Path
    name: str
    lengths: range = range(sys.maxsize)

    def __iter__(self) -> Iterator[Any]:
        return (record[self.name] for record in Records(self.path) if record["source_length"] in self.lengths)


def evaluate(
    model: PreTrainedModel,
    adapter: Adapter,
    examples: Examples,
    path: Path,
    *,
    batch_size: int,
    only: str | None = None,
    **generation: Any,
) -> Evaluation:
    """Writes one prediction per row to `path`, which appears when all rows are written, and scores them.

    Args:
        model: is put into evaluation mode and back.
        adapter: decodes and scores.
        examples: rows with the adapter's inputs, and with labels where there are references.
        path: a JSON-lines file, in the order of the rows.
        batch_size: rows per batch; a batch holds rows of about one length.
        only: compute just this score, as during training.
        **generation: overrides of the model's generation configuration.
    """
    tally = _Tally()
    was_training = model.training
    model.eval()
    seconds = 0.5 if sys.stderr.isatty() else 30
    rows, lengths = len(examples), examples.lengths("source")
    with written_aside(path) as out, tqdm(total=rows, desc="evaluate", leave=False, mininterval=seconds) as bar:
        for start in range(0, rows, WINDOW_ROWS):
            window = lengths[start : start + WINDOW_ROWS]
            records: list[dict[str, Any]] = [{}] * len(window)
            for places in _places_by_length(window, batch_size):
                batch = [examples[start + place] for place in places]
                for place, record in zip(places, _records(model, adapter, batch, generation, tally), strict=True):
                    records[place] = record
                bar.update(len(batch))
            out.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    model.train(was_training)
    scores, loss = {}, math.nan
    if tally.labels:
        loss = tally.loss / tally.labels
        scores = adapter.score(Column(path, "prediction"), Column(path, "reference"), only=only)
        scores |= tally.forcing.scores() if adapter.generates else {}
    return Evaluation(path, rows, scores, loss, 100 * tally.unfinished / max(1, rows))


@dataclass
class _Tally:
    """What is counted while the rows go by."""

    forcing: ForcingCounts = field(default_factory=ForcingCounts)
    loss: float = 0.0
    labels: int = 0
    unfinished: int = 0


def _places_by_length(lengths: np.ndarray, batch_size: int) -> Iterator[list[int]]:
    """Where the rows of each batch stand, the longest first."""
    order = np.argsort(-lengths, kind="stable").tolist()
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def _records(
    model: PreTrainedModel,
    adapter: Adapter,
    rows: list[dict[str, Any]],
    generation: Mapping[str, Any],
    tally: _Tally,
) -> Iterator[dict[str, Any]]:
    """What is written to disk of each row of one batch."""
    batch = {name: tensor.to(model.device) for name, tensor in adapter.pad(rows).items()}
    labels = batch.pop("labels", None)
    forced = None if labels is None else _teacher_forced(model, batch, labels, tally).tolist()
    ends = _end_labels(model) if adapter.generates else set()
    with torch.inference_mode():
        outputs = adapter.write(model, batch, **generation)
    for index, (row, output) in enumerate(zip(rows, outputs, strict=True)):
        finished = True
        if adapter.generates:
            length = next((step + 1 for step, label in enumerate(output) if label in ends), None)
            finished, output = length is not None, output[:length]
            if forced is not None:
                tally.forcing.add(row["labels"], forced[index][: len(row["labels"])], output)
        tally.unfinished += not finished
        yield {
            "line": row["line"],
            "source": adapter.shown(row),
            "prediction": adapter.decode(output),
            "reference": adapter.expected(row),
            "finished": finished,
            "source_length": row["source_length"],
        }


@torch.inference_mode()
def _teacher_forced(model: PreTrainedModel, batch: Mapping[str, Tensor], labels: Tensor, tally: _Tally) -> Tensor:
    """The likeliest label at each step given the right ones before it, (B, T); the loss goes into the tally."""
    logits = model(**batch, labels=labels).logits
    losses = F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), reduction="none")
    tally.loss += losses.double().sum().item()
    tally.labels += int(labels.ne(-100).sum())
    return logits.argmax(-1)


def _end_labels(model: PreTrainedModel) -> set[int]:
    ends = model.generation_config.eos_token_id
    return set(ends) if isinstance(ends, list) else {ends}


__all__ = ["Column", "Evaluation", "Records", "evaluate"]
