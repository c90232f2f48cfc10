"""What a row that nobody can read may have said: of which videos are the others no longer the whole truth?"""

from bisect import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from toolkit.data import Fault, Split

Video = tuple[str, str]
"""The name of its split, and its path."""


@dataclass
class Told:
    """Which line of a file is about which video."""

    lines: list[int] = field(default_factory=list)
    videos: list[Video] = field(default_factory=list)

    def in_order(self) -> "Told":
        """The same by line; rows of several splits may come from one file."""
        rows = sorted(zip(self.lines, self.videos, strict=True))
        return Told([line for line, _ in rows], [video for _, video in rows])

    @property
    def goes_to_and_fro(self) -> bool:
        """Whether rows of one video stand apart, and not only here and there."""
        changes = sum(one != other for one, other in pairwise(self.videos))
        return changes >= 1.5 * len(set(self.videos))

    def around(self, line: int) -> set[Video]:
        """The videos of the rows before and after a line."""
        after = bisect(self.lines, line)
        return set(self.videos[max(after - 1, 0) : after + 1])


def unread(splits: Mapping[str, Split], *, file_column: str, label_column: str) -> Iterator[tuple[Fault, set[Video]]]:
    """Rows that could not be read, and the videos that they may be about.

    These are the videos of the rows around it or, in a file that goes to and fro between videos, all of its.

    Args:
        splits: all of them.
        file_column: names the video of a row.
        label_column: says what happens; where a split lacks it, its rows say nothing of videos.
    """
    spoilt = [fault for split in splits.values() for fault in split.faults if fault.spoils and fault.line]
    files: dict[str, Told] = {}
    for name, split in splits.items() if spoilt else ():
        for row in split.dataset if label_column in split.dataset.column_names else ():
            place = split.fault(row, "")
            told = files.setdefault(place.path, Told())
            told.lines.append(place.line or 0)
            told.videos.append((name, row[file_column]))
    files = {path: told.in_order() for path, told in files.items()}
    mixed = {path: set(told.videos) for path, told in files.items() if told.goes_to_and_fro}
    for fault in spoilt:
        if fault.path in files:
            yield fault, mixed.get(fault.path) or files[fault.path].around(fault.line or 0)


__all__ = ["unread"]
