import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from toolkit.data import DataArguments, load_splits

OPTIONAL = ["start", "end"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "end,text,start,file\n2.50,hi,,a.wav\n,ho,1.0,b.wav\n"),
        ("t.tsv", "end\ttext\tstart\tfile\n2.50\thi\t\ta.wav\n\tho\t1.0\tb.wav\n"),
        (
            "t.jsonl",
            '{"file": "a.wav", "text": "hi", "end": 2.50}\n'
            '{"file": "b.wav", "text": "ho", "start": 1.0, "end": null}\n',
        ),
    ],
)
def test_columns_are_read_where_the_file_has_them(write, read, name, content):
    rows, faults = read(write(name, content), ["file", "text"], OPTIONAL)
    first = 1 if name.endswith("l") else 2
    assert faults == []
    assert rows == [
        {"file": "a.wav", "text": "hi", "start": "", "end": "2.50", "line": first},
        {"file": "b.wav", "text": "ho", "start": "1.0", "end": "", "line": first + 1},
    ]


def test_empty_cells_of_parquet_are_empty_texts(read):
    columns = {"file": ["a.wav", "b.wav"], "text": ["hi", None], "end": [2.5, float("nan")]}
    pq.write_table(pa.table(columns), "t.parquet")
    rows, faults = read("t.parquet", ["file", "text"], OPTIONAL)
    assert rows == [{"file": "a.wav", "text": "hi", "start": "", "end": "2.5", "line": 1}]
    assert faults == ["t.parquet:2: `text` is null where a text or a number is needed. Fill it, or remove the row."]
    rows, faults = read("t.parquet", ["file"], OPTIONAL)
    assert faults == [] and rows[1] == {"file": "b.wav", "start": "", "end": "", "line": 2}


def test_parallel_files_have_none(write, read):
    write("a.en", "dog\n"), write("a.ko", "개\n")
    rows, faults = read("a.en,a.ko", ["en", "ko"], OPTIONAL)
    assert (rows, faults) == ([{"en": "dog", "ko": "개", "start": "", "end": "", "line": 1}], [])


def test_an_optional_column_that_stands_twice_is_refused(write, read):
    rows, faults = read(write("t.csv", "file,text,end,end\na,b,1,2\n"), ["file", "text"], OPTIONAL)
    assert (rows, faults) == ([], ["t.csv:1: has several columns `end`. Rename all but one."])


@pytest.mark.parametrize("streaming", [False, True])
def test_every_row_of_every_split_has_the_same_columns(write, streaming):
    train = write("t.csv", "file,text,start\n" + "".join(f"{number}.wav,x,1\n" for number in range(3)))
    arguments = DataArguments(train_file=train, validation_file=write("v.csv", "file,text\na,b\n"), streaming=streaming)
    splits = load_splits(arguments, ["file", "text"], OPTIONAL)
    assert [next(iter(split.dataset)) for split in splits.values()] == [
        {"file": "0.wav", "text": "x", "start": "1", "end": "", "line": 2},
        {"file": "a", "text": "b", "start": "", "end": "", "line": 2},
    ]


@pytest.mark.parametrize("name", ["line", "labels", "input_ids"])
def test_names_that_are_taken_are_refused_where_the_column_is_read(write, read, name):
    path = write("t.csv", f"text,{name},other\na,b,c\n")
    rows, faults = read(path, ["text", name])
    assert rows == [] and faults[0].startswith(f"t.csv:1: uses `{name}` as the name of a column, which is taken for ")
    assert read(path, ["text", "other"]) == ([{"text": "a", "other": "c", "line": 2}], [])
