import hashlib
import random

import pytest

from toolkit.data import BadData, DataArguments, load_splits
from toolkit.data.held_out import is_held_out


def table(sources):
    return "en\tko\n" + "".join(f"{source}\t{number}\n" for number, source in enumerate(sources))


def sides(path, **arguments):
    splits = load_splits(DataArguments(train_file=path, **arguments), None)
    assert list(splits) == ["train", "validation"]
    return splits["train"], splits["validation"]


def test_the_choice_is_the_one_that_blake2b_makes_anywhere():
    for number in range(200):
        text = f"문장 {number}"
        digest = hashlib.blake2b(text.encode(), digest_size=8, person=b"validation").hexdigest()
        assert is_held_out(text, 0.3) == (int(digest, 16) / 2**64 < 0.3)


def test_about_the_share_is_held_out_and_every_row_stands_on_one_side(write):
    train, validation = sides(write("a.tsv", table(range(2000))))
    assert 70 <= len(validation.dataset) <= 130  # 100 expected, standard deviation below 10
    assert sorted(train.dataset["line"][:] + validation.dataset["line"][:]) == list(range(2, 2002))


def test_the_choice_does_not_depend_on_the_order_of_the_rows(write):
    sources = [f"sentence {number}" for number in range(400)]
    one = sides(write("a.tsv", table(sources)))[1].dataset["en"][:]
    random.Random(1).shuffle(sources)
    other = sides(write("b.tsv", table(sources)))[1].dataset["en"][:]
    assert one != other and sorted(one) == sorted(other)


def test_equal_sources_stand_on_one_side(write):
    train, validation = sides(write("a.tsv", table(number % 50 for number in range(500))), validation_share=0.2)
    assert len(validation.dataset) % 10 == 0
    assert not set(train.dataset["en"][:]) & set(validation.dataset["en"][:])


def test_a_held_out_row_still_points_into_the_training_file(write):
    path = write("a.tsv", table(range(300)))
    _, validation = sides(path)
    with open(path) as file:
        lines = file.read().split("\n")
    assert validation.path == "a.tsv"
    for row in validation.dataset:
        assert lines[row["line"] - 1].split("\t") == [row["en"], row["ko"]]


def test_a_larger_share_holds_out_the_same_rows_and_more(write):
    path = write("a.tsv", table(range(300)))
    assert set(sides(path)[1].dataset["line"][:]) < set(sides(path, validation_share=0.4)[1].dataset["line"][:])


def test_faults_are_told_once_and_with_the_training_rows(write):
    train, validation = sides(write("a.tsv", table(range(300)) + "x\n"))
    assert [str(fault)[:10] for fault in train.faults] == ["a.tsv:302:"] and list(validation.faults) == []


@pytest.mark.parametrize("rows", [2, 3, 10])
def test_of_few_rows_one_is_held_out_all_the_same(write, rows):
    for start in range(5):
        train, validation = sides(write("a.tsv", table(range(start, start + rows))))
        assert len(validation.dataset) == 1 and len(train.dataset) == rows - 1


@pytest.mark.parametrize("sources", [["same"] * 30, ["x"]])
def test_one_text_cannot_be_both(write, sources):
    with pytest.raises(BadData, match=r"^a\.tsv: is about one text, which cannot be both trained on and held out"):
        sides(write("a.tsv", table(sources)))


@pytest.mark.parametrize(
    ("sources", "share", "complaint"),
    [(["same"] * 30, 0.05, "no row is held out"), (["x"], 0.999999, "no row is left to train on")],
)
def test_a_side_of_a_stream_without_a_row_is_refused(write, sources, share, complaint):
    with pytest.raises(
        BadData, match=rf"^a\.tsv: with a `validation_share` of {share} {complaint}\. .*validation_file"
    ):
        splits = load_splits(
            DataArguments(train_file=write("a.tsv", table(sources)), validation_share=share, streaming=True), None
        )
        for split in splits.values():
            list(split.dataset)
