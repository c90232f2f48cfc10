"""A saved video model answers alike where this project does not exist."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models.clips import LABELS, film, frame_processor, labeller, teller
from toolkit.models import save_portable
from toolkit.models.pipeline_video import VideoEventDetectionPipeline

STRANGER = Path(__file__).with_name("video_stranger.py")
KINDS = ("cnn", "videomae", "written")


def made(kind: str) -> tuple:
    processor = frame_processor()
    model = teller("videomae", processor) if kind == "written" else labeller(kind)
    if kind == "written":
        model.generation_config.max_new_tokens = 13
    return model, processor


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    home = tmp_path_factory.mktemp("saved")
    for kind in KINDS:
        save_portable(*made(kind), home / kind)
    return home


@pytest.fixture(scope="module")
def told(folders, tmp_path_factory):
    """What a process without this project reads from the folders."""
    home = tmp_path_factory.mktemp("home")
    surroundings = {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-I", str(STRANGER), "answers.json", *(str(folders / kind) for kind in KINDS)]
    done = subprocess.run(command, env=surroundings, cwd=home, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads((home / "answers.json").read_text(encoding="utf-8"))


@pytest.mark.promise("H1")
@pytest.mark.parametrize("kind", KINDS)
def test_the_pipeline_answers_there_as_here(kind, told, folders):
    there = told[str(folders / kind)]
    assert all(module.startswith("transformers_modules") for module in there["modules"])
    assert there["labels"] == LABELS
    model, processor = made(kind)
    pipe = VideoEventDetectionPipeline(model=model, processor=processor, task="video-event-detection")
    here = pipe({"frames": film(40), "frames_per_second": 30.0})
    assert there["answer"]["video"] == here["video"]
    for one, other in zip(there["answer"]["frames"], here["frames"], strict=True):
        assert one == {**other, "score": pytest.approx(other["score"])}
    for one, other in zip(there["answer"]["events"], here["events"], strict=True):
        assert one == {**other, "score": pytest.approx(other["score"])}


@pytest.mark.promise("H1")
def test_the_folder_brings_all_code_and_nothing_pickled(folders):
    names = {path.name for path in (folders / "cnn").rglob("*") if path.is_file()}
    code = {"modeling_frame_labeller.py", "processing_frames.py", "processing_spans.py", "pipeline_video.py"}
    assert {"config.json", "model.safetensors", "processor_config.json", *code} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]
