"""The Trainer as the recipe needs it: batches by length, evaluation to disk, portable checkpoints, exact resume."""

import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, Seq2SeqTrainer
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from toolkit.adapters.base import Adapter
from toolkit.arguments import RecipeArguments
from toolkit.checkpoints import (
    ASIDE,
    average_weights,
    checkpoints,
    last_whole_checkpoint,
    load_weights,
    put_in_place,
    remove_surplus,
)
from toolkit.collate import LengthBatches
from toolkit.evaluation import evaluate
from toolkit.models import save_portable
from toolkit.processes import Share, from_first, wait
from toolkit.rows import Examples, Streamed
from toolkit.scheduled_sampling import forcing_ratio


class SavingFailed(OSError):
    """Weights could not be written; the checkpoints before are whole."""


class RecipeTrainer(Seq2SeqTrainer):
    """The library's loop over an adapter's rows.

    Args:
        adapter: encodes, pads and scores.
        **settings: of `Seq2SeqTrainer`.
    """

    args: RecipeArguments
    model: PreTrainedModel
    train_dataset: Examples | Streamed
    eval_dataset: Examples
    loss_is_scaled_for_ga = True  # each label counts the same, in whichever batch or process it is

    def __init__(self, adapter: Adapter, **settings: Any) -> None:
        self.adapter, self.labels_seen, self.labels_in_step = adapter, 0, 0
        super().__init__(data_collator=adapter.pad, **settings)
        self.folder = Path(str(self.args.output_dir))
        self.share = Share(self.args.process_index, self.args.world_size)
        self.batches: LengthBatches | None = None
        self._aside: Path | None = None
        self._started, self._seconds_before = time.monotonic(), 0.0

    def get_train_dataloader(self) -> DataLoader:
        """Batches of rows of about one length, or of a stream as it comes: of each the share of this process.

        The library would deal out whole batches, and some of them twice where they do not come out even.
        """
        rows = self.train_dataset
        chosen: dict[str, Any] = {"batch_size": self._train_batch_size}
        if isinstance(rows, Streamed):
            rows.share = self.share
        else:
            self.batches = LengthBatches(
                np.stack([rows.lengths(side) for side in ("source", "target")], 1),
                rows=self._train_batch_size,
                tokens=self.args.tokens_per_batch,
                seed=self.args.seed,
                shortest_first=self.args.shortest_first_epochs,
                share=self.share,
            )
            chosen = {"batch_sampler": self.batches}
        return DataLoader(
            rows,
            **chosen,
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory,
        )

    def _run_epoch(self, *, epoch: int, **settings: Any) -> None:  # type: ignore[override]
        """As in the library, which would train a step too many where a run was killed after its last one."""
        if self.is_over():
            self.control.should_training_stop = True
            return
        if self.batches is not None:
            self.batches.set_epoch(epoch)
        if isinstance(self.train_dataset, Examples):
            self.train_dataset.set_epoch(epoch)
        super()._run_epoch(epoch=epoch, **settings)

    def is_over(self) -> bool:
        """Whether nothing is left to train: all steps are done, or evaluations brought no better score for too long.

        Both follow from what checkpoints hold, so a resumed run ends where it would have ended.
        """
        ranks, patience = self._ranks(), self.args.early_stopping_patience
        since_best = len(ranks) - 1 - ranks.index(max(ranks)) if ranks else 0
        return self.state.global_step >= self.state.max_steps or (patience is not None and since_best >= patience)

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """As in the library, which would keep the first of equal scores: early ones are often all 0."""
        *earlier, latest = self._ranks()
        if all(latest > rank for rank in earlier):
            self.state.best_metric = None
        return super()._determine_best_metric(metrics, trial)

    def _ranks(self) -> list[tuple[float, float]]:
        """Of each evaluation so far the score and, of equal scores, the loss; what is larger is better."""
        name, sign = str(self.args.metric_for_best_model), 1 if self.args.greater_is_better else -1
        history = [entry for entry in self.state.log_history if name in entry]
        return [(sign * entry[name], -entry.get("eval_teacher_forced_loss", np.inf)) for entry in history]

    @property
    def seconds(self) -> float:
        """Wall time of the training, with that of the processes before this one."""
        return self._seconds_before + time.monotonic() - self._started

    def _init_training_state(
        self, max_steps: int, steps_per_epoch: int, epochs: int, resumed: str | None, trial: Any
    ) -> tuple[int, int]:
        """As in the library, which looks for the best checkpoint where the run began, and says nothing without it."""
        given = super()._init_training_state(max_steps, steps_per_epoch, epochs, resumed, trial)
        if resumed is None:
            return given
        if (unlogged := Path(resumed, self._unlogged)).exists():
            self._seconds_before = json.loads(unlogged.read_text(encoding="utf-8")).get("seconds", 0.0)
        if step := self.state.best_global_step:
            best = Path(resumed).with_name(f"{PREFIX_CHECKPOINT_DIR}-{step}")
            self.state.best_model_checkpoint = str(best) if best.is_dir() else None
            if not best.is_dir():
                print(f"The best checkpoint so far, {best}, is not there any more.", file=sys.stderr)
        return given

    def get_batch_samples(self, epoch_iterator: Iterator, num_batches: int, device: torch.device) -> tuple:
        """As in the library; counts the labels that are trained on, in this process and, of this step, in all."""
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        labels = sum(batch["labels"].ne(-100).sum() for batch in batches)
        self.labels_seen += int(labels)
        if not self.model_accepts_loss_kwargs and batches:
            self.labels_in_step = self.accelerator.reduce(labels.to(device)) if self.share.processes > 1 else labels
        return batches, items

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *args: Any, **settings: Any) -> Any:
        """As in the library, at the teacher forcing ratio of this step.

        The ratio is a function of the step, so a resumed run has the same one. A model of the library that knows
        nothing of other batches gives the mean over its labels, which is weighted by how many of the step's they are.
        """
        bare = self.accelerator.unwrap_model(model)
        if self.args.scheduled_sampling != "constant" or self.args.teacher_forcing_ratio < 1:
            progress = self.state.global_step / max(1, self.state.max_steps)
            bare.teacher_forcing_ratio = forcing_ratio(
                self.args.scheduled_sampling, self.args.teacher_forcing_ratio, progress
            )
        if (
            self.label_smoother is not None and "labels" in inputs
        ):  # it takes the labels, so the model needs their shift
            shifted = bare.prepare_decoder_input_ids_from_labels(labels=inputs["labels"])
            inputs = {**inputs, "decoder_input_ids": shifted}
        weight: Any = 1
        if not self.model_accepts_loss_kwargs:  # the gradients of several processes are averaged afterwards
            weight = inputs["labels"].ne(-100).sum() * self.share.processes / self.labels_in_step
        return weight * super().compute_loss(model, inputs, *args, **settings)

    def evaluate(  # type: ignore[override]
        self,
        eval_dataset: Examples | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """Writes and scores the validation rows, greedily and by the selecting score alone."""
        beams: dict[str, Any] = {"num_beams": self.args.generation_num_beams or 1} if self.adapter.generates else {}
        outcome = evaluate(
            self.accelerator.unwrap_model(self.model),
            self.adapter,
            self.eval_dataset if eval_dataset is None else eval_dataset,
            self.folder / "validation_predictions.jsonl",
            batch_size=self.args.per_device_eval_batch_size,
            only=self.adapter.metric,
            share=self.share,
            **beams,
        )
        numbers = from_first(self.share, lambda: outcome.numbers() if outcome else {})
        if "teacher_forced_loss" not in numbers:
            raise ValueError(
                f"The loss is no number any more at step {self.state.global_step}, so training has come apart. Lower "
                f"`learning_rate` ({self.args.learning_rate}), or leave `fp16` away."
            )
        numbers = {f"{metric_key_prefix}_{name}": value for name, value in numbers.items()}
        self.log(numbers)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, numbers)
        self.control.should_training_stop |= self.is_over()
        return numbers

    def try_average(self) -> None:
        """Puts the mean of the last checkpoints into the model, if it is better than what is there."""
        last = checkpoints(self.folder)[-self.args.average_checkpoints :]
        if len(last) < 2:
            return
        best = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        self.evaluate()
        load_weights(self.model, average_weights(last))
        self.evaluate()
        before, after = self._ranks()[-2:]
        if after <= before:
            load_weights(self.model, best)
        if self.is_world_process_zero():
            kept = "mean" if after > before else "best one"
            print(f"The {kept} is kept, of the best checkpoint and the mean of the last {len(last)}.", file=sys.stderr)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        """A folder that loads anywhere, and no pickled arguments in it."""
        if self.args.should_save:
            folder = self.folder if output_dir is None else Path(output_dir)
            with self._failure_told(self.folder / folder.name if self._aside else folder):
                save_portable(self.accelerator.unwrap_model(self.model), self.adapter.processor, folder)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """As in the library, but aside, and in its place only when every process has written its part."""
        name = f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        goal, self._aside = self.folder / name, self.folder / ASIDE
        try:
            with self._failure_told(goal):
                super()._save_checkpoint(model, trial)
                if self.state.best_global_step == self.state.global_step:  # the library has it lie aside
                    self.state.best_model_checkpoint = str(goal)
                wait()
                if self.args.should_save:
                    self.state.save_to_json(str(self._aside / name / "trainer_state.json"))
                    put_in_place(self._aside / name, goal)
        except SavingFailed:
            shutil.rmtree(self._aside, ignore_errors=True)
            raise
        finally:
            self._aside = None
        if self.args.should_save:
            keep = self.args.save_total_limit or sys.maxsize
            remove_surplus(self.folder, keep=keep, best=self.state.best_model_checkpoint)
        wait()

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._aside or self.folder)

    @contextmanager
    def _failure_told(self, folder: Path) -> Iterator[None]:
        """Turns what four libraries raise when a disk is full into one sentence with the way out."""
        try:
            yield
        except SavingFailed:
            raise
        except Exception as error:
            known = isinstance(error, OSError | RuntimeError | SafetensorError)
            if not known and type(error) is not Exception:  # which is what tokenizers raises
                raise
            kept = last_whole_checkpoint(self.folder)
            way_out = f"{kept.name} is whole" if kept else "there is no checkpoint yet"
            again = ", without `--overwrite_output_dir`" if self.args.overwrite_output_dir else ""
            raise SavingFailed(
                f"{folder} could not be saved ({str(error).splitlines()[0]}); {way_out}. "
                f"Make room and run the same command again{again}."
            ) from error

    def _save_rng_state(self, output_dir: str) -> None:
        """Also the loss since the last log entry, which the library forgets: the curve goes on as if never stopped."""
        super()._save_rng_state(output_dir)
        unlogged = {"loss": self._tr_loss.item(), "since_step": self._globalstep_last_logged, "seconds": self.seconds}
        Path(output_dir, self._unlogged).write_text(json.dumps(unlogged), encoding="utf-8")

    def _load_rng_state(self, checkpoint: str | None) -> None:
        super()._load_rng_state(checkpoint)
        path = Path(checkpoint or "", self._unlogged)
        if checkpoint is not None and path.exists():
            unlogged = json.loads(path.read_text(encoding="utf-8"))
            self._tr_loss += unlogged["loss"]
            self._globalstep_last_logged = unlogged["since_step"]

    @property
    def _unlogged(self) -> str:
        return f"unlogged_loss_{self.args.process_index}.json"


__all__ = ["RecipeTrainer", "SavingFailed"]
