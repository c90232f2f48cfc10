"""Validation rows out of the training rows, for users who bring one file."""

from collections.abc import Iterator
from hashlib import blake2b

from toolkit.data.faults import Fault
from toolkit.data.source import Row, Source


def is_held_out(text: str, share: float) -> bool:
    """Whether a row whose first cell is this text belongs to the held-out share.

    It depends on nothing but the text, so equal sources never stand on both sides, and neither the order of the rows,
    nor the process, nor the machine changes the choice.
    """
    # The personalisation keeps the choice independent of whoever made the files by hashing the same texts.
    digest = blake2b(text.encode(), digest_size=8, person=b"validation").digest()
    return int.from_bytes(digest, "big") < share * 2**64


class Side(Source):
    """The rows of a source that are held out, or those that are left; the faults stay with those that are left."""

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
        first = self.columns[0]
        for item in self.source:
            if isinstance(item, Fault):
                if not self.held_out:
                    yield item
            elif is_held_out(str(item[first]), self.share) == self.held_out:
                yield item
