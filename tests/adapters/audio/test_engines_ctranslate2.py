"""CTranslate2 says what transformers says, over weights that are converted once."""

import importlib
import json
import shutil
import tracemalloc

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor, WhisperProcessor, WhisperTokenizer

from tests.adapters.audio.conftest import LETTERS, RATE_HZ, SPECIAL, WINDOW_SECONDS, tiny_whisper
from toolkit import DataArguments, RecipeArguments, Transcription, pipeline, run
from toolkit.adapters.audio import engines_ctranslate2, transcriber
from toolkit.adapters.audio.engines import Request
from toolkit.adapters.audio.engines_ctranslate2 import CTranslate2Engine, converted
from toolkit.media.values import Waveform

pytest.importorskip("ctranslate2", reason="the engine is optional: pip install -e '.[ctranslate2]'")

BARE = {"vad": False, "temperature": 0.0, "compression_ratio_threshold": None, "max_new_tokens": 8}


@pytest.fixture(scope="module")
def folder(multilingual, tmp_path_factory):
    """A checkpoint of transformers."""
    path = tmp_path_factory.mktemp("tiny")
    model, processor = multilingual
    model.save_pretrained(path)
    processor.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def engines(folder):
    """The same weights under both engines."""
    settings = {"precision": "float32", "language": "de", **BARE}
    return transcriber(folder, **settings), transcriber(folder, engine="ctranslate2", **settings)


LIMITS = [{"max_new_tokens": None}, {"max_new_tokens": 500}, {"max_length": 20, "max_new_tokens": None}]


@pytest.mark.parametrize("settings", [{}, {"return_timestamps": True}, {"task": "translate"}, *LIMITS], ids=str)
def test_both_engines_say_the_same(engines, sound, settings):
    sounds = [sound(seconds, seed) for seed, seconds in enumerate((1.0, 4.1, 0.4))]
    ours, theirs = (engine(sounds, **settings) for engine in engines)
    assert ours == theirs
    assert len({answer["text"] for answer in ours}) > 1


@pytest.mark.parametrize("flags", [{}, {"window_seconds": 1, "freeze_encoder": False}], ids=str)
def test_both_engines_serve_alike_what_a_recipe_has_trained(flags, folder, recordings, tmp_path):
    rows = "".join(f"{path},{text}\n" for path, text in recordings)
    (tmp_path / "rows.csv").write_text(f"file_name,text\n{rows}")
    adapter = Transcription(model_name_or_path=str(folder), language="de", **flags)
    settings = {"num_train_epochs": 1, "per_device_train_batch_size": 4, "learning_rate": 0.01, "use_cpu": True}
    run(
        adapter,
        DataArguments(train_file=str(tmp_path / "rows.csv"), validation_share=0.2),
        RecipeArguments(output_dir=str(tmp_path / "out"), **settings),
    )
    given = {"precision": "float32", **BARE}
    ours, theirs = (
        [
            pipeline("automatic-speech-recognition", tmp_path / "out", engine=engine, **given)(path)
            for path, _ in recordings
        ]
        for engine in ("transformers", "ctranslate2")
    )
    assert ours == theirs
    assert any(answer["text"].strip() for answer in ours) and {answer["language"] for answer in ours} == {"de"}


def test_both_engines_judge_alike(engines, sound):
    windows = [Waveform(torch.from_numpy(sound(1.5, seed)), RATE_HZ) for seed in range(3)]
    request = Request(generation={"max_new_tokens": 8})
    judged = []
    for engine in (hear.engine for hear in engines):
        encoded = engine.encode(windows)
        prompts = [engine.prompt("de", request)] * 3
        judged.append(engine.write(encoded, prompts, 0.0, request))
    for ours, theirs in zip(*judged, strict=True):
        assert ours.tokens == theirs.tokens
        assert ours.no_speech_probability == pytest.approx(theirs.no_speech_probability, rel=1e-3, abs=1e-6)
        if len(ours.tokens) < 8:
            assert ours.mean_log_probability == pytest.approx(theirs.mean_log_probability, rel=1e-3)


def test_both_engines_place_words_alike(engines, sound):
    ours, theirs = (engine(sound(1.9, 2), return_timestamps="word")["chunks"] for engine in engines)
    assert [chunk["text"] for chunk in ours] == [chunk["text"] for chunk in theirs]
    for our, their in zip(ours, theirs, strict=True):
        assert our["timestamp"] == pytest.approx(their["timestamp"], abs=0.1)


def test_weights_are_converted_once(folder, monkeypatch):
    first = converted(str(folder), precision="int8")
    monkeypatch.setattr(engines_ctranslate2, "convert", lambda *a, **k: pytest.fail("converted again"))
    assert converted(str(folder), precision="int8") == first
    assert converted(str(first), precision="int8") == first


def test_weights_that_changed_are_converted_anew(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    assert converted(str(tmp_path / "copy"), precision="int8") != converted(str(folder), precision="int8")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "generation_config.json", "tokenizer.json"])
def test_whatever_of_a_checkpoint_changed_it_is_converted_anew(folder, tmp_path, monkeypatch, name):
    monkeypatch.setattr(engines_ctranslate2, "convert", lambda source, goal, **_: goal.mkdir(parents=True))
    shutil.copytree(folder, tmp_path / "copy")
    before = converted(str(tmp_path / "copy"), precision="int8")
    with (tmp_path / "copy" / name).open("a") as file:
        file.write("\n")
    assert converted(str(tmp_path / "copy"), precision="int8") != before


def test_weights_can_be_halved(folder):
    assert (converted(str(folder), precision="float16") / "model.bin").exists()


def test_of_a_batch_one_window_is_copied_alone(engines, sound):
    engine = engines[1].engine
    encoded = engine.encode([Waveform(torch.from_numpy(sound(1.5, seed)), RATE_HZ) for seed in range(16)])
    row = np.array(encoded.states)[3:4]
    tracemalloc.start()
    try:
        taken = engine.take(encoded, 3)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert np.array_equal(np.array(taken.states), row)
    assert most_bytes < 4 * row.nbytes


def test_a_conversion_that_fails_leaves_nothing(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("ctranslate2.converters.TransformersConverter.convert", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        engines_ctranslate2.convert(folder, tmp_path / "goal", precision="int8")
    assert list(tmp_path.iterdir()) == []


def test_a_model_in_memory_and_whole_numbers_serve_too(multilingual, sound):
    model, processor = multilingual
    hear = transcriber(model, processor=processor, engine="ctranslate2", language="de", **BARE)
    assert "int8" in hear.engine.name
    assert hear(sound(1.0))["language"] == "de"


def test_language_and_task_of_a_tuned_model_are_kept(multilingual, tmp_path):
    model, processor = multilingual
    model.save_pretrained(tmp_path / "tuned")
    processor.save_pretrained(tmp_path / "tuned")
    settings = tmp_path / "tuned" / "generation_config.json"
    settings.write_text(settings.read_text().replace("{", '{"language": "ko", "task": "translate",', 1))
    engine = CTranslate2Engine(converted(str(tmp_path / "tuned"), precision="int8"))
    assert (engine.language, engine.task, engine.longest_seconds) == ("ko", "translate", 2.0)


def test_an_older_checkpoint_of_many_languages_finds_them_too(sound, tmp_path):
    model = tiny_whisper(multilingual=True)
    for name in ("is_multilingual", "lang_to_id", "task_to_id", "no_timestamps_token_id"):
        delattr(model.generation_config, name)
    model.resize_token_embeddings(51865, mean_resizing=False)
    model.save_pretrained(tmp_path)
    written = [*LETTERS[:-1], ""]  # the empty token is there in vocabularies of many languages only
    tokenizer = WhisperTokenizer(vocab={token: place for place, token in enumerate(written)}, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL})
    WhisperProcessor(WhisperFeatureExtractor(chunk_length=WINDOW_SECONDS), tokenizer).save_pretrained(tmp_path)
    windows = [Waveform(torch.from_numpy(sound(1.5, seed)), RATE_HZ) for seed in range(6)]
    found = []
    for name in ("transformers", "ctranslate2"):
        engine = transcriber(tmp_path, engine=name, precision="float32").engine
        found.append(engine.languages(engine.encode(windows)))
    assert found[0] == found[1]
    assert len(set(found[0])) > 1


def test_a_tokenizer_in_parts_is_converted_whole(folder, sound, tmp_path):
    whole = transcriber(folder, engine="ctranslate2", language="de", **BARE)(sound(1.5))
    parts = tmp_path / "parts"
    shutil.copytree(folder, parts)
    tokenizer = json.loads((parts / "tokenizer.json").read_text())
    (parts / "vocab.json").write_text(json.dumps(tokenizer["model"]["vocab"]))
    (parts / "merges.txt").write_text("\n".join(map(" ".join, tokenizer["model"]["merges"])))
    added = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    (parts / "added_tokens.json").write_text(json.dumps(added))
    (parts / "tokenizer.json").unlink()
    assert transcriber(parts, engine="ctranslate2", language="de", **BARE)(sound(1.5)) == whole


def test_heads_of_a_teacher_with_more_layers_are_not_used(folder, sound, tmp_path):
    shutil.copytree(folder, tmp_path / "distilled")
    path = tmp_path / "distilled" / "generation_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps({**settings, "alignment_heads": [[7, 0]], "num_beams": 3}))
    hear = transcriber(path.parent, engine="ctranslate2", language="de", **BARE)
    assert hear(sound(1.5), return_timestamps="word")["chunks"]
    assert hear.engine.saved == {"beam_size": 3}
    with pytest.raises(ValueError, match="`tokenizer` cannot be another one"):
        transcriber(folder, engine="ctranslate2", tokenizer=hear.engine.tokenizer)


def test_a_missing_library_is_one_sentence(folder, monkeypatch):
    real = importlib.import_module

    def missing(name, *rest):
        if name.startswith("ctranslate2"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ImportError, match=r'`engine="ctranslate2"` needs the library .* pip install -e '):
        transcriber(folder, engine="ctranslate2")


@pytest.mark.parametrize(
    ("settings", "kind", "words"),
    [
        ({"precision": "int3"}, ValueError, "`precision` must be one of int8, float32"),
        (
            {"do_sample": True},
            TypeError,
            "`do_sample` is no argument of this pipeline nor of `generate` with this engine",
        ),
    ],
)
def test_what_the_engine_cannot_do_is_refused(folder, settings, kind, words):
    with pytest.raises(kind, match=words):
        transcriber(folder, engine="ctranslate2", **settings)


def test_a_converted_folder_is_told_from_a_checkpoint(folder):
    with pytest.raises(ValueError, match="is one of CTranslate2. Pass engine"):
        transcriber(converted(str(folder), precision="int8"))
