"""What a person sees while training: epoch, speed, time left, score; and a Ctrl-C that loses nothing."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from tqdm.auto import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState

from toolkit.training import RecipeArguments, RecipeTrainer


class Progress(TrainerCallback):
    """One bar for the whole run, and one line per evaluation that stays."""

    def __init__(self, trainer: RecipeTrainer, metric: str) -> None:
        self.trainer, self.metric, self.bar, self.facts = trainer, metric, None, {}
        self.started = (0.0, 0)

    def on_train_begin(self, args: RecipeArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        """Opens the bar; in a log file it writes a line every half minute instead of redrawing."""
        seconds = 0.5 if sys.stderr.isatty() else 30
        self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc="train", mininterval=seconds,
                        disable=not state.is_world_process_zero)
        self.started = time.monotonic(), self.trainer.labels_seen

    def on_step_end(self, args: RecipeArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        """Moves the bar, which knows the time left."""
        seconds = max(1e-9, time.monotonic() - self.started[0])
        speed = (self.trainer.labels_seen - self.started[1]) / seconds
        epoch = f"{state.epoch or 0:.2f}/{args.num_train_epochs:g}"
        self.bar.set_postfix({"epoch": epoch, "target tokens/s": f"{speed:.0f}", **self.facts}, refresh=False)
        self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args: RecipeArguments, state: TrainerState, control: Any, logs: dict[str, float], **_: Any) -> None:
        """Keeps the last loss on the bar."""
        if "loss" in logs:
            self.facts["loss"] = f"{logs['loss']:.3f}"

    def on_evaluate(
        self, args: RecipeArguments, state: TrainerState, control: Any, metrics: dict[str, float], **_: Any
    ) -> None:
        """Writes what the evaluation found."""
        if not state.is_world_process_zero:
            return
        shown = {name: metrics.get(f"eval_{name}") for name in (self.metric, "teacher_forced_loss", "exposure_gap")}
        self.facts |= {self.metric: f"{shown[self.metric]:.2f}"}
        numbers = " · ".join(f"{name.replace('_', ' ')} {value:.2f}" for name, value in shown.items() if value is not None)
        tqdm.write(f"epoch {state.epoch or 0:.2f} · step {state.global_step} · {numbers}", file=sys.stderr)

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Closes the bar."""
        self.bar.close()


class StopAtNextStep(TrainerCallback):
    """Ends training after the step in progress, with a checkpoint, once `asked` is set."""

    def __init__(self) -> None:
        self.asked = False

    def on_step_end(self, args: Any, state: Any, control: TrainerControl, **_: Any) -> TrainerControl:
        """Saves and stops if somebody asked for it."""
        if self.asked:
            control.should_save = control.should_training_stop = True
            control.should_evaluate = False
        return control


@contextmanager
def ctrl_c_saves(stop: StopAtNextStep) -> Iterator[None]:
    """The first Ctrl-C or termination signal asks for a checkpoint, the second one ends at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True
        print("\nStopping after this step, with a checkpoint. Press Ctrl-C again to stop at once.", file=sys.stderr)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


__all__ = ["Progress", "StopAtNextStep", "ctrl_c_saves"]
