"""A saved folder answers alike where this project does not exist."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import WhisperConfig

from tests.models.texts import SOURCES, foreign, ours, processor, tokenizer
from toolkit import pipeline
from toolkit.models import LogMelFeatureExtractor, SpeechSeq2SeqProcessor, save_portable
from toolkit.models.pipeline_speech import SpeechRecognitionPipeline

STRANGER = Path(__file__).with_name("stranger.py")
WHISPER = WhisperConfig(
    **dict(d_model=8, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=8, num_mel_bins=24),
    **dict(max_source_positions=80, vocab_size=9, pad_token_id=0, bos_token_id=1, eos_token_id=2),
)
FRONTS = {"mel": dict(input_feature_size=24), "whisper": dict(backbone_config=WHISPER.to_diff_dict())}
TASKS = ("translation", "summarization", "text2text-generation", "dialogue")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model"
    save_portable(ours(num_hidden_layers=2), processor(), path)
    return path


@pytest.fixture(scope="module")
def told(folder, tmp_path_factory):
    """What a process without this project reads from the folder."""
    return elsewhere("read", folder, *SOURCES, home=tmp_path_factory.mktemp("home"))


def elsewhere(verb: str, folder: Path, *texts: str, home: Path) -> dict:
    """What a process without this project does with a folder."""
    surroundings = {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-I", str(STRANGER), verb, str(folder), "answers.json", *texts]
    done = subprocess.run(command, env=surroundings, cwd=home, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads((home / "answers.json").read_text(encoding="utf-8"))


@pytest.mark.promise("H1")
def test_the_code_that_runs_there_came_with_the_folder(told, folder):
    assert told["module"].startswith("transformers_modules")
    assert {name.rpartition(".")[2] for name in told["code"]} == {path.stem for path in folder.glob("layers_*.py")}


@pytest.mark.promise("H1")
@torch.no_grad()
def test_model_and_processor_answer_there_as_here(told):
    encoded = processor()(SOURCES, return_tensors="pt", padding=True)
    ids = ours(num_hidden_layers=2).generate(**encoded, max_new_tokens=6, num_beams=3)
    assert told["ids"] == ids.tolist()
    assert told["texts"] == processor().batch_decode(ids, skip_special_tokens=True)
    assert told["tokens"] == processor().tokenizer.tokenize("ein hund") == ["▁ein", "▁hund"]


@pytest.mark.promise("H1", "E6")
@pytest.mark.parametrize("task", TASKS)
def test_pipelines_answer_there_as_here_under_the_names_that_transformers_has_dropped(task, told, folder):
    here = pipeline(task, str(folder))(SOURCES, max_new_tokens=6, batch_size=2, num_beams=2, return_attentions=True)
    there = told["answers"][task]
    for one, other in zip(here, there, strict=True):
        weights, others = (torch.tensor(answer["attention"].pop("weights")) for answer in (one, other))
        assert torch.allclose(weights, others, atol=1e-6)
        assert one == other


@pytest.mark.promise("H1", "F2")
@torch.no_grad()
def test_listeners_answer_there_as_here(tmp_path):
    core = dict(source_vocab_size=None, attention_type="location", frame_stacking=2, pyramid=True, num_encoder_layers=2)
    models = {name: ours(**core, **front) for name, front in FRONTS.items()}
    listener = SpeechSeq2SeqProcessor(LogMelFeatureExtractor(24, 8000), processor().tokenizer)
    for name, model in models.items():
        save_portable(model, listener, tmp_path / "models" / name)
    sound = (torch.arange(9000) * 0.3).sin()
    encoded, said = listener(sound, return_tensors="pt"), ""
    for name, told in elsewhere("listen", tmp_path / "models", home=tmp_path).items():
        model = models.pop(name)
        assert told["module"].startswith("transformers_modules")
        assert told["ids"] == model.generate(**encoded, max_new_tokens=6).tolist()
        assert torch.allclose(torch.tensor(told["frames"]), encoded["input_features"][0, 3])
        pipe = SpeechRecognitionPipeline(model=model, processor=listener, task="automatic-speech-recognition")
        here = pipe([sound, sound[:900]], batch_size=2, return_timestamps="word", max_new_tokens=6)
        for one, other in zip(here, told["answer"], strict=True):
            assert one["text"] == other["text"]
            times = [[time for chunk in answer["chunks"] for time in chunk["timestamp"]] for answer in (one, other)]
            assert times[0] == pytest.approx(times[1], abs=2e-3)
            said += one["text"]
    assert said and not models


@pytest.mark.promise("H1")
def test_the_folder_holds_safetensors_and_code_and_nothing_pickled(folder):
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    assert {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} <= names
    assert {"modeling_recurrent_seq2seq.py", "pipeline_seq2seq.py", "processing_seq2seq.py"} <= names
    assert (folder / "source_tokenizer" / "tokenizer.json").is_file()
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_a_failure_while_saving_changes_nothing(folder, monkeypatch):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    saving = processor()

    def fail(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(saving, "save_pretrained", fail)
    with pytest.raises(OSError, match="No space left"):
        save_portable(ours(attention_type="dot"), saving, folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_other_families_are_saved_with_what_they_bring(tmp_path):
    save_portable(foreign("marian"), tokenizer(), tmp_path)
    assert "custom_pipelines" not in json.loads((tmp_path / "config.json").read_text())
    assert not list(tmp_path.glob("*.py"))
