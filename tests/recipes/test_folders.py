"""What stands in an output folder already, and what happens to it."""

import json
from pathlib import Path

import pytest
import torch

import toolkit.recipe
import toolkit.training
from tests.recipes.conftest import CORE
from toolkit import pipeline
from toolkit.checkpoints import checkpoints

ROWS = "".join(f"dog {number}\tHund {number}\n" for number in range(64))
SETTINGS = {**CORE, "num_train_epochs": 2, "num_beams": 1, "learning_rate": 0.01, "train_file": "t.tsv"}


@pytest.fixture(autouse=True)
def table():
    Path("t.tsv").write_text(f"en\tde\n{ROWS}")


@pytest.fixture
def finished(recipe):
    """A finished run in `out`."""
    assert recipe("translation", output_dir="out", **SETTINGS).code == 0
    return Path("out")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_finished_run_is_left_alone_unless_it_may_be_overwritten(finished, recipe):
    before = contents(finished)
    said = recipe("translation", output_dir="out", **SETTINGS)
    assert (said.code, contents(finished) == before) == (2, True)
    assert said.err == (
        "`output_dir` must be free, but out holds a finished run. "
        "Choose another folder, or pass `--overwrite_output_dir`.\n"
    )
    said = recipe(
        "translation", "--overwrite_output_dir", output_dir="out", **SETTINGS | {"hidden_size": 18, "vocab_size": 3}
    )
    assert (said.code, contents(finished) == before) == (2, True), "a mistake beside it costs nothing either"
    said = recipe("translation", "--overwrite_output_dir", output_dir="out", **SETTINGS | {"hidden_size": 18})
    assert (said.code, json.loads(Path("out/config.json").read_text())["hidden_size"]) == (0, 18)
    assert "Going on" not in said.err


@pytest.mark.parametrize("knows_its_run", [True, False])
def test_a_checkpoint_of_another_model_is_refused_with_the_difference(finished, recipe, knows_its_run):
    (finished / "all_results.json").unlink()
    if not knows_its_run:
        (finished / "training_args.json").unlink()
    before = contents(finished)
    said = recipe("translation", output_dir="out", **SETTINGS | {"hidden_size": 24, "cell_type": "gru"})
    assert (said.code, contents(finished) == before) == (2, True)
    difference = "another model (`hidden_size` 16 there, 24 here; `cell_type` lstm there, gru here)"
    if knows_its_run:
        difference = "another run (`cell_type` lstm there, gru here; `hidden_size` 16 there, 24 here)"
    assert f"is a checkpoint of {difference}" in said.err


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"tokenizer": "word"}, "`tokenizer` bpe there, word here"),
        ({"vocab_size": 30}, "`vocab_size` 8000 there, 30 here"),
        ({"lowercase_source": True}, "`lowercase_source` False there, True here"),
        ({"train_file": "other.tsv"}, "the training rows are others"),
        ({"train_file": "last.tsv"}, "the training rows are others"),
    ],
)
def test_a_run_of_another_vocabulary_or_other_rows_does_not_go_on_from_its_checkpoints(
    finished, recipe, change, difference
):
    (finished / "all_results.json").unlink()
    Path("other.tsv").write_text(f"en\tde\n{ROWS}".replace("Hund", "chien"))
    Path("last.tsv").write_text(f"en\tde\n{ROWS}".replace("Hund 63", "Hund 62"))
    before = contents(finished)
    said = recipe("translation", output_dir="out", **SETTINGS | change)
    assert (said.code, contents(finished) == before) == (2, True)
    assert f"is a checkpoint of another run ({difference}). Run with its flags" in said.err


def test_a_finished_run_is_not_overwritten_by_one_that_goes_on_from_elsewhere(finished, recipe):
    before = contents(finished)
    assert recipe("translation", output_dir="other", **SETTINGS | {"seed": 3}).code == 0
    checkpoint = checkpoints(Path("other"))[0]
    said = recipe("translation", output_dir="out", resume_from_checkpoint=checkpoint, **SETTINGS)
    assert (said.code, contents(finished) == before) == (2, True)
    assert "`output_dir` must be free, but out holds a finished run." in said.err
    said = recipe(
        "translation", "--overwrite_output_dir", output_dir="out", resume_from_checkpoint=checkpoint, **SETTINGS
    )
    assert (said.code, f"Going on from {checkpoint}." in said.err) == (0, True)


def test_the_best_checkpoint_is_found_where_the_folder_is_now(recipe, monkeypatch):
    """The second epoch forgets what the first has learnt, so the best checkpoint is the first one."""
    settings = SETTINGS | {
        "learning_rate": 0.05,
        "warmup_steps": 0,
        "lr_scheduler_type": "constant",
        "save_total_limit": 3,
    }

    def worse(self, *_, **__):
        score = 50.0 - self.state.global_step
        self.log({"eval_chrf": score, "eval_teacher_forced_loss": 1.0})
        return {"eval_chrf": score}

    monkeypatch.setattr(toolkit.training.RecipeTrainer, "evaluate", worse)
    with monkeypatch.context() as patch:
        patch.setattr(toolkit.recipe, "evaluate", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            recipe("translation", output_dir="out", **settings)
    Path("out").rename("moved")
    first, *_ = checkpoints(Path("moved"))
    said = recipe("translation", output_dir="moved", **settings)
    assert (said.code, "not there any more" in said.err) == (0, False), said.err
    assert Path("moved/model.safetensors").read_bytes() == (first / "model.safetensors").read_bytes()
    (Path("moved") / "all_results.json").unlink()
    first.rename("elsewhere")
    said = recipe("translation", output_dir="moved", **settings)
    assert f"The best checkpoint so far, {first}, is not there any more." in said.err


def test_time_is_that_of_all_processes_that_have_trained(recipe, monkeypatch):
    clock = iter(range(0, 10**9, 1000))
    monkeypatch.setattr(toolkit.training.time, "monotonic", lambda: next(clock))
    with monkeypatch.context() as patch:
        patch.setattr(toolkit.recipe, "evaluate", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            recipe("translation", output_dir="out", **SETTINGS)
    *_, last = checkpoints(Path("out"))
    (noted,) = last.glob("unlogged_loss_*.json")
    before = json.loads(noted.read_text())["seconds"]
    assert recipe("translation", output_dir="out", **SETTINGS).code == 0
    assert json.loads(Path("out/all_results.json").read_text())["train_seconds"] > before >= 1000


def test_a_training_that_came_apart_says_so(recipe, monkeypatch):
    step = toolkit.training.RecipeTrainer.training_step

    def training_step(self, model, *inputs, **settings):
        with torch.no_grad():
            model.lm_head.bias.fill_(torch.nan)
        return step(self, model, *inputs, **settings)

    monkeypatch.setattr(toolkit.training.RecipeTrainer, "training_step", training_step)
    said = recipe("translation", output_dir="out", **SETTINGS)
    assert (said.code, "Traceback" in said.err) == (2, False), said.err
    assert "The loss is no number any more at step " in said.err and "Lower `learning_rate` (0.01)" in said.err


def test_a_broken_checkpoint_beside_a_model_keeps_nobody_from_using_it(finished):
    (last := checkpoints(finished)[-1]).rename(finished / f"skipped-{last.name}")
    for checkpoint in finished.glob("*checkpoint-*"):
        (checkpoint / "config.json").write_text("{")
    assert isinstance(pipeline("translation", "out")("dog 3")[0]["translation_text"], str)


def test_what_changes_nothing_that_is_learnt_may_change(finished, recipe):
    (finished / "all_results.json").unlink()
    Path("moved").mkdir()
    Path("t.tsv").rename("moved/t.tsv")
    changed = {"train_file": "moved/t.tsv", "num_beams": 3, "metric": "bleu", "num_train_epochs": 3}
    said = recipe("translation", output_dir="out", **SETTINGS | changed)
    assert (said.code, "Going on from" in said.err) == (0, True), said.err


def test_the_flags_of_a_run_are_known_before_it_ends(recipe, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(toolkit.recipe, "_train", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            recipe("translation", output_dir="out", **SETTINGS)
    kept = json.loads(Path("out/training_args.json").read_text())
    assert kept["adapter"]["hidden_size"] == SETTINGS["hidden_size"] and kept["data"]["train_file"] == "t.tsv"
    said = recipe("translation", "--predict_only", output_dir="out", model_name_or_path="out", test_file="t.tsv")
    assert said.code == 2


def test_what_a_killed_run_left_half_written_is_cleared_away(finished, recipe):
    (finished / "all_results.json").unlink()
    *_, last = checkpoints(finished)
    (last / "trainer_state.json").write_bytes((last / "trainer_state.json").read_bytes()[:50])
    aside = finished / ".saving-abc"
    aside.mkdir()
    said = recipe("translation", output_dir="out", **SETTINGS)
    assert (said.code, aside.exists()) == (0, False), said.err
    assert f"Going on from {checkpoints(finished)[0]}." in said.err
    assert checkpoints(finished)[-1] == last


@pytest.mark.parametrize("part", ["weights", "tokenizer", "optimizer"])
@pytest.mark.promise("H5", "H7")
def test_a_full_disk_names_the_last_whole_checkpoint_and_costs_nothing_else(part, recipe, monkeypatch):
    settings = SETTINGS | {"num_train_epochs": 3}
    save, torch_save = toolkit.training.save_portable, torch.save

    def save_portable(model, processor, folder):
        save(model, processor, folder)
        if part != "optimizer" and len(checkpoints(Path("out"))) == 1:
            full = OSError(28, "No space left on device")
            raise full if part == "weights" else Exception("No space left on device (os error 28)")

    def save_state(values, path, *more):
        if part == "optimizer" and len(checkpoints(Path("out"))) == 1:
            Path(path).write_bytes(b"half")
            raise RuntimeError("PytorchStreamWriter failed writing file data/2: file write failed")
        torch_save(values, path, *more)

    with monkeypatch.context() as patch:
        patch.setattr(toolkit.training, "save_portable", save_portable)
        patch.setattr(torch, "save", save_state)
        said = recipe("translation", output_dir="out", **settings)
    assert said.code == 1
    (kept,) = checkpoints(Path("out"))
    message = said.err.splitlines()[-1]
    assert message.startswith("out/checkpoint-") and "could not be saved (" in message
    assert message.endswith(f"{kept.name} is whole. Make room and run the same command again.")
    assert list(Path("out").glob("checkpoint-*")) == [kept]
    said = recipe("translation", output_dir="out", **settings)
    assert (said.code, f"Going on from {kept}." in said.err) == (0, True)


def test_a_disk_that_is_full_at_the_end_keeps_the_training(recipe, monkeypatch):
    save = toolkit.training.save_portable

    def save_portable(model, processor, folder):
        if folder == Path("out"):
            raise OSError(28, "No space left on device")
        save(model, processor, folder)

    with monkeypatch.context() as patch:
        patch.setattr(toolkit.training, "save_portable", save_portable)
        said = recipe("translation", output_dir="out", **SETTINGS)
    assert said.code == 1
    assert "out could not be saved ([Errno 28] No space left on device); checkpoint-" in said.err
    assert recipe("translation", output_dir="out", **SETTINGS).code == 0


@pytest.mark.promise("E1")
@pytest.mark.parametrize("kind", ["bpe", "unigram", "word", "char"])
def test_every_kind_of_vocabulary_serves_few_rows(kind, recipe):
    shared = {"shared_vocabulary": True, "tie_word_embeddings": True} if kind in ("unigram", "char") else {}
    values = SETTINGS | shared | {"tokenizer": kind, "vocab_size": 20_000, "num_train_epochs": 1}
    assert recipe("translation", output_dir="out", **values).code == 0
    assert json.loads(Path("out/config.json").read_text())["vocab_size"] < 200
    assert isinstance(pipeline("translation", "out")("dog 3")[0]["translation_text"], str)


def test_a_vocabulary_can_be_taken_from_an_earlier_run(finished, recipe):
    said = recipe("translation", output_dir="again", **SETTINGS | {"tokenizer": "out", "num_train_epochs": 1})
    assert said.code == 0
    for name in ("tokenizer.json", "source_tokenizer/tokenizer.json"):
        assert json.loads(Path("again", name).read_text()) == json.loads((finished / name).read_text())
