"""Free-running evaluation beside teacher forcing, row by row to disk, in bounded memory."""

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from datasets import Dataset
from torch import Tensor
from tqdm.auto import tqdm
from transformers import PreTrainedModel

from toolkit.adapters.base import Adapter
from toolkit.metrics import ForcingCounts, Score

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
        unfinished: share of outputs that hit the length limit instead of ending by themselves, per hundred.
    """

    path: Path
    rows: int
    scores: dict[str, Score] = field(default_factory=dict)
    loss: float = math.nan
    unfinished: float = 0.0

    def numbers(self) -> dict[str, float]:
        """All figures, flat: a score `x` with its interval `x_low`, `x_high`."""
        flat: dict[str, float] = {"rows": self.rows, "unfinished": self.unfinished}
        if not math.isnan(self.loss):
            flat |= {"teacher_forced_loss": self.loss}
        for name, score in self.scores.items():
            flat |= score.numbers(name)
        return flat


@dataclass(frozen=True)
class Column:
    """One field of a predictions file, read anew on every pass and never held in memory."""

    path: Path
    name: str

    def __iter__(self) -> Iterator[Any]:
        with self.path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)[self.name]


def evaluate(
    model: PreTrainedModel,
    adapter: Adapter,
    encoded: Dataset,
    path: Path,
    *,
    batch_size: int,
    only: str | None = None,
    description: str = "evaluate",
    **generation: Any,
) -> Evaluation:
    """Writes one prediction per row to `path` (aside first, then renamed) and scores them.

    Args:
        model: is put into evaluation mode and back.
        adapter: decodes and scores.
        encoded: rows with the adapter's inputs, and with labels where there are references.
        path: a JSON-lines file; replaced when all rows are written.
        batch_size: rows per batch; a batch holds rows of about one length.
        only: compute just this score, as during training.
        description: shown beside the progress bar.
        **generation: overrides of the model's generation configuration.
    """
    counts, state = ForcingCounts(), {"loss": 0.0, "labels": 0, "unfinished": 0}
    was_training = model.training
    model.eval()
    aside = path.with_name(path.name + ".part")
    with aside.open("w", encoding="utf-8") as out, tqdm(total=len(encoded), desc=description, leave=False) as bar:
        for start in range(0, len(encoded), WINDOW_ROWS):
            window = encoded.select(range(start, min(start + WINDOW_ROWS, len(encoded))))
            records = _evaluate_window(model, adapter, window, batch_size, generation, counts, state, bar)
            out.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    os.replace(aside, path)
    model.train(was_training)
    scores = {}
    if state["labels"]:
        scores = adapter.score(Column(path, "prediction"), Column(path, "reference"), only=only) | counts.scores()
    loss = state["loss"] / state["labels"] if state["labels"] else math.nan
    return Evaluation(path, len(encoded), scores, loss, 100 * state["unfinished"] / max(1, len(encoded)))


def _evaluate_window(
    model: PreTrainedModel,
    adapter: Adapter,
    window: Dataset,
    batch_size: int,
    generation: Mapping[str, Any],
    counts: ForcingCounts,
    state: dict[str, float],
    bar: tqdm,
) -> list[dict[str, Any]]:
    """The records of a window in its order; the batches follow the length."""
    lengths = window["source_length"]
    order = sorted(range(len(window)), key=lambda row: -lengths[row])
    records: list[dict[str, Any]] = [{}] * len(window)
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        rows = [window[place] for place in places]
        batch = {name: tensor.to(model.device) for name, tensor in adapter.pad(rows).items()}
        labels = batch.pop("labels", None)
        forced = None if labels is None else _teacher_forced(model, batch, labels, state)
        written = _free_running(model, adapter, batch, generation)
        for index, (place, row, ids) in enumerate(zip(places, rows, written, strict=True)):
            finished = not adapter.generates or ids[-1:] == _ends(model, ids)
            state["unfinished"] += not finished
            if forced is not None:
                counts.add(row["labels"], forced[index, : len(row["labels"])].tolist(), ids)
            records[place] = {
                "line": row["line"],
                "source": adapter.shown(row),
                "prediction": adapter.decode(ids),
                "reference": adapter.expected(row),
                "finished": finished,
                "source_length": row["source_length"],
            }
        bar.update(len(places))
    return records


@torch.inference_mode()
def _teacher_forced(
    model: PreTrainedModel, batch: Mapping[str, Tensor], labels: Tensor, state: dict[str, float]
) -> Tensor:
    """The likeliest label at each step given the right ones before it, (B, T); the loss goes into `state`."""
    logits = model(**batch, labels=labels).logits
    state["loss"] += F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), reduction="sum").item()
    state["labels"] += int(labels.ne(-100).sum())
    return logits.argmax(-1)


@torch.inference_mode()
def _free_running(
    model: PreTrainedModel, adapter: Adapter, batch: Mapping[str, Tensor], generation: Mapping[str, Any]
) -> list[list[int]]:
    """What the model writes by itself: ids up to and with the end-of-sequence label, without the start."""
    if not adapter.generates:
        return model(**batch).logits.argmax(-1).tolist()
    rows = model.generate(**batch, **generation)[:, 1:].tolist()
    return [row[: next((step + 1 for step, label in enumerate(row) if [label] == _ends(model, [label])), len(row))] for row in rows]


def _ends(model: PreTrainedModel, ids: list[int]) -> list[int]:
    """The last of `ids`, as a list, if it ends a sequence; else a list that equals nothing."""
    ends = model.generation_config.eos_token_id
    return ids[-1:] if ids and ids[-1] in (ends if isinstance(ends, list) else [ends]) else [-1]


__all__ = ["Column", "Evaluation", "evaluate"]
