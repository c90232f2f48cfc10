import pytest

from toolkit.data import DataArguments, load_splits, shared_rows

TRAIN = "en\tko\na\tx\nb\ty\nc\tz\na\tx\nab\tc\n"


@pytest.fixture
def splits(write):
    return lambda streaming=False, **files: load_splits(
        DataArguments(
            **{f"{name}_file": write(f"{name}.tsv", text) for name, text in files.items()}, streaming=streaming
        ),
        None,
    )


@pytest.mark.parametrize("streaming", [False, True])
def test_rows_that_stand_in_training_too_are_named_with_both_lines(splits, streaming):
    loaded = splits(streaming, train=TRAIN, validation="en\tko\nq\tq\nc\tz\n", test="en\tko\na\tx\na\ty\na\tx\n")
    assert [str(fault) for fault in shared_rows(loaded, ["en", "ko"])] == [
        "validation.tsv:3: also stands in train.tsv:4; the score would be flattered. Remove it from one of them.",
        "test.tsv:2: also stands in train.tsv:2; the score would be flattered. Remove it from one of them.",
        "test.tsv:4: also stands in train.tsv:2; the score would be flattered. Remove it from one of them.",
    ]


def test_only_the_named_columns_are_compared(splits):
    loaded = splits(train=TRAIN, validation="en\tko\na\tother\n")
    assert list(shared_rows(loaded, ["en", "ko"])) == []
    assert [fault.line for fault in shared_rows(loaded, ["en"])] == [2]


def test_where_one_text_ends_and_the_next_begins_makes_a_difference(splits):
    assert list(shared_rows(splits(train=TRAIN, validation="en\tko\na\tbc\n"), ["en", "ko"])) == []


def test_what_was_held_out_by_its_source_shares_no_row(splits):
    loaded = splits(train="en\tko\n" + "".join(f"{number % 90}\t{number % 90}\n" for number in range(300)))
    assert len(loaded["validation"].dataset) > 0 and list(shared_rows(loaded, ["en", "ko"])) == []


def test_without_training_rows_nothing_is_shared(splits):
    loaded = splits(train=TRAIN, validation=TRAIN)
    assert list(shared_rows({"validation": loaded["validation"]}, ["en"])) == []
    assert list(shared_rows({"train": loaded["train"]}, ["en"])) == []
