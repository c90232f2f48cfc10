"""Which reader a path asks for."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import PurePath

from toolkit.data.boris import BorisEvents, is_boris
from toolkit.data.faults import BadData, Fault
from toolkit.data.folders import BUNDLE, GROUND_TRUTH, label_reader, open_folder, open_frame_labels, table_in
from toolkit.data.frame_labels import FrameLabels, Instants, starts_a_list
from toolkit.data.labels import Asked
from toolkit.data.lines import check_file
from toolkit.data.parallel import ParallelLines
from toolkit.data.recordings import Recordings, open_located
from toolkit.data.source import EMPTY, Source
from toolkit.data.tables import CommaTable, JsonLines, ParquetTable, TabTable

_TEXT_READERS: dict[str, Callable[[str, Sequence[str] | None, Sequence[str]], Source]] = {
    ".tsv": TabTable,
    ".csv": CommaTable,
    ".jsonl": JsonLines,
    ".json": JsonLines,
}
_LABEL_ENDINGS = ".srt, .vtt, .eaf, .txt, .bundle"


def open_source(
    path: str, wanted: Sequence[str] | None = None, optional: Sequence[str] = (), *, media: str | None = None
) -> Source:
    """The rows of a file, of two parallel files typed as `a.en,a.de`, or of a folder of recordings.

    Args:
        path: as the user typed it; its ending, and for some its first line, says how to read it.
        wanted: the columns that are read, or None for the first two.
        optional: columns that are read where the file has them.
        media: which of the wanted columns holds paths of recordings; only then folders and label formats are known.

    Raises:
        BadData: no such file, no row, no such column, or an ending nobody knows.
    """
    parts = path.split(",")
    if media is not None and wanted is not None:
        source = _recordings(path, Asked(wanted, optional, media))
    elif len(parts) == 2 and all(parts) and not os.path.exists(path):
        source = ParallelLines((parts[0], parts[1]), wanted, optional)
    else:
        source = _table_reader(path)(path, wanted, optional)
    if next(iter(source), None) is None:
        raise BadData([Fault(path, None, EMPTY)])
    return source


def _recordings(path: str, asked: Asked) -> Source:
    """Rows about recordings: a format of labels, or a table."""
    if os.path.isdir(path):
        table = table_in(path)
        if table is None:
            return open_folder(path, asked)
        path = table
    if path.endswith(BUNDLE):
        return open_frame_labels(path, asked)
    folder, name = os.path.split(path)
    ending = PurePath(name.lower()).suffix
    check_file(path)
    if ending == ".txt" and os.path.basename(folder) == GROUND_TRUTH:
        return FrameLabels(path, asked, Recordings(os.path.dirname(folder)))
    if (reader := label_reader(path)) is not None:
        return reader(path, asked, None)
    if ending == ".json" and starts_a_list(path):
        return Instants(path, asked)
    if ending in (".csv", ".tsv") and is_boris(path):
        return BorisEvents(path, asked)
    open_table = partial(_table_reader(path, f", {_LABEL_ENDINGS}, or a folder"), path)
    return open_located(lambda wanted: open_table(wanted, asked.optional), folder, asked.wanted, asked.media)


def _table_reader(
    path: str, others: str = ", or two parallel text files typed as a.en,a.de"
) -> Callable[[str, Sequence[str] | None, Sequence[str]], Source]:
    plain = path.lower().removesuffix(".gz")
    ending = PurePath(plain).suffix
    if ending in _TEXT_READERS:
        return _TEXT_READERS[ending]
    if path.lower().endswith(".parquet"):
        return ParquetTable
    sentence = (
        f"no reader is known for {f'the ending `{ending}`' if ending else 'a name without an ending'}. Use "
        f"{', '.join(_TEXT_READERS)} (each also as .gz) or .parquet{others}."
    )
    raise BadData([Fault(path, None, sentence)])
