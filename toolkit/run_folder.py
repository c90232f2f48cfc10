"""The folder that a run leaves: claimed at the start, filled at the end, never half-written."""

import json
import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, PreTrainedModel
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from toolkit.evaluation import Evaluation
from toolkit.training import RecipeArguments, checkpoints, last_whole_checkpoint

RESULTS, ARGUMENTS, SKIPPED = "all_results.json", "training_args.json", "skipped_rows.txt"


@dataclass(frozen=True)
class Outcome:
    """What a run did, as the report and the card tell it.

    Attributes:
        folder: the run folder.
        task: what the pipeline calls it.
        metric: the score that selected the checkpoint.
        split: which rows `evaluation` is of: "test" or "validation".
        data: path and number of rows by split, to read.
        evaluation: of the final model on that split.
        history: the trainer's log.
        parameters: how many numbers each part has; tied ones are counted once.
        seconds: wall time of the training; 0 where there was none.
        arguments: all flags, by owner.
    """

    folder: Path
    task: str
    metric: str
    split: str
    data: Mapping[str, tuple[str, str]]
    evaluation: Evaluation
    history: list[dict[str, float]] = field(default_factory=list)
    parameters: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def numbers(self) -> dict[str, float]:
        """All figures, flat, as `all_results.json` has them."""
        trained = {"train_seconds": round(self.seconds, 1), "parameters": self.parameters.get("all", 0)}
        losses = [entry["loss"] for entry in self.history if "loss" in entry]
        if losses:
            trained |= {"train_loss": losses[-1], "epoch": self.history[-1].get("epoch", 0.0)}
        return {**self.evaluation.numbers(), **(trained if self.seconds else {})}


def claim(arguments: RecipeArguments) -> Path | None:
    """Makes the run folder this run's own.

    Returns:
        The checkpoint to go on from, or none for a fresh start.

    Raises:
        ValueError: the folder holds a finished run, or the checkpoint asked for is not whole.
    """
    folder = Path(str(arguments.output_dir))
    if arguments.overwrite_output_dir and arguments.process_index == 0:
        for path in [*folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"), folder / RESULTS]:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    asked = arguments.resume_from_checkpoint
    if asked and str(asked).lower() not in ("true", "false"):
        if Path(asked) not in checkpoints(Path(asked).parent):
            raise ValueError(f"`resume_from_checkpoint` must be a whole checkpoint, but {asked} is not. "
                             f"Whole ones: {', '.join(map(str, checkpoints(folder))) or 'none'}.")
        return Path(asked)
    if (folder / RESULTS).exists() and not asked:
        raise ValueError(f"`output_dir` must be free, but {folder} holds a finished run. "
                         "Choose another folder, or pass `--overwrite_output_dir`.")
    folder.mkdir(parents=True, exist_ok=True)
    return None if str(asked).lower() == "false" else last_whole_checkpoint(folder)


def refuse_other_model(model: PreTrainedModel, checkpoint: Path) -> None:
    """Compares what a checkpoint was made with against what is about to be trained."""
    there = AutoConfig.from_pretrained(checkpoint).to_dict()
    here = model.config.to_dict()
    names = ("model_type", "vocab_size", "source_vocab_size", "embedding_size", "hidden_size", "num_hidden_layers",
             "num_encoder_layers", "cell_type", "attention_type", "bidirectional", "input_feeding", "d_model")
    other = [f"{name} {there.get(name)} there, {here.get(name)} here"
             for name in names if there.get(name) != here.get(name)]
    if other:
        raise ValueError(f"{checkpoint} is a checkpoint of another model ({'; '.join(other)}). "
                         "Run with its flags, choose another `output_dir`, or pass `--overwrite_output_dir`.")


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Writes aside, then renames."""
    aside = path.with_name(path.name + ".part")
    aside.write_text(json.dumps(values, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    os.replace(aside, path)


def count_parameters(model: PreTrainedModel) -> dict[str, int]:
    """Numbers that are learnt, of the whole and of its parts; what two parts share is named `shared`.

    >>> from toolkit.models import RecurrentSeq2SeqConfig, RecurrentSeq2SeqForConditionalGeneration
    >>> model = RecurrentSeq2SeqForConditionalGeneration(RecurrentSeq2SeqConfig(embedding_size=8, hidden_size=8))
    >>> count_parameters(model)["all"] == sum(weight.numel() for weight in model.parameters())
    True
    """
    owners: dict[int, set[str]] = {}
    sizes: dict[int, int] = {}
    for name, weight in model.named_parameters(remove_duplicate=False):
        owners.setdefault(id(weight), set()).add(_part(name))
        sizes[id(weight)] = weight.numel()
    counts: dict[str, int] = {"all": sum(sizes.values())}
    for identity, parts in owners.items():
        part = next(iter(parts)) if len(parts) == 1 else "shared"
        counts[part] = counts.get(part, 0) + sizes[identity]
    return counts


def _part(name: str) -> str:
    names = name.removeprefix("model.").split(".")
    return names[0] if names[0] in ("encoder", "decoder") else "output layer" if names[0] == "lm_head" else names[0]


def environment() -> dict[str, str]:
    """What the run's figures depend on beside its arguments."""
    packages = ("torch", "transformers", "tokenizers", "datasets", "accelerate", "sacrebleu")
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"
    return {"device": device, "threads": str(torch.get_num_threads()), "python": platform.python_version(),
            "system": platform.system(), **{package: version(package) for package in packages}}


__all__ = ["ARGUMENTS", "RESULTS", "SKIPPED", "Outcome", "claim", "count_parameters", "environment",
           "refuse_other_model", "write_json"]
