"""Rows to a dataset: an Arrow file on disk, or a stream that reads the source again at each pass."""

import atexit
import math
import os
import shutil
import tempfile
from collections.abc import Iterator

import pyarrow as pa  # type: ignore[import-untyped]
from datasets import Dataset, Features, IterableDataset, Value

from toolkit.data.faults import BadData, Fault
from toolkit.data.source import LINE, MOST_FAULTS, Row, Source

_BATCH_ROWS = 1_000
_BATCH_CHARACTERS = 1 << 22
_PACKED = (".gz", ".parquet")
MOST_GROWTH, SMALL_BYTES = 500, 1 << 25
"""How many times as large as a packed file its rows may be, and how large they may be in any case. Texts that people
write grow tenfold; only what repeats itself endlessly grows like this, and would fill the disk."""


def good_rows(source: Source, faults: list[Fault], *, skip_bad: bool = True) -> Iterator[Row]:
    """The rows that can be used; the faults of the others are appended to the list.

    Raises:
        BadData: not one good row, too many faults, or the first of them where bad rows may not be skipped.
    """
    is_empty = True
    for item in source:
        if not isinstance(item, Fault):
            is_empty = False
            yield item
            continue
        faults.append(item)
        if not skip_bad:
            raise BadData([item])
        if len(faults) > MOST_FAULTS:
            sentence = f"more than {MOST_FAULTS:,} rows are faulty. Check that this is the right file."
            raise BadData([Fault(source.path, None, sentence)])
    if is_empty:
        # Faulty rows are the reason where there are some, whoever chose among the others.
        raise BadData([Fault(source.path, None, Source.if_empty if faults else source.if_empty)])


def private_folder() -> str:
    """A new folder that goes with this process."""
    folder = tempfile.mkdtemp(prefix="toolkit-data-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def store(source: Source, faults: list[Fault]) -> Dataset:
    """The good rows of a source as a dataset on disk, of which only what is looked at is in memory.

    The file is private to this process and goes with it. Nothing is looked up in a cache, so a file that changed under
    the same name is read anew.

    Raises:
        BadData: as `good_rows`; or a packed file holds far more than its size lets one expect.
    """
    path = os.path.join(private_folder(), "rows.arrow")
    schema = pa.schema([*((name, pa.string()) for name in source.columns), (LINE, pa.int64())])
    most = _most_bytes(source.path)
    with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        for batch in _batches(good_rows(source, faults), source.columns):
            writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))
            if file.tell() > most:
                sentence = f"grows {MOST_GROWTH} times when it is unpacked. Stream it (`--streaming`), or unpack it."
                raise BadData([Fault(source.path, None, sentence)])
    return Dataset.from_file(path)


def _most_bytes(path: str) -> float:
    """What the rows of a file, or of several with commas between, may take on the disk."""
    packed = [part for part in path.split(",") if part.lower().endswith(_PACKED) and os.path.isfile(part)]
    return max(SMALL_BYTES, MOST_GROWTH * sum(map(os.path.getsize, packed))) if packed else math.inf


def _batches(rows: Iterator[Row], columns: tuple[str, ...]) -> Iterator[list[Row]]:
    """Rows in lists that are bounded in number and in characters."""
    batch: list[Row] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += sum(len(str(row[name])) for name in columns)
        if len(batch) == _BATCH_ROWS or characters > _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


class Stream:
    """Called by the library at each pass over a stream; `faults` holds each fault once."""

    def __init__(self, source: Source, faults: list[Fault], *, skip_bad: bool) -> None:
        self.source = source
        self.faults = faults
        self.skip_bad = skip_bad

    def __call__(self) -> Iterator[Row]:
        """The good rows from the start."""
        found: list[Fault] = []
        known, noted = set(self.faults), 0
        for row in good_rows(self.source, found, skip_bad=self.skip_bad):
            if len(found) > noted:
                self.faults.extend(fault for fault in found[noted:] if fault not in known)
                noted = len(found)
            yield row
        self.faults.extend(fault for fault in found[noted:] if fault not in known)


def stream(source: Source, faults: list[Fault], *, skip_bad: bool) -> IterableDataset:
    """The good rows of a source as a dataset that is never stored; the list of faults fills while it is read."""
    features = Features({**{name: Value("string") for name in source.columns}, LINE: Value("int64")})
    return IterableDataset.from_generator(Stream(source, faults, skip_bad=skip_bad), features=features)
