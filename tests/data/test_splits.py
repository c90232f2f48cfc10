import gzip
from dataclasses import fields

import pytest
from transformers import HfArgumentParser

from toolkit.data import BadData, DataArguments, Fault, Split, load_splits

TABLE = "en\tko\n" + "".join(f"dog {number}\t개 {number}\n" for number in range(200))


def test_every_field_is_a_flag_with_help(capsys):
    parser = HfArgumentParser(DataArguments)
    (arguments,) = parser.parse_args_into_dataclasses(
        ["--train_file", "a.tsv", "--validation_share", "0.1", "--skip_bad", "--max_eval_samples", "7"]
    )
    assert arguments == DataArguments(train_file="a.tsv", validation_share=0.1, skip_bad=True, max_eval_samples=7)
    assert parser.parse_args_into_dataclasses([]) == (DataArguments(),)
    with pytest.raises(SystemExit):
        parser.parse_args(["--help"])
    printed = " ".join(capsys.readouterr().out.split())
    for field in fields(DataArguments):
        assert field.metadata["help"] in printed


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"validation_share": 0.0}, "`validation_share` must lie between 0 and 1, but is 0.0"),
        ({"validation_share": 1.0}, "`validation_share` must lie between 0 and 1, but is 1.0"),
        ({"max_train_samples": 0}, "`max_train_samples` must be at least 1, but is 0"),
        ({"max_eval_samples": -3}, "`max_eval_samples` must be at least 1, but is -3"),
        ({"train_file": "a.tsv", "dataset_name": "b"}, r"`train_file` \(a.tsv\) and `dataset_name` \(b\) both name"),
        ({"dataset_config_name": "en-de"}, "`dataset_config_name` needs a `dataset_name`"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(values, complaint):
    with pytest.raises(ValueError, match=complaint):
        DataArguments(**values)


@pytest.mark.parametrize(
    ("values", "flag"),
    [
        ({}, "train_file"),
        ({"validation_file": "a.tsv", "test_file": "a.tsv"}, "train_file"),
        ({"predict_only": True}, "test_file"),
        ({"predict_only": True, "train_file": "a.tsv"}, "test_file"),
        ({"check_only": True}, "train_file"),
    ],
)
def test_nothing_to_read_names_the_flags(values, flag):
    with pytest.raises(ValueError, match=f"`{flag}` or `dataset_name` must say where the data is") as caught:
        load_splits(DataArguments(**values), None)
    assert not isinstance(caught.value, BadData)


def test_each_file_becomes_its_split(write):
    names = ["train", "validation", "test"]
    files = {f"{name}_file": write(f"{name}.tsv", f"en\tko\n{name}\tx\n") for name in names}
    splits = load_splits(DataArguments(**files), None)
    assert list(splits) == names
    for name, split in splits.items():
        assert isinstance(split, Split) and (split.name, split.path, split.faults) == (name, f"{name}.tsv", ())
        assert list(split.dataset) == [{"en": name, "ko": "x", "line": 2}]


def test_files_of_different_kinds_go_together(write):
    splits = load_splits(
        DataArguments(
            train_file=write("a.csv", "en,ko\ndog,개\n"),
            validation_file=",".join([write("v.ko.gz", "소\n"), write("v.en.gz", "cow\n")]),
            test_file=write("t.jsonl", '{"ko": "말", "en": "horse"}\n'),
        ),
        None,
    )
    assert [list(split.dataset) for split in splits.values()] == [
        [{"en": "dog", "ko": "개", "line": 2}],
        [{"en": "cow", "ko": "소", "line": 1}],
        [{"en": "horse", "ko": "말", "line": 1}],
    ]


def test_the_columns_of_the_first_file_bind_the_others(write):
    arguments = DataArguments(train_file=write("a.tsv", TABLE), test_file=write("t.tsv", "source\ttarget\nx\ty\n"))
    with pytest.raises(BadData, match="t.tsv:1: has no column `en`; it has `source`, `target`"):
        load_splits(arguments, None)


def test_only_what_is_predicted_is_read(write):
    arguments = DataArguments(train_file="missing.tsv", test_file=write("t.tsv", TABLE), predict_only=True)
    assert list(load_splits(arguments, None)) == ["test"]


def test_a_check_needs_no_training_file(write):
    assert list(load_splits(DataArguments(test_file=write("t.tsv", TABLE), check_only=True), None)) == ["test"]


@pytest.mark.parametrize("streaming", [False, True])
def test_the_first_so_many_rows_are_taken(write, streaming):
    path = write("a.tsv", TABLE)
    arguments = DataArguments(
        train_file=path, test_file=path, max_train_samples=5, max_eval_samples=1000, streaming=streaming
    )
    splits = load_splits(arguments, None)
    assert len(list(splits["train"].dataset)) == 5
    assert len(list(splits["test"].dataset)) == 200
    assert 0 < len(list(splits["validation"].dataset)) < 30


def test_so_many_recordings_are_taken_with_all_their_rows(write):
    rows = "".join(f"{name}.mp4,{label}\n" for label in "xyz" for name in "bacd")
    path = write("a.csv", f"file,label\n{rows}")
    arguments = DataArguments(train_file=path, validation_file=path, max_train_samples=2, max_eval_samples=9)
    splits = load_splits(arguments, ["file", "label"], media="file", whole="file")
    taken = [(row["file"], row["label"], row["line"]) for row in splits["train"].dataset]
    assert taken == [
        (f"{name}.mp4", label, 4 * at + place) for at, label in enumerate("xyz") for place, name in ((2, "b"), (3, "a"))
    ]
    assert len(splits["validation"].dataset) == 12


@pytest.mark.parametrize("streaming", [False, True])
def test_reading_twice_gives_the_same(write, streaming):
    arguments = DataArguments(train_file=write("a.tsv", TABLE), streaming=streaming)
    one, other = (load_splits(arguments, None) for _ in range(2))
    assert {name: list(one[name].dataset) for name in one} == {name: list(other[name].dataset) for name in other}


@pytest.mark.promise("H4")
def test_the_faults_of_all_files_are_told_at_once(write):
    arguments = DataArguments(
        train_file=write("a.tsv", "en\tko\ndog\ncat\t고양이\n"),
        validation_file="missing.tsv",
        test_file=write("t.csv", 'en,ko\nhorse\ncow,"소\n'),
    )
    with pytest.raises(BadData) as caught:
        load_splits(arguments, None)
    assert [str(fault).split(" ")[0] for fault in caught.value.faults] == [
        "missing.tsv:",  # what stops everything comes first
        "t.csv:3:",
        "t.csv:2:",
        "a.tsv:2:",
    ]


def test_where_bad_rows_are_skipped_only_what_cannot_be_skipped_is_told(write):
    arguments = DataArguments(
        train_file=write("a.tsv", "en\tko\ndog\ncat\t고양이\n"),
        validation_file=write("v.tsv", "en\tko\nx\ty\n"),
        test_file=write("t.csv", 'en,ko\nhorse\ncow,"소\n'),
        skip_bad=True,
    )
    with pytest.raises(BadData) as caught:
        load_splits(arguments, None)
    assert [str(fault).split(" ")[0] for fault in caught.value.faults] == ["t.csv:3:"]


def test_faulty_rows_are_left_out_and_listed(write):
    path = write("a.tsv", "en\tko\ndog\ncat\t고양이\ncow\t소\t!\n")
    (split, _) = load_splits(DataArguments(train_file=path, validation_file=path), None).values()
    assert list(split.dataset) == [{"en": "cat", "ko": "고양이", "line": 3}]
    assert split.faults == (
        Fault("a.tsv", 2, "has too few cells: 1 where the header has 2. Fill the missing ones."),
        Fault("a.tsv", 4, "has too many cells: 3 where the header has 2. Look for a separator within a cell."),
    )


@pytest.mark.promise("H7")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("hostile.tsv", b"en\tko\n" + b"x" * (5 << 20)),
        ("hostile.csv", b'en,ko\na,"' + b"x\n" * (1 << 20)),
        ("hostile.tsv", b"en\tko\n\xff\t\xfe\n"),
        ("hostile.tsv", "en\tko\na\tb\n".encode("utf-16")),
        ("hostile.jsonl", b'{"en": "a", "ko": "b"}\n' + b"[" * 500_000),
        ("hostile.parquet", b"PAR1" + b"\0" * 100 + b"PAR1"),
        ("hostile.tsv.gz", gzip.compress(b"en\tko\n" + b"\0" * (30 << 20), mtime=0)),  # 30 kB that unpack to 30 MB
    ],
    ids=["long line", "open quote", "latin-1", "utf-16", "deep nesting", "parquet", "bomb"],
)
def test_a_hostile_file_costs_one_sentence_and_not_the_other_files(write, name, content):
    with open(name, "wb") as file:
        file.write(content)
    arguments = DataArguments(train_file=write("a.tsv", TABLE), test_file=name)
    try:
        splits = load_splits(arguments, ["en", "ko"])
        faults = [fault for split in splits.values() for fault in split.faults]
    except BadData as error:
        faults = list(error.faults)
    told = [str(fault) for fault in faults if "has no usable row" not in fault.sentence]
    assert len(told) == 1 and told[0].startswith(name)
