"""Recordings in any form go in, one or many, and what comes out does not depend on how they came."""

import io
import json
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch

from tests.adapters.audio.conftest import BARE, RATE_HZ, wav
from tests.media.sounds import vowels
from tests.models.texts import tokenizer as letters
from tests.models.tiny import tiny_core
from toolkit import pipeline
from toolkit.adapters.audio.serving import transcriber
from toolkit.adapters.audio.settings import Settings
from toolkit.adapters.audio.windows import BLOCK_SECONDS
from toolkit.media.audio import stream_audio
from toolkit.media.faults import MediaError
from toolkit.models import LogMelFeatureExtractor, SpeechSeq2SeqProcessor
from toolkit.models.pipeline_speech import SpeechRecognitionPipeline


def rounded(samples: np.ndarray) -> np.ndarray:
    """As 16 bits hold them."""
    return ((samples * 32767).astype("<i2") / 32768).astype(np.float32)


@pytest.mark.promise("F3")
def test_every_form_of_a_recording_says_the_same(hear, sound, tmp_path):
    samples = sound(3.1)
    data, floats = wav(samples), rounded(samples)
    path = tmp_path / "talk.wav"
    path.write_bytes(data)
    forms = [
        str(path),
        path,
        data,
        io.BytesIO(data),
        floats,
        torch.from_numpy(floats),
        {"array": floats, "sampling_rate": RATE_HZ},
        {"raw": floats, "sampling_rate": RATE_HZ},
        {"path": None, "bytes": data},
        {"audio": {"path": str(path), "bytes": None}, "text": "of a row"},
    ]
    answers = [hear(form) for form in forms]
    assert answers[0]["text"].strip()
    assert all(answer == answers[0] for answer in answers)


def test_many_come_as_they_were_asked_for_in_order(hear, sound):
    sounds = [sound(seconds, seed) for seed, seconds in enumerate((0.5, 5.2, 1.9, 0.1, 2.2))]
    alone = [hear(samples) for samples in sounds]
    assert len({answer["text"] for answer in alone}) > 1
    for batch_size in (1, 3, 64):
        assert hear(sounds, batch_size=batch_size) == alone
    assert hear(tuple(sounds)) == alone
    lazy = hear(samples for samples in sounds)
    assert not isinstance(lazy, list)
    assert list(lazy) == alone
    assert hear([]) == []


def test_a_dataset_is_read_row_by_row(hear, sound):
    rows = [{"path": None, "bytes": wav(sound(1.0, seed))} for seed in range(3)]
    data = datasets.Dataset.from_dict({"audio": rows, "text": ["a", "b", "c"]})
    assert list(hear(data)) == [hear(row) for row in rows]


def test_a_generator_is_not_read_further_than_its_batches_need(hear, sound):
    taken = []

    def recordings():
        for seed in range(10):
            taken.append(seed)
            yield sound(1.0, seed)

    next(hear(recordings(), batch_size=2))
    assert len(taken) <= 3


@pytest.mark.promise("F5")
@pytest.mark.parametrize("timestamps", [True, "word"])
def test_times_of_long_recordings_rise_and_stay_inside(hear, sound, timestamps):
    answer = hear(sound(13.3), return_timestamps=timestamps)
    times = [time for chunk in answer["chunks"] for time in chunk["timestamp"]]
    assert len(answer["chunks"]) > 3
    assert times == sorted(times)
    assert times[0] >= 0 and times[-1] <= 13.3
    assert "".join(chunk["text"] for chunk in answer["chunks"]) == answer["text"]


@pytest.mark.parametrize("rate_hz", [8000, 24000])
def test_speech_is_found_at_any_rate_that_a_model_hears_at(rate_hz):
    find = Settings().find_speech
    spoken = np.concatenate([np.zeros(RATE_HZ), vowels(3.0), np.zeros(2 * RATE_HZ), vowels(2.0)]).astype(np.float32)
    raw = {"raw": spoken, "sampling_rate": RATE_HZ}
    expected = list(find(stream_audio(raw, block_seconds=BLOCK_SECONDS)))
    found = list(find(stream_audio(raw, sample_rate_hz=rate_hz, block_seconds=BLOCK_SECONDS)))
    assert len(found) == 2 and np.allclose(found, expected, atol=0.1)


@pytest.mark.promise("F6")
@pytest.mark.parametrize("kind", ["silence", "noise", "hum"])
def test_silence_and_noise_give_no_text_and_are_told(english, kind):
    count = 40 * RATE_HZ
    noise = np.random.default_rng(0).normal(0, 0.05, count)
    drawn = {"silence": np.zeros(count), "noise": noise, "hum": 0.3 * np.sin(np.arange(count) * 0.05)}[kind]
    model, processor = english
    answer = transcriber(model, processor=processor)(drawn.astype(np.float32))
    assert answer == {"text": "", "skipped": [{"start": 0.0, "end": 40.0, "reason": "no speech"}]}


def test_the_language_is_found_once_for_a_recording_or_for_each_window(multilingual, sound):
    model, processor = multilingual
    hear = transcriber(model, processor=processor, **BARE)
    asked = []
    real = hear.engine.prompt
    hear.engine.prompt = lambda language, request: asked.append(language) or real(language, request)
    long = np.concatenate([sound(2.0, seed) for seed in range(6)])
    first = hear(long, batch_size=4)["language"]
    assert set(asked) == {first}
    asked.clear()
    hear(long, batch_size=4, language_per_window=True)
    assert len(set(asked)) > 1
    asked.clear()
    assert hear(long, language="Korean")["language"] == "ko"
    assert set(asked) == {"ko"}


def test_each_recording_of_a_batch_has_its_own_language(multilingual, sound):
    model, processor = multilingual
    hear = transcriber(model, processor=processor, **BARE)
    sounds = [sound(1.5, seed) for seed in range(8)]
    found = [answer["language"] for answer in hear(sounds, batch_size=8)]
    assert len(set(found)) > 1
    assert found == [hear(samples)["language"] for samples in sounds]


@pytest.mark.promise("F5")
def test_output_is_written_in_each_format(hear, sound, tmp_path):
    (tmp_path / "talk.wav").write_bytes(wav(sound(5.0)))
    names = [tmp_path / f"talk{ending}" for ending in (".txt", ".srt", ".vtt", ".tsv", ".json")]
    answer = hear(tmp_path / "talk.wav", output=names)
    assert "chunks" not in answer
    assert {path.name for path in tmp_path.iterdir()} == {"talk.wav", *(path.name for path in names)}
    assert json.loads(names[-1].read_text())["text"] == answer["text"]


def test_a_star_stands_for_the_names_of_many(hear, sound, tmp_path):
    for seed, name in enumerate(("one", "two")):
        (tmp_path / f"{name}.wav").write_bytes(wav(sound(1.0, seed)))
    hear([tmp_path / "one.wav", tmp_path / "two.wav", sound(1.0)], output=tmp_path / "*.srt")
    assert sorted(path.name for path in tmp_path.glob("*.srt")) == ["3.srt", "one.srt", "two.srt"]
    with pytest.raises(ValueError, match=r"`output` must have a \*"):
        hear([sound(1.0)], output="all.srt")


@pytest.mark.promise("H7")
def test_a_file_that_is_no_recording_costs_one_sentence_with_its_name(hear, sound, tmp_path):
    good, bad, empty = (tmp_path / name for name in ("good.wav", "bad.wav", "empty.mp3"))
    good.write_bytes(wav(sound(1.0)))
    bad.write_text("no sound in here")
    empty.write_bytes(b"")
    for path in (bad, empty, tmp_path / "missing.wav"):
        with pytest.raises(MediaError, match=path.name):
            hear(path)
    answers = hear([good, bad, good, empty], skip_bad=True)
    assert answers[0] == answers[2] == hear(good)
    assert answers[1]["text"] == answers[3]["text"] == ""
    assert "bad.wav" in answers[1]["skipped"][0]["reason"]


@pytest.mark.promise("F6", "H7")
def test_of_a_file_that_breaks_off_everything_before_is_kept(hear, sound, tmp_path):
    path = tmp_path / "torn.wav"
    heard = round(7.65 * RATE_HZ)  # in the middle of a block
    path.write_bytes(wav(sound(9.0))[: 2 * heard - 9 * 2 * RATE_HZ])
    with pytest.raises(MediaError, match="torn.wav"):
        hear(path)
    answer = hear(path, skip_bad=True)
    (told,) = (part for part in answer["skipped"] if "torn.wav" in part["reason"])
    assert told["start"] == 7.65
    assert answer["text"] == hear(rounded(sound(9.0)[:heard]))["text"] != ""


@pytest.mark.parametrize("inputs", [5, None, 0.5])
def test_what_is_no_recording_nor_many_is_refused_at_once(hear, inputs):
    kind = type(inputs).__name__
    with pytest.raises(TypeError, match=f"`inputs` must be a recording or many, but is of type {kind}"):
        hear(inputs)


@pytest.mark.promise("H7")
def test_samples_that_are_no_numbers_are_refused(hear, sound):
    samples = sound(1.0)
    samples[100] = np.nan
    with pytest.raises(MediaError, match="NaN"):
        hear(samples)


@pytest.mark.parametrize(
    ("settings", "kind", "words"),
    [
        ({"batch_size": 0}, ValueError, "`batch_size` must be at least 1"),
        ({"return_timestamps": "char"}, ValueError, "`return_timestamps` must be True, False or"),
        ({"chunk_length_s": -1}, ValueError, "`chunk_length_s` must be above 0"),
        ({"vad": {"treshold": 0.3}}, TypeError, "`vad` must name"),
        ({"temperature": ()}, ValueError, "`temperature` must be 0 or above"),
        ({"language": "klingon"}, ValueError, "`language` must be a language that Whisper knows, but is 'klingon'"),
        ({"output": "talk.doc"}, ValueError, "`output` must end in one of"),
        ({"langauge": "en"}, TypeError, "`langauge` is no argument"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_read(hear, settings, kind, words):
    with pytest.raises(kind, match=words):
        hear("missing.wav", **settings)


def test_generation_arguments_may_come_as_transformers_takes_them(hear, sound):
    samples = sound(1.0)
    assert hear(samples, generate_kwargs={"max_new_tokens": 3}) == hear(samples, max_new_tokens=3) != hear(samples)


def test_shorter_windows_can_be_asked_for(hear, sound):
    answer = hear(sound(6.0), chunk_length_s=1.0, return_timestamps=True)
    assert max(end - start for start, end in (chunk["timestamp"] for chunk in answer["chunks"])) <= 1.01


def test_a_folder_answers_as_its_model_in_memory(hear, english, sound, tmp_path):
    model, processor = english
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    for name in (str(tmp_path), Path(tmp_path)):
        assert transcriber(name, **BARE)(sound(3.0)) == hear(sound(3.0))


def test_the_recurrent_core_reads_window_by_window(sound):
    model = tiny_core(
        vocab_size=len(letters()), source_vocab_size=None, input_feature_size=40, attention_type="location"
    )
    processor = SpeechSeq2SeqProcessor(LogMelFeatureExtractor(40, 8000), letters())
    settings = {"vad": False, "chunk_length_s": 2.0, "max_new_tokens": 6}
    hear = transcriber(model.float(), processor=processor, **settings)
    recordings = [sound(2.5), sound(1.0, seed=3)]  # samples alone have the model's rate: 5 s, and 2
    alone = SpeechRecognitionPipeline(model=model, processor=processor, task=hear.task)
    answers = hear(recordings, return_timestamps="word")
    expected = alone(recordings[1], max_new_tokens=6, return_timestamps="word")
    assert answers[1]["text"] == expected["text"] != ""
    assert [chunk["text"] for chunk in answers[1]["chunks"]] == [chunk["text"] for chunk in expected["chunks"]]
    times = [time for chunk in answers[0]["chunks"] for time in chunk["timestamp"]]
    assert times == sorted(times) and times[-1] <= 5.0
    with pytest.raises(ValueError, match="`language` is chosen for Whisper models only"):
        hear(recordings, language="en")


def test_the_pipeline_of_the_project_answers_the_task(english, sound):
    model, processor = english
    hear = pipeline("automatic-speech-recognition", model, processor=processor, **BARE)
    assert hear(sound(2.0)) == transcriber(model, processor=processor, **BARE)(sound(2.0))


def test_a_progress_bar_tells_the_real_time_factor(hear, sound, tmp_path, capfd):
    (tmp_path / "talk.wav").write_bytes(wav(sound(5.0)))
    hear(tmp_path / "talk.wav", progress=True)
    shown = capfd.readouterr().err
    assert "talk.wav" in shown and "real-time factor" in shown and "5.0/5.0" in shown
    hear(tmp_path / "talk.wav")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"engine": "onnx"}, "`engine` must be one of"),
        ({}, "`processor` must be given"),
        ({"engine": "ctranslate2"}, "`processor`"),
    ],
)
def test_a_model_that_cannot_be_served_is_refused(english, settings, words):
    with pytest.raises(ValueError, match=words):
        transcriber(english[0], **settings)
