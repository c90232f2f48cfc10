"""The adapter for recordings: its scores and its report, which rows become one, and how training rows vary."""

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import sacrebleu

from tests.adapters.audio.conftest import processor, tiny_whisper
from tests.adapters.conftest import tone
from toolkit import DataArguments, RecipeArguments, Transcription, pipeline, run
from toolkit.adapters.audio import listening
from toolkit.metrics import Score, whisper_normalizer
from toolkit.rows import load_rows

COLUMNS = ("file_name", "text", "start", "end")
SPLITS = ("train", "validation")
TINY = {"sample_rate_hz": 8000, "mel_bins": 20, "hidden_size": 8, "embedding_size": 8}


@pytest.fixture
def adapter(folder) -> Transcription:
    return Transcription(model_name_or_path=folder, language="en")


@pytest.fixture
def table(tmp_path):
    """Writes a table of three stretches of two recordings, with texts or without."""

    def make(*texts: str) -> str:
        stretches = [("one", "0", "0.3"), ("one", "0.4", "0.9"), ("other", "0.2", "0.8")]
        for name in ("one", "other"):
            tone(tmp_path / f"{name}.wav", "low high " * 4)
        lines = [f"{name}.wav,{start},{end}" for name, start, end in stretches]
        lines = [f"{line},{text}" for line, text in zip(lines, texts, strict=True)] if texts else lines
        header = "file_name,start,end,text" if texts else "file_name,start,end"
        path = tmp_path / "table.csv"
        path.write_text("\n".join([header, *lines]) + "\n")
        return str(path)

    return make


def arguments(folder: Path) -> RecipeArguments:
    return RecipeArguments(
        output_dir=str(folder), num_train_epochs=1, per_device_train_batch_size=4, learning_rate=0.01, use_cpu=True
    )


def test_normalised_scores_follow_the_language_of_the_texts(folder):
    def scored(**flags: object) -> Score:
        scores = Transcription(**flags).score(["今日は、雨です!"], ["今日も雨です。"], only="wer_normalized")
        return scores["wer_normalized"]

    score = scored(language="ja")
    assert score.value == pytest.approx(100 / 6) and score.signature.startswith("norm:whisper-ja|")
    assert scored(language="de", model_name_or_path=folder).signature.startswith("norm:whisper-de|")
    assert scored().signature.startswith("norm:whisper-en-spelling-kept|")
    assert scored(model_name_or_path=folder, language="<|de|>").signature.startswith("norm:whisper-de|")
    with pytest.raises(ValueError, match="`language` must be one that .* knows, but japanese came with later"):
        scored(model_name_or_path=folder, language="japanese")


@pytest.mark.promise("F9")
def test_translations_are_scored_by_what_they_share_with_the_reference():
    adapter = Transcription(speech_task="translate")
    scores = adapter.score(["Der Hund läuft."], ["Der Hund rennt."])
    assert list(scores) == ["bleu", "bleu_lowercase", "chrf"] and adapter.metric == "chrf"
    assert all(score.low <= score.value <= score.high and score.higher_is_better for score in scores.values())
    assert adapter.score([""], [""], only="bleu").keys() == {"bleu"}
    assert adapter.row_score("Der Hund", "Der Hund rennt.") == pytest.approx(
        sacrebleu.sentence_chrf("Der Hund", ["Der Hund rennt."]).score
    )
    parts = adapter.for_parts_of(["我用电脑。", "我在家。", "An English name"])
    assert "tok:zh" in parts.score(["A name"], ["An English name"])["bleu_lowercase"].signature
    assert Transcription(speech_task="translate", metric="bleu").metric == "bleu"
    for task, metric in (("translate", "cer"), ("transcribe", "bleu")):
        with pytest.raises(ValueError, match=f"`metric` must be one of .* to {task}, but is '{metric}'"):
            Transcription(speech_task=task, metric=metric)


def test_letters_that_are_written_in_parts_are_the_same_letters(folder, recordings, split):
    parts, whole = unicodedata.normalize("NFD", "학교에 갔다"), "학교에 갔다"
    row = {"file_name": recordings[0][0], "text": parts}
    for flags in ({"language": "ko", "model_name_or_path": folder}, {}):
        adapter = Transcription(**flags)
        adapter.fit({"train": split([(row["file_name"], parts)], columns=COLUMNS[:2])})
        assert adapter.labels(row) == adapter.labels({**row, "text": whole})
        assert adapter.expected(row) == whole
    assert adapter.decode(adapter.labels(row)) == whole


def test_spellings_that_come_with_a_checkpoint_are_no_mistakes(adapter):
    adapter.processor.tokenizer.english_spelling_normalizer = {"grey": "gray"}
    scores = adapter.score(["a gray dog"], ["A grey dog."])
    assert scores["wer_normalized"].value == scores["cer_normalized"].value == 0
    assert scores["wer"].value == 100


def test_words_are_confused_where_they_differ_once_they_are_normalised():
    records = [{"source_length": 9999, "prediction": "Yes, hir", "reference": "yes sir"}]
    section = listening.mistakes(records, whisper_normalizer())
    assert "hir" in section.body and "Yes" not in section.body


def test_a_decoder_that_looks_nowhere_is_reported_without_times(recordings, tmp_path):
    rows = "".join(f"{Path(path).name},{text}\n" for path, text in recordings)
    (tmp_path / "rows.csv").write_text(f"file_name,text\n{rows}")
    data = DataArguments(train_file=str(tmp_path / "rows.csv"), validation_share=0.2)
    run(Transcription(attention_type="none", **TINY), data, arguments(tmp_path / "out"))
    assert "Where it listened" in (tmp_path / "out" / "report.html").read_text()


def test_of_a_long_recording_the_beginning_is_shown_and_no_text_of_the_rest(tmp_path):
    path = tone(tmp_path / "a.wav", "low high " * 80)
    heard = []
    rows = [{"line": 2, "source": path, "source_length": 2400, "prediction": "a", "reference": "a rest"}]
    rows += [{"line": 3, "source": f"{path}#t=2,20", "source_length": 1800, "prediction": "b", "reference": "b rest"}]

    def serve(sound, **settings):
        heard.append(len(sound["raw"]) / sound["sampling_rate"])
        return {"text": "a"}

    (section,) = listening.heard(rows, serve)
    assert section.title == "Where it listened" and heard == [15.0, 15.0]
    assert "line 2" in section.body and "line 3" in section.body and section.body.count("the first 15 s") == 2
    assert "rest" not in section.body


def test_the_report_of_a_whisper_with_times_shows_where_it_listened(adapter, table, tmp_path, monkeypatch):
    monkeypatch.setattr(listening, "MOST_SECONDS", 0.5)  # its window, up to which rows are joined, lasts two
    data = DataArguments(train_file=table("a", "b", "c"), validation_share=0.5)
    run(adapter, data, arguments(tmp_path / "out"))
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Where it listened" in page and ".wav#t=0" in page and ", the first 0.5 s" in page


def test_times_in_any_row_are_learnt(adapter, split, tmp_path):
    path = tone(tmp_path / "a.wav", "low high")
    adapter.fit({"train": split([(path, "a", "", ""), (path, "b", "", "0.2")], columns=COLUMNS)})
    assert adapter.has_times
    adapter.fit({"train": split([(path, "a", "", ""), (path, "b", "0.1", "")], columns=COLUMNS)})
    assert not adapter.has_times


def test_rows_are_joined_as_far_as_the_model_can_write_them(adapter, split, tmp_path):
    path = tone(tmp_path / "a.wav", "low high " * 8)
    times = [("0.00001", "0.3"), ("0.4", "0.7"), ("0.8", "1.1")]
    rows = split([(path, letter * 25, *time) for letter, time in zip("abc", times, strict=True)], columns=COLUMNS)
    adapter.fit({"train": rows})
    joined = list(adapter.examples(rows).dataset)
    assert [len(row["text"]) for row in joined] == [51, 25]  # 64 labels hold no more
    assert all(len(adapter.labels(row)) <= 64 for row in joined)


@pytest.mark.parametrize(
    "faulty",
    [
        "a.wav,0.5,0.7, ",  # blank
        "a.wav,0.7,0.5,b",
        "a.wav,0.5",
        "missing.wav,0.5,soon,b",  # times unknown, so it may be one of the recording
    ],
)
@pytest.mark.parametrize("name", ["train", "validation"])
def test_no_rows_are_joined_across_one_that_was_left_out(name, faulty, adapter, tmp_path):
    for path in ("a.wav", "b.wav", "c.wav"):
        tone(tmp_path / path, "low high " * 4)
    rows = ["file_name,start,end,text", "a.wav,0,0.2,a", "a.wav,0.2,0.4,b", faulty, "a.wav,0.8,0.9,c", "a.wav,1,1.1,d"]
    (tmp_path / "faulty.csv").write_text("\n".join([*rows, "b.wav,0,0.2,a", "b.wav,0.8,1,b"]) + "\n")
    (tmp_path / "sound.csv").write_text("\n".join([rows[0], "c.wav,0,0.2,a", "c.wav,0.8,1,b"]) + "\n")
    files = {f"{split}_file": str(tmp_path / f"{'faulty' if split == name else 'sound'}.csv") for split in SPLITS}
    read = load_rows(adapter, DataArguments(**files, skip_bad=True)).splits
    joined = {split: [row["text"] for row in adapter.examples(read[split]).dataset] for split in SPLITS}
    assert joined == {**dict.fromkeys(SPLITS, ["a b"]), name: ["a b", "c d", "a b"]}


def test_no_rows_are_joined_across_one_that_another_split_has(adapter, split, tmp_path):
    path = tone(tmp_path / "a.wav", "low high " * 8)
    rows = {
        "train": split([(path, "a", "0", "0.3"), (path, "c", "0.8", "1.1")], columns=COLUMNS),
        "validation": split([(path, "b", "0.4", "0.7")], name="validation", path="v.tsv", columns=COLUMNS),
    }
    adapter.fit(rows)
    assert list(adapter.check(rows)) == []
    assert [row["text"] for row in adapter.examples(rows["train"]).dataset] == ["a", "c"]


@pytest.mark.parametrize("flag", ["model_name_or_path", "encoder"])
def test_rows_are_never_joined_beyond_the_window(flag, folder, split, tmp_path):
    path = tone(tmp_path / "a.wav", "low high " * 12)
    times = [("0", "0.9"), ("1", "1.9"), ("2", "2.9")]
    rows = split([(path, "a", *time) for time in times], columns=COLUMNS)
    adapter = Transcription(**{flag: folder}, language="en", join_seconds=60)
    adapter.fit({"train": rows})
    assert [(row["start"], row["end"]) for row in adapter.examples(rows).dataset] == [("0.0", "1.9"), ("2.0", "2.9")]


def test_a_core_on_a_pretrained_encoder_joins_rows_only_where_it_is_told_to(folder, split, tmp_path):
    path = tone(tmp_path / "a.wav", "low high " * 8)
    rows = split([(path, "a", "0", "0.3"), (path, "b", "0.4", "0.9")], columns=COLUMNS)
    adapter = Transcription(encoder=folder)
    adapter.fit({"train": rows})
    assert adapter.examples(rows) is rows


@pytest.mark.parametrize("rate_hz", [8000, 24000])
def test_what_is_scored_is_what_is_served_at_any_rate(rate_hz, split, tmp_path):
    path = tone(tmp_path / "a.wav", "low high " * 4, rate_hz=44100)
    rows = split([(path, "low high")], columns=COLUMNS[:2])
    adapter = Transcription(**{**TINY, "sample_rate_hz": rate_hz})
    adapter.fit({"train": rows})
    hear = pipeline("automatic-speech-recognition", adapter.model(), processor=adapter.processor, vad=False)
    heard, listen = [], hear.engine.pipeline
    hear.engine.pipeline = lambda raw, **settings: heard.extend(raw) or listen(raw, **settings)
    hear(path)
    ((served_hz, served),) = [(sound["sampling_rate"], sound["raw"]) for sound in heard]
    assert served_hz == rate_hz and np.array_equal(served, adapter._samples(rows.dataset[0]).numpy())


@pytest.mark.parametrize("texts", [(), ("a", "b", "c")])
def test_each_row_with_times_is_predicted_by_itself(texts, adapter, table, tmp_path):
    data = DataArguments(test_file=table(*texts), predict_only=True)
    run(adapter, data, arguments(tmp_path / "out"))
    written = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    assert [row["line"] for row in written] == [2, 3, 4]
    assert [row["reference"] for row in written] == list(texts or (None, None, None))


@pytest.mark.parametrize("says_length", [True, False])
def test_texts_that_fill_all_positions_can_be_trained_on(says_length, recordings, tmp_path):
    model = tiny_whisper(multilingual=True)
    if not says_length:
        model.generation_config.max_length = None
    model.save_pretrained(tmp_path / "tiny")
    processor().save_pretrained(tmp_path / "tiny")
    rows = "".join(f"{Path(path).name},{'low ' * 14}\n" for path, _ in recordings)
    (tmp_path / "rows.csv").write_text(f"file_name,text\n{rows}")
    adapter = Transcription(model_name_or_path=str(tmp_path / "tiny"), language="en")
    data = DataArguments(train_file=str(tmp_path / "rows.csv"), validation_share=0.2)
    run(adapter, data, arguments(tmp_path / "out"))
    settings = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert settings["max_length"] == 64 if says_length else settings["max_new_tokens"] == 60  # the prompt has 4


@pytest.mark.parametrize(
    ("flag", "seconds", "end", "expected"),
    [
        ("model_name_or_path", 1.95, "", (28364, 31200)),  # at 90 % it would last longer than the window
        ("encoder", 1.95, "", (28364, 31200)),
        ("encoder", 1.2, "1.2", (17455, 19200, 21334)),
        ("model_name_or_path", 1.2, "1.2", (19200,)),  # its labels say when
        ("model_name_or_path", 1.2, "", (17455, 19200, 21334)),
    ],
)
def test_no_speed_takes_a_recording_out_of_the_window_or_away_from_its_times(
    flag, seconds, end, expected, folder, split, tmp_path
):
    rows = split([(tone(tmp_path / "a.wav", "low", seconds=seconds), "a", "", end)], columns=COLUMNS)
    adapter = Transcription(**{flag: folder}, language="en", speed_perturbation=True)
    adapter.fit({"train": rows})
    lengths = []
    adapter._learner.inputs = lambda samples: lengths.append(len(samples)) or {}
    for seed in range(30):
        adapter.varied_inputs(rows.dataset[0], np.random.default_rng(seed))
    assert tuple(sorted(set(lengths))) == expected
