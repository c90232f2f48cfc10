import decimal
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def parquet(columns, name="a.parquet"):
    pq.write_table(pa.table(columns), name, row_group_size=2)
    return name


def test_texts_and_numbers_are_read_and_rows_are_counted_from_one(read):
    path = parquet({"en": ["dog", "🦆", ""], "n": [1, 2, 3], "x": [0.5, 1.0, -2.0]})
    rows, faults = read(path, ["x", "en", "n"])
    assert faults == []
    assert rows == [
        {"x": "0.5", "en": "dog", "n": "1", "line": 1},
        {"x": "1.0", "en": "🦆", "n": "2", "line": 2},
        {"x": "-2.0", "en": "", "n": "3", "line": 3},
    ]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["dog", "cat"]).dictionary_encode(),
        pa.array(["dog", "cat"], pa.large_string()),
    ],
)
def test_every_way_of_storing_texts_reads_alike(read, column):
    assert [row["en"] for row in read(parquet({"en": column, "ko": ["x", "y"]}))[0]] == ["dog", "cat"]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (["dog", None], "`en` is null"),
        ([0.5, math.nan], "`en` is null"),
        ([[], None], "`en` holds a list"),
        ([True, None], "`en` holds a bool"),
        (["dog", "a\0"], "`en` has a NUL as character 2"),
        (["dog", "x" * 1_100_000], "`en` is longer than 1,048,576 bytes"),
    ],
)
def test_a_cell_without_text_or_number_is_a_fault(read, values, complaint):
    _, faults = read(parquet({"en": values, "ko": ["x", "y"]}))
    assert any(complaint in fault and fault.startswith("a.parquet:") for fault in faults)


def test_decimals_keep_their_digits(read):
    rows, faults = read(parquet({"en": [decimal.Decimal("1.10")], "ko": ["x"]}))
    assert rows == [{"en": "1.10", "ko": "x", "line": 1}] and faults == []


def test_bytes_that_are_not_utf_8_cost_their_row(read):
    broken = pa.array([b"dog", b"\xff", b"cat"]).view(pa.binary()).cast(pa.string(), safe=False)
    rows, (fault,) = read(parquet({"en": broken, "ko": ["x", "y", "z"]}))
    assert [row["line"] for row in rows] == [1, 3]
    assert fault.startswith("a.parquet:2: is not UTF-8")


def test_a_column_that_is_not_there_is_named(read):
    _, (fault,) = read(parquet({"English": ["dog"], "ko": ["개"]}), ["english", "ko"])
    assert fault == "a.parquet: has no column `english`; it has `English`, `ko`. Did you mean `English`?"


def test_a_file_without_rows_is_empty(read):
    assert read(parquet({"en": [], "ko": []}))[1] == ["a.parquet: is empty. Give a file with at least one row."]


def test_a_file_that_is_not_parquet_is_one_sentence(write, read):
    _, (fault,) = read(write("a.parquet", "en\tko\n"))
    assert fault.startswith("a.parquet: cannot be read as Parquet (") and fault.endswith("Write the file again.")


def test_a_file_damaged_in_the_middle_gives_its_first_rows_and_one_fault(read):
    path = "a.parquet"
    texts = [f"{number:04} some words" for number in range(4000)]
    pq.write_table(pa.table({"en": texts, "ko": texts}), path, row_group_size=2000, use_dictionary=False)
    with open(path, "r+b") as file:
        second = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
        file.seek(second)
        file.write(b"\xff" * 200)
    rows, (fault,) = read(path)
    assert len(rows) == 2000 and rows[-1]["en"] == texts[1999]
    assert fault.startswith("a.parquet:2001: cannot be read as Parquet any further (")
