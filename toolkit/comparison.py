"""Runs that differ in one choice, side by side on one page: what the choice changes, and how sure that is."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from toolkit.adapters.base import Adapter
from toolkit.arguments import RecipeArguments, asked_for, changed_flags
from toolkit.checkpoints import checkpoints
from toolkit.data import DataArguments
from toolkit.evaluation import Column, Records
from toolkit.metrics import mean_score
from toolkit.recipe import run
from toolkit.report import Section, curves, facts, intervals_by_group, score_table, write_page
from toolkit.run_folder import ARGUMENTS, PREDICTIONS, RESULTS
from toolkit.run_report import Group, group_scores, length_groups

PAGE = "comparison.html"
MAY_DIFFER = (
    "output_dir",
    "overwrite_output_dir",
    "resume_from_checkpoint",
    "disable_tqdm",
    "per_device_eval_batch_size",
)
"""Flags of a finished run that say nothing of what it has learnt."""
OF_THE_DECODER = ("teacher_forced_accuracy", "free_running_accuracy", "exposure_gap")


@dataclass(frozen=True)
class Finished:
    """A finished run, read from its folder: its figures, its curve and its rows."""

    folder: Path

    @cached_property
    def figures(self) -> dict[str, float]:
        """As the run has written them."""
        return json.loads((self.folder / RESULTS).read_text(encoding="utf-8"))

    @property
    def recurrent_parameters(self) -> int:
        """How many numbers its recurrent layers hold."""
        with safe_open(self.folder / "model.safetensors", "pt") as weights:
            names = [name for name in weights.keys() if re.search(r"\.(weight|bias)_[ih]h_", name)]  # noqa: SIM118
            return sum(prod(weights.get_slice(name).get_shape()) for name in names)

    @property
    def cost(self) -> str:
        """Its size, and the wall time of its training, in words."""
        figures = self.figures
        return (
            f"{figures['parameters']:,} parameters, {self.recurrent_parameters:,} of them in recurrent layers; "
            f"{figures['train_seconds']:.0f} s of training"
        )

    def curve(self, name: str) -> list[tuple[float, float]]:
        """(step, value) of what was logged under a name; nothing where no checkpoint was kept."""
        whole = checkpoints(self.folder)
        state = json.loads((whole[-1] / "trainer_state.json").read_bytes()) if whole else {"log_history": []}
        return [(entry["step"], entry[name]) for entry in state["log_history"] if name in entry]

    @property
    def predictions(self) -> Path:
        """Its rows."""
        return self.folder / PREDICTIONS


def compare(
    adapter: Adapter,
    data: DataArguments,
    arguments: RecipeArguments,
    *,
    title: str,
    variants: Mapping[str, Mapping[str, Any]],
) -> Path | None:
    """Runs the recipe once for each variant, on the same rows and from the same seed, and sets the runs side by side.

    Give it to `toolkit.main` as its `job`. A variant that is finished is not trained again, so the same command goes on
    with a comparison that was stopped.

    Args:
        adapter: the modality and task.
        data: where the rows are.
        arguments: how to train; a run folder for each variant, and the page, come into `output_dir`.
        title: of the page.
        variants: by name, flags with another value; the first is what the others are compared with.

    Returns:
        The page; none after `check_only`, and none in any process but the first.

    Raises:
        BadData: as `toolkit.run`.
        ValueError: the folder of a variant holds another run, or only predictions are asked for.
    """
    if data.predict_only:
        raise ValueError("`predict_only` trains nothing, so there is nothing to compare. Leave it away.")
    if data.check_only:
        run(adapter, data, arguments)
        return None
    root, own = Path(str(arguments.output_dir)), {field.name for field in fields(adapter)}  # type: ignore[arg-type]
    runs: dict[str, Finished] = {}
    for name, changes in variants.items():
        runs[name] = Finished(root / re.sub(r"\W+", "_", name))
        mine = replace(adapter, **{flag: value for flag, value in changes.items() if flag in own})  # type: ignore[type-var]
        others = {flag: value for flag, value in changes.items() if flag not in own}
        train_once(mine, data, replace(arguments, output_dir=str(runs[name].folder), **others), f"{title}: {name}")
    if arguments.process_index:
        return None
    _write(root / PAGE, title, adapter, runs, variants)
    print(f"Comparison: {root / PAGE}")
    return root / PAGE


def train_once(adapter: Adapter, data: DataArguments, arguments: RecipeArguments, said: str) -> None:
    """Runs the recipe, unless its folder holds this very run, finished.

    Args:
        adapter: as for `toolkit.run`.
        data: likewise.
        arguments: likewise.
        said: what is printed before.

    Raises:
        ValueError: the folder holds another run.
    """
    folder, asked = Path(str(arguments.output_dir)), asked_for(adapter, data, arguments)
    if not (folder / RESULTS).exists() or arguments.overwrite_output_dir:
        if arguments.process_index == 0:
            print(said)
        run(adapter, data, arguments)
        return
    there = json.loads((folder / ARGUMENTS).read_bytes())
    differences = [
        words for owner in asked for words in changed_flags(there[owner], asked[owner], may_differ=MAY_DIFFER)
    ]
    if differences:
        raise ValueError(
            f"`output_dir` holds another comparison: {folder} is a run with other flags ({'; '.join(differences)}). "
            "Choose another folder, or pass `--overwrite_output_dir`."
        )


def side_by_side(adapter: Adapter, predictions: Mapping[str, Path]) -> list[Section]:
    """What several models wrote for the same rows, by the length of the source.

    Args:
        adapter: scores.
        predictions: files of predictions by name; the first is what the others are compared with.
    """
    first, *others = predictions
    groups = length_groups(predictions[first])
    by_length = {name: group_scores(adapter, path, groups) for name, path in predictions.items()}
    axis = {"x_label": f"source length in {adapter.source_unit}", "y_label": adapter.metric}
    lengths = np.fromiter(Column(predictions[first], "source_length"), dtype=np.int64)
    everything = ("all", range(int(lengths.max()) + 1))
    rows = {name: row_scores(adapter, path) for name, path in predictions.items()}
    gaps = {
        name: [_group_gap(rows[name] - rows[first], lengths, *group) for group in [everything, *groups]]
        for name in others
    }
    return [
        Section("Score by source length", intervals_by_group(by_length, **axis)),
        Section(
            "Difference by source length",
            intervals_by_group(gaps, **axis | {"y_label": f"mean difference of rows to {first}"}),
            note=f"Each row's own score, less the one it has {first}, with 95 % intervals over rows. Where an interval "
            "holds 0, these rows do not tell.",
        ),
    ]


def scores_of(figures: Mapping[str, Mapping[str, float]], names: Iterable[str]) -> list[dict[str, Any]]:
    """Rows of a table of scores, those of several runs under each other; what a run does not have is left out.

    Args:
        figures: of each run, as it has written them.
        names: of the scores.

    >>> figures = {"one": {"bleu": 20.0, "bleu_low": 19.0, "bleu_high": 21.0}, "other": {}}
    >>> scores_of(figures, ["bleu"])
    [{'name': 'bleu, one', 'value': 20.0, 'low': 19.0, 'high': 21.0}]
    """
    return [
        {
            "name": f"{score.replace('_', ' ')}, {run}",
            "value": own[score],
            **{end: own[f"{score}_{end}"] for end in ("low", "high")},
        }
        for score in names
        for run, own in figures.items()
        if score in own
    ]


def row_scores(adapter: Adapter, path: Path) -> np.ndarray:
    """(rows,) the own score of each row of a file of predictions."""
    return np.array([adapter.row_score(record["prediction"], record["reference"]) for record in Records(path)])


def _write(
    path: Path, title: str, adapter: Adapter, runs: Mapping[str, Finished], variants: Mapping[str, Mapping[str, Any]]
) -> None:
    scores = scores_of({name: one.figures for name, one in runs.items()}, (adapter.metric, *OF_THE_DECODER))
    sections = [
        Section("Scores", score_table(scores)),
        *side_by_side(adapter, {name: one.predictions for name, one in runs.items()}),
        Section("Training", _curves(adapter, runs)),
        Section("Size and speed", facts({name: one.cost for name, one in runs.items()})),
        Section("What differs", facts({name: dict(changes) or "nothing" for name, changes in variants.items()})),
    ]
    write_page(path, title, sections, subtitle=adapter.task)


def _group_gap(gaps: np.ndarray, lengths: np.ndarray, label: str, wanted: range) -> Group:
    score = mean_score(gaps[(lengths >= wanted.start) & (lengths < wanted.stop)])
    return label, score.value, score.low, score.high, score.count


def _curves(adapter: Adapter, runs: Mapping[str, Finished]) -> str:
    drawn = {"eval_teacher_forced_loss": "nats per label, validation", f"eval_{adapter.metric}": adapter.metric}
    return "".join(
        curves({name: one.curve(logged) for name, one in runs.items()}, x_label="step", y_label=label)
        for logged, label in drawn.items()
    )


__all__ = ["PAGE", "Finished", "compare", "row_scores", "scores_of", "side_by_side", "train_once"]
