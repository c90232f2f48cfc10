"""The rows of a run: read, checked, and encoded by the adapter."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from datasets import Dataset
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import IterableDataset

from toolkit.adapters.base import Adapter
from toolkit.data import BadData, DataArguments, Fault, Split, load_splits
from toolkit.data.source import LINE, LISTED_IN
from toolkit.processes import Share

SKIPPED = "skipped_rows.txt"
"""Where the run folder lists the rows that were left out."""

NONE_SOUND = "has no sound row left. Correct the rows that are faulty."


class Guard:
    """Looks at each row of a stream as it comes by, since nobody can look at all of them beforehand.

    Args:
        adapter: knows what a sound row is.
        split: the stream.
        skip_bad: whether a faulty row is left out and noted; else it ends the run.
    """

    def __init__(self, adapter: Adapter, split: Split, *, skip_bad: bool) -> None:
        self.adapter, self.split, self.skip_bad = adapter, split, skip_bad
        self.noted: dict[tuple[str, int | None], Fault] = {}

    def __call__(self, row: Mapping[str, Any]) -> bool:
        """Whether the row may pass."""
        sentence = self.adapter.check_row(row)
        if sentence is None:
            return True
        fault = self.split.fault(row, sentence)
        self.noted[fault.path, fault.line] = fault
        if not self.skip_bad:
            raise BadData([fault])
        return False

    @property
    def faults(self) -> list[Fault]:
        """What this and the reader have found so far."""
        return [*self.split.faults, *self.noted.values()]


@dataclass
class Rows:
    """The sound rows of a run, and what is known of the others.

    Attributes:
        splits: by name; none of their rows has a fault, or a guard stands before them.
        found: faults of rows that were left out.
        guards: of the splits that stream.
    """

    splits: dict[str, Split]
    found: list[Fault] = field(default_factory=list)
    guards: list[Guard] = field(default_factory=list)

    @property
    def columns(self) -> str:
        """Which columns of texts are read and written, for people who named none."""
        source, *target = (name for name in next(iter(self.splits.values())).dataset.column_names if name != LINE)
        return f"Reads `{source}`{''.join(f', writes `{name}`' for name in target)}."

    @property
    def skipped(self) -> list[Fault]:
        """The faults of all rows left out so far; streams may hold more."""
        return [*self.found, *(fault for guard in self.guards for fault in guard.faults)]

    def checked(self) -> str:
        """Says what a check has found; streams are read to their end for it."""
        sizes = {name: sum(1 for _ in split.dataset) for name, split in self.splits.items()}
        counts = ", ".join(f"{name} ({count:,} rows)" for name, count in sizes.items())
        found = f"No faults in {counts}."
        if self.guards:
            found += " What only a comparison of rows shows is not looked for in streams: rows that splits share, say."
        if not self.skipped:
            return found
        return f"{BadData(self.skipped)}\nThese rows would be left out ({len(self.skipped):,}). {found}"


def load_rows(adapter: Adapter, data: DataArguments) -> Rows:
    """Reads all splits and leaves out what is faulty, or refuses it.

    Raises:
        BadData: rows are faulty and `skip_bad` does not allow to leave them out, or none is left.
    """
    splits = _read(adapter, data)
    adapter.fit(splits)
    stored = {name: split for name, split in splits.items() if isinstance(split.dataset, Dataset)}
    rows = Rows(splits, [fault for split in stored.values() for fault in split.faults])
    unsound = list(adapter.check(stored))
    rows.found += unsound
    if rows.found and not data.skip_bad:
        raise BadData(fault for fault in rows.found if not fault.follows)
    if rows.found and not data.check_only:
        print(f"Faulty rows that are left out: {len(rows.found):,}. {SKIPPED} lists them.", file=sys.stderr)
    wrong = {(fault.path, fault.line) for fault in unsound}
    for name, split in splits.items():
        if name in stored:
            splits[name] = _without(split, wrong)
        else:
            guard = Guard(adapter, split, skip_bad=data.skip_bad)
            rows.guards.append(guard)
            splits[name] = replace(split, dataset=split.dataset.filter(guard))
    adapter.fit(splits)
    return rows


def _read(adapter: Adapter, data: DataArguments) -> dict[str, Split]:
    """All splits; to predict, the target column may be missing."""
    media = adapter.media_column
    whole = media if adapter.joins_rows else None
    try:
        return load_splits(data, adapter.columns, adapter.optional_columns, media=media, whole=whole)
    except BadData as error:
        if not data.predict_only or adapter.columns is None or len(adapter.columns) < 2:
            raise
        splits = load_splits(data, adapter.columns[:1], adapter.optional_columns, media=media, whole=whole)
        print(f"There will be no scores: {error}", file=sys.stderr)
        return splits


def _without(split: Split, wrong: set[tuple[str, int | None]]) -> Split:
    if not wrong:
        return split
    lines = np.concatenate([np.zeros(0, np.int64), *(batch[LINE] for batch in _columns(split, LINE))])
    kept = ~np.isin(lines, [line for path, line in wrong if path == split.path and line is not None])
    if LISTED_IN in split.dataset.column_names:  # then a line alone says nothing
        paths = (path for batch in _columns(split, LISTED_IN) for path in batch[LISTED_IN])
        kept = np.array([place not in wrong for place in zip(paths, lines.tolist(), strict=True)])
    if not kept.any():
        raise BadData([Fault(split.path, None, NONE_SOUND)])
    return split if kept.all() else replace(split, dataset=split.dataset.select(np.flatnonzero(kept)))


def _columns(split: Split, name: str) -> Iterator[Mapping[str, Any]]:
    return split.dataset.select_columns([name]).with_format("numpy").iter(batch_size=10_000)


class Examples(TorchDataset):
    """The rows of a split with their model inputs, which are made when they are asked for unless they are stored.

    Args:
        adapter: makes the inputs.
        rows: with `source_length`, and with `labels` and `target_length` where there are references.
        seed: of the variations of training rows, a pure function of it, the epoch and the place; none: no variations.
    """

    def __init__(self, adapter: Adapter, rows: Dataset, *, seed: int | None = None) -> None:
        self.adapter, self.rows, self.seed, self.epoch = adapter, rows, seed, 0

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> dict[str, Any]:
        row = self.rows[place]
        if self.adapter.stores_inputs:
            return row
        if self.seed is None:
            return {**row, **self.adapter.inputs(row)}
        return {**row, **self.adapter.varied_inputs(row, np.random.default_rng((self.seed, self.epoch, place)))}

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch whose variations come next."""
        self.epoch = epoch

    def lengths(self, side: str) -> np.ndarray:
        """(rows,) steps of the "source" or the "target"."""
        return self.rows.with_format("numpy", columns=[f"{side}_length"])[:][f"{side}_length"]

    @property
    def longest_target(self) -> int | None:
        """Steps of the longest target; none without references."""
        return int(self.lengths("target").max()) if "target_length" in self.rows.column_names else None


class Streamed(IterableDataset):
    """The rows of a stream with their model inputs; after the last one comes the first again.

    Every process reads the whole stream and takes its share of the rows, so that together they take each row once.

    Args:
        adapter: makes the inputs.
        split: the stream.
        seed: of the variations, a pure function of it and the number of the row.

    Attributes:
        share: which rows are this process's.
    """

    def __init__(self, adapter: Adapter, split: Split, *, seed: int = 0) -> None:
        self.adapter, self.split, self.seed, self.share = adapter, split, seed, Share()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        process, processes = self.share
        place = 0
        while True:
            start = place
            for row in self.split.dataset:
                if place % processes == process:
                    inputs = self.adapter.varied_inputs(row, np.random.default_rng((self.seed, place)))
                    yield {**row, **self.adapter.measure(row), **inputs}
                place += 1
            if place == start:
                raise BadData([Fault(self.split.path, None, NONE_SOUND)])


def encode(adapter: Adapter, split: Split, *, seed: int | None = None) -> Examples | Streamed:
    """What can be trained on or evaluated; what is evaluated is stored, what is trained on may stream."""
    split = adapter.examples(split)
    function = adapter.encode if adapter.stores_inputs else adapter.measure
    if isinstance(split.dataset, Dataset):
        return Examples(adapter, split.dataset.map(function, load_from_cache_file=False), seed=seed)
    if split.name == "train":
        return Streamed(adapter, split, seed=seed or 0)
    rows = [{**row, **function(row)} for row in split.dataset]
    if not rows:
        raise BadData([Fault(split.path, None, NONE_SOUND)])
    return Examples(adapter, Dataset.from_list(rows))


__all__ = ["Examples", "Guard", "Rows", "Streamed", "encode", "load_rows"]
