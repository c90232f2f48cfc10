"""Folders, and files whose format has no columns: which of the ways in which people label recordings one follows."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

from toolkit.data.elan import ElanTiers
from toolkit.data.faults import BadData, Fault
from toolkit.data.frame_labels import FrameLabels, read_mapping
from toolkit.data.labels import FRAMES, SECONDS, Asked, Labels, ManyFiles, label_columns, words_column
from toolkit.data.lines import read_lines
from toolkit.data.recordings import BESIDE, Recordings, is_recording, with_slash
from toolkit.data.source import LINE, Row, Source, fault_of
from toolkit.data.subtitles import LabelTrack, Subtitles, is_label_track
from toolkit.data.transcripts import LIST_ENDING, Transcript, TranscriptList

GROUND_TRUTH = "groundTruth"
BUNDLE = ".bundle"
_TABLE_NAMES = ("metadata", "labels", "transcripts")
_TABLE_ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")
_SPLITS = {"train", "training", "validation", "valid", "val", "dev", "test", "testing"}
_NOTES = {"readme", "license", "licence", "copying"}  # texts that belong to no recording
_USABLE = (
    "a table (metadata, labels or transcripts, as .csv, .tsv, .jsonl or .parquet), *.trans.txt, groundTruth/*.txt, or "
    "a .txt, .srt, .vtt or .eaf beside each recording"
)


def table_in(path: str) -> str | None:
    """The table of a folder, if it has one.

    Raises:
        BadData: it has several, or one whose name does not say that it is about the whole folder (`train.csv`).
    """
    tables = sorted(name for name in os.listdir(path) if name.endswith(_TABLE_ENDINGS) and not name.startswith("."))
    found = [name for name in tables if os.path.splitext(name)[0] in _TABLE_NAMES] or tables
    if len(found) > 1 or found and os.path.splitext(found[0])[0] not in _TABLE_NAMES:
        raise BadData(
            [
                Fault(
                    path,
                    None,
                    f"holds tables: {', '.join(found)}. Name the one that is meant, as {os.path.join(path, found[0])}.",
                )
            ]
        )
    return os.path.join(path, found[0]) if found else None


def label_reader(path: str) -> Callable[[str, Asked, Recordings | None], Labels] | None:
    """What reads a file of labels for one recording, or none where it is no such file."""
    name = os.path.basename(path).lower()
    stem, ending = os.path.splitext(name)
    if ending in (".srt", ".vtt"):
        return Subtitles
    if ending == ".eaf":
        return ElanTiers
    if ending != ".txt" or stem in _NOTES:
        return None
    if name.endswith(LIST_ENDING):
        return TranscriptList
    try:
        return LabelTrack if is_label_track(path) else Transcript
    except BadData:  # nobody can read it: that costs the file, not the folder
        return Transcript


def open_folder(path: str, asked: Asked) -> Source:
    """The rows of a folder that has no table.

    In this order: labels per frame (`groundTruth`); where no words are wanted, every recording; labels beside
    recordings; and, where the words are called `label`, recordings in folders that are called as their class.

    Raises:
        BadData: nothing of this is there.
    """
    if os.path.basename(os.path.normpath(path)) == GROUND_TRUTH or os.path.isdir(os.path.join(path, GROUND_TRUTH)):
        return open_frame_labels(path, asked)
    folders = sorted(entry.name for entry in os.scandir(path) if entry.is_dir() and not entry.name.startswith("."))
    if folders and {name.lower() for name in folders} <= _SPLITS:
        raise BadData([Fault(path, None, f"holds splits: {', '.join(folders)}. Name one: {path}/{folders[0]}.")])
    files = list(_walk(path))
    recordings = [name for name in files if is_recording(name)]
    words = words_column(path, asked)
    if recordings and not words:
        return RecordingRows(path, asked, recordings)
    labels = [(name, reader) for name in files if (reader := label_reader(os.path.join(path, name))) is not None]
    if labels:
        return _beside(path, asked, recordings, labels)
    if recordings and words == "label" and not set(folders) <= set(BESIDE):
        return RecordingRows(path, asked, recordings)
    many = f"{len(recordings):,} recordings, but" if recordings else "no recordings and"
    raise BadData([Fault(path, None, f"holds {many} nothing that labels them. Put in {_USABLE}.")])


def _walk(path: str) -> Iterator[str]:
    """The files below a folder, relative to it, always in the same order; hidden ones are left out."""
    for place, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield os.path.normpath(os.path.relpath(os.path.join(place, name), path))


def _beside(
    path: str,
    asked: Asked,
    found: Sequence[str],
    labels: Sequence[tuple[str, Callable[[str, Asked, Recordings | None], Labels]]],
) -> Source:
    """Files of labels, and a fault for each recording that has none."""
    recordings = Recordings(path)
    readers = [partial(reader, os.path.join(path, name), asked, recordings) for name, reader in labels]
    unlabelled = dict.fromkeys(os.path.join(path, name) for name in found)
    for name, reader in labels:
        if reader is TranscriptList:  # it says itself which recordings it is about
            unlabelled.clear()
        with suppress(LookupError):  # which the reader will tell
            unlabelled.pop(recordings.find(os.path.splitext(name)[0]), None)
    sentence = "has no text or labels beside it (.txt, .srt, .vtt or .eaf). Add them, or move it away."
    faults = [Fault(recording, None, sentence) for recording in unlabelled]
    return ManyFiles(path, label_columns(path, asked, SECONDS), path, readers, faults)


class RecordingRows(Source):
    """Every recording below a folder, under the name of the outermost folder in it as `label`, if that is wanted.

    There are no lines, so rows are counted from 1.
    """

    def __init__(self, path: str, asked: Asked, recordings: Sequence[str]) -> None:
        super().__init__(path, label_columns(path, asked, ()))
        self.folder = with_slash(path)
        self._media, self._words = asked.media, words_column(path, asked)
        self._recordings = recordings

    def __iter__(self) -> Iterator[Row | Fault]:
        """One row per recording, and a fault for each that lies in no folder."""
        for line, name in enumerate(self._recordings, 1):
            label, inside, _ = name.partition(os.sep)
            if self._words and not inside:
                sentence = "lies in no folder that names its class. Move it into one."
                yield Fault(self.folder + name, None, sentence)
                continue
            if fault_of(self.folder + name):
                yield Fault(self.folder + name, None, "has a name that is not UTF-8. Rename it.")
                continue
            cells = {self._media: self.folder + name, self._words: label}
            yield {**{column: cells.get(column, "") for column in self.columns}, LINE: line}


def open_frame_labels(path: str, asked: Asked) -> Source:
    """Labels per frame in the layout of MS-TCN: `groundTruth/*.txt`, a `mapping.txt`, and recordings beside them.

    Args:
        path: the folder of all this, its `groundTruth`, or a `.bundle` that lists files of it, one per line.
        asked: the columns.

    Raises:
        BadData: there is nothing in it.
    """
    root, names = path, None
    if path.endswith(BUNDLE):
        above = os.path.dirname(path)
        root = above if os.path.isdir(os.path.join(above, GROUND_TRUTH)) else os.path.dirname(above)
        names = [os.path.basename(line.text.strip()) for line in read_lines(path) if line.text.strip()]
    elif os.path.basename(os.path.normpath(path)) == GROUND_TRUTH:
        root = os.path.dirname(os.path.normpath(path))
    truth = os.path.join(root, GROUND_TRUTH)
    if names is None:
        names = sorted(name for name in os.listdir(truth) if name.endswith(".txt"))
    if not names:
        raise BadData([Fault(path, None, f"names no file of {truth}. Give at least one.")])
    recordings, known = Recordings(root), read_mapping(os.path.join(root, "mapping.txt"))
    files = [partial(FrameLabels, os.path.join(truth, name), asked, recordings, known) for name in names]
    return ManyFiles(path, label_columns(path, asked, FRAMES), root, files)
