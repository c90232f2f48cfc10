"""Clips with labels, from the command line to a run folder that names clips; and what people get wrong."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.adapters.video.drawn import draw_moving
from toolkit import pipeline

FLAGS = {"num_frames": 8, "frame_height": 16, "frame_width": 24, "hidden_size": 32, "num_hidden_layers": 2}
WAYS = ("left", "right")


def draw_folder(folder: str, count: int, *, seed: int) -> list[str]:
    """Films in one sub-folder for each way in which a square moves."""
    random = np.random.default_rng(seed)
    for way in WAYS:
        Path(folder, way).mkdir(parents=True)
    return [draw_moving(f"{folder}/{WAYS[n % 2]}/{n}.mp4", WAYS[n % 2], random) for n in range(count)]


@pytest.mark.slow
@pytest.mark.promise("G1", "G7")
def test_folders_of_clips_become_a_model_that_tells_movements_apart(recipe):
    draw_folder("train", 40, seed=0)
    others = draw_folder("other", 12, seed=1)
    said = recipe(
        "video/classification",
        **{**FLAGS, "train_file": "train", "validation_file": "other", "output_dir": "run"},
        **{"num_train_epochs": 24, "learning_rate": 3e-3, "per_device_train_batch_size": 8},
        **{"eval_strategy": "no", "save_strategy": "no", "load_best_model_at_end": False},
    )
    assert said.code == 0, said.err
    results = json.loads(Path("run/all_results.json").read_text())
    assert results["accuracy_low"] <= results["accuracy"] <= results["accuracy_high"]
    assert results["accuracy"] > 90 and results["macro_f1"] > 90
    name = pipeline("video-classification", "run", top_k=1)
    assert sum(name(path)[0]["label"] == Path(path).parts[1] for path in others) > 10
    page = Path("run/report.html").read_text()
    assert "What was taken for what" in page and "The worst clips" in page


@pytest.mark.promise("G1", "H8")
def test_parts_of_files_train_as_well_and_a_run_can_be_asked_again(recipe):
    files = draw_folder("clips", 8, seed=0)
    rows = [f"{file},{start},{start + 0.6:g},{Path(file).parts[1]}" for file in files for start in (0.0, 0.7)]
    for name, own in (("train", rows[:12]), ("other", rows[12:])):
        Path(f"{name}.csv").write_text("\n".join(["file,start,end,label", *own]) + "\n")
    given = {**FLAGS, "train_file": "train.csv", "validation_file": "other.csv", "output_dir": "run", "max_steps": 2}
    said = recipe("video/classification", **given, frame_sampling_rate=2, per_device_train_batch_size=4)
    assert said.code == 0, said.err
    records = [json.loads(line) for line in Path("run/predictions.jsonl").read_text().splitlines()]
    assert [record["source"] for record in records] == [row.split(",")[0] + times for row, times in zip(
        rows[12:], 2 * ["#t=0,0.5", "#t=0.7,1.2"], strict=True)]  # fmt: skip
    asked = {"model_name_or_path": "run", "test_file": "clips", "output_dir": "asked"}
    said = recipe("video/classification", "--predict_only", **asked)
    assert said.code == 0 and "accuracy" in said.out, said.err
    assert len(Path("asked/predictions.jsonl").read_text().splitlines()) == 8


@pytest.mark.promise("H4", "H7")
def test_each_bad_row_is_one_line_with_its_place_and_the_way_out(recipe):
    train, other = draw_folder("train", 4, seed=0), draw_folder("other", 2, seed=1)
    Path("broken.mp4").write_bytes(Path(train[0]).read_bytes()[:900])
    shutil.copy(train[0], "copy.mp4")
    rows = [f"{file},{Path(file).parts[1]}" for file in train]
    bad = [
        ("gone.mp4,left", "gone.mp4, which does not exist"),
        ("broken.mp4,left", "broken.mp4"),
        (f"{train[0]},right", f"{train[0]} is `right` here, but `left` in line 2. A clip has one label"),
        ("copy.mp4,up", "`up` has 1 example, too few to learn"),
        (f"{train[1]}, ", "`label` is blank"),
    ]
    Path("train.csv").write_text("\n".join(["file,label", *rows, *(row for row, _ in bad)]) + "\n")
    Path("other.csv").write_text(f"file,label\n{other[0]},left\n{other[1]},down\n{train[2]},left\n")
    elsewhere = [
        ("other.csv:3", "`down` is no label of the training data (left, right, up)"),
        ("other.csv:4", "flattered"),
    ]
    given = {**FLAGS, "train_file": "train.csv", "validation_file": "other.csv", "output_dir": "run"}
    said = recipe("video/classification", **given)
    places = [(f"train.csv:{number}", words) for number, (_, words) in enumerate(bad, start=6)]
    assert said.code == 1 and len(said.err.splitlines()) == len(bad) + 2, said.err
    for place, words in [*places, *elsewhere]:
        assert any(line.startswith(f"{place}: ") and words in line for line in said.err.splitlines()), (words, said.err)
    assert not Path("run").exists()
    said = recipe("video/classification", "--skip_bad", **given, max_steps=1)
    assert said.code == 0, said.err
