"""What can be wrong with pairs of texts as pairs."""

import unicodedata
from collections.abc import Iterator, Sequence

from toolkit.data import Fault, Split


def wordless_targets(split: Split, names: Sequence[str]) -> list[Fault]:
    """Targets without a word beside sources that have one; none where most are so, since then they are meant.

    Args:
        split: rows.
        names: of the source and the target column.
    """
    found = list(_wordless(split, *names))
    return found if 2 * len(found) <= len(split.dataset) else []  # Morse code, say


def _wordless(split: Split, source: str, target: str) -> Iterator[Fault]:
    for row in split.dataset:
        text = row[target].strip()
        if text and not _says_something(text) and _says_something(row[source]):
            sentence = f"`{target}` is only {text[:20]!r}, without a word. Correct or remove the row."
            yield Fault(split.path, row["line"], sentence)


def _says_something(text: str) -> bool:
    """Whether a text has a letter, a number or a pictograph."""
    return any(unicodedata.category(sign)[0] in "LN" or unicodedata.category(sign) == "So" for sign in text)


def too_long(side: str, length: int, limit: int | None, positions: int | None) -> str | None:
    """What is wrong with a text of so many tokens, if anything.

    Args:
        side: "source" or "target".
        length: in tokens.
        limit: that of the user.
        positions: those of the model.
    """
    if limit is not None and length > limit:
        return f"the {side} has {length} tokens, above `max_{side}_length` ({limit}). Shorten it or raise that."
    if positions is not None and length > positions:
        return f"the {side} has {length} tokens, above the {positions} that the model takes. Shorten it."
    return None


__all__ = ["too_long", "wordless_targets"]
