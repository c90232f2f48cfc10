import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from toolkit.data.files import open_source

PAIRS = [
    ("plain", "가나다"),
    ('a "quoted" word', "'single'"),
    ("comma, semicolon; pipe|", "🦆 emoji 👩‍👩‍👧"),
    ("line\u2028separator\x85", "\u200fעברית"),
    ("", " spaces "),
]
LINES = [{"en": en, "ko": ko, "line": line} for line, (en, ko) in enumerate(PAIRS, 2)]


def comma_separated(pairs):
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows([("en", "ko"), *pairs])
    return file.getvalue()


def tab_separated(pairs):
    return "".join(f"{en}\t{ko}\n" for en, ko in [("en", "ko"), *pairs])


def json_lines(pairs):
    # The first line stands for the header of the other formats, so that lines agree.
    return "".join(json.dumps({"en": en, "ko": ko}, ensure_ascii=len(en) % 2) + "\n" for en, ko in [("", ""), *pairs])


@pytest.mark.parametrize("gz", ["", ".gz"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("name", "form"),
    [("a.tsv", tab_separated), ("a.csv", comma_separated), ("a.jsonl", json_lines), ("a.json", json_lines)],
)
def test_what_is_written_is_read(write, read, name, form, mark, line_end, gz):
    rows, faults = read(write(name + gz, mark + form(PAIRS).replace("\n", line_end)))
    assert rows[-len(LINES) :] == LINES
    assert faults == []


def test_columns_are_read_in_the_order_they_are_wanted_and_others_are_left(write, read):
    path = write("a.tsv", "id\tko\ten\n1\t개\tdog\n")
    assert read(path, ["en", "ko"]) == ([{"en": "dog", "ko": "개", "line": 2}], [])
    assert open_source(path, ["en", "ko"]).columns == ("en", "ko")
    assert open_source(path).columns == ("id", "ko")


def test_the_same_column_wanted_twice_is_read_once(write):
    assert open_source(write("a.tsv", "en\tko\nx\ty\n"), ["en", "en"]).columns == ("en",)


def test_a_source_can_be_read_again(write):
    source = open_source(write("a.tsv", "en\tko\nx\ty\n"))
    assert list(source) == list(source) == [{"en": "x", "ko": "y", "line": 2}]


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.jsonl"])
def test_a_file_without_a_byte_is_empty(write, read, name):
    assert read(write(name, "")) == ([], [f"{name}: is empty. Give a file with at least one row."])


@pytest.mark.parametrize(("name", "text"), [("a.tsv", "en\tko\n"), ("a.csv", "en,ko\n\n\n"), ("a.tsv", "en\tko\n\n")])
def test_a_header_alone_is_empty_too(write, read, name, text):
    assert read(write(name, text)) == ([], [f"{name}: is empty. Give a file with at least one row."])


@pytest.mark.parametrize(
    ("name", "text"), [("a.tsv", "Source\ttarget\nx\ty\n"), ("a.jsonl", '{"Source": "x", "target": "y"}\n')]
)
def test_a_column_that_is_not_there_is_said_with_those_that_are_and_the_nearest(write, read, name, text):
    rows, faults = read(write(name, text), ["source", "ko"])
    assert rows == []
    assert faults == [
        f"{name}:1: has no column `source`; it has `Source`, `target`. Did you mean `Source`?",
        f"{name}:1: has no column `ko`; it has `Source`, `target`.",
    ]


@pytest.mark.parametrize(
    ("header", "wanted", "complaint"),
    [
        ("en", None, "has one column (`en`) where two are needed"),
        ("en\ten", None, "has several columns `en`"),
        ("en\t", None, "has a column without a name"),
        ("line\ten", None, "uses `line` as the name of a column"),
        ("en\tko\ten", ["ko", "en"], "has several columns `en`"),
    ],
)
def test_a_header_that_names_no_two_columns_is_refused(write, read, header, wanted, complaint):
    rows, faults = read(write("a.tsv", f"{header}\nx\ty\n"), wanted)
    assert rows == []
    assert faults and all(complaint in fault and fault.startswith("a.tsv:1: ") for fault in faults)


@pytest.mark.parametrize(("header", "complaint"), [(b"e\xffn\tko\n", "is not UTF-8"), (b"\n", "is blank")])
def test_a_header_that_cannot_be_read_is_fatal(write, read, header, complaint):
    rows, (fault,) = read(write("a.tsv", header + b"x\ty\n"))
    assert rows == [] and fault.startswith("a.tsv:1: ") and complaint in fault


@pytest.mark.promise("H7")
def test_a_header_of_thousands_of_names_costs_one_short_sentence(write, read):
    _, faults = read(write("a.tsv", "\t".join(["x" * 9_000, *(f"c{n}" for n in range(90_000))]) + "\n"), ["source"])
    assert len(faults) == 1 and len(faults[0]) < 400 and faults[0].endswith("`c18`, … (90,001 in all).")


@pytest.mark.parametrize(("name", "comma"), [("a.tsv", "\t"), ("a.csv", ",")])
def test_too_few_and_too_many_cells_are_counted(write, read, name, comma):
    rows, faults = read(write(name, "en,ko\none\none,two\none,two,three\n".replace(",", comma)))
    assert [row["line"] for row in rows] == [3]
    assert faults == [
        f"{name}:2: has too few cells: 1 where the header has 2. Fill the missing ones.",
        f"{name}:4: has too many cells: 3 where the header has 2. Look for a separator within a cell.",
    ]


@pytest.mark.parametrize(
    ("name", "row"), [("a.tsv", "{0}\tko\n"), ("a.csv", "{0},ko\n"), ("a.jsonl", '{{"{0}": "", "ko": ""}}\n')]
)
def test_blank_lines_are_faults_within_a_file_and_nothing_at_its_end(write, read, name, row):
    rows, faults = read(write(name, row.format("en") * 2 + "\n  \n" + row.format("en") + "\n \n\r\n"))
    assert [row["line"] for row in rows][-2:] == [2, 5]
    assert faults == [f"{name}:{line}: is blank. Remove the line, or fill it." for line in (3, 4)]


def test_a_row_of_empty_cells_is_a_row(write, read):
    assert read(write("a.tsv", "en\tko\n\t\n")) == ([{"en": "", "ko": "", "line": 2}], [])


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.jsonl"])
@pytest.mark.parametrize(
    ("damage", "complaint"), [(b"\xff", "is not UTF-8"), (b"\0", "is a NUL"), (b"x" * (1 << 20), "is longer than")]
)
def test_a_line_that_is_no_text_costs_its_row_and_no_other(write, read, name, damage, complaint):
    row = (
        b'{"en": "a", "ko": "b"}\n' if name == "a.jsonl" else b"a,b\n".replace(b",", b"\t" if name == "a.tsv" else b",")
    )
    header = row.replace(b'"a"', b'"x"') if name == "a.jsonl" else row.replace(b"a", b"en").replace(b"b", b"ko")
    rows, (fault,) = read(write(name, header + row + row.replace(b"a", b"a" + damage) + row))
    assert [row["line"] for row in rows][-2:] == [2, 4]
    assert fault.startswith(f"{name}:3: ") and complaint in fault


NESTED = [{"id": number, "translation": {"en": en, "ko": ko}} for number, (en, ko) in enumerate(PAIRS[:3])]


@pytest.mark.parametrize("wanted", [None, ["en", "ko"], ["ko", "id"]])
@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_a_text_per_language_in_one_column_is_a_column_per_language(write, read, name, wanted):
    if name == "a.jsonl":
        path = write(name, "".join(json.dumps(row) + "\n" for row in NESTED))
    else:
        path = name
        pq.write_table(pa.Table.from_pylist(NESTED), path)
    rows, faults = read(path, wanted)
    expected = [{"id": str(number), "en": en, "ko": ko} for number, (en, ko) in enumerate(PAIRS[:3])]
    names = wanted or ["en", "ko"]
    assert rows == [{**{name: row[name] for name in names}, "line": line} for line, row in enumerate(expected, 1)]
    assert faults == []
