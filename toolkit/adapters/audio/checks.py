"""What can be wrong with recordings and with what they say."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from toolkit.data import Fault, Split

SHOWN = 100
"""Letters of a path that a sentence shows; what stands there by mistake may be a page of text."""


def row_sentence(row: Mapping[str, Any], file_column: str, text_column: str) -> str | None:
    """What is wrong with a row before its recording is read."""
    if text_column in row and not row[text_column].strip():
        return f"`{text_column}` is blank, so there is nothing to learn. Fill it or remove the row."
    path = row[file_column]
    if "://" not in path and not os.path.exists(path):  # a Path would raise for names that no file can have
        shown = path if len(path) <= SHOWN else f"{path[:SHOWN]}…"
        return f"`{file_column}` leads to {shown}, which does not exist. Paths count from where the table lies."
    return None


def sound_sentence(samples: Tensor, seconds: float, longest_seconds: float) -> str | None:
    """What is wrong with a recording that can be read.

    Args:
        samples: (N,), all of it or, where it is too long, its beginning.
        seconds: how long all of it is.
        longest_seconds: how long it may be.
    """
    if seconds > longest_seconds:
        return (
            f"the recording lasts {seconds:,.1f} s, above {longest_seconds:g} s. Cut it, give `start` and `end`, or "
            "raise `max_source_seconds` where the model can hear more."
        )
    if not samples.any():
        return f"the recording is silent for all its {seconds:,.1f} s. Record or export it again, or remove the row."
    return None


def text_sentence(
    text: str, labels: Sequence[int], *, text_column: str, unknown: int | None, most_labels: int | None
) -> str | None:
    """What is wrong with a text for a model.

    Args:
        text: what is said.
        labels: what the model is to write.
        text_column: where the text stands.
        unknown: the label of what the tokenizer does not know.
        most_labels: that the model can write; none: any number.
    """
    if most_labels is not None and len(labels) > most_labels:
        return (
            f"the text has {len(labels)} tokens, above the {most_labels} that the model can write. Cut the recording."
        )
    if 2 * labels.count(unknown) >= len(labels):  # the end is always known
        return (
            f"`{text_column}` is {text[:20]!r}, of which the tokenizer knows less than half. "
            "It learns from the training texts: is this another language or script?"
        )
    return None


def repeated_names(splits: Iterable[Split]) -> Iterator[Fault]:
    """Rows whose `id` another row of their split has."""
    for split in splits:
        first: dict[str, int] = {}
        for row in split.dataset:
            name = row.get("id")
            if name and first.setdefault(name, row["line"]) != row["line"]:
                yield split.fault(row, f"`id` {name} stands in line {first[name]} too. Give each row its own.")


__all__ = ["repeated_names", "row_sentence", "sound_sentence", "text_sentence"]
