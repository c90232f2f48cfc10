"""What Whisper and the core learn from rows: labels, times, windows, low-rank updates."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor

from tests.adapters.audio.conftest import TIMES, processor, tiny_whisper
from tests.adapters.conftest import tone
from toolkit import DataArguments, RecipeArguments, Transcription, pipeline, run
from toolkit.adapters.audio import whisper

COLUMNS = ("file_name", "text", "start", "end")


@pytest.fixture
def adapter(folder) -> Transcription:
    return Transcription(model_name_or_path=folder, language="en")


@pytest.fixture
def cues(split, tmp_path):
    """Rows of two recordings with times, out of order."""
    one, other = (tone(tmp_path / f"{name}.wav", "low high " * 8) for name in ("one", "other"))
    rows = [(one, "b", "0.5", "0.9"), (one, "a", "0.1", "0.4"), (other, "d", "0", "0.3"), (one, "c", "2.0", "2.2")]
    return split(rows, columns=COLUMNS)


@pytest.mark.promise("F8")
def test_neighbouring_texts_become_one_example_with_their_times(adapter, cues):
    adapter.fit({"train": cues})
    rows = list(adapter.examples(cues).dataset)
    assert [row["text"] for row in rows] == ["a b", "c", "d"]  # c would end 2.1 s after a begins
    tokenizer = processor().tokenizer
    start = "<|en|><|transcribe|>"
    expected = [
        f"{start}<|0.00|> a<|0.30|><|0.40|> b<|0.80|>",
        f"{start}<|0.00|> c<|0.20|>",
        f"{start}<|0.00|> d<|0.30|>",
    ]
    for row, said in zip(rows, expected, strict=True):
        assert adapter.labels(row) == [*tokenizer(said, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
    assert adapter.model().generation_config.return_timestamps is True


@pytest.mark.promise("F8")
def test_without_times_the_text_is_told_to_have_none(adapter, recordings, split):
    rows = split(recordings, columns=COLUMNS[:2])
    adapter.fit({"train": rows})
    assert len(adapter.examples(rows).dataset) == len(recordings)
    tokenizer = processor().tokenizer
    said = f"<|en|><|transcribe|><|notimestamps|> {recordings[0][1]}<|endoftext|>"
    assert adapter.labels(rows.dataset[0]) == tokenizer(said, add_special_tokens=False).input_ids
    assert adapter.decode(adapter.labels(rows.dataset[0])) == recordings[0][1]


def test_a_text_that_speaks_of_the_end_does_not_end_there(adapter, recordings, split):
    adapter.fit({"train": split(recordings, columns=COLUMNS[:2])})
    labels = adapter.labels({"file_name": recordings[0][0], "text": "a <|endoftext|> b"})
    end = processor().tokenizer.eos_token_id
    assert labels.count(end) == 1 and labels[-1] == end and adapter.decode(labels).endswith("b")


def test_a_model_of_many_languages_wants_to_know_which(folder):
    with pytest.raises(ValueError, match="`language` must be given"):
        Transcription(model_name_or_path=folder)
    with pytest.raises(ValueError, match="`language` must be"):
        Transcription(model_name_or_path=folder, language="elvish")._learner._prompt(timestamps=False)


@pytest.mark.promise("F9")
def test_translation_is_told_to_the_model(folder, recordings, split):
    adapter = Transcription(model_name_or_path=folder, language="de", speech_task="translate")
    adapter.fit({"train": split(recordings, columns=COLUMNS[:2])})
    tokens = processor().tokenizer.convert_ids_to_tokens(adapter.labels({"file_name": recordings[0][0], "text": "a"}))
    assert tokens[:3] == ["<|de|>", "<|translate|>", "<|notimestamps|>"]
    settings = adapter.model().generation_config
    assert (settings.language, settings.task) == ("de", "translate")


def test_what_the_model_cannot_hear_or_write_is_refused(adapter, split, tmp_path):
    long, short = tone(tmp_path / "long.wav", "low " * 20), tone(tmp_path / "short.wav", "low")
    rows = split([(long, "a"), (short, "a" * 70), (short, "a")], columns=COLUMNS[:2])
    adapter.fit({"train": rows})
    hears, writes, sound = (adapter.check_row(row) for row in rows.dataset)
    assert "the recording lasts 3.0 s, above 2 s" in hears
    assert "above the 64 that the model can write" in writes
    assert sound is None


def test_a_shorter_window_is_the_beginning_of_the_whole_one(folder, tmp_path):
    model, whole = tiny_whisper(multilingual=True), WhisperProcessor.from_pretrained(folder)
    sound = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    before = whole.feature_extractor(sound, sampling_rate=16000, return_tensors="pt").input_features
    table = model.model.encoder.embed_positions.weight.clone()
    whisper.cut_features(whole, 1)
    whisper.cut_positions(model, 1)
    after = whole.feature_extractor(sound, sampling_rate=16000, return_tensors="pt").input_features
    assert (before.shape[-1], after.shape[-1], whisper.window_seconds(whole)) == (200, 100, 1)
    assert torch.equal(model.model.encoder.embed_positions.weight, table[:50])
    model.save_pretrained(tmp_path / "short")
    again = WhisperForConditionalGeneration.from_pretrained(tmp_path / "short").eval()
    labels = torch.tensor([[5, 6]])
    with torch.no_grad():
        assert torch.equal(again(after, labels=labels).logits, model(after, labels=labels).logits)
    with pytest.raises(ValueError, match="`window_seconds` must be above 0 and at most 1,"):
        whisper.cut_features(whole, 2)


def test_what_is_written_stands_beside_its_labels(adapter, recordings, split):
    rows = split(recordings, columns=COLUMNS[:2])
    adapter.fit({"train": rows})
    model = adapter.model().eval()
    settings = model.generation_config
    settings.suppress_tokens += processor().tokenizer.convert_tokens_to_ids(TIMES)  # weights at random would write them
    settings.update(max_new_tokens=9)
    batch = adapter.pad([adapter.encode(row) for row in rows.dataset])
    batch.pop("labels")
    written = adapter.write(model, batch)
    prompt = processor().tokenizer("<|en|><|transcribe|><|notimestamps|>", add_special_tokens=False).input_ids
    assert all(ids[:3] == prompt and len(ids) <= 13 for ids in written)
    alone = [
        adapter.write(model, {name: tensor[place : place + 1] for name, tensor in batch.items()})[0]
        for place in range(3)
    ]
    assert alone == written[:3]


@pytest.fixture
def train_file(recordings, tmp_path) -> str:
    path = tmp_path / "rows.csv"
    path.write_text("file_name,text\n" + "".join(f"{Path(name).name},{text}\n" for name, text in recordings))
    return str(path)


def trained(adapter: Transcription, train_file: str, folder: Path) -> Path:
    data = DataArguments(train_file=train_file, validation_share=0.2)
    arguments = RecipeArguments(
        output_dir=str(folder), num_train_epochs=1, per_device_train_batch_size=4, learning_rate=0.01, use_cpu=True
    )
    run(adapter, data, arguments)
    return folder


@pytest.mark.promise("F2")
@pytest.mark.parametrize("flags", [{}, {"lora_rank": 2, "freeze_encoder": False}])
def test_whisper_comes_back_as_whisper(flags, folder, train_file, tmp_path):
    adapter = Transcription(model_name_or_path=folder, language="en", window_seconds=1, spec_augment=True, **flags)
    out = trained(adapter, train_file, tmp_path / "out")
    before = WhisperForConditionalGeneration.from_pretrained(folder).state_dict()
    model = WhisperForConditionalGeneration.from_pretrained(out)
    assert model.state_dict().keys() == before.keys()
    changed = {name for name, weight in model.state_dict().items() if not torch.equal(weight, before[name])}
    changed.discard("model.encoder.embed_positions.weight")  # cut
    if flags:
        assert changed and all("q_proj.weight" in name or "v_proj.weight" in name for name in changed)
    else:
        assert changed and not any(name.startswith("model.encoder") for name in changed)
    features = WhisperProcessor.from_pretrained(out).feature_extractor(np.zeros(99), sampling_rate=16000)
    assert features["input_features"].shape[-1] == 100
    assert (model.generation_config.language, model.generation_config.task) == ("en", "transcribe")
    assert "wer" in json.loads((out / "all_results.json").read_text())


@pytest.mark.promise("F9")
def test_translations_are_trained_on_scored_and_served_by_the_same_recipe(folder, train_file, tmp_path):
    adapter = Transcription(model_name_or_path=folder, language="de", speech_task="translate", window_seconds=1)
    out = trained(adapter, train_file, tmp_path / "out")
    results = json.loads((out / "all_results.json").read_text())
    assert {"bleu", "bleu_low", "bleu_high", "chrf", "chrf_low", "chrf_high"} <= results.keys() and "wer" not in results
    settings = WhisperForConditionalGeneration.from_pretrained(out).generation_config
    assert (settings.language, settings.task) == ("de", "translate")
    records = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    served = pipeline("automatic-speech-recognition", out, vad=False)
    for record in records:  # one of the two ends at its limit, as an untrained model does not end by itself
        one, other = served(record["source"])["text"].strip(), record["prediction"].strip()
        assert one.startswith(other) or other.startswith(one)


def changed_encoder(folder: str, train_file: str, out: Path, **flags: object) -> set[str]:
    """Which weights of a pretrained encoder are others after a run with our decoder on it."""
    adapter = Transcription(encoder=folder, hidden_size=8, embedding_size=8, **flags)
    trained(adapter, train_file, out)
    before = WhisperForConditionalGeneration.from_pretrained(folder).model.encoder.state_dict()
    after = Transcription(model_name_or_path=str(out)).model().encoder.reader.backbone.state_dict()
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(after[name], before[name])}


@pytest.mark.promise("F2")
def test_a_frozen_encoder_stays_as_it_is_under_our_decoder(folder, train_file, tmp_path):
    assert not changed_encoder(folder, train_file, tmp_path / "out")


def test_an_encoder_that_is_not_frozen_learns_under_our_decoder(folder, train_file, tmp_path):
    changed = changed_encoder(folder, train_file, tmp_path / "out", freeze_encoder=False)
    assert {"conv1.weight", "layers.0.fc1.weight", "layers.1.fc2.weight"} <= changed
    hear = pipeline("automatic-speech-recognition", tmp_path / "out", vad=False)
    records = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    assert [hear(record["source"])["text"] for record in records] == [record["prediction"] for record in records]


def test_what_a_frozen_encoder_made_is_kept_until_recording_or_encoder_change(folder, split, tmp_path):
    path = tone(tmp_path / "a.wav", "low high")
    row = {"file_name": str(path), "text": "a"}

    def reads() -> int:
        adapter = Transcription(encoder=folder, hidden_size=8, embedding_size=8)
        adapter.fit({"train": split([(path, "a")], columns=COLUMNS[:2])})
        adapter.model()
        read, count = adapter._learner.inputs, []
        adapter._learner.inputs = lambda samples: count.append(1) or read(samples)
        kept, again = adapter.inputs(row), read(adapter._samples(row))
        assert kept.keys() == again.keys() and all(torch.equal(kept[name], again[name]) for name in again)
        return len(count)

    assert [reads(), reads()] == [1, 0]
    tone(path, "high low low")
    assert [reads(), reads()] == [1, 0]
    tiny_whisper(multilingual=True, seed=1).save_pretrained(folder)
    assert [reads(), reads()] == [1, 0]


@pytest.mark.parametrize("frozen", [True, False])
def test_low_rank_updates_leave_a_frozen_encoder_alone(frozen, adapter):
    adapter.lora_rank, adapter.freeze_encoder = 2, frozen
    names = [name for name, weight in adapter.model().named_parameters() if weight.requires_grad]
    assert any(".decoder." in name for name in names)
    assert any(".encoder." in name for name in names) is not frozen
    assert all(".q_proj.lora_" in name or ".v_proj.lora_" in name for name in names)


@pytest.mark.parametrize(("name", "value"), [("window_seconds", 1), ("lora_rank", 2)])
@pytest.mark.parametrize("hears", ["mel", "whisper"])
def test_what_only_whisper_can_be_told_is_refused_by_the_core(hears, name, value, folder):
    encoder = "mel" if hears == "mel" else folder
    with pytest.raises(ValueError, match=f"`{name}` is for Whisper itself, .* but is {value}. Leave it away"):
        Transcription(encoder=encoder, **{name: value})
    for task in ("transcribe", "translate"):
        Transcription(encoder=encoder, language="ko", speech_task=task)


def test_an_english_whisper_is_told_of_nothing_else(tmp_path):
    folder = str(tmp_path)
    tiny_whisper().save_pretrained(folder)
    processor().save_pretrained(folder)
    with pytest.raises(ValueError, match="`language` must be English for .*, but is ko. Choose a Whisper of many"):
        Transcription(model_name_or_path=folder, language="ko")
    with pytest.raises(ValueError, match="`speech_task` must be transcribe for .*, but is translate. Choose"):
        Transcription(model_name_or_path=folder, speech_task="translate")
    assert Transcription(model_name_or_path=folder, language="English")._learner.task == "transcribe"


@pytest.mark.parametrize("has_settings", [True, False])
def test_a_checkpoint_that_does_not_say_its_languages_has_them_by_its_vocabulary(has_settings, tmp_path):
    model = tiny_whisper()
    model.resize_token_embeddings(51865)
    if has_settings:
        for name in ("is_multilingual", "no_timestamps_token_id"):
            delattr(model.generation_config, name)
    model.save_pretrained(tmp_path)
    processor().save_pretrained(tmp_path)
    if not has_settings:
        (tmp_path / "generation_config.json").unlink()
    with pytest.raises(ValueError, match="`language` must be given"):
        Transcription(model_name_or_path=str(tmp_path))
    adapter = Transcription(model_name_or_path=str(tmp_path), language="ko")
    settings = adapter.model().generation_config
    ids = processor().tokenizer.convert_tokens_to_ids
    assert settings.is_multilingual and settings.language == "ko"
    assert settings.lang_to_id == {f"<|{language}|>": ids(f"<|{language}|>") for language in ("en", "de", "ko")}
    assert settings.task_to_id == {task: ids(f"<|{task}|>") for task in ("transcribe", "translate")}
    assert settings.no_timestamps_token_id == ids("<|notimestamps|>")
    sound = adapter.pad([adapter._learner.inputs(torch.zeros(16000))])
    (written,) = adapter.write(adapter.model().eval(), sound, max_new_tokens=2)
    assert written[:3] == [ids(f"<|{name}|>") for name in ("ko", "transcribe", "notimestamps")]
