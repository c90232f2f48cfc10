"""Which reader a path asks for."""

import os
from collections.abc import Callable, Sequence
from pathlib import PurePath

from toolkit.data.faults import BadData, Fault
from toolkit.data.parallel import ParallelLines
from toolkit.data.source import EMPTY, Source
from toolkit.data.tables import CommaTable, JsonLines, ParquetTable, TabTable

_TEXT_READERS: dict[str, Callable[[str, Sequence[str] | None], Source]] = {
    ".tsv": TabTable,
    ".csv": CommaTable,
    ".jsonl": JsonLines,
    ".json": JsonLines,
}


def open_source(path: str, wanted: Sequence[str] | None = None) -> Source:
    """The rows of a file, or of two parallel files typed as `a.en,a.de`.

    Args:
        path: as the user typed it; its ending says how to read it.
        wanted: the columns that are read, or None for the first two.

    Raises:
        BadData: no such file, no row, no such column, or an ending nobody knows.
    """
    parts = path.split(",")
    if len(parts) == 2 and all(parts) and not os.path.exists(path):
        source: Source = ParallelLines((parts[0], parts[1]), wanted)
    else:
        source = _reader(path)(path, wanted)
    if next(iter(source), None) is None:
        raise BadData([Fault(path, None, EMPTY)])
    return source


def _reader(path: str) -> Callable[[str, Sequence[str] | None], Source]:
    plain = path.lower().removesuffix(".gz")
    ending = PurePath(plain).suffix
    if ending in _TEXT_READERS:
        return _TEXT_READERS[ending]
    if path.lower().endswith(".parquet"):
        return ParquetTable
    sentence = (
        f"no reader is known for {f'the ending `{ending}`' if ending else 'a name without an ending'}. Use "
        f"{', '.join(_TEXT_READERS)} (each also as .gz) or .parquet, or two parallel text files typed as a.en,a.de."
    )
    raise BadData([Fault(path, None, sentence)])
