import gzip
import os
import tracemalloc

import pytest

from toolkit.data import BadData
from toolkit.data.lines import LONGEST_LINE, read_lines


def texts(path):
    return [line.text for line in read_lines(path)]


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz", "a.TSV.GZ"])
def test_plain_and_gzipped_files_give_the_same_lines(write, name):
    text = "eins\nzwei\n\ndrei 🦆"
    path = write(name.lower(), text)
    os.rename(path, name)
    assert [(line.number, line.text, line.fault) for line in read_lines(name)] == [
        (1, "eins", None),
        (2, "zwei", None),
        (3, "", None),
        (4, "drei 🦆", None),
    ]


def test_a_byte_order_mark_and_windows_line_ends_are_not_text(write):
    assert texts(write("a.tsv", b"\xef\xbb\xbfone\r\ntwo\r\n")) == ["one", "two"]


def test_a_byte_order_mark_is_a_character_anywhere_but_at_the_start(write):
    assert texts(write("a.tsv", "one\n\ufefftwo")) == ["one", "\ufefftwo"]


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r"])
def test_nothing_but_a_newline_splits_a_line(write, character):
    assert texts(write("a.tsv", f"one{character}two\nthree\n")) == [f"one{character}two", "three"]


def test_bytes_that_are_not_utf_8_are_placed_in_line_and_file(write):
    first, second, third = read_lines(write("a.tsv", b"good\nna\xefve \xff\ngood\n"))
    assert str(second.fault) == "a.tsv:2: byte 3 of the line (0xef) is not UTF-8. Save the file as UTF-8."
    assert (first.fault, third.fault) == (None, None)


def test_the_byte_is_counted_with_the_mark_that_opens_the_file(write):
    (line,) = read_lines(write("a.tsv", b"\xef\xbb\xbfna\xefve"))
    assert "byte 6 of the line (0xef)" in str(line.fault)


def test_a_nul_is_a_fault(write):
    faults = [line.fault for line in read_lines(write("a.tsv", b"a\nb\0c\nd"))]
    assert faults[0] is faults[2] is None
    assert str(faults[1]).startswith("a.tsv:2: character 2 of the line is a NUL. Remove it")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_utf_16_is_named(write, encoding):
    with pytest.raises(BadData, match=r"^a\.tsv:1: is UTF-16 .* Save the file as UTF-8\.$"):
        texts(write("a.tsv", "en\tko\n".encode(encoding)))


def test_the_longest_line_is_read_and_one_byte_more_is_a_fault(write):
    long = "x" * (LONGEST_LINE - 1)
    lines = list(read_lines(write("a.tsv", f"{long}\n{long}y\nz\n{long}yy")))
    assert [(line.number, len(line.text)) for line in lines] == [(1, LONGEST_LINE - 1), (2, 0), (3, 1), (4, 0)]
    assert lines[1].fault is not None and "is longer than 1,048,576 bytes" in str(lines[1].fault)
    assert lines[3].fault is not None and lines[3].fault.line == 4


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz"])
def test_a_line_that_is_too_long_is_never_held(write, name):
    path = write(name, b"first\n" + b"x" * 3_000_000 + b"\nlast\n")
    tracemalloc.start()
    try:
        lines = list(read_lines(path))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [line.text for line in lines] == ["first", "", "last"] and lines[1].fault is not None
    assert peak_bytes < 2.5 * LONGEST_LINE  # the longest line and one copy of it, not the three million bytes


def test_a_file_that_is_not_there_is_said_with_the_folder_it_was_looked_up_from():
    with pytest.raises(BadData, match="^data/no.tsv: there is no such file. Check the path") as caught:
        texts("data/no.tsv")
    assert os.getcwd() in str(caught.value)


def test_a_folder_and_a_pipe_are_not_files():
    os.mkdir("folder.tsv")
    os.mkfifo("pipe.tsv")
    with pytest.raises(BadData, match="is a folder"):
        texts("folder.tsv")
    with pytest.raises(BadData, match="pipe cannot be read twice"):
        texts("pipe.tsv")


def test_a_file_that_may_not_be_read_is_one_sentence(write, monkeypatch):
    path = write("a.tsv", "x")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(BadData, match=r"^a\.tsv: cannot be read: Permission denied\.$"):
        texts(path)


def test_a_gzip_file_that_breaks_off_is_placed_after_its_last_whole_line():
    whole = gzip.compress(b"".join(os.urandom(20).hex().encode() + b"\n" for _ in range(2000)))
    with open("a.tsv.gz", "wb") as file:
        file.write(whole[:-5000])
    with pytest.raises(BadData, match=r"^a\.tsv\.gz:\d+: cannot be decompressed any further") as caught:
        texts("a.tsv.gz")
    (fault,) = caught.value.faults
    assert fault.line is not None and 1 < fault.line < 2000


@pytest.mark.parametrize(
    "damage", [b"plain text", gzip.compress(b"x" * 999, mtime=0)[:12] + b"\xff" * 40], ids=["plain", "damaged"]
)
def test_a_file_that_only_claims_to_be_gzipped_is_one_sentence(damage):
    with open("a.tsv.gz", "wb") as file:
        file.write(damage)
    with pytest.raises(BadData, match=r"^a\.tsv\.gz:1: cannot be decompressed any further"):
        texts("a.tsv.gz")
