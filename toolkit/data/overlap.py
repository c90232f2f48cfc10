"""Rows that training and evaluation share."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b

from toolkit.data.faults import Fault
from toolkit.data.source import LINE, LISTED_IN
from toolkit.data.splits import Split


def shared_rows(splits: Mapping[str, Split], column_names: Sequence[str]) -> Iterator[Fault]:
    """One fault for each row of another split that stands in `train` too, with equal texts in all these columns.

    The memory needed is that of 8 bytes and a set entry per *evaluation* row; the training rows are only passed by.
    Nothing is found where there is no training split.
    """
    others = [split for name, split in splits.items() if name != "train"]
    if "train" not in splits or not others:
        return
    train = splits["train"]
    wanted = {digest for split in others for digest, _, _ in _digests(split, column_names)}
    found: dict[bytes, str] = {}
    for digest, path, line in _digests(train, column_names):
        if digest in wanted:
            found.setdefault(digest, f"{path}:{line}")
    for split in others:
        for digest, path, line in _digests(split, column_names):
            if digest in found:
                sentence = f"also stands in {found[digest]}; the score would be flattered. Remove it from one of them."
                yield Fault(path, line, sentence)


def _digests(split: Split, column_names: Sequence[str]) -> Iterator[tuple[bytes, str, int]]:
    """A digest of the texts of each row, and its place."""
    places = [LISTED_IN] if LISTED_IN in (split.dataset.column_names or ()) else []
    for batch in split.dataset.select_columns([*column_names, *places, LINE]).iter(batch_size=1000):
        paths = batch[LISTED_IN] if places else [split.path] * len(batch[LINE])
        for *texts, path, line in zip(*(batch[name] for name in column_names), paths, batch[LINE], strict=True):
            digest = blake2b(digest_size=8)
            for text in texts:  # the length keeps "ab", "c" apart from "a", "bc"
                digest.update(b"%d:" % len(text) + text.encode())
            yield digest.digest(), path, line
