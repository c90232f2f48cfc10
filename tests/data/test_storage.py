import pickle
import subprocess
import sys
import tracemalloc

import pytest

from toolkit.data import BadData, DataArguments, load_splits
from toolkit.data.files import open_source
from toolkit.data.source import MOST_FAULTS
from toolkit.data.storage import store, stream

ROWS = "en\tko\n" + "".join(f"sentence {number}\t문장 {number}\n" for number in range(2500))


def test_rows_on_disk_are_the_rows_of_the_source(write):
    source = open_source(write("a.tsv", ROWS))
    dataset = store(source, [])
    assert dataset.column_names == ["en", "ko", "line"]
    assert list(dataset) == list(source)
    assert dataset.cache_files  # memory-mapped


def test_a_stream_gives_the_rows_of_the_source_at_every_pass(write):
    source = open_source(write("a.tsv", ROWS))
    dataset = stream(source, [], skip_bad=False)
    assert dataset.column_names == ["en", "ko", "line"]
    assert list(dataset) == list(dataset) == list(source)


def test_rows_survive_the_way_into_another_process(write):
    source = open_source(write("a.tsv", ROWS))
    for dataset in (store(source, []), stream(source, [], skip_bad=False)):
        assert list(pickle.loads(pickle.dumps(dataset))) == list(source)


def test_a_file_that_changed_under_its_name_is_read_anew(write):
    first = store(open_source(write("a.tsv", "en\tko\nold\tx\n")), [])
    second = store(open_source(write("a.tsv", "en\tko\nnew\tx\n")), [])
    assert (first["en"][0], second["en"][0]) == ("old", "new")


def test_memory_does_not_grow_with_the_file(write):
    def peak_bytes(rows):
        source = open_source(write("a.tsv", "en\tko\n" + f"{'x' * 500}\t{'y' * 500}\n" * rows))
        tracemalloc.start()
        try:
            assert len(store(source, [])) == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak_bytes(10)  # what the first call imports
    assert peak_bytes(40_000) < 1.5 * peak_bytes(4_000)


def test_long_rows_are_written_before_a_thousand_are_in_memory(write):
    path = write("a.tsv", "en\tko\n" + f"{'x' * 900_000}\ty\n" * 100)
    tracemalloc.start()
    try:
        assert len(store(open_source(path), [])) == 100
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 50_000_000


def test_what_was_stored_goes_with_the_process(write, tmp_path):
    write("a.tsv", ROWS)
    script = (
        "import os, sys; sys.path[:0] = sys.argv[1:]\n"
        "from toolkit.data import DataArguments, load_splits\n"
        "split = load_splits(DataArguments(train_file='a.tsv'), None)['train']\n"
        "folder = os.path.dirname(split.dataset.cache_files[0]['filename'])\n"
        "assert os.path.isdir(folder)\n"
        "print(folder)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *sys.path], capture_output=True, text=True, check=True)
    folder = done.stdout.strip()
    assert folder and subprocess.run(["test", "-e", folder]).returncode == 1
    assert done.stderr == ""  # no progress bars


def test_a_fault_ends_a_stream_unless_bad_rows_are_skipped(write):
    path = write("a.tsv", "en\tko\na\tb\nc\nd\te\n")
    arguments = {"train_file": path, "validation_file": path, "streaming": True}
    strict = load_splits(DataArguments(**arguments), None)["train"]
    with pytest.raises(BadData, match=r"^a\.tsv:3: has too few cells"):
        list(strict.dataset)
    skipping = load_splits(DataArguments(**arguments, skip_bad=True), None)["train"]
    for _ in range(2):  # the faults of one pass, however many there are
        assert [row["line"] for row in skipping.dataset] == [2, 4]
        assert [fault.line for fault in skipping.faults] == [3]


def test_a_stream_tells_of_files_that_end_unequal(write):
    pair = ",".join([write("a.en", "1\n2\n"), write("a.de", "1\n")])
    split = load_splits(DataArguments(train_file=pair, validation_file=pair, streaming=True, skip_bad=True), None)[
        "train"
    ]
    with pytest.raises(BadData, match=r"^a\.en:2: has no partner"):
        list(split.dataset)


def test_a_file_of_nothing_but_faults_is_refused_whatever_may_be_skipped(write):
    path = write("a.tsv", "en\tko\na\nb\n")
    with pytest.raises(BadData, match=r"^a\.tsv: has no usable row"):
        load_splits(DataArguments(train_file=path, validation_file=path, skip_bad=True), None)
    split = load_splits(DataArguments(train_file=path, validation_file=path, skip_bad=True, streaming=True), None)
    with pytest.raises(BadData, match=r"^a\.tsv: has no usable row"):
        list(split["train"].dataset)


def test_a_file_with_too_many_faults_is_the_wrong_file(write):
    faults = []
    with pytest.raises(BadData, match=r"^a\.tsv: more than 100,000 rows are faulty"):
        store(open_source(write("a.tsv", "en\tko\na\tb\n" + "x\n" * (MOST_FAULTS + 50))), faults)
    assert len(faults) == MOST_FAULTS + 1
