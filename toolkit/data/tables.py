"""Files with named columns: tabs, commas, JSON lines, Parquet."""

import csv
import json
import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from toolkit.data.faults import BadData, Fault
from toolkit.data.lines import LONGEST_LINE, Line, check_file, read_lines
from toolkit.data.source import (
    BLANK,
    EMPTY,
    LINE,
    MOST_FAULTS,
    NESTED,
    Row,
    Source,
    choose_columns,
    flattened,
    typed_row,
    with_languages,
    without_trailing_blanks,
)

Cells = tuple[int, list[str]]  # the line at which a row starts, and its cells


class Grid(Source):
    """A text file whose first row names the columns and whose rows all have as many cells."""

    def __init__(self, path: str, wanted: Sequence[str] | None = None, optional: Sequence[str] = ()) -> None:
        self.path = path
        header = next(self.rows(), None)
        if header is None:
            raise BadData([Fault(path, None, EMPTY)])
        if isinstance(header, Fault):
            raise BadData([header])
        names = header[1]
        super().__init__(path, choose_columns(path, names, wanted, optional, line=1))
        self._width = len(names)
        self._places = [(name, names.index(name)) for name in self.columns if name in names]
        self._absent = {name: "" for name in self.columns if name not in names}

    @abstractmethod
    def rows(self) -> Iterator[Cells | Fault]:
        """Every row from the header on, with all its cells."""

    def __iter__(self) -> Iterator[Row | Fault]:
        """Rows after the header, and faults."""
        rows = self.rows()
        next(rows)
        for row in without_trailing_blanks(rows):
            if isinstance(row, Fault):
                yield row
                continue
            line, cells = row
            if len(cells) == self._width:
                yield {**{name: cells[place] for name, place in self._places}, **self._absent, LINE: line}
            else:
                yield Fault(self.path, line, self._miscounted(len(cells)))

    def _miscounted(self, count: int) -> str:
        few = count < self._width
        way_out = "Fill the missing ones" if few else "Look for a separator within a cell"
        return f"has too {'few' if few else 'many'} cells: {count} where the header has {self._width}. {way_out}."


class TabTable(Grid):
    """Cells between tabs. There is no quoting: a quote is a character like any other."""

    def rows(self) -> Iterator[Cells | Fault]:
        """Every line, cut at its tabs."""
        for line in read_lines(self.path):
            if line.fault is not None:
                yield line.fault
            elif not line.text.strip(" "):
                yield Fault(self.path, line.number, BLANK, spoils=False)
            else:
                yield line.number, line.text.split("\t")


# A cell of a CSV row up to and with its comma, and a quoted cell whatever comes after it. The quantifiers are
# possessive, or a text of many quotes would take quadratic time to be refused.
_QUOTED = r'"[^"]*+(?:""[^"]*+)*+"'
_FINISHED_CELL = re.compile(rf'(?:{_QUOTED}|[^",][^,]*+)?,')
_CLOSED_QUOTE = re.compile(_QUOTED)


class CommaTable(Grid):
    """Comma-separated values after RFC 4180: cells in quotes may hold commas, line breaks and doubled quotes."""

    def rows(self) -> Iterator[Cells | Fault]:
        """Every row, which may span lines; a line break within a cell reads as one newline character."""
        # The limit on a cell is one for the whole process and smaller than ours, so it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
        taken: list[Line] = []  # the lines of the row being read
        parsed = csv.reader(self._feed(taken), strict=True)
        while True:
            taken.clear()
            problem = ""
            try:
                cells = next(parsed)
            except StopIteration:
                return
            except csv.Error as error:
                problem = f"is not valid CSV: {error}. Put the cell in quotes, and double each quote within it."
                if (opening := _open_quote(taken)) is not None:
                    raise self._endless(taken, opening) from error
            faults = [line.fault for line in taken if line.fault is not None]
            line = taken[0].number
            if faults:
                yield from faults
            elif problem:
                yield Fault(self.path, line, problem)
            elif not "".join(cells).strip(" ") and len(cells) < 2:
                yield Fault(self.path, line, BLANK, spoils=False)
            else:
                yield line, cells

    def _feed(self, taken: list[Line]) -> Iterator[str]:
        """Lines for the parser, noted in `taken`; refuses a row that goes on and on."""
        size = 0
        for line in read_lines(self.path):
            size = len(line.text) + 1 + (size if taken else 0)
            taken.append(line)
            if size > LONGEST_LINE:
                raise self._endless(taken, _open_quote(taken) or 0)
            yield line.text + "\n"

    def _endless(self, taken: list[Line], opening: int) -> BadData:
        sentence = (
            f"a cell in quotes opens here and is not closed as it should within {LONGEST_LINE:,} characters, so where "
            'the next row starts cannot be known. Close the quote, or write "" for a quote within such a cell.'
        )
        faults = [line.fault for line in taken if line.fault is not None]
        return BadData([*faults, Fault(self.path, taken[0].number + opening, sentence)])


def _open_quote(lines: Sequence[Line]) -> int | None:
    """How many lines into a refused row the cell in quotes opens that spoilt it; None where it spoils one line."""
    text = "\n".join(line.text for line in lines)
    start = 0
    while cell := _FINISHED_CELL.match(text, start):
        start = cell.end()
    # A quote that closes on its own line is a slip within this row; any other may have swallowed rows.
    if len(lines) == 1 and (text[start : start + 1] != '"' or _CLOSED_QUOTE.match(text, start)):
        return None
    return text.count("\n", 0, start)


class JsonLines(Source):
    """One JSON object per line. There is no header: the first object says which fields there are."""

    def __init__(self, path: str, wanted: Sequence[str] | None = None, optional: Sequence[str] = ()) -> None:
        self.path = path
        self._optional = optional
        faults = []
        for item in islice(self._objects(), MOST_FAULTS):
            if not isinstance(item, Fault):
                super().__init__(path, choose_columns(path, list(item[1]), wanted, optional, line=item[0]))
                return
            faults.append(item)
        raise BadData(faults or [Fault(path, None, EMPTY)])

    def __iter__(self) -> Iterator[Row | Fault]:
        """One row per object, and faults."""
        for item in without_trailing_blanks(self._objects()):
            yield item if isinstance(item, Fault) else typed_row(self.path, *item, self.columns, self._optional)

    def _objects(self) -> Iterator[tuple[int, Mapping[str, object]] | Fault]:
        for number, text, fault in read_lines(self.path):
            if fault is not None:
                yield fault
            elif not text.strip():
                yield Fault(self.path, number, BLANK, spoils=False)
            else:
                yield self._object(number, text)

    def _object(self, number: int, text: str) -> tuple[int, Mapping[str, object]] | Fault:
        if number == 1 and text.lstrip().startswith("["):
            sentence = "is one JSON array. Write one object per line, without brackets and commas around them."
            raise BadData([Fault(self.path, number, sentence)])
        try:
            value = _DECODER.decode(text)
        except json.JSONDecodeError as error:
            place = f"is not valid JSON at column {error.colno}: {error.msg}"
        except (ValueError, RecursionError) as error:
            place = f"is not valid JSON: {error}"
        else:
            if isinstance(value, dict):
                return number, flattened(value)
            place = f"holds a JSON {'array' if isinstance(value, list) else 'value'} that is no object"
        return Fault(self.path, number, f"{place}. Write one whole object per line.")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


# Numbers stay the text they were written as, so that 1.10 is not read as 1.1.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_refuse_constant)


class ParquetTable(Source):
    """A Parquet file. Its rows are counted from 1, as there are no lines."""

    def __init__(self, path: str, wanted: Sequence[str] | None = None, optional: Sequence[str] = ()) -> None:
        check_file(path)
        self.path = path
        with self._opened() as file:
            schema = file.schema_arrow
        inside = schema.field(NESTED).type if schema.names.count(NESTED) == 1 else None
        languages = [field.name for field in inside] if inside is not None and pa.types.is_struct(inside) else []
        names = with_languages(schema.names, languages)
        super().__init__(path, choose_columns(path, names, wanted, optional))
        self._optional = optional
        nested = NESTED if any(name in languages for name in self.columns) else ""
        self._present = [name for name in schema.names if name in self.columns or name == nested]

    def __iter__(self) -> Iterator[Row | Fault]:
        """One row per row, and faults."""
        line = 0
        with self._opened() as file:
            batches = file.iter_batches(batch_size=1000, columns=self._present)
            while (batch := self._next(batches, line)) is not None:
                for place in range(batch.num_rows):
                    line += 1
                    try:
                        values = {name: batch[name][place].as_py() for name in self._present}
                    except UnicodeDecodeError as error:
                        yield Fault(self.path, line, f"is not UTF-8 ({error.reason}). Write the texts as UTF-8.")
                    else:
                        yield typed_row(self.path, line, flattened(values), self.columns, self._optional)

    def _opened(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self.path)
        except (pa.ArrowException, OSError) as error:
            sentence = f"cannot be read as Parquet ({error}). Write the file again."
            raise BadData([Fault(self.path, None, sentence)]) from error

    def _next(self, batches: Iterator[pa.RecordBatch], line: int) -> pa.RecordBatch | None:
        try:
            return next(batches, None)
        except (pa.ArrowException, OSError) as error:
            sentence = f"cannot be read as Parquet any further ({error}). Write the file again."
            raise BadData([Fault(self.path, line + 1, sentence)]) from error
