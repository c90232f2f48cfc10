import csv
import io
import random
import time

import pytest


def test_a_row_that_spans_lines_stands_at_its_first(write, read):
    rows, faults = read(write("a.csv", 'en,ko\r\n"two\r\nlines","a ""b"", c"\r\nnext,다음\r\n'))
    assert faults == []
    assert rows == [{"en": "two\nlines", "ko": 'a "b", c', "line": 2}, {"en": "next", "ko": "다음", "line": 4}]


def test_blank_lines_within_a_cell_are_text(write, read):
    assert read(write("a.csv", 'en,ko\n"a\n\nb",c\n')) == ([{"en": "a\n\nb", "ko": "c", "line": 2}], [])


def test_rows_agree_with_the_csv_module_on_random_cells(write, read):
    draw = random.Random(5)
    table = [["".join(draw.choices('ab",\n한 ', k=draw.randrange(6))) for _ in range(3)] for _ in range(300)]
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *table])
    rows, faults = read(write("a.csv", file.getvalue()), ["a", "b", "c"])
    assert faults == []
    assert [[row["a"], row["b"], row["c"]] for row in rows] == table
    line = 2
    for row, cells in zip(rows, table, strict=True):
        assert row["line"] == line
        line += 1 + sum(cell.count("\n") for cell in cells)


def test_a_quote_in_a_cell_without_quotes_is_a_character(write, read):
    assert read(write("a.csv", 'en,ko\n5" disk,b"c"\n')) == ([{"en": '5" disk', "ko": 'b"c"', "line": 2}], [])


def test_a_cell_longer_than_the_csv_module_likes_is_read(write, read):
    rows, faults = read(write("a.csv", f"en,ko\n{'x' * 500_000},y\n"))
    assert len(rows[0]["en"]) == 500_000 and faults == []


@pytest.mark.parametrize("row", ['"a"b,c', 'x,"a" ', "a\rb,c"])
def test_a_slip_within_one_line_costs_that_row(write, read, row):
    rows, (fault,) = read(write("a.csv", f"en,ko\n{row}\nnext,row\n"))
    assert rows == [{"en": "next", "ko": "row", "line": 3}]
    assert fault.startswith("a.csv:2: is not valid CSV: ") and "double each quote" in fault


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('x,"open', 2),
        ('x,"open\n', 2),
        ('"closed","open\na,b\nc,d\n', 2),
        ('"two\nlines","open\na,b\n', 3),
        ('x,"open\na,b\n"c",d\n', 2),  # closed by the first quote of a later row
        ('x,"op""en\n\n\n', 2),
        ('good,row\nx,"open\nx,y', 3),
    ],
)
def test_a_quote_that_never_closes_is_named_where_it_opens(write, read, text, line):
    _, faults = read(write("a.csv", "en,ko\n" + text))
    assert faults[-1].startswith(f"a.csv:{line}: a cell in quotes opens here and is not closed as it should")
    assert "Close the quote" in faults[-1]


def test_an_open_quote_is_refused_soon_and_not_after_the_whole_file(write, read):
    path = write("a.csv", 'en,ko\na,"b\n' + "x\n" * 2_000_000)
    start = time.process_time()
    rows, (fault,) = read(path)
    assert rows == [] and fault.startswith("a.csv:2: ")
    assert time.process_time() - start < 5


def test_many_quotes_are_refused_without_delay(write, read):
    path = write("a.csv", 'en,ko\na,"' + '""' * 400_000 + "\nb,c\n")
    start = time.process_time()
    assert read(path)[1][0].startswith("a.csv:2: ")
    assert time.process_time() - start < 5


def test_a_bad_line_within_a_row_is_told_beside_the_quote_it_leaves_open(write, read):
    _, faults = read(write("a.csv", b'en,ko\na,"b\n\xff\n'))
    assert [fault.split(":")[1] for fault in faults] == ["3", "2"]


def test_a_bad_line_within_a_row_costs_the_whole_row(write, read):
    rows, (fault,) = read(write("a.csv", b'en,ko\n"a\n\xff\n","b"\nc,d\n'))
    assert rows == [{"en": "c", "ko": "d", "line": 5}]
    assert fault.startswith("a.csv:3: byte 1 of the line")
