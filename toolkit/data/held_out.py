"""Validation rows out of the training rows, for users who bring one file."""

from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from math import nextafter

from toolkit.data.faults import BadData, Fault
from toolkit.data.source import Row, Source


def is_held_out(text: str, share: float) -> bool:
    """Whether a row whose first cell is this text belongs to the held-out share.

    It depends on nothing but the text, so equal sources never stand on both sides, and neither the order of the rows,
    nor the process, nor the machine changes the choice.
    """
    return _place(text) < share


def _place(text: str) -> float:
    """Where a text stands between 0 and 1."""
    # The personalisation keeps the choice independent of whoever made the files by hashing the same texts.
    digest = blake2b(text.encode(), digest_size=8, person=b"validation").digest()
    return int.from_bytes(digest, "big") / 2**64


def share_of_one(source: Source, share: float, *, kind: str) -> float:
    """The share, or as much more as it takes to hold out one of the few sources that there are.

    Reads no further than it takes to know.

    Args:
        source: the rows.
        share: what is asked for.
        kind: what a source is called.

    Raises:
        BadData: there is but one.
    """
    first, others = 1.0, False  # the place that is held out first, and whether anything is left beside it
    with suppress(BadData):  # told when the rows are used, with all that is wrong before it
        for item in source:
            if isinstance(item, Fault):
                continue
            place = _place(_key(source, item))
            others |= first < 1.0 and place != first
            first = min(first, place)
            if others and first < share:
                return share
    if first < 1.0 and not others:
        sentence = f"is about one {kind}, which cannot be both trained on and held out. Give a `validation_file`."
        raise BadData([Fault(source.path, None, sentence)])
    return max(share, nextafter(first, 1.0)) if others else share


def _key(source: Source, row: Row) -> str:
    """What a row is chosen by: its first cell, a path without the folder that was put before it."""
    return str(row[source.columns[0]]).removeprefix(source.folder)


class Side(Source):
    """The rows of a source that are held out, or those that are left; the faults stay with those that are left.

    Paths choose by what they say below their folder, so that a data set may be moved; spans of one recording stay
    together.
    """

    def __init__(self, source: Source, share: float, *, held_out: bool) -> None:
        super().__init__(source.path, source.columns)
        self.source = source
        self.share = share
        self.held_out = held_out
        self.if_empty = (
            f"with a `validation_share` of {share} no row is {'held out' if held_out else 'left to train on'}. "
            "Change it, or give a `validation_file`."
        )

    def __iter__(self) -> Iterator[Row | Fault]:
        """The rows of this side, in the order of the source."""
        for item in self.source:
            if isinstance(item, Fault):
                if not self.held_out:
                    yield item
            elif is_held_out(_key(self.source, item), self.share) == self.held_out:
                yield item
