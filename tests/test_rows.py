"""Examples: what is stored, what is made when it is asked for, and what varies."""

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from datasets import Dataset
from torch.utils.data import DataLoader

from toolkit import Translation
from toolkit.data import BadData, DataArguments, Split
from toolkit.processes import Share
from toolkit.rows import Streamed, encode, load_rows


@dataclass
class Made(Translation):
    """Makes its inputs anew each time, and varies them while training."""

    stores_inputs: ClassVar[bool] = False
    read = 0

    def inputs(self, row):
        self.read += 1
        return super().inputs(row)

    def varied_inputs(self, row, random):
        return {"input_ids": random.permutation(self.inputs(row)["input_ids"]).tolist()}


@pytest.fixture
def split() -> Split:
    texts = [f"{' '.join(map(str, range(n % 7 + 2)))}" for n in range(20)]
    return Split("train", "t.tsv", Dataset.from_dict({"a": texts, "b": texts, "line": list(range(2, 22))}))


@pytest.fixture
def adapter(split):
    adapter = Made(tokenizer="word", hidden_size=8)
    adapter.fit({"train": split})
    return adapter


def test_inputs_that_are_not_stored_are_made_when_they_are_asked_for(adapter, split):
    stored = Translation(tokenizer="word", hidden_size=8)
    stored.fit({"train": split})
    kept, made = encode(stored, split), encode(adapter, split)
    assert "input_ids" in kept.rows.column_names and "input_ids" not in made.rows.column_names
    read = adapter.read
    assert [made[place] for place in range(20)] == [kept[place] for place in range(20)]
    assert adapter.read == read + 20
    for side in ("source", "target"):
        assert np.array_equal(kept.lengths(side), made.lengths(side))


def test_variations_follow_from_seed_epoch_and_place_alone(adapter, split):
    def drawn(seed, epoch):
        examples = encode(adapter, split, seed=seed)
        examples.set_epoch(epoch)
        return {place: examples[place]["input_ids"] for place in (7, 3, 19)}

    assert drawn(1, 4) == drawn(1, 4)
    assert drawn(1, 4) != drawn(1, 5) != drawn(2, 5)
    plain = encode(adapter, split)
    assert plain[7] == plain[7] == {**plain[7], **adapter.inputs(split.dataset[7])}


@pytest.fixture
def streamed(adapter, split):
    """A stream of 20 rows for one of several processes."""

    def make(share: Share) -> Streamed:
        rows = Streamed(adapter, replace(split, dataset=split.dataset.to_iterable_dataset()))
        rows.share = share
        return rows

    return make


@pytest.mark.promise("H6")
@pytest.mark.parametrize("count", [1, 2, 3])
def test_processes_take_each_row_of_a_stream_once(streamed, count):
    shares = [islice(streamed(Share(process, count)), 60 // count) for process in range(count)]
    assert sorted(row["line"] for share in shares for row in share) == sorted(3 * list(range(2, 22)))


@pytest.mark.promise("H5")
def test_a_stream_begins_again_where_it_ends_and_no_row_is_lost_between(streamed):
    batches = DataLoader(streamed(Share()), batch_size=8, collate_fn=lambda rows: [row["line"] for row in rows])
    assert sum(islice(batches, 5), []) == 2 * list(range(2, 22))


def test_rows_of_a_stream_vary_as_their_number_says(adapter, split):
    stream = replace(split, dataset=split.dataset.to_iterable_dataset())

    def drawn(seed: int) -> list:
        return [row["input_ids"] for row in islice(Streamed(adapter, stream, seed=seed), 40)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert drawn(1)[:20] != drawn(1)[20:]


def test_a_faulty_row_of_one_file_costs_no_row_of_another(tmp_path):
    for name in ("train", "validation"):
        rows = [f"dog {name} {number}\tHund {number}" for number in range(20)]
        rows[3 if name == "train" else 11] = f"dog {name}\t "
        Path(f"{name}.tsv").write_text("\n".join(["en\tde", *rows]) + "\n")
    data = DataArguments(train_file="train.tsv", validation_file="validation.tsv", skip_bad=True)
    rows = load_rows(Translation(tokenizer="word"), data)
    assert [str(fault).split(": ")[0] for fault in rows.skipped] == ["train.tsv:5", "validation.tsv:13"]
    for name, line in (("train", 5), ("validation", 13)):
        assert rows.splits[name].dataset["line"][:] == [number for number in range(2, 22) if number != line]


def test_a_stream_without_a_sound_row_ends_the_run(adapter, split):
    none = split.dataset.to_iterable_dataset().filter(lambda row: False)
    with pytest.raises(BadData, match="t.tsv: has no sound row left"):
        next(iter(Streamed(adapter, replace(split, dataset=none))))
