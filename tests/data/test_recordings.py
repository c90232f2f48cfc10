import os

import pytest

from toolkit.data import DataArguments, Fault, Split, load_splits, shared_rows

MEDIA = {"media": "file"}


@pytest.mark.promise("F1", "G1")
@pytest.mark.parametrize("folder", ["", "deep/er", "../beside"])
def test_paths_count_from_the_table_and_lead_there_from_here(write, read, folder):
    write(os.path.join(folder, "clips/a.wav"))
    table = write(
        os.path.join(folder, "t.csv"), f"file,text\nclips/a.wav,x\n{os.getcwd()}/b.wav,y\nhttps://c.org/d.wav,z\n"
    )
    rows, faults = read(table, ["file", "text"], **MEDIA)
    assert faults == [] and os.path.exists(rows[0]["file"]) and rows[0]["file"].startswith(folder)
    assert [row["file"] for row in rows[1:]] == [f"{os.getcwd()}/b.wav", "https://c.org/d.wav"]


@pytest.mark.parametrize("column", ["file", "file_name", "path", "audio_filepath", "audio"])
def test_the_column_of_the_recordings_goes_by_several_names(write, read, column):
    rows, faults = read(write("d/t.tsv", f"id\t{column}\ttext\n7\ta.wav\thello\n"), ["file", "text"], ["id"], **MEDIA)
    assert (rows, faults) == ([{"file": "d/a.wav", "text": "hello", "id": "7", "line": 2}], [])


def test_where_no_name_fits_the_one_that_was_asked_for_is_told(write, read):
    _, faults = read(write("t.tsv", "sound\ttext\na.wav\thello\n"), ["file", "text"], **MEDIA)
    assert faults == ["t.tsv:1: has no column `file`; it has `sound`, `text`."]


def test_columns_that_are_separated_otherwise_are_told_with_what_separates_them(write, read):
    way_out = "Separate the columns by commas in a .csv file, by tabs in a .tsv file, not by"
    _, faults = read(write("t.csv", "file;text\na.wav;hello\n"), ["file", "text"], **MEDIA)
    assert faults == [
        f"t.csv:1: has no column `{name}`; it has `file;text`. {way_out} `;`." for name in ("file", "text")
    ]
    _, faults = read(write("t.tsv", "id,file,text\n"), ["file"], **MEDIA)
    assert faults == [f"t.tsv:1: has no column `file`; it has `id,file,text`. {way_out} commas."]


def test_a_row_that_names_no_recording_is_a_fault(write, read):
    rows, faults = read(write("t.csv", "file,text\n,hello\na.wav,x\n"), ["file", "text"], **MEDIA)
    assert len(rows) == 1 and faults == ["t.csv:2: `file` is empty. Name the recording."]


def test_a_path_stays_a_text_where_nobody_says_that_it_is_one(write, read):
    rows, _ = read(write("d/t.csv", "file,text\na.wav,x\n"), ["file", "text"])
    assert rows[0]["file"] == "a.wav"


@pytest.mark.parametrize("streaming", [False, True])
def test_the_choice_of_held_out_recordings_moves_with_the_folder(write, streaming):
    chosen = []
    for folder in ("here", os.path.join(os.getcwd(), "there/in"), "."):
        rows = "".join(f"clips/{number}.wav,word {number % 3}\n" for number in range(100))
        table = write(os.path.join(folder, "t.csv"), "file,text\n" + rows)
        splits = load_splits(DataArguments(train_file=table, streaming=streaming), ["file", "text"], **MEDIA)
        chosen.append([row["line"] for row in splits["validation"].dataset])
    assert chosen[0] and chosen[0] == chosen[1] == chosen[2]


def test_a_fault_found_later_points_into_the_file_that_lists_the_row(write):
    for name in "ab":
        write(f"set/{name}.wav"), write(f"set/{name}.txt", "same words")
    write("t.tsv", "file\ttext\nset/c.wav\tsame words\n")
    arguments = DataArguments(train_file="set", test_file="t.tsv", validation_file="set")
    splits = load_splits(arguments, ["file", "text"], **MEDIA)
    rows = list(splits["train"].dataset)
    assert splits["train"].fault(rows[1], "is wrong.") == Fault("set/b.txt", 1, "is wrong.")
    assert splits["test"].fault(next(iter(splits["test"].dataset)), "is wrong.") == Fault("t.tsv", 2, "is wrong.")
    shared = [str(fault) for fault in shared_rows(splits, ["text"])]
    assert [fault.split(";")[0] for fault in shared] == [
        "set/a.txt:1: also stands in set/a.txt:1",
        "set/b.txt:1: also stands in set/a.txt:1",
        "t.tsv:2: also stands in set/a.txt:1",
    ]
    assert isinstance(splits["train"], Split)
