"""Several processes: the same run as one, the same figures to the last digit, each file once, one line for a fault."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.adapters.video.drawn import TINY, draw
from tests.recipes.conftest import CORE, ROOT, first_rows, flags
from tests.recipes.forked import end, free_port, run_several, start, start_several

pytestmark = [pytest.mark.slow, pytest.mark.promise("H6")]

SETTINGS = {
    **CORE,
    **{
        "tokenizer": "word",
        "vocab_size": 150,
        "num_beams": 1,
        "dropout": 0,
        "output_dropout": 0,
        "embedding_dropout": 0,
    },
    **{"optim": "sgd", "learning_rate": 0.5},  # Adam makes much of gradients that are nothing but rounding errors
    **{"max_steps": 12, "logging_steps": 1, "save_steps": 5, "eval_steps": 5},
    **{"save_strategy": "steps", "eval_strategy": "steps", "per_device_eval_batch_size": 4},
}
LAUNCH = ("-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_addr", "127.0.0.1", "--master_port")


def launched(*words: str) -> subprocess.CompletedProcess:
    """A recipe in two processes, as the guide says."""
    command = [sys.executable, *LAUNCH, free_port(), str(ROOT / "recipes/text/translation.py"), *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> dict[str, Path]:
    """The same training in one process, and in two with half the batch each; in a folder with its data."""
    folder = tmp_path_factory.mktemp("scale")
    data = {f"{split}_file": first_rows(split, count, folder) for split, count in (("train", 121), ("validation", 30))}
    before = Path.cwd()
    os.chdir(folder)
    try:
        one = start("text/translation", output_dir="one", per_device_train_batch_size=16, **data, **SETTINGS)
        said = launched(*flags(output_dir="two", per_device_train_batch_size=8, **data, **SETTINGS))
        assert (end(one).code, said.returncode) == (0, 0), said.stderr
    finally:
        os.chdir(before)
    return {"one": folder / "one", "two": folder / "two", **{name: Path(path) for name, path in data.items()}}


def curve(run: Path) -> list[dict]:
    return json.loads((run / "checkpoint-12/trainer_state.json").read_text())["log_history"]


def test_two_processes_learn_what_one_learns_with_batches_twice_as_large(runs):
    one, two = (load_file(runs[name] / "checkpoint-12/model.safetensors") for name in ("one", "two"))
    for name, weight in one.items():
        assert torch.allclose(two[name], weight, rtol=1e-3, atol=1e-5), name
    for here, there in zip(curve(runs["one"]), curve(runs["two"]), strict=True):
        assert here.keys() == there.keys()
        for name in {"loss", "grad_norm", "eval_teacher_forced_loss"} & here.keys():
            assert there[name] == pytest.approx(here[name], rel=1e-4), name


def test_each_file_of_a_run_is_written_once_and_nothing_is_left_beside(runs):
    one, two = ({path.name for path in runs[name].iterdir()} for name in ("one", "two"))
    assert one == two
    assert {"checkpoint-10", "checkpoint-12", "report.html", "README.md", "predictions.jsonl"} <= two
    assert not [name for name in two if name.startswith(".")]
    files = {path.name for path in (runs["two"] / "checkpoint-12").iterdir()}
    assert {"rng_state_0.pth", "rng_state_1.pth", "unlogged_loss_0.json", "unlogged_loss_1.json"} <= files


def figures(folder: str) -> tuple[dict, str]:
    """Everything that was measured, and every prediction."""
    return json.loads(Path(folder, "all_results.json").read_text()), Path(folder, "predictions.jsonl").read_text()


def test_texts_are_scored_alike_to_the_last_digit(runs):
    asked = {"model_name_or_path": runs["one"], "test_file": runs["validation_file"], "per_device_eval_batch_size": 4}
    assert end(start("text/translation", "--predict_only", output_dir="a", **asked)).code == 0
    first, second = run_several("text/translation", "--predict_only", output_dir="b", **asked)
    assert (first.code, second.code, second.out) == (0, 0, "")
    assert first.out.count("chrf:") == 1
    assert figures("a") == figures("b")
    assert figures("b")[0]["rows"] == 30


def test_videos_are_scored_alike_to_the_last_digit():
    labels = [["none"] * n + ["left"] * 6 + ["none"] * 3 for n in range(3, 9)]
    for number, each in enumerate(labels):
        draw(f"{number}.mp4", each)
    rows = [f"{number}.mp4,{each.index('left') / 10},{(len(each) - 3) / 10},left" for number, each in enumerate(labels)]
    for name, part in (("train", rows[:2]), ("test", rows[2:])):
        Path(f"{name}.csv").write_text("\n".join(["file,start,end,label", *part]) + "\n")
    given = {**TINY, "hidden_size": 16, "frames_folder": "kept"}
    asked = {"train_file": "train.csv", "validation_file": "test.csv", "max_steps": 2, **given}
    assert end(start("video/event_labelling", output_dir="run", **asked)).code == 0
    asked = {"test_file": "test.csv", "model_name_or_path": "run", "per_device_eval_batch_size": 1, **given}
    assert end(start("video/event_labelling", "--predict_only", output_dir="a", **asked)).code == 0
    assert [said.code for said in run_several("video/event_labelling", "--predict_only", output_dir="b", **asked)] == [
        0,
        0,
    ]
    (one, lines), (other, others) = figures("a"), figures("b")
    if torch.get_num_threads() > 1:  # several processes have fewer threads each, in which convolutions sum otherwise
        assert one.pop("teacher_forced_loss") == pytest.approx(other.pop("teacher_forced_loss"), rel=1e-7)
    assert (one, lines) == (other, others)


def test_a_bad_row_ends_both_with_one_line(runs):
    Path("bad.tsv").write_text("en\tko\na\tb\nc\n")
    said = launched(*flags(train_file="bad.tsv", validation_file=runs["validation_file"], output_dir="out", **SETTINGS))
    assert said.returncode == 1
    assert said.stderr.count("bad.tsv:3: ") == 1
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("full", "largest_file", "sentence"),
    [(0, 45_000, "out/checkpoint-5 could not be saved ("), (1, 10_000, "File too large")],
)
def test_a_disk_that_is_full_for_one_ends_both_with_one_line(full, largest_file, sentence, runs):
    data = {name: runs[name] for name in ("train_file", "validation_file")}
    said = run_several("text/translation", output_dir="out", largest_files={full: largest_file}, **data, **SETTINGS)
    assert [each.code for each in said] == [1, 1]
    assert [each.err.count(sentence) for each in said] == [full == 0, full == 1], said
    assert not [each for each in said if "Traceback" in each.err]
    assert not Path("out/all_results.json").exists()


@pytest.mark.promise("H5")
@pytest.mark.parametrize("interrupted", [[0], [1], [0, 1]])
def test_ctrl_c_in_any_process_ends_all_with_a_checkpoint(interrupted, runs):
    data = {name: runs[name] for name in ("train_file", "validation_file")}
    asked = {"output_dir": "out", "per_device_train_batch_size": 8, **data, **SETTINGS}
    processes = start_several("text/translation", **asked)
    while not Path("out/checkpoint-5").exists():
        processes[1].join(0.05)
    for process in interrupted:
        os.kill(processes[process].pid, signal.SIGINT)
    said = [end(process) for process in processes]
    assert [each.code for each in said] == [130, 130], said
    assert sum(each.err.count("run the same command again") for each in said) == 1
    first, _ = run_several("text/translation", **asked)
    assert first.code == 0 and "Going on from out/checkpoint-" in first.err
    assert Path("out/model.safetensors").read_bytes() == (runs["two"] / "model.safetensors").read_bytes()
    assert curve(Path("out")) == curve(runs["two"])


@pytest.mark.promise("H5")
def test_two_processes_that_were_killed_go_on_as_if_they_had_not_been(runs):
    data = {name: runs[name] for name in ("train_file", "validation_file")}
    asked = {"output_dir": "out", "per_device_train_batch_size": 8, **data, **SETTINGS}
    processes = start_several("text/translation", **asked)
    while not Path("out/checkpoint-5").exists():
        processes[1].join(0.05)
    processes[1].kill()
    assert [end(process).code for process in processes] == [1, -9]
    first, second = run_several("text/translation", **asked)
    assert (first.code, second.code) == (0, 0), first.err
    assert "Going on from out/checkpoint-" in first.err and not second.err.count("Going on")
    assert Path("out/model.safetensors").read_bytes() == (runs["two"] / "model.safetensors").read_bytes()
    assert curve(Path("out")) == curve(runs["two"])
