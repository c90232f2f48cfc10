"""With real weights: what a Whisper still knows of time after it was trained further, on real speech."""

import json
import shutil
from pathlib import Path

import pytest

from tests.adapters.audio.test_transcriber_weights import JFK, SAID, words
from tests.weights import whisper_tiny_en
from toolkit import DataArguments, RecipeArguments, Transcription, pipeline, run

pytestmark = [pytest.mark.weights, pytest.mark.promise("F8")]

FIRST, SECOND = (
    "And so my fellow Americans,",
    "ask not what your country can do for you, ask what you can do for your country.",
)
SECONDS = 11.0


def trained(rows: list[str], steps: int) -> Path:
    """A Whisper that has seen one recording some times."""
    for name in ("train", "other"):
        shutil.copy(JFK, f"{name}.mp3")
        header = "file_name,text,start,end" if len(rows) > 1 else "file_name,text"
        Path(f"{name}.csv").write_text("\n".join([header, *(f"{name}.mp3,{row}" for row in rows)]) + "\n")
    checkpoint, _ = whisper_tiny_en()
    adapter = Transcription(model_name_or_path=str(checkpoint), window_seconds=12, freeze_encoder=False)
    arguments = RecipeArguments(
        "run",
        **{"max_steps": steps, "learning_rate": 2e-5, "use_cpu": True, "warmup_steps": 0},
        **{"eval_strategy": "no", "save_strategy": "no", "load_best_model_at_end": False},
    )
    run(adapter, DataArguments(train_file="train.csv", validation_file="other.csv"), arguments)
    return Path("run")


def test_times_that_the_data_has_are_learnt():
    rows = [f'"{FIRST}",0.0,2.5', f'"{SECOND}",3.0,10.5']
    folder = trained(rows, steps=15)
    answer = pipeline("automatic-speech-recognition", folder)(str(JFK), return_timestamps=True)
    assert words(answer["text"]) == SAID.split()
    assert [chunk["timestamp"] for chunk in answer["chunks"]] == [
        (pytest.approx(0.0, abs=0.3), pytest.approx(2.5, abs=0.3)),
        (pytest.approx(3.0, abs=0.3), pytest.approx(10.5, abs=0.3)),
    ]
    assert json.loads(Path("run/generation_config.json").read_text())["return_timestamps"] is True


def test_data_without_times_does_not_cost_the_model_its_own():
    folder = trained([f'"{FIRST} {SECOND}"'], steps=8)
    hear = pipeline("automatic-speech-recognition", folder)
    for form in (True, "word"):
        answer = hear(str(JFK), return_timestamps=form)
        assert words(answer["text"]) == SAID.split()
        times = [time for chunk in answer["chunks"] for time in chunk["timestamp"]]
        assert times == sorted(times) and times[0] < 1 and SECONDS - 1.5 < times[-1] <= SECONDS + 0.1
    starts = {word["text"].strip(" ,.").lower(): word["timestamp"][0] for word in answer["chunks"]}
    assert starts["americans"] == pytest.approx(1.9, abs=0.5)
