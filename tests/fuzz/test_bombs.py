"""Small files that ask for much: memory stays bounded, and the answer comes in time."""

import gzip
import json
import os

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.fuzz.keeper import GOOD
from tests.fuzz.readers import CUES, READERS
from tests.fuzz.search import checked
from toolkit.data import write_cues

MEGABYTE = 1 << 20


def endless_line(path: str) -> None:
    """Two gigabytes without a line break that take no room on the disk."""
    with open(path, "wb") as file:
        file.write(b"en\tde\n" if path.endswith("tsv") else b"")
        file.truncate(2 << 30)


def zipped(path: str) -> None:
    """A gigabyte of zeros in a megabyte."""
    with open(path, "wb") as file:
        file.write(gzip.compress(b"\0" * (64 * MEGABYTE), 1) * 16)


def brackets(path: str) -> None:
    with open(path, "wb") as file:
        file.write(b"[" + b"{}," * (40 * MEGABYTE) + b"{}]")


def one_tag(path: str) -> None:
    with open(path, "wb") as file:
        file.write(b'<ANNOTATION_DOCUMENT a="' + b"x" * (30 * MEGABYTE))


def one_text(path: str) -> None:
    """A text of a megabyte that stands once in the file and in each of its rows."""
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array(["x" * (MEGABYTE - 1)]))
    pq.write_table(pa.table({"en": column, "de": ["y"] * 3000}), path)


def one_line(path: str) -> None:
    """A line of a megabyte a hundred times, in a hundred kilobytes."""
    with gzip.open(path, "wb") as file:
        file.write(b"en\tde\n" + (b"x" * (MEGABYTE - 3) + b"\ty\n") * 100)


def odd_rate(path: str) -> None:
    with av.open(path, "w") as container:
        stream = container.add_stream("pcm_s16le", rate=767_975, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 80_000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 767_975
        container.mux(stream.encode(frame))


BOMBS = [
    ("a.tsv", endless_line),
    ("a.csv", endless_line),
    ("a.jsonl", endless_line),
    ("a.tsv.gz", zipped),
    ("a.tsv.gz", one_line),
    ("a.parquet", one_text),
    ("instants.json", brackets),
    ("a.eaf", one_tag),
    ("sound.wav", odd_rate),
]


@pytest.mark.slow
@pytest.mark.promise("H7")
@pytest.mark.parametrize(("name", "bomb"), BOMBS)
def test_a_small_file_takes_little_memory_and_time(keeper, name, bomb):
    keeper.fill({"a.wav": b""})
    bomb(os.path.join(keeper.given, name))
    verdict = checked(READERS[name], keeper.read(name, seconds=120))
    assert verdict.outcome in GOOD, verdict


def test_the_keeper_tells_every_kind_of_harm(keeper):
    """The process that reads is a fork made now, which knows no patches: harm is done by what is really there."""
    keeper.fill({"a.wav": b"", "a.srt": write_cues(CUES, "srt").encode(), "instants.json": json.dumps([]).encode()})
    assert keeper.read("a.srt").outcome == "rows"
    assert keeper.read("instants.json").outcome == "fault"
    assert keeper.read("a reader that is not there").outcome == "crash"
    assert keeper.read("a.srt").outcome == "rows"
    assert keeper.read("a.srt", seconds=0.0).outcome == "hang"
    (keeper.given / "a.srt").unlink()
    assert "there is no such file" in keeper.read("a.srt").told
