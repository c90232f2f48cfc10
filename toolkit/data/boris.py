"""Events that BORIS (Friard and Gamba, 2016) exports as a table, aggregated or one by one."""

import os
import re
from collections.abc import Iterator

from toolkit.data.faults import BadData, Fault
from toolkit.data.labels import Asked, Labels, Span
from toolkit.data.lines import read_lines
from toolkit.data.source import LINE, Source
from toolkit.data.tables import CommaTable, TabTable

_OBSERVATION, _BEHAVIOR, _SUBJECT, _KIND = "Observation id", "Behavior", "Subject", "Behavior type"
_MEDIA = ("Media file name", "Media file path", "Media file")  # in the order of the versions of the program
_SPAN = ("Start (s)", "Stop (s)")
_INSTANT = "Time"


def is_boris(path: str) -> bool:
    """Whether a table starts as every export of BORIS does."""
    first = next(read_lines(path), None)
    return first is not None and first.text.lstrip('"').startswith(_OBSERVATION)


class BorisEvents(Labels):
    """Behaviours as labels, subjects as tracks.

    An aggregated export has a row per event. A tabular one has a row where a state starts and one where it stops, which
    are paired here; the span keeps the line of its start.
    """

    def __init__(self, path: str, asked: Asked) -> None:
        super().__init__(path, asked)
        reader = CommaTable if path.lower().removesuffix(".gz").endswith(".csv") else TabTable
        self._table, self._media_column = _open(reader, path)

    def spans(self) -> Iterator[Span | Fault]:
        """One span per event; a state that never stops, or that was never started, is a fault."""
        recordings: dict[str, str] = {}  # of each observation
        started: dict[tuple[str, str, str], Span] = {}
        for row in self._table:
            if isinstance(row, Fault):
                yield row
                continue
            line = int(row[LINE])
            observation, media = str(row[_OBSERVATION]), str(row[self._media_column])
            if recordings.setdefault(observation, media) != media:
                sentence = (
                    "runs over several media files, whose times are counted from the first. Export them one by one."
                )
                yield Fault(self.path, line, f"the observation `{observation}` {sentence}")
                continue
            label, subject = str(row[_BEHAVIOR]), str(row[_SUBJECT])
            recording = self._recording(media)
            if _SPAN[0] in row:
                start, end = (str(row[name]) for name in _SPAN)
                yield Span(line, start, end, label, recording, subject)
                continue
            time, kind = str(row[_INSTANT]), str(row[_KIND]).upper()
            key = (observation, subject, label)
            if kind == "POINT":
                yield Span(line, time, time, label, recording, subject)
            elif kind == "START" and key not in started:
                started[key] = Span(line, time, "", label, recording, subject)
            elif kind == "STOP" and key in started:
                yield started.pop(key)._replace(end=time)
            else:
                yield Fault(
                    self.path, line, f"`{_KIND}` is {kind or 'empty'}, which does not fit the row above. Correct it."
                )
        for span in started.values():
            yield Fault(self.path, span.line, f"`{span.words}` starts here and never stops. Add its STOP.")

    def _recording(self, media: str) -> str:
        """The path as the table has it, or only the name where the annotator's folders are not here."""
        if os.path.isfile(os.path.join(self.recordings.folder, media)):
            return media
        return re.split(r"[\\/]", media)[-1]


def _open(reader: type[CommaTable] | type[TabTable], path: str) -> tuple[Source, str]:
    """The table with the columns that matter, under the names of whichever version wrote it."""
    first: BadData | None = None
    for media in _MEDIA:
        for rest in (_SPAN, (_INSTANT, _KIND)):
            try:
                return reader(path, [_OBSERVATION, media, _SUBJECT, _BEHAVIOR, *rest]), media
            except BadData as error:
                first = first or error
    assert first is not None
    raise first
