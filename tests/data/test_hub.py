import json
import os

import pytest
from datasets import Audio, ClassLabel, Dataset, Features, Value

import toolkit.data.splits
from toolkit.data import BadData, DataArguments, load_splits

PAIRS = [("dog", "Hund"), ("cat", "Katze"), ("bird", "Vogel")]
FLAT = [{"id": number, "en": en, "de": de} for number, (en, de) in enumerate(PAIRS)]
NESTED = [{"id": str(number), "translation": {"en": en, "de": de}} for number, (en, de) in enumerate(PAIRS)]


def folder(**splits):
    """A dataset as the Hub lays it out."""
    os.makedirs("corpus", exist_ok=True)
    for name, rows in splits.items():
        with open(f"corpus/{name}.jsonl", "w") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    return "corpus"


def load(columns, **arguments):
    return load_splits(DataArguments(dataset_name="corpus", **arguments), columns)


streaming_or_not = pytest.mark.parametrize("streaming", [False, True])


@streaming_or_not
@pytest.mark.parametrize("rows", [FLAT, NESTED])
def test_rows_are_texts_and_are_counted_from_one(rows, streaming):
    folder(train=rows, validation=rows[:2], test=rows[2:])
    splits = load(["de", "en"], streaming=streaming)
    assert {name: split.path for name, split in splits.items()} == {
        "train": "corpus[train]",
        "validation": "corpus[validation]",
        "test": "corpus[test]",
    }
    assert list(splits["train"].dataset) == [
        {"de": de, "en": en, "line": line} for line, (en, de) in enumerate(PAIRS, 1)
    ]
    assert [len(list(split.dataset)) for split in splits.values()] == [3, 2, 1]


@streaming_or_not
def test_without_wanted_names_the_languages_of_a_translation_are_the_columns(streaming):
    folder(train=NESTED, validation=NESTED)  # not the number of the row, which stands first
    split = load(None, streaming=streaming)["train"]
    assert split.dataset.column_names == ["en", "de", "line"]
    assert next(iter(split.dataset)) == {"en": "dog", "de": "Hund", "line": 1}


@streaming_or_not
def test_columns_beside_and_inside_the_translation_can_be_mixed(streaming):
    folder(train=NESTED, validation=NESTED)
    row = next(iter(load(["id", "de"], streaming=streaming)["train"].dataset))
    assert row == {"id": "0", "de": "Hund", "line": 1}


@streaming_or_not
def test_a_missing_validation_split_is_held_out_of_the_training_rows(streaming):
    folder(train=[{"en": f"word {number}", "de": "x"} for number in range(300)])
    splits = load(None, streaming=streaming, validation_share=0.2)
    train, validation = ([row["line"] for row in splits[name].dataset] for name in ("train", "validation"))
    assert sorted(train + validation) == list(range(1, 301)) and 30 < len(validation) < 90


def test_both_ways_of_reading_hold_out_the_same_rows():
    folder(train=[{"en": f"word {number}", "de": "x"} for number in range(300)])
    stored, streamed = (load(None, streaming=streaming)["validation"].dataset for streaming in (False, True))
    assert list(stored) == list(streamed)


@streaming_or_not
def test_a_row_without_a_text_is_a_fault_at_its_number(streaming):
    rows = [*FLAT[:1], {"id": 1, "en": None, "de": "Katze"}, *FLAT[2:]]
    folder(train=rows, validation=FLAT)
    split = load(["en", "de"], streaming=streaming, skip_bad=True)["train"]
    assert [row["line"] for row in split.dataset] == [1, 3]
    (fault,) = split.faults
    assert str(fault).startswith("corpus[train]:2: `en` is null")


def test_a_translation_that_lacks_a_language_is_a_fault():
    rows = [NESTED[0], {"id": "1", "translation": None}, {"id": "2", "translation": {"en": "bird", "de": None}}]
    folder(train=rows, validation=NESTED)
    assert [fault.line for fault in load(["en", "de"])["train"].faults] == [2, 3]


@streaming_or_not
def test_a_column_that_is_not_there_is_named_with_the_languages_that_are(streaming):
    folder(train=NESTED, validation=NESTED)
    with pytest.raises(BadData, match=r"corpus\[train\]: has no column `fr`; it has `en`, `de`, `id`\."):
        load(["en", "fr"], streaming=streaming)


@pytest.mark.parametrize("name", ["valid", "val", "dev"])
def test_validation_rows_are_found_under_the_names_that_people_give_them(name, monkeypatch):
    there = {"train": Dataset.from_list(FLAT), name: Dataset.from_list(FLAT[:1])}
    monkeypatch.setattr(toolkit.data.splits, "load_hub", lambda *_, **__: there)
    splits = load(["en", "de"])
    assert [split.path for split in splits.values()] == ["corpus[train]", f"corpus[{name}]"]
    assert [len(split.dataset) for split in splits.values()] == [3, 1]


def test_a_dataset_of_several_configurations_names_them():
    folder(train=FLAT)
    with open("corpus/README.md", "w") as page:
        configs = "".join(f"- config_name: {name}\n  data_files: train.jsonl\n" for name in ("small", "large"))
        page.write(f"---\nconfigs:\n{configs}---\n")
    with pytest.raises(BadData, match=r"\['small', 'large'\]\)\. Name one of them with `dataset_config_name`\.$"):
        load(["en", "de"])
    assert len(load(["en", "de"], dataset_config_name="large")["train"].dataset) > 0


def test_a_split_that_is_not_there_is_named_with_those_that_are():
    folder(validation=FLAT, test=FLAT)
    with pytest.raises(BadData, match=r"^corpus: has no split train; it has (validation, test|test, validation)\."):
        load(None)


def test_own_files_take_the_place_of_a_split(write):
    folder(train=FLAT, test=FLAT)
    splits = load(["en", "de"], validation_file=write("v.tsv", "en\tde\ncow\tKuh\n"))
    assert [split.path for split in splits.values()] == ["corpus[train]", "v.tsv", "corpus[test]"]


def test_only_what_is_predicted_is_read():
    folder(train=FLAT, test=FLAT)
    assert list(load(["en", "de"], predict_only=True)) == ["test"]


@pytest.mark.parametrize("name", ["nobody/nothing", "not a name", "empty"])
@streaming_or_not
def test_a_dataset_that_cannot_be_loaded_is_one_sentence(name, streaming):
    os.mkdir("empty")
    with pytest.raises(BadData) as caught:
        load_splits(DataArguments(dataset_name=name, streaming=streaming), None)
    assert str(caught.value).startswith(f"{name}: cannot be loaded as a dataset (")
    assert len(str(caught.value).splitlines()) == 1


@streaming_or_not
def test_a_broken_file_of_a_dataset_is_one_sentence(streaming):
    folder(train=FLAT, validation=FLAT)
    with open("corpus/train.jsonl", "a") as file:
        file.write('{"id": 3, "en": \n')
    with pytest.raises(BadData) as caught:
        list(load(["en", "de"], streaming=streaming)["train"].dataset)
    assert str(caught.value).startswith("corpus") and len(str(caught.value).splitlines()) == 1
    assert "JSON" in str(caught.value)  # what happened, not only that something did


@pytest.fixture
def recordings():
    """A dataset as the Hub stores recordings: their bytes, the name of their file, and classes as numbers."""
    cells = [{"bytes": bytes([number]) * 9, "path": f"clips/{number}.wav"} for number in range(20)]
    cells[3] = None
    features = Features(
        {
            "audio": {"bytes": Value("binary"), "path": Value("string")},
            "text": Value("string"),
            "label": ClassLabel(names=["dog", "cat"]),
            "duration": Value("float64"),
        }
    )
    columns = {
        "audio": cells,
        "text": [f"word {number}" for number in range(20)],
        "label": [number % 2 for number in range(20)],
        "duration": [number / 2 for number in range(20)],
    }
    dataset = Dataset.from_dict(columns, features=features).cast_column("audio", Audio(sampling_rate=16_000))
    os.makedirs("corpus")
    dataset.to_parquet("corpus/train.parquet")


def load_recordings(columns, optional=(), **arguments):
    arguments = DataArguments(dataset_name="corpus", skip_bad=True, validation_share=0.2, **arguments)
    return load_splits(arguments, columns, optional, media="file")


@pytest.mark.promise("F1")
@streaming_or_not
def test_recordings_become_files_and_classes_names(recordings, streaming):
    splits = load_recordings(["file", "label"], ["duration", "language"], streaming=streaming)
    rows = sorted((row for split in splits.values() for row in split.dataset), key=lambda row: row["line"])
    assert [row["line"] for row in rows] == [1, 2, 3, *range(5, 21)]
    for row in rows:
        number = row["line"] - 1
        with open(row.pop("file"), "rb") as file:
            assert file.read() == bytes([number]) * 9 and file.name.endswith(".wav")
        assert row["label"] == ("cat" if number % 2 else "dog")
        assert (row["duration"], row["language"]) == (str(number / 2), "")
    (fault,) = splits["train"].faults
    assert str(fault).startswith("corpus[train]:4: `audio` is null")


def test_the_held_out_recordings_are_the_same_in_every_process(recordings):
    stored, again = (load_recordings(["file", "text"])["validation"].dataset["line"] for _ in range(2))
    streamed = load_recordings(["file", "text"], streaming=True)["validation"].dataset
    assert list(stored) == list(again) == [row["line"] for row in streamed]


def test_columns_that_are_not_wanted_are_not_written(recordings):
    split = load_splits(DataArguments(dataset_name="corpus", validation_share=0.2), ["text", "label"])["train"]
    assert split.dataset.column_names == ["text", "label", "line"]
