"""Recordings: where the paths in a table lead, and which recording a file without paths belongs to."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath

from toolkit.data.faults import BadData, Fault
from toolkit.data.source import Row, Source

ENDINGS = (
    *(".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".oga", ".opus", ".wma", ".aif", ".aiff", ".amr", ".au", ".caf"),
    *(".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".wmv", ".flv", ".3gp", ".ogv"),
)
NAMES = ("file", "file_name", "path", "audio_filepath", "audio", "video")
"""What tables and datasets call the column of their recordings."""
BESIDE = ("", "video", "videos", "audio", "clips", "wavs")  # where label sets keep their recordings

_LANGUAGE = re.compile(r"\.[A-Za-z]{2,3}(?:-\w+)?")


def is_recording(name: str) -> bool:
    """Whether the ending is one of those that recordings have."""
    return name.lower().endswith(ENDINGS)


def with_slash(folder: str) -> str:
    """A folder as it stands before a path; the working directory is nothing.

    >>> with_slash("clips"), with_slash("")
    ('clips/', '')
    """
    return os.path.join(folder, "") if folder else ""


class Recordings:
    """The recordings in a folder, found by the name without its ending.

    Each folder is listed once, so that thousands of names cost no search each.

    Args:
        folder: where the names start; recordings may also lie in a `video`, `videos`, `audio`, `clips` or `wavs` in it.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._listed: dict[str, dict[str, list[str]]] = {}

    def find(self, name: str) -> str:
        """The path of the recording of this name, which starts with the folder.

        Args:
            name: with or without its ending, which may be followed by that of a language (`talk.en` for `talk.mp4`).

        Raises:
            LookupError: none or several; the message is one sentence with the way out.
        """
        head, tail = os.path.split(name)
        ending = PurePath(tail).suffix
        shorter = [tail.removesuffix(ending)] if is_recording(tail) or _LANGUAGE.fullmatch(ending) else []
        for wanted in [tail, *shorter]:
            for beside in BESIDE:
                place = os.path.join(beside, head)
                found = self._in(place).get(wanted, [])
                if is_recording(tail) and tail in found:
                    return os.path.join(self.folder, place, tail)
                if len(found) > 1:
                    listed = " and ".join(found)
                    raise LookupError(f"belongs to several recordings: {listed}. Keep one, or name it in a table.")
                if found:
                    return os.path.join(self.folder, place, found[0])
        place = os.path.join(self.folder, head).rstrip(os.sep) or "."
        raise LookupError(f"has no recording `{tail}` with an ending such as .wav or .mp4 in {place}. Put it there.")

    def _in(self, place: str) -> dict[str, list[str]]:
        """File names by what comes before the ending."""
        if place not in self._listed:
            by_stem: dict[str, list[str]] = {}
            path = os.path.join(self.folder, place) or "."
            for name in sorted(os.listdir(path)) if os.path.isdir(path) else ():
                if is_recording(name) and not name.startswith("."):
                    by_stem.setdefault(PurePath(name).stem, []).append(name)
            self._listed[place] = by_stem
        return self._listed[place]


class Located(Source):
    """The rows of a source with paths that lead to its recordings from the working directory.

    Args:
        source: its paths are relative to `folder`; absolute ones and addresses (`https://…`) stay as they are.
        folder: where the table lies.
        column: which of the source's columns holds the paths.
        media: what that column is called in the rows.
    """

    def __init__(self, source: Source, folder: str, column: str, media: str) -> None:
        super().__init__(source.path, tuple(media if name == column else name for name in source.columns))
        self.source, self.column, self.media = source, column, media
        self._before = with_slash(folder)
        self.folder = self._before or source.folder

    def __iter__(self) -> Iterator[Row | Fault]:
        """The rows of the source, and its faults."""
        for item in self.source:
            if isinstance(item, Fault):
                yield item
                continue
            path = str(item[self.column])
            if not path.strip():
                yield Fault(self.path, int(item["line"]), f"`{self.column}` is empty. Name the recording.")
                continue
            row = {(self.media if name == self.column else name): cell for name, cell in item.items()}
            yield {**row, self.media: path if "://" in path else os.path.join(self._before, path)}


def open_located(
    open_table: Callable[[Sequence[str]], Source], folder: str, wanted: Sequence[str], media: str
) -> Source:
    """A table that calls its recordings as it likes: `media`, or any of the `NAMES`.

    Args:
        open_table: opens it with these wanted columns.
        folder: where its paths start.
        wanted: the columns that it must have, `media` among them.
        media: what the column of the recordings is called in the rows.

    Raises:
        BadData: what the table says when asked for `media`, if none of the names does.
    """
    first: BadData | None = None
    for column in dict.fromkeys([media, *NAMES]):
        try:
            return Located(open_table([column if name == media else name for name in wanted]), folder, column, media)
        except BadData as error:
            first = first or error
    assert first is not None
    raise first
