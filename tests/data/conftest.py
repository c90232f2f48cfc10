"""Small files, and what a reader makes of them."""

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from toolkit.data import BadData, Fault
from toolkit.data.files import open_source


@pytest.fixture
def write() -> Callable[..., str]:
    """Writes a file into the test's own folder and gives the path as a user would type it."""

    def write(name: str, content: str | bytes = "") -> str:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        raw = content.encode() if isinstance(content, str) else content
        Path(name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return name

    return write


@pytest.fixture
def read() -> Callable[..., tuple[list[dict], list[str]]]:
    """The rows of a file without their lines, and its faults as a person reads them, the last one being fatal."""

    def read(
        path: str, wanted: list[str] | None = None, optional: Sequence[str] = (), media: str | None = None
    ) -> tuple[list[dict], list[str]]:
        rows, faults = [], []
        try:
            for item in open_source(path, wanted, optional, media=media):
                (faults if isinstance(item, Fault) else rows).append(item)
        except BadData as error:
            faults.extend(error.faults)
        return rows, [str(fault) for fault in faults]

    return read


@pytest.fixture
def label(read) -> Callable[[str], tuple[list[tuple], list[str]]]:
    """Rows as (recording, start, end, label, track, line), times in seconds or else in frames; and the faults."""

    def label(path: str) -> tuple[list[tuple], list[str]]:
        times = ["start", "end", "start_frame", "end_frame"]
        rows, faults = read(path, ["file", "label"], [*times, "track"], media="file")
        return [
            (row["file"], row["start"] or row["start_frame"], row["end"] or row["end_frame"])
            + (row["label"], row["track"], row["line"])
            for row in rows
        ], faults

    return label
