"""The Trainer as the recipe needs it: batches by length, evaluation to disk, portable checkpoints, exact resume."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from toolkit.adapters.base import Adapter
from toolkit.collate import LengthBatches
from toolkit.evaluation import evaluate
from toolkit.models import save_portable

SCHEDULES = ("constant", "linear", "inverse_sigmoid")


class SavingFailed(OSError):
    """A checkpoint could not be written; the ones before it are whole."""


@dataclass
class RecipeArguments(Seq2SeqTrainingArguments):
    """Every flag of `Seq2SeqTrainingArguments` under its own name, with defaults for small data, and a few more."""

    learning_rate: float | None = field(default=None, metadata={"help": "Peak; none: 1e-3 fresh, 5e-5 pretrained."})
    num_train_epochs: float = field(default=20.0, metadata={"help": "Passes over the training rows."})
    per_device_train_batch_size: int = field(default=64, metadata={"help": "The most rows in a batch."})
    per_device_eval_batch_size: int = field(default=64, metadata={"help": "Rows in a batch of an evaluation."})
    lr_scheduler_type: str = field(default="linear", metadata={"help": "How the learning rate falls."})
    warmup_steps: float = field(default=0.05, metadata={"help": "Steps, or below 1 share of them, of rising rate."})
    optim: str = field(default="adamw_torch_fused", metadata={"help": "Optimizer."})
    eval_strategy: str = field(default="epoch", metadata={"help": "When to score the validation rows."})
    save_strategy: str = field(default="epoch", metadata={"help": "When to save; best checkpoints want the same."})
    load_best_model_at_end: bool = field(default=True, metadata={"help": "Keep the best checkpoint, not the last."})
    logging_steps: float = field(default=50, metadata={"help": "Steps between two entries of the log."})
    report_to: str = field(default="none", metadata={"help": "Where else to log: tensorboard, wandb, ..."})
    overwrite_output_dir: bool = field(default=False, metadata={"help": "Start anew where a run has been."})
    tokens_per_batch: int | None = field(
        default=None, metadata={"help": "The most source plus target steps in a batch, padding included."}
    )
    early_stopping_patience: int | None = field(
        default=None, metadata={"help": "Stop after so many evaluations without a better score."}
    )
    average_checkpoints: int = field(
        default=1, metadata={"help": "Also try the mean of so many last checkpoints, and keep the better."}
    )
    scheduled_sampling: str = field(
        default="constant",
        metadata={
            "help": "How the share of right words that the decoder reads falls to `teacher_forcing_ratio`.",
            "choices": list(SCHEDULES),
        },
    )
    teacher_forcing_ratio: float = field(
        default=1.0, metadata={"help": "Share of right words that the decoder reads at the end of training."}
    )
    debug: bool = field(default=False, metadata={"help": "Show the traceback of a mistake."})

    def __post_init__(self) -> None:
        self.shows_traceback, self.debug = bool(self.debug), ""  # type: ignore[assignment]
        if not 0 <= self.teacher_forcing_ratio <= 1:
            raise ValueError(f"`teacher_forcing_ratio` must lie between 0 and 1, but is {self.teacher_forcing_ratio}.")
        if self.average_checkpoints < 1:
            raise ValueError(f"`average_checkpoints` must be at least 1, but is {self.average_checkpoints}.")
        super().__post_init__()


def forcing_ratio(schedule: str, final: float, progress: float) -> float:
    """The probability that the decoder reads the right word (Bengio et al., 2015, section 2.4).

    Args:
        schedule: "constant" is `final` throughout; "linear" and "inverse_sigmoid" fall from 1.
        final: the probability at the end.
        progress: share of the training that is over, 0 to 1.

    >>> [forcing_ratio("linear", 0.5, p) for p in (0, 0.5, 1)]
    [1.0, 0.75, 0.5]
    >>> [round(forcing_ratio("inverse_sigmoid", 0.0, p), 3) for p in (0, 0.25, 0.5, 0.75, 1)]
    [1.0, 0.955, 0.5, 0.045, 0.0]
    """
    if schedule == "constant":
        return final
    if schedule == "inverse_sigmoid":  # a logistic curve over -6 … 6, stretched to begin at 0 and to end at 1
        low, here, high = 1 / (1 + np.exp(-12 * (np.array([0, progress, 1]) - 0.5)))
        progress = (here - low) / (high - low)
    return float(1 - (1 - final) * progress)


class RecipeTrainer(Seq2SeqTrainer):
    """The library's loop over an adapter's rows.

    Args:
        adapter: encodes, pads and scores.
        **settings: of `Seq2SeqTrainer`.
    """

    def __init__(self, adapter: Adapter, **settings: Any) -> None:
        self.adapter, self.labels_seen = adapter, 0
        super().__init__(data_collator=adapter.pad, **settings)

    def get_train_dataloader(self) -> DataLoader:
        """Batches of rows of about one length; a stream is taken as it comes."""
        if not isinstance(self.train_dataset, Dataset):
            return super().get_train_dataloader()
        lengths = np.stack([np.asarray(self.train_dataset[f"{side}_length"]) for side in ("source", "target")], 1)
        batches = LengthBatches(
            lengths, rows=self._train_batch_size, tokens=self.args.tokens_per_batch, seed=self.args.seed
        )
        loader = DataLoader(
            self._remove_unused_columns(self.train_dataset, description="training"),
            batch_sampler=batches,
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory and torch.cuda.is_available(),
        )
        return self.accelerator.prepare(loader)

    def get_batch_samples(self, epoch_iterator: Iterator, num_batches: int, device: torch.device) -> tuple:
        """As in the library; counts the labels that are trained on."""
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        self.labels_seen += int(sum(batch["labels"].ne(-100).sum() for batch in batches))
        return batches, items

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *args: Any, **settings: Any) -> Any:
        """As in the library, at the teacher forcing ratio of this step.

        The ratio is a function of the step, so a resumed run has the same one.
        """
        if self.args.scheduled_sampling != "constant" or self.args.teacher_forcing_ratio < 1:
            bare = self.accelerator.unwrap_model(model)
            progress = self.state.global_step / max(1, self.state.max_steps)
            ratio = forcing_ratio(self.args.scheduled_sampling, self.args.teacher_forcing_ratio, progress)
            bare.teacher_forcing_ratio = ratio
        if self.label_smoother is not None and "labels" in inputs:
            shift = self.accelerator.unwrap_model(model).prepare_decoder_input_ids_from_labels
            inputs = {**inputs, "decoder_input_ids": shift(labels=inputs["labels"])}
        return super().compute_loss(model, inputs, *args, **settings)

    def evaluate(  # type: ignore[override]
        self, eval_dataset: Dataset | None = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Writes and scores the validation rows, greedily and by the selecting score alone.

        The first process does it and tells the others, so that their number never changes a figure.
        """
        numbers: list[dict[str, float] | None] = [None]
        if self.is_world_process_zero():
            outcome = evaluate(
                self.accelerator.unwrap_model(self.model),
                self.adapter,
                self.eval_dataset if eval_dataset is None else eval_dataset,
                Path(self.args.output_dir, "validation_predictions.jsonl"),
                batch_size=self.args.per_device_eval_batch_size,
                only=self.adapter.metric,
                **({"num_beams": self.args.generation_num_beams or 1} if self.adapter.generates else {}),
            )
            numbers = [{f"{metric_key_prefix}_{name}": value for name, value in outcome.numbers().items()}]
        if self.args.world_size > 1:
            torch.distributed.broadcast_object_list(numbers)
        metrics: dict[str, float] = numbers[0]  # type: ignore[assignment]
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        """A folder that loads anywhere, and no pickled arguments in it."""
        save_portable(
            self.accelerator.unwrap_model(self.model), self.adapter.processor, output_dir or self.args.output_dir
        )

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """As in the library; a failure leaves no half checkpoint behind and names the last whole one."""
        folder = Path(self.args.output_dir, f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}")
        try:
            super()._save_checkpoint(model, trial)
        except (OSError, RuntimeError, SafetensorError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            kept = last_whole_checkpoint(Path(self.args.output_dir))
            way_out = f"{kept.name} is whole: make room and run the same command again" if kept else "There is none yet"
            raise SavingFailed(f"{folder} could not be saved ({error}). {way_out}.") from error


def checkpoints(folder: Path) -> list[Path]:
    """The whole checkpoints of a run, oldest first; one that was cut short is not among them."""
    found = [path for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if _is_whole(path)]
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))


def last_whole_checkpoint(folder: Path) -> Path | None:
    """The checkpoint that a run goes on from."""
    return next(reversed(checkpoints(folder)), None)


def _is_whole(checkpoint: Path) -> bool:
    """Whether everything is there: the trainer's state is written last, and the weights' header knows their size."""
    if not (checkpoint / "trainer_state.json").exists():
        return False
    try:
        for weights in checkpoint.glob("*.safetensors"):
            with safe_open(weights, "pt"):
                pass
    except SafetensorError:
        return False
    return any(checkpoint.glob("*.safetensors"))


def average_weights(folders: list[Path]) -> dict[str, Tensor]:
    """The mean of the weights of several checkpoints of one run.

    It often beats each of them (Junczys-Dowmunt et al., 2016, section 2.3).
    """
    total: dict[str, Tensor] = {}
    for folder in folders:
        for name, tensor in _weights(folder):
            total[name] = tensor.double() + total[name] if name in total else tensor.double()
    return {name: tensor / len(folders) for name, tensor in total.items()}


def _weights(folder: Path) -> Iterator[tuple[str, Tensor]]:
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as weights:
            yield from ((name, weights.get_tensor(name)) for name in weights.keys())  # noqa: SIM118 (not a dict)


def load_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Puts weights into a model in place, in its own precision; tied weights stand in a file only once."""
    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in weights.items():
            own[name].copy_(tensor)


__all__ = [
    "RecipeArguments",
    "RecipeTrainer",
    "SavingFailed",
    "average_weights",
    "checkpoints",
    "forcing_ratio",
    "last_whole_checkpoint",
    "load_weights",
]
