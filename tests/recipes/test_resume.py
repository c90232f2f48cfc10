"""A run that was stopped anywhere, in any way, ends where it would have ended: weights and curve, bit for bit."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

import toolkit.recipe
from tests.recipes.conftest import CORE, first_rows
from tests.recipes.forked import end, start
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
        said = recipe("translation", "--overwrite_output_dir", output_dir="stopped", **data, **settings)
        assert (said.code, "--overwrite_output_dir" in said.err) == (130, False), "that would start anew"
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


KILLS = 20
MANY_STEPS = SETTINGS | {
    **{"max_steps": 100, "save_steps": 2, "eval_steps": 10, "save_strategy": "steps", "eval_strategy": "steps"},
    **{"dropout": 0.2, "scheduled_sampling": "linear", "teacher_forcing_ratio": 0.3, "tokens_per_batch": 100},
    "load_best_model_at_end": False,  # so that a checkpoint does not wait for an evaluation
}


def last_checkpoint(folder: str) -> int:
    """The step of the last checkpoint, or 0."""
    return max([int(path.name[11:]) for path in Path(folder).glob("checkpoint-*")], default=0)


@pytest.mark.slow
def test_a_run_that_is_killed_twenty_times_ends_as_if_it_had_not_been(data):
    """SIGKILL from outside, at moments of wall time: while it loads, trains, evaluates, or writes a checkpoint."""
    assert end(start("text/translation", "--check_only", **data)).code == 0  # the first process waits for imports
    began = time.monotonic()
    whole = start("text/translation", output_dir="whole", **data, **MANY_STEPS)
    while not last_checkpoint("whole"):
        whole.join(0.02)
    first = time.monotonic() - began
    assert end(whole).code == 0
    interval = (time.monotonic() - began - first) / 50
    moments, reached = random.Random(4), [0]
    for kill in range(KILLS):
        process = start("text/translation", output_dir="killed", **data, **MANY_STEPS)
        if kill % 2 or reached[-1] > 70:  # any moment until about the first checkpoint of this process
            process.join(moments.uniform(0, first))
        else:  # about the next one
            while last_checkpoint("killed") == reached[-1]:
                process.join(0.02)
                assert process.is_alive()
            process.join(moments.uniform(0, interval))
        process.kill()
        assert end(process).code == -signal.SIGKILL
        reached.append(last_checkpoint("killed"))
    assert reached == sorted(reached) and len(set(reached)) > KILLS / 2, "no checkpoint is lost, and some were made"
    said = end(start("text/translation", output_dir="killed", **data, **MANY_STEPS))
    assert (said.code, "Skipped" in said.err) == (0, False)
    assert ending(Path("killed")) == ending(Path("whole"))
    assert {path.name for path in Path("killed").iterdir()} == {path.name for path in Path("whole").iterdir()}


@pytest.fixture
def stopped(recipe, data, at_step):
    """A run that died and left two checkpoints, and the same one that did not."""
    settings = SETTINGS | BY_STEPS
    assert recipe("translation", output_dir="whole", **data, **settings).code == 0
    at_step(19, die)
    with pytest.raises(Death):
        recipe("translation", output_dir="stopped", **data, **settings)
    return lambda *words: recipe("translation", *words, output_dir="stopped", **data, **settings)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.slow
def test_a_checkpoint_that_was_cut_short_is_skipped_and_named(stopped):
    cut(Path("stopped/checkpoint-14/optimizer.pt"))
    said = stopped()
    assert said.code == 0
    told = "Skipped checkpoint-14: optimizer.pt is cut short. It is kept as skipped-checkpoint-14."
    assert said.err.splitlines()[:2] == [told, "Going on from stopped/checkpoint-7."]
    assert Path("stopped/skipped-checkpoint-14/model.safetensors").exists()
    assert ending(Path("stopped")) == ending(Path("whole"))


@pytest.mark.slow
def test_nothing_is_thrown_away_unasked_where_no_checkpoint_is_whole(stopped):
    cut(Path("stopped/checkpoint-7/model.safetensors"))
    Path("stopped/checkpoint-14/trainer_state.json").unlink()
    before = sorted(Path("stopped").rglob("*"))
    said = stopped()
    assert (said.code, len(said.err.splitlines())) == (1, 1)
    faults = "checkpoint-14: trainer_state.json is missing; checkpoint-7: model.safetensors is cut short"
    assert f"stopped has none ({faults})" in said.err and "`--overwrite_output_dir`" in said.err
    assert sorted(Path("stopped").rglob("*")) == before
    assert stopped("--overwrite_output_dir").code == 0
    assert ending(Path("stopped")) == ending(Path("whole"))


@pytest.mark.slow
def test_a_permission_that_was_lost_costs_one_line_and_no_checkpoint(stopped, monkeypatch):
    def denied(*paths):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("toolkit.checkpoints.os.rename", denied)
        said = stopped()
    last = said.err.splitlines()[-1]
    assert said.code == 1 and "Traceback" not in said.err
    assert "stopped/checkpoint-21 could not be saved ([Errno 13] Permission denied); checkpoint-14 is whole." in last
    assert not list(Path("stopped").glob(".*"))
    assert stopped().code == 0
    assert ending(Path("stopped")) == ending(Path("whole"))


@pytest.mark.slow
def test_a_full_disk_costs_one_line_and_no_checkpoint(stopped, data):
    """The weights still fit, the state of the optimizer does not."""
    checkpoint = Path("stopped/checkpoint-14")
    sizes = [(checkpoint / name).stat().st_size for name in ("model.safetensors", "optimizer.pt")]
    asked = {"output_dir": "stopped", **data, **SETTINGS, **BY_STEPS}
    said = end(start("text/translation", largest_file=sum(sizes) // 2, **asked))
    last = said.err.splitlines()[-1]
    assert said.code == 1 and "Traceback" not in said.err
    assert last.startswith("stopped/checkpoint-21 could not be saved (") and "checkpoint-14 is whole." in last
    assert not list(Path("stopped").glob(".*")) and not Path("stopped/checkpoint-21").exists()
    assert stopped().code == 0
    assert ending(Path("stopped")) == ending(Path("whole"))
