"""What several models say about the same videos, on one page."""

import json
import runpy
from pathlib import Path

import av
import numpy as np
import pytest

from tests.adapters.audio.conftest import RATE_HZ, processor, tiny_whisper
from tests.adapters.video.drawn import TINY, draw
from tests.house.source import ROOT

SCRIPT = "recipes/video/make_comparison.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(ROOT / SCRIPT))


def test_frames_take_the_label_of_what_happens_then(script):
    assert script["frames"]([("a", 0.0, 0.08), ("b", 0.12, 9.0)], 0.2, "none") == ["a", "a", "none", "b", "b"]


def test_words_are_counted_in_their_order_and_labels_in_their_frames(script):
    truth = {Path("x.mp4"): [("sil", 0.0, 0.4), ("bin", 0.4, 0.8), ("blue", 0.8, 1.2), ("sil", 1.2, 2.0)]}
    said = [[("bin", 0.4, 0.8), ("red", 0.8, 1.2)]]
    errors, right = script["scores"]("lips", said, truth, "sil")
    assert (errors["name"], errors["value"]) == ("lips: word error rate", 50.0)
    assert (right["name"], right["value"]) == ("lips: frames right", 80.0)


def spoken(path: str, seconds: float = 1.0) -> str:
    """A film of noise that is heard, and of nothing that is seen."""
    with av.open(path, "w") as out:
        picture = out.add_stream("libx264", rate=10)
        picture.width, picture.height, picture.pix_fmt = 32, 24, "yuv420p"
        sound = out.add_stream("aac", rate=RATE_HZ, layout="mono")
        for _ in range(round(10 * seconds)):
            out.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((24, 32, 3), np.uint8))))
        out.mux(picture.encode(None))
        noise = np.random.default_rng(0).normal(0, 0.1, (1, round(RATE_HZ * seconds))).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="mono")
        frame.sample_rate = RATE_HZ
        out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    return path


def test_a_finetuned_whisper_is_known_by_its_card(recipe):
    tiny_whisper(multilingual=True).save_pretrained("tiny")
    processor().save_pretrained("tiny")
    lines = [f"{spoken(f'{name}.mp4')},0.0,1.0,{words}" for name, words in (("a", "ab cd"), ("b", "cd"), ("c", "ab"))]
    for name, some in (("train", lines[:2]), ("other", lines[2:])):
        Path(f"{name}.csv").write_text("\n".join(["file,start,end,label", *some]) + "\n")
    said = recipe(
        "audio/transcription",
        **{"train_file": "train.csv", "validation_file": "other.csv", "output_dir": "run", "max_steps": 1},
        **{"file_column": "file", "text_column": "label", "model_name_or_path": "tiny", "language": "en"},
    )
    assert said.code == 0, said.err
    assert "custom_pipelines" not in json.loads(Path("run/config.json").read_text())
    said = recipe("video/make_comparison", "other.csv", "sound=run", output="page.html")
    assert said.code == 0, said.err
    assert "sound: word error rate" in said.out and "<bdi>sound</bdi>" in Path("page.html").read_text()


def test_a_run_that_is_about_neither_is_refused(script, monkeypatch):
    monkeypatch.setitem(script["listen_or_watch"].__globals__, "task_of", lambda run: "translation")
    with pytest.raises(ValueError, match="^`runs` must be for one of .* but run is for translation. Leave it out.$"):
        script["listen_or_watch"](Path("run"), [])


def test_runs_stand_under_the_truth_and_score_alike(recipe):
    for name in "abcd":
        draw(f"{name}.mp4", [*6 * ["none"], *6 * ["left"], *6 * ["right"]])
    rows = [f"{name}.mp4,{times}" for name in "abcd" for times in ("0.6,1.2,left", "1.2,1.8,right")]
    for name, some in (("train", rows[:4]), ("other", rows[4:])):
        Path(f"{name}.csv").write_text("\n".join(["file,start,end,label", *some]) + "\n")
    given = {**TINY, "frames_folder": "kept", "hidden_size": 16, "max_steps": 1}
    said = recipe(
        "video/event_labelling", train_file="train.csv", validation_file="other.csv", output_dir="run", **given
    )
    assert said.code == 0, said.err
    said = recipe("video/make_comparison", "other.csv", "one=run", "two=run", output="page.html")
    assert said.code == 0, said.err
    numbers = [line.removeprefix("one").removeprefix("two") for line in said.out.splitlines()[-5:-1]]
    assert numbers[:2] == numbers[2:] and "word error rate" in numbers[0] and "frames right" in numbers[1]
    page = Path("page.html").read_text()
    assert page.count("<video") == 2 and all(f"<bdi>{track}</bdi>" in page for track in ("truth", "one", "two"))


@pytest.mark.parametrize(
    "table, words",
    [
        ("file,start,label\na.mp4,0.1,left\n", "table.csv:1: has no column `end`"),
        ("file,start,end,label\na.mp4,0.1,soon,left\n", "table.csv:2: `end` must be a time"),
    ],
)
def test_a_table_that_cannot_be_used_is_told_with_its_line(recipe, table, words):
    Path("a.mp4").touch()
    Path("table.csv").write_text(table)
    said = recipe("video/make_comparison", "table.csv", "one=run", output="page.html")
    assert (said.code, words in said.err, "Traceback" in said.err) == (1, True, False)
