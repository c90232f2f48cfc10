"""Videos with labels, from the command line to a run folder that finds events; and what people get wrong."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.adapters.video.drawn import TINY, draw
from tests.media.films import growing, two_tracks
from toolkit import pipeline
from toolkit.data import load_splits
from toolkit.data.splits import DataArguments

FLAGS = {**TINY, "hidden_size": 16, "frames_folder": "kept"}
ROOT = Path(__file__).parents[2]


def film(path: str, random: np.random.Generator) -> list[tuple[float, float, str]]:
    """Draws 3 s in which something happens two or three times."""
    labels, events = [], []
    for _ in range(int(random.integers(2, 4))):
        labels += ["none"] * int(random.integers(2, 5))
        label, start = str(random.choice(["left", "right"])), len(labels)
        labels += [label] * int(random.integers(4, 8))
        events.append((start / 10, len(labels) / 10, label))
    draw(path, [*labels, "none", "none"])
    return events


@pytest.fixture
def table():
    """Writes films and the table of what happens in them."""

    def make(name: str, count: int, *, seed: int = 0) -> dict[str, list[tuple[float, float, str]]]:
        random = np.random.default_rng(seed)
        Path(name).mkdir()
        told = {f"{name}/{number}.mp4": film(f"{name}/{number}.mp4", random) for number in range(count)}
        lines = [f"{file},{start},{end},{label}" for file, events in told.items() for start, end, label in events]
        Path(f"{name}.csv").write_text("\n".join(["file,start,end,label", *lines]) + "\n")
        return told

    return make


@pytest.mark.slow
@pytest.mark.promise("G1", "G3", "G4", "G8", "H8")
@pytest.mark.parametrize("decoder", ["frames", "events"])
def test_a_table_of_labels_becomes_a_model_that_finds_events(decoder, table, recipe):
    table("train", 24)
    told = table("other", 6, seed=1)
    said = recipe(
        "video/event_labelling",
        **{**FLAGS, "decoder": decoder, "hidden_size": 32, "flips": "none"},
        **{"train_file": "train.csv", "validation_file": "other.csv", "output_dir": "run"},
        **{"num_train_epochs": 20 if decoder == "frames" else 40, "learning_rate": 0.01},
    )
    assert said.code == 0, said.err
    results = json.loads(Path("run/all_results.json").read_text())
    assert results["frame_accuracy_low"] <= results["frame_accuracy"] <= results["frame_accuracy_high"]
    assert results["frame_accuracy"] > 95
    detect = pipeline("video-event-detection", "run")
    for path, events in told.items():
        found = [(event["start"], event["end"], event["label"]) for event in detect(path)["events"]]
        assert found == [
            (pytest.approx(start, abs=0.11), pytest.approx(end, abs=0.11), label) for start, end, label in events
        ]
    page = Path("run/report.html").read_text()
    assert ("Where the decoder looked" in page) == (decoder == "events")
    assert "What happened when" in page and "<video" in page and "How often each label is seen" in page


@pytest.mark.promise("G5", "H4", "H7")
def test_each_bad_row_is_one_line_with_its_place_and_the_way_out(table, recipe):
    table("train", 3)
    table("other", 2, seed=1)
    Path("train/text.mp4").write_text("hello, I am no video")
    first = len(Path("train.csv").read_text().splitlines()) + 1
    bad = [
        ("train/0.mp4,1.0,12.40,left", "end 12.40 s is past the end of train/0.mp4 ("),
        ("train/1.mp4,2.0,1.0,left", "`end` (1 s) lies before `start` (2 s)"),
        ("train/gone.mp4,0,1,left", "train/gone.mp4, which does not exist"),
        ("train/text.mp4,0,1,left", "train/text.mp4"),
        ("other/0.mp4,0.0,0.1,left", "the score would be flattered"),
    ]
    with Path("train.csv").open("a") as file:
        file.writelines(f"{row}\n" for row, _ in bad)
    given = {**FLAGS, "train_file": "train.csv", "validation_file": "other.csv", "output_dir": "run"}
    said = recipe("video/event_labelling", **given)
    lines = said.err.splitlines()
    assert said.code == 1 and len(lines) == len(bad), said.err
    for number, (_, sentence) in enumerate(bad[:-1], start=first):
        assert any(line.startswith(f"train.csv:{number}: ") and sentence in line for line in lines), (number, lines)
    assert any(line.startswith("other.csv:2: ") and bad[-1][1] in line for line in lines)
    assert not Path("run").exists()


@pytest.mark.parametrize("path", ["two_tracks.mp4", "growing.h264"])
def test_unusual_videos_that_players_show_have_no_faults(path, table, recipe):
    """A file with two pictures, and one whose frames become larger, of 30 frames each, at 25 a second."""
    table("train", 6)
    table("other", 2, seed=1)
    two_tracks(path, 30) if path == "two_tracks.mp4" else growing(path, 30)
    with Path("train.csv").open("a") as file:
        file.write(f"{path},0.2,1.16,left\n")
    files = {"train_file": "train.csv", "validation_file": "other.csv"}
    said = recipe("video/event_labelling", "--check_only", **FLAGS, **files)
    assert (said.code, said.out[:13]) == (0, "No faults in "), said.err


@pytest.mark.promise("G1")
def test_without_validation_data_whole_videos_are_held_out(table):
    told = table("train", 12)
    splits = load_splits(
        DataArguments(train_file="train.csv", validation_share=0.3), ("file", "label"), ("start", "end"), media="file"
    )
    files = {name: {row["file"] for row in split.dataset} for name, split in splits.items()}
    assert files["train"] | files["validation"] == set(told)
    assert not files["train"] & files["validation"] and files["validation"]


@pytest.mark.slow
@pytest.mark.promise("G6")
def test_the_same_videos_with_other_labels_give_another_detector(table, recipe):
    told = {**table("train", 24), **table("other", 6, seed=1)}
    new_names = {"left": "a bird", "right": "a cat"}
    for seen, name in new_names.items():  # one table tells of birds alone, the other one of cats
        for split in ("train", "other"):
            lines = [
                f"{file},{start},{end},{name}"
                for file, events in told.items()
                for start, end, label in events
                if file.startswith(split) and label == seen
            ]
            Path(f"{split}.csv").write_text("\n".join(["file,start,end,label", *lines]) + "\n")
        said = recipe(
            "video/event_labelling",
            **{**FLAGS, "hidden_size": 32, "flips": "none", "num_train_epochs": 20, "learning_rate": 0.01},
            **{"train_file": "train.csv", "validation_file": "other.csv", "output_dir": name},
        )
        assert said.code == 0, said.err
        detect = pipeline("video-event-detection", name)
        for file, events in told.items():
            if file.startswith("other"):
                found = [(event["label"], event["start"]) for event in detect(file)["events"]]
                wanted = [(name, pytest.approx(start, abs=0.11)) for start, _, label in events if label == seen]
                assert found == wanted


@pytest.mark.promise("G1")
def test_frames_of_another_program_with_other_labels_train_as_well(recipe):
    for name in ("a", "b", "c", "d"):
        draw(f"{name}.mp4", [*6 * ["none"], *6 * ["left"], *6 * ["right"]])
        Path("groundTruth").mkdir(exist_ok=True)
        labels = [*6 * ["background"], *6 * ["open the jar"], *6 * ["close it"]]
        Path(f"groundTruth/{name}.txt").write_text("\n".join(labels) + "\n")
    given = {**FLAGS, "train_file": "groundTruth", "validation_share": 0.3, "output_dir": "run", "max_steps": 2}
    said = recipe("video/event_labelling", **given)
    assert said.code == 0, said.err
    answer = pipeline("video-event-detection", "run")("a.mp4")
    assert len(answer["frames"]) == 18
    assert {frame["label"] for frame in answer["frames"]} <= {"background", "open the jar", "close it"}


@pytest.fixture(scope="module")
def drawn_balls(tmp_path_factory) -> Path:
    """What `make_bounces.py` leaves, drawn once for all that look at it."""
    folder, script = tmp_path_factory.mktemp("balls"), str(ROOT / "recipes/video/make_bounces.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [script, str(folder / "bounces")])
        runpy.run_path(script, run_name="__main__")
    return folder


@pytest.mark.slow
def test_the_drawn_balls_of_the_demo_have_no_faults(drawn_balls, recipe):
    Path("data").symlink_to(drawn_balls)
    said = recipe("video/bounces", "--check_only", frames_folder="kept")
    assert (said.code, said.out[:13]) == (0, "No faults in ")


@pytest.mark.slow
def test_the_bounces_of_drawn_balls_are_found_to_a_frame(drawn_balls, recipe):
    """By the recipe in 20 of its 25 epochs, as `make demo` runs it: a minute; 12 are a little too few."""
    Path("data").symlink_to(drawn_balls)
    said = recipe("video/bounces", frames_folder="kept", num_train_epochs=20)
    assert said.code == 0, said.err
    assert json.loads(Path("runs/bounces/all_results.json").read_text())["map_1"] >= 95


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["fir_topdown", "grid_mouth"])
def test_real_labels_have_no_faults(folder, recipe):
    """Ceiling cameras count in frames and overlap a little; words have pauses that are shorter than a frame."""
    data = ROOT.parent / "shared/data" / folder
    if not data.exists():
        pytest.skip(f"{folder} is not beside this repository")
    files = {f"{name}_file": str(data / f"{name}.csv") for name in ("train", "validation")}
    rate = {"frames_per_second": 3.0} if folder == "fir_topdown" else {}
    said = recipe("video/event_labelling", "--check_only", frames_folder="kept", **files, **rate)
    assert (said.code, said.out[:13]) == (0, "No faults in ")
