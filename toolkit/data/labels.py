"""What formats of labels and transcripts have in common: spans of recordings, under names that the format lacks."""

import os
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from toolkit.data.faults import BadData, Fault
from toolkit.data.recordings import Recordings, with_slash
from toolkit.data.source import LINE, LISTED_IN, Row, Source, choose_columns, fault_of

SECONDS = ("start", "end")
FRAMES = ("start_frame", "end_frame")


class Span(NamedTuple):
    """Words or a label, and where in a recording they belong.

    Args:
        line: where the span stands in its file.
        start: as written; empty where it is the whole recording.
        end: as written.
        words: what is said, or what happens.
        recording: its name, relative to the folder of the recordings, with or without its ending.
        track: who or what the label is about; labels of one track do not overlap.
        times: the columns that the times belong to; none: those of its file.
    """

    line: int
    start: str
    end: str
    words: str
    recording: str
    track: str = ""
    times: Sequence[str] = ()


class Asked(NamedTuple):
    """What is asked of a file whose format has no names of columns.

    Args:
        wanted: columns that it must have: `media`, times, and one for the words.
        optional: columns that it may have.
        media: the column of the recordings.
    """

    wanted: Sequence[str]
    optional: Sequence[str]
    media: str


class Labels(Source):
    """A file of spans. The words go under the wanted column that neither names recordings nor tells times.

    Args:
        path: as the user typed it.
        asked: the columns.
        recordings: among which its own are found; none: those beside the file.
    """

    times: Sequence[str] = SECONDS

    def __init__(self, path: str, asked: Asked, recordings: Recordings | None = None) -> None:
        self.recordings = recordings or Recordings(os.path.dirname(path))
        self._media, self._words = asked.media, words_column(path, asked)
        super().__init__(path, label_columns(path, asked, self.times))
        self.folder = with_slash(self.recordings.folder)

    @property
    def own_name(self) -> str:
        """The name of the recording that the file lies beside, without its ending."""
        return os.path.splitext(os.path.relpath(self.path, self.recordings.folder or "."))[0]

    @abstractmethod
    def spans(self) -> Iterator[Span | Fault]:
        """Every span, in the order of the file."""

    def __iter__(self) -> Iterator[Row | Fault]:
        """One row per span whose recording is found, and faults; a recording that is missing is told once."""
        missing: set[str] = set()
        for item in self.spans():
            if isinstance(item, Fault):
                yield item
            elif item.recording not in missing:
                try:
                    recording = self.recordings.find(item.recording)
                except LookupError as error:
                    missing.add(item.recording)
                    yield Fault(self.path, item.line, str(error), spoils=False)
                else:
                    row = self._row(item, recording)
                    faults = (f"`{name}` {fault}" for name, cell in row.items() if (fault := fault_of(cell)))
                    problem = next(faults, None)
                    yield row if problem is None else Fault(self.path, item.line, problem)

    def _row(self, span: Span, recording: str) -> Row:
        start, end = span.times or self.times
        cells = {self._media: recording, start: span.start, end: span.end, self._words: span.words, "track": span.track}
        return {**{name: cells.get(name, "") for name in self.columns}, LINE: span.line}


def words_column(path: str, asked: Asked) -> str:
    """The wanted column that holds the words, or nothing where no words are wanted.

    Raises:
        BadData: there are several.
    """
    rest = [name for name in asked.wanted if name not in (asked.media, *SECONDS, *FRAMES, "track")]
    if len(rest) > 1:
        listed = ", ".join(f"`{name}`" for name in rest)
        sentence = f"holds one text per span, but several are wanted: {listed}. Give a table with these columns."
        raise BadData([Fault(path, None, sentence)])
    return rest[0] if rest else ""


def label_columns(path: str, asked: Asked, times: Sequence[str]) -> tuple[str, ...]:
    """The columns that rows of labels have, which count in these times.

    Raises:
        BadData: others are wanted.
    """
    words = words_column(path, asked)
    present = [asked.media, *times, *([words] if words else []), "track"]
    return choose_columns(path, present, asked.wanted, asked.optional)


class ManyFiles(Source):
    """Several files as one source; each row says in `listed_in` which of them its line belongs to.

    What makes one file unreadable costs that file alone.

    Args:
        path: what the user typed, which led to them.
        columns: of each of them.
        folder: that of their recordings.
        files: opens each file.
        faults: what is wrong besides.
    """

    def __init__(
        self,
        path: str,
        columns: tuple[str, ...],
        folder: str,
        files: Sequence[Callable[[], Source]],
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(path, (*columns, LISTED_IN))
        self.folder, self._files, self._faults = with_slash(folder), files, faults

    def __iter__(self) -> Iterator[Row | Fault]:
        """The rows and faults of all files, one file after the other."""
        for opened in self._files:
            try:
                source = opened()
                for item in source:
                    yield item if isinstance(item, Fault) else {**item, LISTED_IN: source.path}
            except BadData as error:
                yield from error.faults
        yield from self._faults
