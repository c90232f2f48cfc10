"""Every reader of files under one face: what it is given, what it may answer, and whole files to start from."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq

from tests.fuzz.seeds import FILMS, MODELS, SOUNDS, film_bytes, model_files, sound_bytes
from toolkit import pipeline
from toolkit.data import BadData, Cue, DataArguments, load_splits, parse_frame, parse_seconds, write_cues
from toolkit.media.audio import audio_seconds, read_audio, stream_audio
from toolkit.media.faults import MediaError
from toolkit.media.video import VideoFile

Files = Mapping[str, bytes]
TIMES = ("start", "end", "start_frame", "end_frame", "track")
"""What a table of labels may say of when."""


@dataclass(frozen=True)
class Reader:
    """One way into the project for files that somebody else wrote.

    Args:
        family: "tables", "labels", "sound", "films" or "models".
        path: as the user types it.
        damaged: the file that is damaged.
        seeds: whole inputs; all other files stay as they are.
        read: reads the path to its end; gives the faults of single rows.
        own_faults: what it may raise, and nothing else.
        most_megabytes: of memory, beyond what is taken when nothing is read.
    """

    family: str
    path: str
    damaged: str
    seeds: Callable[[], Sequence[Files]]
    read: Callable[[str], Sequence[str]]
    own_faults: tuple[type[Exception], ...] = (BadData,)
    most_megabytes: float = 100.0


def read_rows(path: str) -> list[str]:
    """Reads a table of texts as a recipe does: its first two columns, to a file on disk."""
    return _faults(DataArguments(train_file=path, validation_file=path, check_only=True, skip_bad=True), None)


def read_labels(path: str) -> list[str]:
    """Reads labels as a recipe does, and their times."""
    arguments = DataArguments(train_file=path, validation_file=path, check_only=True, skip_bad=True)
    return _faults(arguments, ["file", "label"], TIMES, media="file")


def _faults(
    arguments: DataArguments, columns: list[str] | None, optional: Sequence[str] = (), media: str | None = None
) -> list[str]:
    splits = load_splits(arguments, columns, optional, media=media).values()
    for row in (row for split in splits for row in split.dataset):
        for name, cell in row.items():
            with suppress(ValueError):  # the sentence that the check of the rows tells
                (parse_frame if name.endswith("_frame") else parse_seconds)(cell) if name in optional else None
    return [str(fault) for split in splits for fault in split.faults]


def hear(path: str) -> list[str]:
    """Reads a recording whole, in blocks and in part."""
    assert audio_seconds(path) >= 0
    count = sum(len(block.samples) for block in stream_audio(path, block_seconds=1.0))
    assert len(read_audio(path).samples) == count
    read_audio(path, start_seconds=0.05, end_seconds=0.1)
    return []


def watch(path: str) -> list[str]:
    """Looks at every frame of a film, first of what is whole, then of what is there."""
    faults = []
    for partial in (False, True):
        film = VideoFile(path, partial=partial)
        try:
            header = film.header
            frames = sum(len(clip.frames) for clip in film.frames(size=(16, 16)))
            assert frames == header.frames > 0 and header.duration_seconds >= 0 and header.frames_per_second > 0
            list(film.frames(frames_per_second=5.0, size=(16, 16)))
            film.frame(frames - 1)
        except MediaError as error:
            if partial:
                raise
            faults.append(str(error))
    return faults


def load(task: str) -> Callable[[str], list[str]]:
    """Loads a model folder."""

    def read(path: str) -> list[str]:
        pipeline(task, path)
        return []

    return read


def _table(separator: str) -> bytes:
    rows = [("en", "de", "n"), ("dog", "Hund", "1"), ("cat", "Katze", "2"), ("a cow", "eine Kuh", "3")]
    return "".join(separator.join(row) + "\n" for row in rows).encode()


def _objects() -> bytes:
    return b"".join(b'{"en": "dog \\u00e9", "de": "Hund", "n": %d}\n' % number for number in range(3))


@cache
def _parquet() -> bytes:
    file = BytesIO()
    columns = {"en": ["dog", "cat", "a cow"] * 5, "de": ["Hund", "Katze", "eine Kuh"] * 5, "n": list(range(15))}
    pq.write_table(pa.table(columns), file, row_group_size=5)
    return file.getvalue()


CUES = [Cue(0.5, 2.0, "jump & <b>run</b>"), Cue(2.0, 3.25, "turn"), Cue(3.5, 3.5, "stop")]
TIMES = "file,start,end,label\na.wav,1,2,x\na.wav,2.5,0:03.5,y\n"
FRAMES = '{"file": "a.wav", "start_frame": 1, "end_frame": 2, "label": "x"}\n' * 2
INSTANTS = [{"video": "a", "num_frames": 90, "events": [{"frame": 1, "label": "x"}, {"frame": 7, "label": "y"}]}]
BORIS = "Observation id,Media file,Subject,Behavior,Behavior type,Time\n" + "".join(
    f"o,a.wav,s,{event}\n" for event in ("run,START,1", "x,POINT,1.5", "run,STOP,2")
)
SPANS = "Observation id\tMedia file\tSubject\tBehavior\tStart (s)\tStop (s)\no\ta.wav\ts\tx\t1.5\t2\n"
FOLDER = {"set/a.wav": b"", "set/videos/b.mp4": b"", "set/a.srt": write_cues(CUES, "srt").encode()}
TRUTH = {"a.wav": b"", "mapping.txt": b"0 x\n1 y\n", "groundTruth/a.txt": b"x\nx\ny\n", "set.bundle": b"a.txt\n"}

_TABLES: dict[str, Callable[[], bytes]] = {
    "a.tsv": lambda: _table("\t"),
    "a.csv": lambda: _table(","),
    "a.jsonl": _objects,
    "a.parquet": _parquet,
    "a.tsv.gz": lambda: gzip.compress(_table("\t"), mtime=0),
    "a.csv.gz": lambda: gzip.compress(_table(","), mtime=0),
    "a.jsonl.gz": lambda: gzip.compress(_objects(), mtime=0),
}
_LABELS: dict[str, Callable[[], bytes]] = {
    "a.srt": lambda: write_cues(CUES, "srt").encode(),
    "a.vtt": lambda: write_cues(CUES, "vtt").encode(),
    "a.eaf": lambda: write_cues(CUES, "eaf", media="a.wav").encode(),
    "a.txt": lambda: write_cues(CUES, "audacity").encode(),
    "table.csv": TIMES.encode,
    "table.tsv": lambda: TIMES.replace(",", "\t").encode(),
    "table.jsonl": FRAMES.encode,
    "instants.json": lambda: json.dumps(INSTANTS).encode(),
    "boris.csv": BORIS.encode,
    "boris.tsv": SPANS.encode,
    "list.trans.txt": lambda: b"a WHAT IS SAID\n",
}


def _readers() -> Iterator[tuple[str, Reader]]:
    for name, content in _TABLES.items():
        yield name, Reader("tables", name, name, lambda name=name, content=content: [{name: content()}], read_rows)
    pair = {"a.en": b"dog\ncat\na cow\n", "a.de": "Hund\nKatze\nKühe\n".encode()}
    yield "a.en,a.de", Reader("tables", "a.en,a.de", "a.de", lambda: [pair], read_rows)
    for name, content in _LABELS.items():
        seeds = lambda name=name, content=content: [{"a.wav": b"", name: content()}]  # noqa: E731
        yield name, Reader("labels", name, name, seeds, read_labels)
    yield "folder", Reader("labels", "set", "set/a.srt", lambda: [FOLDER], read_labels)
    for name in ("groundTruth/a.txt", "set.bundle", "mapping.txt"):
        path = "set.bundle" if name == "mapping.txt" else name
        yield name, Reader("labels", path, name, lambda: [TRUTH], read_labels)
    for name in SOUNDS:
        seeds = lambda name=name: [{name: sound_bytes(name)}]  # noqa: E731
        yield name, Reader("sound", name, name, seeds, hear, (MediaError,), 300.0)
    for name in FILMS:
        seeds = lambda name=name: [{name: film_bytes(name)}]  # noqa: E731
        yield name, Reader("films", name, name, seeds, watch, (MediaError,), 500.0)
    for (kind, task), names in MODELS.items():
        for name in names:
            path, seeds = f"{kind}/{name}", lambda kind=kind: [model_files(kind)]
            yield path, Reader("models", kind, path, seeds, load(task), (ValueError, OSError), 500.0)


READERS = dict(_readers())


def of_family(family: str) -> list[str]:
    """The names of a family's readers."""
    return [name for name, reader in READERS.items() if reader.family == family]
