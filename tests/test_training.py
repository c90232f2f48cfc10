"""The parts of the training loop that are ours: schedules, ranks of checkpoints, averaging, stopping."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from transformers import TrainerState

from toolkit import (
    DataArguments,
    RecipeArguments,
    RecurrentSeq2SeqConfig,
    RecurrentSeq2SeqForConditionalGeneration,
    Translation,
    run,
)
from toolkit.checkpoints import (
    ASIDE,
    average_weights,
    checkpoints,
    fault_of,
    last_whole_checkpoint,
    load_weights,
    put_in_place,
    remove_surplus,
    remove_unfinished,
)
from toolkit.scheduled_sampling import forcing_ratio
from toolkit.training import RecipeTrainer

STEPS = [step / 100 for step in range(101)]


@pytest.mark.promise("D4")
@pytest.mark.parametrize("final", [0.0, 0.3, 1.0])
def test_each_schedule_falls_from_one_to_its_end(final):
    for schedule in ("linear", "inverse_sigmoid"):
        ratios = [forcing_ratio(schedule, final, step) for step in STEPS]
        assert ratios[0] == pytest.approx(1.0) and ratios[-1] == pytest.approx(final)
        assert all(after <= before for before, after in zip(ratios, ratios[1:], strict=False))
        assert ratios[50] == pytest.approx((1 + final) / 2)
    assert {forcing_ratio("constant", final, step) for step in STEPS} == {final}


@pytest.mark.promise("D4")
def test_the_inverse_sigmoid_stays_falls_and_stays():
    linear, curve = ([forcing_ratio(name, 0.0, step) for step in STEPS] for name in ("linear", "inverse_sigmoid"))
    assert all(bent > straight for bent, straight in zip(curve[1:50], linear[1:50], strict=True))
    assert all(bent < straight for bent, straight in zip(curve[51:100], linear[51:100], strict=True))


def checkpoint(folder: Path, step: int, **weights: torch.Tensor) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    save_file(weights or {"w": torch.full((2,), float(step))}, path / "model.safetensors")
    for name in ("trainer_state.json", "config.json"):
        (path / name).write_text("{}")
    return path


def trained_checkpoint(folder: Path, step: int) -> Path:
    """With what a run needs to go on exactly."""
    path = checkpoint(folder, step)
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        torch.save({"step": torch.arange(step)}, path / name)
    (path / "unlogged_loss_0.json").write_text("{}")
    return path


def test_checkpoints_are_told_by_their_step_and_by_being_whole(tmp_path):
    whole = [checkpoint(tmp_path, 9), trained_checkpoint(tmp_path, 10), trained_checkpoint(tmp_path, 100)]
    broken = trained_checkpoint(tmp_path, 200)
    (broken / "trainer_state.json").unlink()
    (tmp_path / "checkpoint-best").mkdir()
    (tmp_path / ".saving-checkpoint" / "checkpoint-300").mkdir(parents=True)
    assert checkpoints(tmp_path) == whole
    assert last_whole_checkpoint(tmp_path) == whole[-1]
    remove_unfinished(tmp_path)
    kept = tmp_path / "skipped-checkpoint-200"
    assert sorted(tmp_path.iterdir()) == sorted([*whole, tmp_path / "checkpoint-best", kept])
    assert (kept / "model.safetensors").exists()


@pytest.mark.promise("H5")
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
@pytest.mark.parametrize(
    "name", ["model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json", "config.json"]
)
def test_a_file_that_is_cut_anywhere_is_found_and_named(tmp_path, name, share):
    path = trained_checkpoint(tmp_path, 7)
    assert fault_of(path) is None
    content = (path / name).read_bytes()
    (path / name).write_bytes(content[: int(share * len(content))])
    assert fault_of(path) == f"{name} is cut short"
    (path / name).unlink()
    shown = {"model.safetensors": "*.safetensors", "optimizer.pt": "optimizer*", "rng_state.pth": "rng_state*.pth"}
    assert fault_of(path) == f"{shown.get(name, name)} is missing"


def test_weights_without_an_optimizer_are_whole_where_none_was_saved(tmp_path):
    path = trained_checkpoint(tmp_path, 7)
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        (path / name).unlink()
    assert fault_of(path) == "optimizer* is missing"
    (path / "unlogged_loss_0.json").unlink()
    assert fault_of(path) is None


def test_a_checkpoint_that_may_not_be_read_is_no_cut_one(tmp_path, monkeypatch):
    path = trained_checkpoint(tmp_path, 7)

    def denied(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert fault_of(path) == "it cannot be read: Permission denied"


def test_a_checkpoint_takes_the_place_of_an_older_one_of_its_step(tmp_path):
    before, new = checkpoint(tmp_path, 7), checkpoint(tmp_path / ASIDE, 7, w=torch.ones(3))
    put_in_place(new, before)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-7"]
    assert average_weights([before])["w"].shape == (3,)


def test_the_oldest_go_and_the_newest_and_the_best_stay(tmp_path):
    made = [checkpoint(tmp_path, step) for step in (50, 10, 20, 30, 40)]  # 50 was made before the run went back to 10
    for age, path in enumerate(made):
        os.utime(path, (age, age))
    remove_surplus(tmp_path, keep=3, best=str(made[1]))
    assert checkpoints(tmp_path) == [made[1], made[3], made[4]]
    remove_surplus(tmp_path, keep=1, best=str(made[1]))
    assert sorted(tmp_path.iterdir()) == [made[1], made[4]]


def test_the_mean_of_checkpoints_is_the_mean_of_their_weights(tmp_path):
    random = [torch.randn(3, 4) for _ in range(5)]
    folders = [checkpoint(tmp_path, step, w=weights.half()) for step, weights in enumerate(random)]
    expected = torch.stack([weights.half().double() for weights in random]).mean(0)
    assert torch.allclose(average_weights(folders)["w"], expected, atol=1e-12)


def test_weights_are_loaded_in_place_tied_ones_too(tmp_path):
    config = RecurrentSeq2SeqConfig(vocab_size=9, embedding_size=4, hidden_size=4, tie_word_embeddings=True)
    model, other = (RecurrentSeq2SeqForConditionalGeneration(config) for _ in range(2))
    other.save_pretrained(tmp_path / "checkpoint-1")
    places = {name: weight.data_ptr() for name, weight in model.named_parameters()}
    load_weights(model, average_weights([tmp_path / "checkpoint-1"]))
    assert {name: weight.data_ptr() for name, weight in model.named_parameters()} == places
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, other.state_dict()[name])


def trainer(history, *, greater=True, patience=None, steps=100) -> RecipeTrainer:
    """A trainer as far as its history goes."""
    made = object.__new__(RecipeTrainer)
    made.args = SimpleNamespace(
        metric_for_best_model="eval_score",
        greater_is_better=greater,
        early_stopping_patience=patience,
        save_strategy="epoch",
    )
    made.state = TrainerState(max_steps=steps)
    for step, (score, loss) in enumerate(history, start=1):
        made.state.global_step = step
        made.state.log_history += [
            {"step": step, "loss": 9.0},
            {"step": step, "eval_score": score, "eval_teacher_forced_loss": loss},
        ]
    return made


@pytest.mark.parametrize(
    ("history", "greater", "is_best"),
    [
        ([(1, 5)], True, True),
        ([(1, 5), (2, 9)], True, True),
        ([(2, 5), (1, 1)], True, False),
        ([(2, 5), (1, 9)], False, True),
        ([(0, 5), (0, 4)], True, True),
        ([(0, 4), (0, 5)], True, False),
        ([(0, 4), (0, 4)], True, False),
        ([(7, 4), (0, 2), (7, 3)], True, True),
        ([(100, 4), (100, 3)], False, True),
    ],
)
def test_the_better_score_is_the_best_and_of_equal_ones_the_lower_loss(history, greater, is_best):
    latest = trainer(history, greater=greater)
    best = min if not greater else max
    latest.state.best_metric = best((score for score, _ in history[:-1]), default=None)
    assert latest._determine_best_metric(latest.state.log_history[-1], None) is is_best
    assert latest.state.best_metric == best(score for score, _ in history)


@pytest.mark.parametrize(
    ("scores", "over"),
    [([1, 2, 3], False), ([3, 2], False), ([3, 2, 1], True), ([3, 2, 4, 1], False), ([3, 2, 4, 1, 2], True)],
)
def test_training_is_over_after_so_many_evaluations_without_a_better_score(scores, over):
    assert trainer([(score, 1.0) for score in scores], patience=2).is_over() is over
    assert trainer([(-score, 1.0) for score in scores], patience=2, greater=False).is_over() is over
    assert not trainer([(score, 1.0) for score in scores]).is_over()
    assert trainer([(1, 1.0)] * 3, steps=3).is_over()


def averaged(monkeypatch, tmp_path, *, mean: float, best: float, greater: bool) -> torch.Tensor:
    """The weights after `try_average` where the mean scores this and the best checkpoint that."""
    model = torch.nn.Linear(2, 1, bias=False)
    model.weight.data.fill_(7.0)
    for step in (1, 2, 4, 6):
        checkpoint(tmp_path, step, weight=torch.full((1, 2), float(step)))
    made = trainer([(1, 1)], greater=greater)
    made.adapter, made.folder, made.model = SimpleNamespace(metric="score"), tmp_path, model
    made.args.average_checkpoints = 3
    scores = {7.0: best, 4.0: mean}

    def evaluate(self):
        score = scores[self.model.weight[0, 0].item()]
        self.state.log_history.append({"eval_score": score, "eval_teacher_forced_loss": 1.0})

    monkeypatch.setattr(RecipeTrainer, "evaluate", evaluate)
    monkeypatch.setattr(RecipeTrainer, "is_world_process_zero", lambda self: True)
    made.try_average()
    return model.weight[0, 0].item()


@pytest.mark.parametrize(
    ("mean", "best", "greater", "kept"),
    [
        (30.0, 20.0, True, 4.0),
        (20.0, 30.0, True, 7.0),
        (20.0, 20.0, True, 7.0),
        (0.2, 0.3, False, 4.0),
        (0.3, 0.2, False, 7.0),
    ],
)
def test_the_mean_of_the_last_checkpoints_is_kept_only_if_it_is_better(
    monkeypatch, tmp_path, mean, best, greater, kept
):
    assert averaged(monkeypatch, tmp_path, mean=mean, best=best, greater=greater) == kept


@pytest.mark.promise("D4")
def test_the_decoder_is_fed_at_the_ratio_of_the_step(monkeypatch):
    seen = []
    made = trainer([], steps=10)
    made.args.scheduled_sampling, made.args.teacher_forcing_ratio = "linear", 0.5
    made.label_smoother, made.model_accepts_loss_kwargs, model = None, True, torch.nn.Linear(1, 1)
    made.accelerator = SimpleNamespace(unwrap_model=lambda model: model)
    monkeypatch.setattr(
        "transformers.Seq2SeqTrainer.compute_loss",
        lambda self, model, inputs: seen.append(model.teacher_forcing_ratio) or 0,
    )
    for made.state.global_step in (0, 5, 10):
        made.compute_loss(model, {})
    assert seen == [1.0, 0.75, 0.5]


def test_a_run_keeps_the_last_checkpoints_for_the_mean_and_the_best_beside_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("t.tsv").write_text("a\tb\n" + "".join(f"dog {n}\tHund {n}\n" for n in range(40)))
    scores = iter([9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])

    def evaluate(self, *_, **__):
        numbers = {"eval_chrf": next(scores), "eval_teacher_forced_loss": 1.0}
        self.log(numbers)
        return numbers

    monkeypatch.setattr(RecipeTrainer, "evaluate", evaluate)
    arguments = RecipeArguments(output_dir="out", num_train_epochs=5, average_checkpoints=3)
    run(Translation(hidden_size=8, embedding_size=8, num_beams=1), DataArguments(train_file="t.tsv"), arguments)
    assert [int(path.name[11:]) for path in checkpoints(Path("out"))] == [1, 3, 4, 5]
    state = json.loads(Path("out/checkpoint-5/trainer_state.json").read_text())
    assert state["best_global_step"] == 1
