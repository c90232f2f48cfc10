"""Two text files of which line n of one belongs to line n of the other."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import PurePath

from toolkit.data.faults import BadData, Fault
from toolkit.data.lines import Line, read_lines
from toolkit.data.source import EMPTY, LINE, Row, Source, choose_columns


class ParallelLines(Source):
    """Two parallel text files as one table of two columns; a blank line is a row with an empty text.

    The columns are called as the endings of the files where these differ (`a.en,a.de`), else `source` and `target`.
    Wanted names that are not those name the files in the order in which they were typed.
    """

    def __init__(
        self, paths: tuple[str, str], wanted: Sequence[str] | None = None, optional: Sequence[str] = ()
    ) -> None:
        self.paths = paths
        typed = ",".join(paths)
        names = _endings(paths)
        if wanted is not None and not set(wanted) <= set(names):
            if len(wanted) != 2:
                sentence = f"two parallel files have two columns, but {len(wanted)} are wanted. Give one table instead."
                raise BadData([Fault(typed, None, sentence)])
            names = list(wanted)
        self._names = names
        super().__init__(typed, choose_columns(typed, names, wanted, optional))
        if faults := [fault for path in paths for fault in _faults_at_the_start(path)]:
            raise BadData(faults)

    def __iter__(self) -> Iterator[Row | Fault]:
        """One row per pair of lines, and faults."""
        first, second = map(read_lines, self.paths)
        for one, other in zip_longest(first, second):
            if one is None or other is None:
                raise self._unequal(one, other, left_over=sum(1 for _ in first) + sum(1 for _ in second))
            faults = [line.fault for line in (one, other) if line.fault is not None]
            if faults:
                yield from faults
                continue
            texts = dict(zip(self._names, (one.text, other.text), strict=True))
            yield {**{name: texts.get(name, "") for name in self.columns}, LINE: one.number}

    def _unequal(self, one: Line | None, other: Line | None, *, left_over: int) -> BadData:
        longer, shorter = self.paths if other is None else reversed(self.paths)
        line = (one or other or Line(1, "")).number
        sentence = (
            f"has no partner: {longer} has {line + left_over:,} lines, {shorter} has {line - 1:,}. Which line is "
            "missing cannot be known, so no pair can be trusted and `skip_bad` does not help. Align the files."
        )
        return BadData([Fault(longer, line, sentence)])


def _endings(paths: tuple[str, str]) -> list[str]:
    endings = [PurePath(path.removesuffix(".gz")).suffix.removeprefix(".") for path in paths]
    return endings if all(endings) and endings[0] != endings[1] else ["source", "target"]


def _faults_at_the_start(path: str) -> tuple[Fault, ...]:
    try:
        return () if next(read_lines(path), None) else (Fault(path, None, EMPTY),)
    except BadData as error:
        return error.faults
