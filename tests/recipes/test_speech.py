"""Recordings with texts, from the command line to a run folder that transcribes; and what people get wrong."""

import json
import signal
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.adapters.audio.conftest import processor, tiny_whisper
from tests.media.sounds import write_sound
from tests.recipes.forked import end, start
from tests.recipes.test_resume import ending, last_checkpoint
from tests.weights import whisper_tiny_en
from toolkit import pipeline

WORDS = {"low": 300, "middle": 700, "high": 1500}
GERMAN = {"low": "tief", "middle": "mittel", "high": "schön hoch"}
SIZE = {"sample_rate_hz": 8000, "mel_bins": 20, "hidden_size": 48, "embedding_size": 24, "tokenizer": "word"}
RATE_HZ = 8000


def say(path: str, words: str, chance: np.random.Generator) -> None:
    """Each word is a tone of its own, with some noise."""
    time = np.arange(int(0.2 * RATE_HZ)) / RATE_HZ
    sound = np.concatenate([np.sin(2 * np.pi * WORDS[word] * time) for word in words.split()])
    sound = 0.3 * sound + 0.01 * chance.standard_normal(len(sound))
    with wave.open(path, "wb") as out:
        out.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        out.writeframes((32767 * sound.clip(-1, 1)).astype(np.int16).tobytes())


@pytest.fixture
def table():
    """Writes recordings of tones and a table that names them, with their words or what those are in `words`."""

    def make(
        name: str, count: int, *, longest: int = 3, seed: int = 0, words: dict[str, str] | None = None
    ) -> list[tuple[str, str]]:
        chance = np.random.default_rng(seed)
        Path(name).mkdir()
        rows = []
        for number in range(count):
            said = chance.choice(list(WORDS), chance.integers(1, longest + 1))
            say(f"{name}/{number}.wav", " ".join(said), chance)
            rows.append((f"{name}/{number}.wav", " ".join((words or {}).get(word, word) for word in said)))
        Path(f"{name}.csv").write_text("file_name,text\n" + "".join(f"{path},{text}\n" for path, text in rows))
        return rows

    return make


@pytest.mark.slow
@pytest.mark.promise("F1", "F2")
def test_a_folder_of_recordings_becomes_a_model_that_transcribes(table, recipe):
    table("train", 150)
    rows = table("other", 30, seed=1)
    said = recipe(
        "audio/transcription",
        *("--spec_augment", "--speed_perturbation"),
        **SIZE,
        **{"train_file": "train.csv", "validation_file": "other.csv", "output_dir": "run", "num_train_epochs": 12},
        **{"per_device_train_batch_size": 16, "learning_rate": 0.005, "shortest_first_epochs": 1},
    )
    assert said.code == 0, said.err
    results = json.loads(Path("run/all_results.json").read_text())
    assert results["wer_low"] <= results["wer"] <= results["wer_high"] and results["wer"] < 20
    transcribe = pipeline("automatic-speech-recognition", "run", vad=False)  # which would take tones for noise
    right = sum(transcribe(path)["text"].strip() == words for path, words in rows)
    assert right >= 20
    page = Path("run/report.html").read_text()
    assert "Which words were mistaken" in page and "<audio" in page and 'class="glances"' in page


def becomes_german(table, recipe, count: int, **settings: object) -> None:
    """Learns German words for tones, which are scored as translations, and served."""
    table("train", count, words=GERMAN)
    rows = table("other", 30, seed=1, words=GERMAN)
    said = recipe(
        "audio/transcription",
        **{"train_file": "train.csv", "validation_file": "other.csv", "output_dir": "run", "speech_task": "translate"},
        **{"hidden_size": 48, "embedding_size": 24, "tokenizer": "word", "learning_rate": 0.005},
        **{"per_device_train_batch_size": 16, "shortest_first_epochs": 1, **settings},
    )
    assert said.code == 0, said.err
    results = json.loads(Path("run/all_results.json").read_text())
    for score in ("bleu", "chrf"):
        assert results[f"{score}_low"] <= results[score] <= results[f"{score}_high"] and results[score] > 80
    state = json.loads(max(Path("run").glob("checkpoint-*/trainer_state.json")).read_text())
    assert any("eval_chrf" in entry for entry in state["log_history"]) and "wer" not in results
    transcribe = pipeline("automatic-speech-recognition", "run", vad=False)
    assert sum(transcribe(path)["text"] == text for path, text in rows) >= 24
    page, card = Path("run/report.html").read_text(), Path("run/README.md").read_text()
    assert "Where it listened" in page and "Which words were mistaken" not in page
    assert "type: chrf" in card and "type: bleu" in card and "type: wer" not in card


@pytest.mark.slow
@pytest.mark.promise("F9")
def test_recordings_become_text_in_another_language(table, recipe):
    becomes_german(table, recipe, 150, sample_rate_hz=8000, mel_bins=20, num_train_epochs=14)


@pytest.mark.slow
@pytest.mark.promise("F9")
def test_what_a_whisper_encoder_hears_becomes_text_in_another_language(table, recipe):
    tiny_whisper(multilingual=True).save_pretrained("whisper")
    processor().save_pretrained("whisper")
    becomes_german(table, recipe, 150, encoder="whisper", frame_stacking=2, num_train_epochs=18)


@pytest.mark.weights
@pytest.mark.promise("F9")
def test_what_a_real_whisper_hears_becomes_text_in_another_language(table, recipe):
    checkpoint, _ = whisper_tiny_en()
    settings = {"frame_stacking": 2, "num_train_epochs": 30, "per_device_train_batch_size": 8}
    becomes_german(table, recipe, 60, encoder=str(checkpoint), **settings)


@pytest.mark.slow
@pytest.mark.promise("H5")
def test_a_run_on_varied_recordings_that_is_killed_ends_as_if_it_had_not_been(table):
    table("train", 40)
    table("other", 8, seed=1)
    varied = {"speed_perturbation": True, "spec_augment": True, "noise_snr_db": 10}
    steps = {"save_strategy": "steps", "save_steps": 7, "eval_strategy": "steps", "eval_steps": 7}
    settings = {**SIZE, **varied, **steps, "hidden_size": 16, "num_train_epochs": 12, "learning_rate": 0.005}
    ends_alike_if_killed({**settings, "per_device_train_batch_size": 8}, kills=(1, 22))  # an epoch has five steps


@pytest.mark.slow
@pytest.mark.promise("H5")
@pytest.mark.parametrize("freeze", [True, False])
def test_low_rank_updates_that_are_killed_end_as_if_they_had_not_been(freeze, table):
    pytest.importorskip("peft", reason="the extra `lora` is optional")
    tiny_whisper(multilingual=True).save_pretrained("whisper")
    processor().save_pretrained("whisper")
    table("train", 24)
    table("other", 4, seed=1)
    steps = {"save_strategy": "steps", "save_steps": 5, "eval_strategy": "steps", "eval_steps": 5}
    settings = {"model_name_or_path": "whisper", "language": "en", "window_seconds": 1, "lora_rank": 2, **steps}
    settings |= {"freeze_encoder": freeze, "num_train_epochs": 10, "learning_rate": 0.005, "spec_augment": True}
    ends_alike_if_killed({**settings, "per_device_train_batch_size": 8}, kills=(1, 12))
    before, after = (load_file(f"{folder}/model.safetensors") for folder in ("whisper", "killed"))
    changed = {name.rpartition(".")[0] for name in after if after[name].shape == before[name].shape}
    changed = {name for name in changed if not torch.equal(after[f"{name}.weight"], before[f"{name}.weight"])}
    assert changed and all(name.endswith(("q_proj", "v_proj")) for name in changed)


def ends_alike_if_killed(settings: dict[str, object], *, kills: Sequence[int]) -> None:
    """Ends a run on train.csv by force after it reached some steps, lets it go on, and looks at one that was let be."""
    settings = {"train_file": "train.csv", "validation_file": "other.csv", **settings}
    said = end(start("audio/transcription", output_dir="whole", **settings))
    assert said.code == 0, said.err
    for reached in kills:
        process = start("audio/transcription", output_dir="killed", **settings)
        while last_checkpoint("killed") < reached:
            process.join(0.02)
            assert process.is_alive()
        process.kill()
        assert end(process).code == -signal.SIGKILL
    said = end(start("audio/transcription", output_dir="killed", **settings))
    assert said.code == 0 and "Going on from killed/checkpoint-" in said.err
    assert ending(Path("killed")) == ending(Path("whole"))


@pytest.mark.promise("F1", "H4", "H7")
def test_each_bad_row_is_one_line_with_its_place_and_the_way_out(table, recipe):
    table("train", 8)
    table("other", 4, seed=1)
    Path("train/empty.wav").write_bytes(b"")
    Path("train/text.wav").write_bytes(b"hello, I am no recording")
    write_sound(Path("train/short.wav"), np.zeros(10, dtype=np.float32), RATE_HZ)
    write_sound(Path("train/nan.wav"), np.full(8000, np.nan, dtype=np.float32), RATE_HZ, codec="pcm_f32le")
    write_sound(Path("train/long.wav"), np.zeros(RATE_HZ * 40, dtype=np.float32), RATE_HZ)
    write_sound(Path("train/cut.mp3"), np.random.default_rng(0).normal(0, 0.1, 48_000 * 4).astype(np.float32))
    whole = Path("train/cut.mp3").read_bytes()
    Path("train/cut.mp3").write_bytes(whole[: len(whole) // 2])
    bad = {
        "missing.wav": ("low", "does not exist. Paths count from where the table lies."),
        "empty.wav": ("low", "is empty"),
        "text.wav": ("low", "`train/text.wav` "),
        "short.wav": ("low", "too little to hear"),
        "nan.wav": ("low", "NaN"),
        "long.wav": ("low", "the recording lasts 40.0 s, above 30 s"),
        "cut.mp3": ("low", "`train/cut.mp3` "),
        "0.wav": (" ", "`text` is blank"),
    }
    with Path("train.csv").open("a") as file:
        file.writelines(f"train/{name},{words}\n" for name, (words, _) in bad.items())
    given = {**SIZE, "train_file": "train.csv", "validation_file": "other.csv", "output_dir": "run"}
    said = recipe("audio/transcription", **given)
    lines = said.err.splitlines()
    assert (said.code, len(lines)) == (1, len(bad)), said.err
    for number, (line, (name, (_, sentence))) in enumerate(zip(lines, bad.items(), strict=True), start=10):
        assert line.startswith(f"train.csv:{number}: ") and sentence in line, (name, line)
    assert not Path("run").exists()
    said = recipe("audio/transcription", "--skip_bad", "--check_only", **given)
    assert said.code == 0 and f"These rows would be left out ({len(bad)})" in said.out


@pytest.mark.promise("H4")
@pytest.mark.parametrize(
    ("header", "rows", "sentence"),
    [
        ("file_name,text,id", ["a/0.wav,low,x", "a/1.wav,low,x"], "a.csv:3: `id` x stands in line 2 too"),
        ("file_name,text,start,end", ["a/0.wav,low,0.3,0.1"], "a.csv:2: `end` must lie after `start`"),
        ("file_name,text,start,end", ["a/0.wav,low,0,9.5"], "before `end` (9.5 s)"),
        ("file_name,text,start,end", ["a/0.wav,low,soon,1"], "a.csv:2: `start` must be a time"),
        ("file_name,words", ["a/0.wav,low"], "has no column `text`"),
    ],
)
def test_times_and_names_are_checked(header, rows, sentence, table, recipe):
    table("a", 5)
    table("b", 5, seed=1)
    Path("a.csv").write_text("\n".join([header, *rows]) + "\n")
    said = recipe("audio/transcription", **SIZE, train_file="a.csv", validation_file="b.csv", output_dir="run")
    assert said.code == 1 and sentence in said.err


@pytest.mark.promise("H4")
def test_a_text_in_another_script_than_the_training_texts_is_told(table, recipe):
    table("a", 5)
    table("b", 5, seed=1)
    Path("b.csv").write_text("file_name,text\nb/0.wav,низкий\n")
    said = recipe("audio/transcription", **SIZE, train_file="a.csv", validation_file="b.csv", output_dir="run")
    assert said.code == 1 and "b.csv:2: `text` is 'низкий', of which the tokenizer knows less than half" in said.err
