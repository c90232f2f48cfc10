"""The report of a run: what a reader wants to see of an outcome, put into the figures of `toolkit.report`."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel

from toolkit.adapters.base import Adapter
from toolkit.evaluation import Column
from toolkit.pipeline import pipeline
from toolkit.report import (
    Section,
    bars,
    curves,
    facts,
    intervals_by_group,
    score_table,
    worst_cases,
    write_page,
)
from toolkit.run_folder import Outcome, environment

WORST = 20
Group = tuple[str, float, float, float, int]
EXPLAINED = {
    "teacher_forced_accuracy": "Labels right per hundred when all the labels before were the right ones.",
    "free_running_accuracy": "Labels right per hundred when the model goes on from its own words.",
    "exposure_gap": "What the model loses by reading its own words instead of the right ones.",
    "share_before_first_error": "How much of its reference a row writes before its first wrong label.",
    "teacher_forced_accuracy_after_first_error": "After the first free-running error, going on from the right words.",
    "free_running_accuracy_after_first_error": "The same positions, going on from the error.",
}


def write_run_report(outcome: Outcome, adapter: Adapter, model: PreTrainedModel) -> None:
    """Writes `report.html` into the run folder, and `report_media/` beside it where its media do not stand inside."""
    sections = [
        Section("Scores", _scores(outcome), note=_scored(outcome)),
        Section("Score by source length", _by_length(outcome, adapter)),
        Section("Training", _curves(outcome)),
        *adapter.sections(outcome.evaluation.records, pipeline(adapter.task, model, processor=adapter.processor)),
        Section(
            "The worst outputs", _worst(outcome, adapter), note=f"The {WORST} rows with the lowest score of their own."
        ),
        Section(
            "Parameters",
            bars([(part, count) for part, count in outcome.parameters.items() if part != "all"]),
            note=f"{outcome.parameters['all']:,} in all.",
        ),
        Section("Data", facts({name: f"{path}: {rows}" for name, (path, rows) in outcome.data.items()})),
        *(Section(f"Arguments: {owner}", facts(flags)) for owner, flags in outcome.arguments.items()),
        Section("Environment", facts(environment())),
    ]
    media = outcome.arguments.get("training", {}).get("report_media", "auto")
    name = outcome.folder.resolve().name
    write_page(outcome.folder / "report.html", name, sections, subtitle=outcome.task, media=media)


def _scored(outcome: Outcome) -> str:
    evaluation = outcome.evaluation
    freely = " written freely," if evaluation.endings else ""
    sentences = (
        f"{evaluation.rows:,} {outcome.split} rows,{freely} with 95 % bootstrap intervals.",
        evaluation.endings,
        f"Teacher-forced loss: {evaluation.loss:.3f} nats per label.",
    )
    return " ".join(filter(None, sentences))


def _scores(outcome: Outcome) -> str:
    return score_table(
        [
            {
                "name": name.replace("_", " "),
                "value": score.value,
                "low": score.low,
                "high": score.high,
                "explanation": EXPLAINED.get(name, ""),
                "signature": score.signature,
            }
            for name, score in outcome.evaluation.scores.items()
        ]
    )


def _by_length(outcome: Outcome, adapter: Adapter) -> str:
    path = outcome.evaluation.path
    groups = group_scores(adapter, path, length_groups(path))
    return intervals_by_group(groups, x_label=f"source length in {adapter.source_unit}", y_label=adapter.metric)


def length_groups(path: Path) -> list[tuple[str, range]]:
    """Label and lengths of up to eight groups of predictions, of about equal size, by the length of the source."""
    lengths = np.fromiter(Column(path, "source_length"), dtype=np.int64)
    starts = np.unique(np.quantile(lengths, np.linspace(0, 1, 9)[:-1], method="higher")).tolist()
    ends = pairwise([*starts, int(lengths.max()) + 1])
    return [(f"{low}–{high - 1}" if low < high - 1 else str(low), range(low, high)) for low, high in ends]


def group_scores(adapter: Adapter, path: Path, groups: Iterable[tuple[str, range]]) -> list[Group]:
    """The selecting score of predictions by the length of their source, as `intervals_by_group` draws it.

    Args:
        adapter: scores all groups alike.
        path: the file of predictions.
        groups: label and lengths of each.
    """
    scorer, scored = adapter.for_parts_of(Column(path, "reference")), []
    for label, lengths in groups:
        texts = (Column(path, name, lengths) for name in ("prediction", "reference"))
        score = scorer.score(*texts, only=adapter.metric)[adapter.metric]
        scored.append((label, score.value, score.low, score.high, score.count))
    return scored


def _curves(outcome: Outcome) -> str:
    names = {"loss": "training loss (smoothed)", "eval_teacher_forced_loss": "validation loss"}
    losses = {
        shown: [(entry["step"], entry[name]) for entry in outcome.history if name in entry]
        for name, shown in names.items()
    }
    name = f"eval_{outcome.metric}"
    reached = {
        f"validation {outcome.metric}": [(entry["step"], entry[name]) for entry in outcome.history if name in entry]
    }
    return curves(losses, x_label="step", y_label="nats per label") + curves(
        reached, x_label="step", y_label=outcome.metric
    )


def _worst(outcome: Outcome, adapter: Adapter) -> str:
    rows = [
        {"score": round(score, 1), **{name: record[name] for name in ("line", "source", "prediction", "reference")}}
        for score, record in outcome.evaluation.worst(adapter, WORST)
    ]
    return worst_cases(rows, columns=["line", "score", "source", "prediction", "reference"])


__all__ = ["Group", "group_scores", "length_groups", "write_run_report"]
