"""What every reader gives: the wanted cells of each row, and the faults, in the order of the file."""

import difflib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from numbers import Number
from typing import Any, TypeVar

from toolkit.data.faults import BadData, Fault
from toolkit.data.lines import LONGEST_LINE

Row = dict[str, str | int]
Record = TypeVar("Record")

BLANK = "is blank. Remove the line, or fill it."
EMPTY = "is empty. Give a file with at least one row."
LONGEST_LIST = 20  # names in a sentence; a hostile header has a hundred thousand, and so has the fault of each row
MOST_FAULTS = 100_000  # more are not worth their memory: it is the wrong file
LINE = "line"  # the column that says where a row stands
MADE = ("labels", "input_ids", "attention_mask", "source_length", "target_length")  # columns that encoding adds
NESTED = "translation"  # the column that may hold a text per language
LISTED_IN = "listed_in"  # the column that says in which file that line is, where a split is read from several


class Source(ABC):
    """A file, a pair of files or a Hub split that can be read from the start any number of times.

    Iterating gives, for each row, its wanted cells as texts and its `line`, or the fault that keeps the row out. A
    fault that makes the rest unreadable is raised as `BadData`.

    Args:
        path: as the user typed it.
        columns: the columns that are read, in the order they were asked for.

    Attributes:
        folder: what was put before the paths in the rows, where paths are among them; ends in a slash.
    """

    folder = ""
    if_empty = "has no usable row. Give a file with at least one."

    def __init__(self, path: str, columns: tuple[str, ...]) -> None:
        self.path = path
        self.columns = columns

    @abstractmethod
    def __iter__(self) -> Iterator[Row | Fault]:
        """Rows and faults in the order of the file."""


def choose_columns(
    path: str,
    present: Sequence[str],
    wanted: Sequence[str] | None,
    optional: Sequence[str] = (),
    *,
    line: int | None = None,
) -> tuple[str, ...]:
    """The wanted columns, or the first two that are present; then the optional ones, present or not.

    Args:
        path: as the user typed it.
        present: the names that the file has, in its order.
        wanted: the names that it must have.
        optional: the names that it may have; rows have an empty text where it does not.
        line: the one that holds the names, if one does.

    Raises:
        BadData: one fault per column that is not there exactly once.

    >>> choose_columns("train.tsv", ["en", "ko", "source"], None)
    ('en', 'ko')
    """
    listed = list_names(present)
    if wanted is None:
        if len(present) < 2:
            way_out = "Check what separates the columns or, to predict, name the one that is read."
            sentence = f"has one column ({listed}) where two are needed. {way_out}"
            raise BadData([Fault(path, line, sentence)])
        wanted = present[:2]
    faults = []
    chosen = dict.fromkeys([*wanted, *optional])
    for name in chosen:
        if name not in present:
            if name not in wanted:
                continue
            way_out = other_separator(name, present) or suggestion(name, present)
            sentence = f"has no column `{name}`; it has {listed or 'none'}.{way_out}"
        elif present.count(name) > 1:
            sentence = f"has several columns `{name}`. Rename all but one."
        elif name == LINE:
            sentence = f"uses `{LINE}` as the name of a column, which is taken for line numbers. Rename the column."
        elif name in MADE:
            sentence = f"uses `{name}` as the name of a column, which is taken for what rows become. Rename the column."
        elif not name:
            sentence = f"has a column without a name among {listed}. Give it one."
        else:
            continue
        faults.append(Fault(path, line, sentence))
    if faults:
        raise BadData(faults)
    return tuple(chosen)


def other_separator(name: str, present: Iterable[str]) -> str:
    """A sentence about what separates columns, where a name is only part of one that is present; else nothing.

    >>> other_separator("file", ["file;label"])
    ' Separate the columns by commas in a .csv file, by tabs in a .tsv file, not by `;`.'
    """
    for separator, shown in (("\t", "tabs"), (";", "`;`"), ("|", "`|`"), (",", "commas")):
        if any(name in whole.split(separator) and whole != name for whole in present):
            return f" Separate the columns by commas in a .csv file, by tabs in a .tsv file, not by {shown}."
    return ""


def suggestion(name: str, present: Iterable[str]) -> str:
    """A question that names the nearest of the names that are present, or nothing.

    >>> suggestion("Sorce", ["source", "target"])
    ' Did you mean `source`?'
    """
    names = {candidate.strip().lower(): candidate for candidate in islice(present, 1000) if len(candidate) < 100}
    near = difflib.get_close_matches(name.strip().lower(), names, n=1)
    return f" Did you mean `{names[near[0]]}`?" if near else ""


def list_names(names: Collection[str]) -> str:
    """Names as a sentence lists them: the first few, each cut where it is long.

    >>> list_names(["en", "de"])
    '`en`, `de`'
    """
    shown = [f"`{name if len(name) <= 40 else name[:40] + '…'}`" for name in islice(names, LONGEST_LIST)]
    return ", ".join([*shown, *([f"… ({len(names):,} in all)"] if len(names) > LONGEST_LIST else [])])


def without_trailing_blanks(records: Iterable[Record | Fault]) -> Iterator[Record | Fault]:
    """Leaves out the blank lines that end a file, and keeps those within it as faults."""
    first, count = None, 0  # a run of blank lines; kept as a number, because a file may end in millions
    for record in records:
        if isinstance(record, Fault) and record.sentence == BLANK:
            first = record if count == 0 else first
            count += 1
            continue
        if first is not None:
            yield from (replace(first, line=(first.line or 0) + number) for number in range(count))
        first, count = None, 0
        yield record


def flattened(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of a row, where `translation` is a text per language with each language as a column of its own.

    So the Hub's sets of translations have it, and what is downloaded from there.

    >>> flattened({"id": "7", "translation": {"en": "a", "de": "ein"}})
    {'en': 'a', 'de': 'ein', 'id': '7'}
    """
    inside = values.get(NESTED)
    if not isinstance(inside, Mapping):
        return values
    plain = {name: value for name, value in values.items() if name != NESTED}
    return {**{name: text for name, text in inside.items() if name not in plain}, **plain}


def with_languages(names: Sequence[str], languages: Iterable[str]) -> list[str]:
    """The names of columns that `flattened` gives: languages first, since beside them stands an id, if anything."""
    plain = [name for name in names if not (languages and name == NESTED)]
    return [name for name in languages if name not in plain] + plain


def typed_row(
    path: str, line: int, values: Mapping[str, object], columns: Sequence[str], optional: Sequence[str] = ()
) -> Row | Fault:
    """A row from values that carry a type, as in JSON, Parquet and on the Hub; numbers become their text.

    An optional column that is absent or null is an empty text.

    >>> typed_row("a.jsonl", 1, {"en": "three", "number": 3}, ["en", "number"])
    {'en': 'three', 'number': '3', 'line': 1}
    >>> print(typed_row("a.jsonl", 2, {"en": None}, ["en"]))
    a.jsonl:2: `en` is null where a text or a number is needed. Fill it, or remove the row.
    """
    row: Row = {}
    for name in columns:
        if name in optional and _is_null(values.get(name)):
            row[name] = ""
            continue
        if name not in values:
            listed = list_names(values) or "nothing"
            return Fault(path, line, f"has no `{name}`; it has {listed}.{suggestion(name, values)}")
        value = values[name]
        if fault := fault_of(value):
            return Fault(path, line, f"`{name}` {fault}")
        row[name] = str(value)
    row[LINE] = line
    return row


def _is_null(value: object) -> bool:
    return value is None or value != value  # NaN, which pandas writes for a missing cell, differs from itself


def fault_of(value: object) -> str | None:
    """Why a value cannot be a cell, as the rest of a sentence that starts with its name; none where it can."""
    if _is_null(value):
        return "is null where a text or a number is needed. Fill it, or remove the row."
    if isinstance(value, bool) or not isinstance(value, str | Number):
        return f"holds a {type(value).__name__} where a text or a number is needed. Write it as a text."
    if not isinstance(value, str):
        return None
    if "\0" in value:
        return f"has a NUL as character {value.index(chr(0)) + 1}. Remove it."
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        return f"has half a surrogate pair as character {error.start + 1}. Write the whole character."
    if size > LONGEST_LINE:
        return f"is longer than {LONGEST_LINE:,} bytes. Split it."
    return None
