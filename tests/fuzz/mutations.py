"""Damage to files, told by a few small values, so that a search can find the least of it that still does harm."""

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

WAYS = ("cut", "double", "overwrite", "insert", "flip", "move", "end", "little", "big")
PIECES = (
    *(b"\0", b"\n", b"\n\n", b"\r\n", b"\t", b",", b'"', b'""', b"-->", b"<", b">", b"&", b"[", b"{", b"}", b"]", b":"),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\x80", b"\\ud800", b"\\u0000", b"\xe2\x80\xa8", b"\x85"),
    *(b"-1", b"1e999", b"NaN", b"Infinity", b"9" * 20, b"9" * 4301, b"../../x", b"/dev/zero", b"%00", b"&#0;"),
    *(b"&#" + b"9" * 4301 + b";", b"<!DOCTYPE a>", b"<!ENTITY a 'b'>", b"&a;", b"x" * 3000, b"[" * 3000, b"<a>" * 900),
)
EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1000_0000, 0x00FF_FFFF, 44_099)


@dataclass(frozen=True)
class Change:
    """One piece of damage.

    Args:
        way: one of `WAYS`.
        place: where, counted around the file as often as it takes.
        size: how many bytes, or which of the `EXTREMES`.
        piece: what is put in.
    """

    way: str
    place: int
    size: int
    piece: bytes

    def applied(self, content: bytes) -> bytes:
        """The damaged content."""
        start = self.place % (len(content) + 1)
        before, after, piece = content[:start], content[start:], self.piece
        number = EXTREMES[self.size % len(EXTREMES)]
        match self.way:
            case "cut":
                return before + after[self.size :]
            case "double":
                return before + after[: self.size] + after
            case "overwrite":
                return before + piece + after[len(piece) :]
            case "insert":
                return before + piece + after
            case "flip" if after:
                return before + bytes([after[0] ^ (1 << self.size % 8)]) + after[1:]
            case "move":
                return after + before
            case "end":
                return before
            case "little" | "big":
                return before + number.to_bytes(4, self.way) + after[4:]  # type: ignore[arg-type]
        return content


def changes(most: int = 5) -> st.SearchStrategy[list[Change]]:
    """Some damage; half of it near the start, where headers are."""
    return st.lists(
        st.builds(
            Change,
            st.sampled_from(WAYS),
            st.one_of(st.integers(0, 400), st.integers(0, 1 << 17)),
            st.integers(0, 80),
            st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)),
        ),
        max_size=most,
    )


def damaged(content: bytes, damage: Sequence[Change]) -> bytes:
    """The content with all of the damage, in its order."""
    for change in damage:
        content = change.applied(content)
    return content


HOSTILE: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 0.5, 3, 1 << 20, 1 << 31, 10**18, -(10**30), 1e300, float("nan"), float("inf")),
    *("", "x", "../../x", "/etc/passwd", "a\0b", "\ud800", "7", "other/repo--modeling.Model", "x" * 5000, "<unk>"),
    *([], {}, [None], [[]], ["x"] * 300, {"": ""}, {"x": {"y": {}}}, [0, 1, 2], {"model_type": "bert"}),
)


@dataclass(frozen=True)
class Edit:
    """One hostile change of a JSON document.

    Args:
        way: "set", "remove", "rename" or "deepen".
        place: which of its values, in the order in which they stand, counted around.
        value: what is put there.
    """

    way: str
    place: int
    value: Any

    def applied(self, document: Any) -> Any:
        """The edited document; the given one is changed too."""
        places, value = (
            list(_places(document)),
            copy.deepcopy(self.value),
        )  # edits of one value must not meet in another
        if not places:
            return value
        parent, key = places[self.place % len(places)]
        if self.way == "remove":
            del parent[key]
        elif self.way == "rename" and isinstance(parent, dict):
            parent[str(self.value)] = parent.pop(key)
        elif self.way == "deepen":
            for _ in range(400):
                parent[key] = [parent[key]]
        else:
            parent[key] = value
        return document


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of a document, as what holds it and where."""
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    if isinstance(document, dict | list):
        for key, value in list(pairs):
            yield document, key
            if isinstance(value, dict | list):
                yield from _places(value)


def edits(most: int = 3) -> st.SearchStrategy[list[Edit]]:
    """Some edits of a JSON document."""
    way = st.sampled_from(("set", "set", "set", "remove", "rename", "deepen"))
    return st.lists(st.builds(Edit, way, st.integers(0, 500), st.sampled_from(HOSTILE)), min_size=1, max_size=most)


def edited(content: bytes, chosen: Sequence[Edit]) -> bytes:
    """The content of a JSON file after all edits."""
    document = json.loads(content)
    for edit in chosen:
        document = edit.applied(document)
    return json.dumps(document).encode()
