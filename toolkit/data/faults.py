"""What is wrong with the user's data, where, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

SHOWN_FAULTS = 20


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a file, in a sentence that ends with the way out.

    Args:
        path: the file as the user typed it.
        line: counted from 1 with the header, or None where the whole file is meant.
        sentence: what is wrong, and what to do.
        spoils: whether the row might have said something about the recording that the rows around it are about.
        follows: whether it is a fault only because rows with other faults are left out.

    >>> print(Fault("train.tsv", 418, "has 3 cells where the header has 2. Remove a tab."))
    train.tsv:418: has 3 cells where the header has 2. Remove a tab.
    """

    path: str
    line: int | None
    sentence: str
    spoils: bool = field(default=True, compare=False)
    follows: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        # A name from the file may hold a line break; a fault is one line whatever it quotes.
        line = " ".join(f"{place}: {self.sentence}".splitlines())
        return line.encode(errors="backslashreplace").decode()  # names of files need not be UTF-8


class BadData(ValueError):  # noqa: N818, it is what a person did, not what the program did
    """The user's data cannot be used as it is.

    >>> print(BadData([Fault("train.tsv", None, "is empty."), Fault("test.tsv", 3, "is blank.")]))
    train.tsv: is empty.
    test.tsv:3: is blank.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        lines = [str(fault) for fault in self.faults[:SHOWN_FAULTS]]
        if more := len(self.faults) - len(lines):
            lines.append(f"… and {more:,} more")
        return "\n".join(lines)
