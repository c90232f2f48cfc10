"""Bytes to lines: UTF-8 text, plain or gzipped, one line in memory at a time."""

import gzip
import os
import zlib
from collections.abc import Iterator
from io import BufferedIOBase
from typing import NamedTuple

from toolkit.data.faults import BadData, Fault

LONGEST_LINE = 1 << 20  # bytes
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Line(NamedTuple):
    """One line of a file without its ending.

    A line with a fault still carries its text, unreadable bytes replaced, because a reader whose rows span lines needs
    the quotes in it. The text of a line that is too long is empty: it was never held.
    """

    number: int
    text: str
    fault: Fault | None = None


def check_file(path: str) -> None:
    """Raises `BadData` unless the path leads to a file that can be read again and again."""
    if os.path.isfile(path):
        return
    if os.path.isdir(path):
        sentence = "is a folder. Name a file in it."
    elif os.path.exists(path):
        sentence = "is no regular file, and a pipe cannot be read twice. Save it as a file first."
    else:
        sentence = f"there is no such file. Check the path (it is looked up from {os.getcwd()})."
    raise BadData([Fault(path, None, sentence)])


def read_lines(path: str) -> Iterator[Line]:
    r"""Lines of a text file, ended by `\n` or `\r\n` and by nothing else that Unicode calls a line break.

    Raises:
        BadData: where no line can be told from the next: no file, UTF-16, a broken gzip file.
    """
    check_file(path)
    number = 0
    try:
        with gzip.open(path) if path.lower().endswith(".gz") else open(path, "rb") as stream:
            for number, raw in enumerate(_raw_lines(stream), 1):  # noqa: B007, the handler below needs the number
                yield _line(path, number, raw)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        sentence = f"cannot be decompressed any further ({error}). Compress the file again."
        raise BadData([Fault(path, number + 1, sentence)]) from error
    except OSError as error:
        raise BadData([Fault(path, None, f"cannot be read: {error.strerror or error}.")]) from error


def _raw_lines(stream: BufferedIOBase) -> Iterator[bytes | None]:
    """Lines with their endings; None stands for a line that is too long to be held."""
    while raw := stream.readline(LONGEST_LINE + 1):
        if len(raw) <= LONGEST_LINE:
            yield raw
            continue
        while raw and not raw.endswith(b"\n"):
            raw = stream.readline(1 << 16)
        yield None


def _line(path: str, number: int, raw: bytes | None) -> Line:
    if raw is None:
        sentence = f"is longer than {LONGEST_LINE:,} bytes. Split it, or check that the file has line breaks."
        return Line(number, "", Fault(path, number, sentence))
    if number == 1 and raw.startswith(_UTF_16_MARKS):
        raise BadData([Fault(path, number, "is UTF-16 (it starts with that mark). Save the file as UTF-8.")])
    fault = None
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        text = raw.decode(errors="replace")
        place = f"byte {error.start + 1} of the line (0x{raw[error.start]:02x})"
        fault = Fault(path, number, f"{place} is not UTF-8. Save the file as UTF-8.")
    if fault is None and "\0" in text:
        sentence = f"character {text.index(chr(0)) + 1} of the line is a NUL. Remove it, or save the file as UTF-8."
        fault = Fault(path, number, sentence)
    text = text.removesuffix("\n").removesuffix("\r")
    return Line(number, text.removeprefix("\ufeff") if number == 1 else text, fault)
