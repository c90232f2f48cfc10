"""A run that was stopped anywhere, in any way, ends where it would have ended: weights and curve, bit for bit."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import toolkit.recipe
from tests.recipes.conftest import CORE, ROOT, first_rows, flags
from toolkit.training import RecipeTrainer

pytestmark = pytest.mark.promise("H5")

SETTINGS = {
    **CORE,
    "tokenizer": "word",
    "vocab_size": 150,
    "num_train_epochs": 3,
    "per_device_train_batch_size": 16,
    "learning_rate": 0.01,
    "logging_steps": 5,
    "num_beams": 1,
}  # 120 rows in 8 steps an epoch
BY_STEPS = {"save_strategy": "steps", "eval_strategy": "steps", "save_steps": 7, "eval_steps": 7}
VARIANTS = {
    "steps, in the second epoch": (BY_STEPS | {"word_dropout": 0.1}, 12),
    "steps, right after a checkpoint": (BY_STEPS | {"cell_type": "gru"}, 15),
    "epochs, in the third": ({"early_stopping_patience": 5, "label_smoothing_factor": 0.1}, 19),
    "epochs, after the first": ({"average_checkpoints": 2}, 9),
    "budgeted batches, accumulated, fed own words": (
        BY_STEPS
        | {
            "tokens_per_batch": 100,
            "logging_steps": 3,
            "per_device_train_batch_size": 1000,
            "gradient_accumulation_steps": 2,
            "scheduled_sampling": "linear",
            "teacher_forcing_ratio": 0.3,
            "input_feeding": True,
        },
        9,
    ),
}

SLOW = {"steps, right after a checkpoint", "epochs, in the third", "epochs, after the first"}


class Death(BaseException):
    """The end of a process, as far as a test inside the process can have one."""


@pytest.fixture
def data(tmp_path):
    return {
        f"{split}_file": first_rows(split, count, tmp_path) for split, count in (("train", 120), ("validation", 15))
    }


@pytest.fixture
def at_step(monkeypatch):
    """Lets something happen in the middle of a training step, once."""

    def prepare(number, happen):
        step = RecipeTrainer.training_step

        def training_step(self, *inputs, **settings):
            if self.state.global_step == number - 1:
                monkeypatch.setattr(RecipeTrainer, "training_step", step)
                happen()
            return step(self, *inputs, **settings)

        monkeypatch.setattr(RecipeTrainer, "training_step", training_step)

    return prepare


def die() -> None:
    raise Death


def ending(folder: Path) -> tuple[bytes, list[dict], list[str]]:
    """The final weights, the whole curve, and every prediction."""
    last = max(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    state = json.loads((last / "trainer_state.json").read_text())
    predictions = (folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    return (folder / "model.safetensors").read_bytes(), state["log_history"], predictions


def run_twice(recipe, data, settings, *, stop) -> tuple[tuple, tuple]:
    """Endings of a run that nobody stops and of one that `stop` ends first and the same command takes up."""
    assert recipe("translation", output_dir="whole", **data, **settings).code == 0
    stop()
    assert not Path("stopped/all_results.json").exists()
    said = recipe("translation", output_dir="stopped", **data, **settings)
    assert (said.code, "Going on from stopped/checkpoint-" in said.err) == (0, True)
    return ending(Path("whole")), ending(Path("stopped"))


@pytest.mark.parametrize(
    "variant",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in VARIANTS],
)
def test_a_run_that_died_goes_on_as_if_it_had_not(variant, recipe, data, at_step):
    settings, step = VARIANTS[variant]
    settings = SETTINGS | settings

    def stop():
        at_step(step, die)
        with pytest.raises(Death):
            recipe("translation", output_dir="stopped", **data, **settings)

    whole, resumed = run_twice(recipe, data, settings, stop=stop)
    assert any("loss" in entry for entry in whole[1])
    assert resumed == whole


@pytest.mark.parametrize(
    ("number", "settings", "step"),
    [
        pytest.param(signal.SIGTERM, {}, 12, id="in the middle of an epoch"),
        pytest.param(
            signal.SIGINT, {"early_stopping_patience": 5}, 16, id="at the end of an epoch", marks=pytest.mark.slow
        ),
        pytest.param(signal.SIGTERM, {"max_steps": 20}, 20, id="at the very last step", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, BY_STEPS, 14, id="at a step that saves anyway", marks=pytest.mark.slow),
    ],
)
def test_a_polite_signal_saves_and_loses_nothing(number, settings, step, recipe, data, at_step):
    settings = SETTINGS | settings

    def stop():
        at_step(step, lambda: os.kill(os.getpid(), number))
        said = recipe("translation", output_dir="stopped", **data, **settings)
        assert said.code == 130
        assert "Stopping after this step, with a checkpoint." in said.err
        assert "To go on, run the same command again" in said.err
        assert Path(f"stopped/checkpoint-{step}").exists()

    whole, resumed = run_twice(recipe, data, settings, stop=stop)
    assert resumed == whole


def test_a_run_that_died_while_it_was_scored_is_not_trained_further(recipe, data, monkeypatch):
    settings = SETTINGS | {"max_steps": 12}  # in the middle of an epoch, where the library would add a step

    def stop():
        with monkeypatch.context() as patch:
            patch.setattr(toolkit.recipe, "evaluate", lambda *_, **__: die())
            with pytest.raises(Death):
                recipe("translation", output_dir="stopped", **data, **settings)

    whole, resumed = run_twice(recipe, data, settings, stop=stop)
    assert resumed == whole


@pytest.mark.slow
def test_a_run_that_stopped_early_stays_stopped(recipe, data, monkeypatch):
    settings = SETTINGS | {"early_stopping_patience": 1, "learning_rate": 1e-30, "num_train_epochs": 9}

    def stop():
        with monkeypatch.context() as patch:
            patch.setattr(toolkit.recipe, "evaluate", lambda *_, **__: die())
            with pytest.raises(Death):
                recipe("translation", output_dir="stopped", **data, **settings)

    whole, resumed = run_twice(recipe, data, settings, stop=stop)
    assert resumed == whole
    assert sum("eval_chrf" in entry for entry in whole[1]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("settings", [BY_STEPS, {}], ids=["steps", "epochs"])
def test_a_killed_process_is_taken_up_by_the_same_command(settings, data, tmp_path):
    settings = SETTINGS | settings
    killer = tmp_path / "killer.py"
    killer.write_text(
        textwrap.dedent("""
        import os, runpy, signal, sys
        from toolkit.training import RecipeTrainer
        step = RecipeTrainer.training_step
        def training_step(self, *inputs, **settings):
            if self.state.global_step == 18:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(self, *inputs, **settings)
        RecipeTrainer.training_step = training_step
        sys.argv = sys.argv[1:]
        runpy.run_path(sys.argv[0], run_name="__main__")
        """)
    )
    script = str(ROOT / "recipes" / "text" / "translation.py")

    def command(*before: str, folder: str) -> int:
        words = [sys.executable, *before, script, *flags(output_dir=folder, **data, **settings)]
        return subprocess.run(words, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True).returncode

    assert command(folder="whole") == 0
    assert command(str(killer), folder="stopped") == -signal.SIGKILL
    assert command(folder="stopped") == 0
    assert ending(Path("stopped")) == ending(Path("whole"))
