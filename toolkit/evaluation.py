"""Free-running evaluation beside teacher forcing, row by row to disk, in bounded memory."""

import json
import math
import shutil
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import nsmallest
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm
from transformers import PreTrainedModel

from toolkit.adapters.base import Adapter
from toolkit.adapters.kept import fingerprint
from toolkit.data.aside import written_aside
from toolkit.metrics import ForcingCounts, Score
from toolkit.parts import Parts
from toolkit.processes import ALONE, Share, wait
from toolkit.rows import Examples

WINDOW_ROWS = 4096
"""Rows that are sorted by length together; the order on disk stays that of the data."""
MOST_LOGITS = 2**28
"""How many are held at once while the loss is taken: a gigabyte in float32."""


@dataclass(frozen=True)
class Evaluation:
    """What a model did on one split.

    Attributes:
        path: one JSON object per row: line, source, prediction, reference, finished, source_length.
        rows: how many there are.
        scores: with intervals, by name; empty without references.
        loss: mean teacher-forced cross entropy per label, in nats, without label smoothing.
        unfinished: outputs per hundred that hit the length limit instead of ending by themselves; none where labels are
            not written one by one.
    """

    path: Path
    rows: int
    scores: dict[str, Score] = field(default_factory=dict)
    loss: float = math.nan
    unfinished: float | None = None

    @property
    def records(self) -> "Records":
        """The rows as they were written."""
        return Records(self.path)

    @property
    def endings(self) -> str:
        """How many outputs did not end by themselves, in a sentence; nothing where labels are not written."""
        if self.unfinished is None:
            return ""
        return f"{self.unfinished:.1f} % of the outputs hit the length limit before they ended."

    def worst(self, adapter: Adapter, number: int) -> list[tuple[float, dict[str, Any]]]:
        """The rows with the lowest scores of their own, and these; rows without a reference have none."""
        rated = (
            (adapter.row_score(record["prediction"], record["reference"]), record["line"], record)
            for record in self.records
            if record["reference"] is not None
        )
        return [(score, record) for score, _, record in nsmallest(number, rated, key=lambda rating: rating[:2])]

    def numbers(self) -> dict[str, float]:
        """All figures, flat: a score `x` with its interval `x_low`, `x_high`."""
        flat: dict[str, float] = {"rows": self.rows}
        if self.unfinished is not None:
            flat["unfinished"] = self.unfinished
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
    share: Share = ALONE,
    resumes: bool = False,
    **generation: Any,
) -> Evaluation | None:
    """Writes one prediction per row to `path`, which appears when all rows are written, and scores them.

    Several processes take turns at the batches, which are those of one process, and meet only when all are written:
    no figure depends on how many they are.

    Args:
        model: is put into evaluation mode and back.
        adapter: decodes and scores.
        examples: rows with the adapter's inputs, and with labels where there are references.
        path: a JSON-lines file, in the order of the rows.
        batch_size: rows per batch; a batch holds rows of about one length.
        only: compute just this score, as during training.
        share: which batches are this process's.
        resumes: whether rows are kept that the same model wrote in a process that was killed.
        **generation: overrides of the model's generation configuration.

    Returns:
        What the model did, to the first process; none to the others.
    """
    work = _fingerprint(model, adapter, examples, generation) if resumes else "new"
    aside = path.with_name(f".{path.name}.{work}.parts")
    with Parts(aside, len(examples), share=share, resumes=resumes) as parts:
        was_training = model.training
        model.eval()
        batches = list(_batches(examples.lengths("source"), batch_size))[share.process :: share.processes]
        seconds = 0.5 if sys.stderr.isatty() else 30
        for batch in tqdm(batches, desc="evaluate", unit="batch", leave=False, mininterval=seconds):
            if places := parts.missing(batch):  # all of them, unless a killed process wrote some
                rows = [examples[place] for place in places]
                parts.add(dict(zip(places, _written(model, adapter, rows, generation), strict=True)))
        model.train(was_training)
        wait()
        if share.process > 0:
            return None
        evaluation = _gathered(parts, adapter, path, only)
    for done in path.parent.glob(f".{path.name}.*.parts"):  # and what other models left unfinished
        shutil.rmtree(done)
    return evaluation


def _batches(lengths: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Where the rows of each batch stand; rows that stand near each other come sorted, the longest first."""
    for window in range(0, len(lengths), WINDOW_ROWS):
        order = window + np.argsort(-lengths[window : window + WINDOW_ROWS], kind="stable")
        for start in range(0, len(order), batch_size):
            yield order[start : start + batch_size]


def _written(
    model: PreTrainedModel, adapter: Adapter, rows: list[dict[str, Any]], generation: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """What a model does with each row of one batch: the record that is kept, and what the scores are made of."""
    batch = {name: tensor.to(model.device) for name, tensor in adapter.pad(rows).items()}
    labels = batch.pop("labels", None)
    ends = _end_labels(model) if adapter.generates else set()
    seen: list[Tensor] = []
    with torch.inference_mode(), ExitStack() as watch:
        if not adapter.generates and labels is not None:  # then it answers from the logits that the loss is made of
            watch.enter_context(model.register_forward_hook(lambda *call: seen.append(call[-1].logits)))
        outputs = adapter.write(model, batch, **generation)
        losses, forced = ([], []) if labels is None else _teacher_forced(model, batch, labels, seen)
    for index, (row, output) in enumerate(zip(rows, outputs, strict=True)):
        finished = True
        if adapter.generates:
            length = next((step + 1 for step, label in enumerate(output) if label in ends), None)
            finished, output = length is not None, output[:length]
        record = {
            "line": row["line"],
            "source": adapter.shown(row),
            "prediction": adapter.decode(output),
            "reference": adapter.expected(row),
            "finished": finished,
            "source_length": row["source_length"],
        }
        yield {"record": record, "loss": losses[index : index + 1]} | (
            {"ids": [row["labels"], forced[index][: len(row["labels"])], output]}
            if adapter.generates and labels is not None
            else {}
        )


def _teacher_forced(
    model: PreTrainedModel, batch: Mapping[str, Tensor], labels: Tensor, seen: Sequence[Tensor] = ()
) -> tuple[list[tuple[float, int]], list[list[int]]]:
    """Of each row its loss and how many labels that is the sum of, and the likeliest label at each step.

    Args:
        model: asked, unless it was already.
        batch: its inputs.
        labels: (B, T), -100 where there is none.
        seen: the logits of calls with this batch; only of one call it is known that they are about all of it.
    """
    losses: list[tuple[float, int]] = []
    forced: list[list[int]] = []
    for logits, wanted in [(seen[0], labels)] if len(seen) == 1 else _logits(model, batch, labels):
        lost = F.cross_entropy(logits.flatten(0, -2).float(), wanted.flatten(), reduction="none").view_as(wanted)
        losses += zip(lost.double().sum(1).tolist(), wanted.ne(-100).sum(1).tolist(), strict=True)
        forced += logits.argmax(-1).tolist()
    return losses, forced


def _logits(model: PreTrainedModel, batch: Mapping[str, Tensor], labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Logits and labels of some rows after the other: all at once would be gigabytes where many words are known."""
    rows = max(1, MOST_LOGITS // (labels.shape[1] * getattr(model.config, "vocab_size", 1)))
    for start in range(0, len(labels), rows):
        part, wanted = (
            {name: tensor[start : start + rows] for name, tensor in batch.items()},
            labels[start : start + rows],
        )
        yield model(**part, labels=wanted).logits, wanted


def _end_labels(model: PreTrainedModel) -> set[int]:
    ends = model.generation_config.eos_token_id
    return set(ends) if isinstance(ends, list) else {ends}


def _gathered(parts: Parts, adapter: Adapter, path: Path, only: str | None) -> Evaluation:
    """Puts the rows that all processes wrote in order, and scores them."""
    forcing, losses = ForcingCounts(), array("d")
    counts = unfinished = 0
    with written_aside(path) as out:
        for row in parts:
            out.write(json.dumps(row["record"], ensure_ascii=False) + "\n")
            unfinished += not row["record"]["finished"]
            for loss, count in row["loss"]:
                losses.append(loss)
                counts += count
            if "ids" in row:
                forcing.add(*row["ids"])
    scores, loss = {}, math.nan
    if counts:
        loss = math.fsum(losses) / counts  # exact, so that neither the order nor the size of batches changes a digit
        scores = adapter.score(Column(path, "prediction"), Column(path, "reference"), only=only)
        scores |= forcing.scores() if adapter.generates else {}
    share = 100 * unfinished / max(1, len(parts)) if adapter.generates else None
    return Evaluation(path, len(parts), scores, loss, share)


def _fingerprint(model: PreTrainedModel, adapter: Adapter, examples: Examples, generation: Mapping[str, Any]) -> str:
    """Tells whether rows that were written before are those that would be written now."""
    digest = blake2b(digest_size=12)
    settings = model.generation_config.to_dict() if adapter.generates else {}
    digest.update(repr((fingerprint(model), model.config.to_dict(), settings, sorted(generation.items()))).encode())
    for row in examples.rows:
        digest.update(json.dumps([row["line"], adapter.shown(row), adapter.expected(row)], default=str).encode())
    return digest.hexdigest()


__all__ = ["Column", "Evaluation", "Records", "evaluate"]
