"""What a person sees while training: epoch, speed, time left, score; and a Ctrl-C that loses nothing."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import transformers
from accelerate import PartialState
from datasets import disable_progress_bars
from tqdm.auto import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from toolkit.arguments import RecipeArguments
from toolkit.processes import any_process
from toolkit.training import RecipeTrainer


class Progress(TrainerCallback):
    """One bar for the whole run, and one line per evaluation that stays.

    Args:
        trainer: counts the labels it has seen.

    Attributes:
        bar: to be closed by whoever started the training, however that ended.
    """

    def __init__(self, trainer: RecipeTrainer) -> None:
        self.trainer, self.metric = trainer, trainer.adapter.metric
        self.facts: dict[str, str] = {}
        self.started_seconds, self.labels_before = 0.0, 0
        self.bar = tqdm(disable=True)

    def on_train_begin(  # type: ignore[override]
        self, args: RecipeArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Opens the bar; in a log file it writes a line every half minute instead of redrawing."""
        self.bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            desc="train",
            mininterval=0.5 if sys.stderr.isatty() else 30,
            disable=not state.is_world_process_zero,
        )
        self.started_seconds, self.labels_before = time.monotonic(), self.trainer.labels_seen

    def on_step_end(  # type: ignore[override]
        self, args: RecipeArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Moves the bar, which knows the time left."""
        seconds = max(1e-9, time.monotonic() - self.started_seconds)
        speed = args.world_size * (self.trainer.labels_seen - self.labels_before) / seconds  # processes share evenly
        epoch = f"{state.epoch or 0:.2f}/{args.num_train_epochs:g}"
        self.bar.set_postfix({"epoch": epoch, "target tokens/s": f"{speed:.0f}", **self.facts}, refresh=False)
        self.bar.update(state.global_step - self.bar.n)

    def on_log(  # type: ignore[override]
        self, args: RecipeArguments, state: TrainerState, control: TrainerControl, logs: dict[str, float], **_: Any
    ) -> None:
        """Keeps the last loss on the bar."""
        if "loss" in logs:
            self.facts["loss"] = f"{logs['loss']:.3f}"

    def on_evaluate(  # type: ignore[override]
        self, args: RecipeArguments, state: TrainerState, control: TrainerControl, metrics: dict[str, float], **_: Any
    ) -> None:
        """Writes what the evaluation found."""
        if not state.is_world_process_zero:
            return
        shown = {
            name: f"{metrics[f'eval_{name}']:.2f}"
            for name in (self.metric, "teacher_forced_loss", "exposure_gap")
            if f"eval_{name}" in metrics
        }
        self.facts |= {name: value for name, value in shown.items() if name == self.metric}
        numbers = " · ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())
        tqdm.write(f"epoch {state.epoch or 0:.2f} · step {state.global_step} · {numbers}", file=sys.stderr)


def quiet_libraries() -> None:
    """Leaves the screen to our own bar and lines."""
    disable_progress_bars()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


@contextmanager
def bar_shows(trainer: RecipeTrainer) -> Iterator[None]:
    """Our bar shows what a trainer does, in the place of the library's."""
    for theirs in (ProgressCallback, PrinterCallback):
        trainer.remove_callback(theirs)
    progress = Progress(trainer)
    trainer.add_callback(progress)
    try:
        yield
    finally:
        progress.bar.close()  # or an error would be told on its line


class StopAtNextStep(TrainerCallback):
    """Ends training after the step in progress, with a checkpoint, once `asked` is set in any process.

    What the checkpoint holds is what an uninterrupted run had at that step: an evaluation that is due is made, one
    that is not is left for later.
    """

    def __init__(self) -> None:
        self.asked = self.agreed = False

    def on_step_end(  # type: ignore[override]
        self, args: RecipeArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stops if somebody asked for it, and saves, unless the end of the epoch is about to evaluate and save."""
        self.agreed = any_process(self.asked)  # a signal reaches the processes at different steps
        if self.agreed:
            control.should_training_stop = True
            control.should_save |= not _ends(state)

    def on_epoch_end(  # type: ignore[override]
        self, args: RecipeArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Saves, or undoes what the library does at the end of an epoch that only ends because it was stopped."""
        if self.agreed and _ends(state):
            control.should_save = True
        elif self.agreed:
            control.should_log = control.should_evaluate = control.should_save = False


def _ends(state: TrainerState) -> bool:
    """Whether the epoch in progress would end here anyway."""
    return state.global_step >= state.max_steps or (state.epoch or 0.0).is_integer()


@contextmanager
def ctrl_c_saves(stop: StopAtNextStep) -> Iterator[None]:
    """The first Ctrl-C or termination signal asks for a checkpoint, the second one ends at once.

    Outside of the main thread signals cannot be taken, and nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True
        if PartialState().is_main_process:  # not `print`: the signal may come while the bar writes to the same stream
            os.write(2, b"\nStopping after this step, with a checkpoint. Press Ctrl-C again to stop at once.\n")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


__all__ = ["StopAtNextStep", "bar_shows", "ctrl_c_saves", "quiet_libraries"]
