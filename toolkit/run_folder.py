"""The folder that a run leaves: looked at before anything is touched, filled at the end, never half-written."""

import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoConfig, PreTrainedModel

from toolkit.arguments import RecipeArguments, changed_flags
from toolkit.checkpoints import (
    broken_checkpoints,
    checkpoints,
    fault_of,
    last_whole_checkpoint,
    remove_checkpoints,
    remove_unfinished,
)
from toolkit.data import Fault, Split
from toolkit.data.aside import write_json, written_aside
from toolkit.data.source import LISTED_IN
from toolkit.evaluation import Evaluation
from toolkit.rows import SKIPPED

RESULTS, ARGUMENTS, PREDICTIONS = "all_results.json", "training_args.json", "predictions.jsonl"
GO_ON = ", or leave `--resume_from_checkpoint` away to go on from them"
COMPARED = (
    *("model_type", "vocab_size", "source_vocab_size", "embedding_size", "hidden_size", "d_model"),
    *("num_hidden_layers", "num_encoder_layers", "cell_type", "bidirectional", "attention_type", "input_feeding"),
)
"""What of a configuration decides whether weights fit."""
MAY_CHANGE = (
    *("metric", "bleu_tokenizer", "num_beams", "length_penalty", "repetition_penalty", "no_repeat_ngram_size"),
    *("do_sample", "max_source_length", "max_target_length", "frames_folder", "model_name_or_path"),
)
"""Flags of an adapter that do not change what is learnt, or whose change shows in the model or the rows."""


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
    history: Sequence[Mapping[str, float]] = ()
    parameters: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def print_scores(self) -> None:
        """A line for each score."""
        for name, score in self.evaluation.scores.items():
            print(f"{name}: {score.value:.2f} [{score.low:.2f}, {score.high:.2f}]")

    def numbers(self) -> dict[str, float]:
        """All figures, flat, as `all_results.json` has them."""
        trained: dict[str, float] = {}
        if self.history:
            trained = {"train_seconds": round(self.seconds, 1), "parameters": self.parameters["all"]}
            trained |= {"epoch": self.history[-1].get("epoch", 0.0)}
            losses = [entry["loss"] for entry in self.history if "loss" in entry]
            trained |= {"train_loss": losses[-1]} if losses else {}
        return {**self.evaluation.numbers(), **trained}


def refuse_unwritable(folder: Path) -> None:
    """Tries whether a run can write its folder, before it has cost anybody time, and leaves nothing there.

    Raises:
        ValueError: it is no folder.
        OSError: nothing can be written there.
    """
    nearest = folder
    try:
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"`output_dir` must be a folder, but {folder} is a file. Name another.")
        nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        raise OSError(
            f"`output_dir` must be a folder that can be written to, but {folder} is not ({nearest}: {error.strerror}). "
            "Name another, or change who may write there."
        ) from error


def find_checkpoint(arguments: RecipeArguments) -> Path | None:
    """Looks into the folder that a run is to use, and touches nothing.

    Returns:
        The checkpoint to go on from, or none for a fresh start.

    Raises:
        ValueError: the folder holds a finished run, or the checkpoint asked for is not whole.
    """
    folder = Path(str(arguments.output_dir))
    asked = arguments.resume_from_checkpoint
    if isinstance(asked, str) and asked.lower() not in ("true", "false"):
        if Path(asked) not in checkpoints(Path(asked).parent):
            raise ValueError(
                f"`resume_from_checkpoint` must be a whole checkpoint, but {asked} is not "
                f"({fault_of(Path(asked)) or 'its name ends in no step'}). "
                f"Whole ones: {', '.join(map(str, checkpoints(folder))) or 'none'}."
            )
        if Path(asked).parent.resolve() != folder.resolve() and not arguments.overwrite_output_dir:
            _refuse_taken(folder)
        return Path(asked)
    if arguments.overwrite_output_dir:
        return None
    anew = str(asked).lower() == "false"
    found = last_whole_checkpoint(folder)
    finished = (folder / RESULTS).exists()
    if anew or (finished and asked is None):
        _refuse_taken(folder)
    if found is None and asked is not None and not anew:
        raise ValueError(f"`resume_from_checkpoint` needs a whole checkpoint, but {folder} has none. Start without it.")
    _tell_skipped(folder, found)
    return found


def _refuse_taken(folder: Path) -> None:
    finished = (folder / RESULTS).exists()
    if finished or last_whole_checkpoint(folder):
        raise ValueError(
            f"`output_dir` must be free, but {folder} holds {'a finished run' if finished else 'checkpoints'}. "
            f"Choose another folder, or pass `--overwrite_output_dir`{'' if finished else GO_ON}."
        )


def _tell_skipped(folder: Path, found: Path | None) -> None:
    """Names the checkpoints that are not whole; where none is, nothing is thrown away unasked."""
    faults = [f"{path.name}: {fault}" for path, fault in broken_checkpoints(folder).items()]
    if faults and found is None:
        raise OSError(
            f"`output_dir` must hold a whole checkpoint to go on from, but {folder} has none ({'; '.join(faults)}). "
            "Pass `--overwrite_output_dir` to start from the beginning, or choose another folder."
        )
    for fault in faults:
        print(f"Skipped {fault}. It is kept as skipped-{fault.partition(':')[0]}.", file=sys.stderr)


def digest_of_rows(split: Split, media_column: str | None) -> str:
    """By what a run knows its data again, wherever recordings are: all rows, of a stream the first 20."""
    digest, rows = blake2b(digest_size=8), split.dataset
    if isinstance(rows, Dataset):
        kept = [name for name in rows.column_names if name not in (media_column, LISTED_IN)]
        tables = rows.select_columns(kept).with_format("arrow").iter(batch_size=1000)
        read: Iterator[Mapping[str, Any]] = (row for table in tables for row in table.to_pylist())
    else:
        read = islice(rows, 20)
    for row in read:
        cells = sorted((name, cell) for name, cell in row.items() if name not in (media_column, LISTED_IN))
        digest.update(repr(cells).encode(errors="surrogatepass"))
    return digest.hexdigest()


def refuse_other_run(flags: Mapping[str, Any], checkpoint: Path) -> None:
    """Compares what a checkpoint's run was asked for with what is asked for now.

    Args:
        flags: by owner: "adapter", and "rows", of what the training is.
        checkpoint: in the folder of its run.

    Raises:
        ValueError: it is another run.
    """
    try:
        there = json.loads((checkpoint.parent / ARGUMENTS).read_text(encoding="utf-8"))
        there = {"adapter": dict(there["adapter"]), "rows": there["rows"]}
    except (OSError, ValueError, KeyError, TypeError):
        return  # it was not this version that began it
    others = ["the training rows are others"] if there["rows"] != flags["rows"] else []
    _refuse(checkpoint, "run", [*changed_flags(there["adapter"], flags["adapter"], may_differ=MAY_CHANGE), *others])


def take(
    arguments: RecipeArguments, checkpoint: Path | None, skipped: Sequence[Fault], flags: Mapping[str, Any]
) -> None:
    """Makes the folder this run's own: what another run left unfinished, or is to be overwritten, goes.

    Args:
        arguments: name the folder.
        checkpoint: to go on from.
        skipped: faults of rows that are left out.
        flags: what the run was asked for, which is noted now, so that it is known if the run is killed.
    """
    folder = Path(str(arguments.output_dir))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULTS).unlink(missing_ok=True)
    if checkpoint is None or checkpoint.parent.resolve() != folder.resolve():  # nothing whole, or to be overwritten
        remove_checkpoints(folder)
    remove_unfinished(folder)
    write_json(folder / ARGUMENTS, flags)
    write_skipped(folder, skipped)


def write_skipped(folder: Path, skipped: Sequence[Fault]) -> None:
    """Lists the rows that were left out, one per line; without any there is no file."""
    (folder / SKIPPED).unlink(missing_ok=True)
    if skipped:
        with written_aside(folder / SKIPPED) as out:
            out.writelines(f"{fault}\n" for fault in skipped)


def refuse_other_model(model: PreTrainedModel, checkpoint: Path) -> None:
    """Compares what a checkpoint was made with against what is about to be trained."""
    there, here = AutoConfig.from_pretrained(checkpoint).to_dict(), model.config.to_dict()
    asked = {name: here[name] for name in COMPARED if name in here}
    _refuse(checkpoint, "model", changed_flags(there, asked, may_differ=()))


def _refuse(checkpoint: Path, kind: str, differences: Sequence[str]) -> None:
    if differences:
        raise ValueError(
            f"{checkpoint} is a checkpoint of another {kind} ({'; '.join(differences)}). "
            "Run with its flags, choose another `output_dir`, or pass `--overwrite_output_dir`."
        )


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
    first = name.removeprefix("model.").split(".")[0]
    return "output layer" if first == "lm_head" else first


def environment() -> dict[str, str]:
    """What the run's figures depend on beside its arguments."""
    packages = ("torch", "transformers", "tokenizers", "datasets", "accelerate", "sacrebleu")
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"
    return {
        "device": device,
        "threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
        "system": platform.system(),
        **{package: version(package) for package in packages},
    }


__all__ = [
    "ARGUMENTS",
    "PREDICTIONS",
    "RESULTS",
    "Outcome",
    "count_parameters",
    "digest_of_rows",
    "environment",
    "find_checkpoint",
    "refuse_other_model",
    "refuse_other_run",
    "refuse_unwritable",
    "take",
    "write_skipped",
]
