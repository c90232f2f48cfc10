"""The flags that say where the data is, and the splits they lead to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from datasets import Dataset, IterableDataset

from toolkit.data.faults import BadData, Fault
from toolkit.data.files import open_source
from toolkit.data.held_out import Side, share_of_one
from toolkit.data.hub import load_hub, open_hub
from toolkit.data.source import LINE, LISTED_IN, Source
from toolkit.data.storage import store, stream

_KNOWN = ".tsv, .csv, .jsonl, .json (each also as .gz), .parquet, or two parallel text files as a.en,a.de"
ALSO_CALLED = {"validation": ("valid", "val", "dev")}
"""What datasets of the Hub call splits beside our names."""
_RECORDED = "recordings also as a folder, .srt, .vtt, .eaf, .txt, .bundle"


@dataclass
class DataArguments:
    """Where the data is and how it is read."""

    train_file: str | None = field(default=None, metadata={"help": f"Rows to train on: {_KNOWN}; {_RECORDED}."})
    validation_file: str | None = field(default=None, metadata={"help": "Rows that choose the best checkpoint."})
    test_file: str | None = field(default=None, metadata={"help": "Rows that are scored once, at the end."})
    dataset_name: str | None = field(
        default=None, metadata={"help": "A Hub dataset, or a folder laid out like one, for the splits without a file."}
    )
    dataset_config_name: str | None = field(default=None, metadata={"help": "Which configuration of the Hub dataset."})
    streaming: bool = field(default=False, metadata={"help": "Read rows while training; nothing is stored on disk."})
    validation_share: float = field(
        default=0.05, metadata={"help": "Share of the training rows held out when there is no validation data."}
    )
    check_only: bool = field(default=False, metadata={"help": "Stop after the data was checked."})
    skip_bad: bool = field(default=False, metadata={"help": "Leave faulty rows out, counted and listed."})
    predict_only: bool = field(default=False, metadata={"help": "Do not train: predict the test or validation rows."})
    max_train_samples: int | None = field(
        default=None, metadata={"help": "Train on the first so many rows, or whole videos of labels, only."}
    )
    max_eval_samples: int | None = field(
        default=None, metadata={"help": "Evaluate the first so many rows, or whole videos of labels, only."}
    )
    data_license: str | None = field(
        default=None, metadata={"help": "Licence of the data, for the model card; none: as a Hub dataset says."}
    )

    def __post_init__(self) -> None:
        if not 0 < self.validation_share < 1:
            raise ValueError(
                f"`validation_share` must lie between 0 and 1, but is {self.validation_share}. "
                "Give a `validation_file` to hold nothing out."
            )
        for name in ("max_train_samples", "max_eval_samples"):
            limit = getattr(self, name)
            if limit is not None and limit < 1:
                raise ValueError(f"`{name}` must be at least 1, but is {limit}. Leave it away for all rows.")
        if self.train_file and self.dataset_name:
            raise ValueError(
                f"`train_file` ({self.train_file}) and `dataset_name` ({self.dataset_name}) both name training data. "
                "Give one of them."
            )
        if self.dataset_config_name and not self.dataset_name:
            raise ValueError("`dataset_config_name` needs a `dataset_name`, but there is none. Give both or neither.")


@dataclass(frozen=True)
class Split:
    """The rows of one use, with the line of each, so that a fault found later still points into the user's file.

    Args:
        name: "train", "validation" or "test".
        path: the file or files as the user typed them, or `name[split]` of a Hub dataset.
        dataset: the wanted columns under their own names, as texts, and an integer column `line`: counted from 1 with
            the header, or the number of the row where a format has no lines. Where the split was read from several
            files, the column `listed_in` says which of them the line is in.
        faults: of the rows that were left out. For a stream it is a list that fills while the rows are read, and
            starts anew with each pass.
    """

    name: str
    path: str
    dataset: Dataset | IterableDataset
    faults: Sequence[Fault] = field(default=(), repr=False)

    def fault(self, row: Mapping[str, Any], sentence: str) -> Fault:
        """What is wrong with one of the rows, at its place in the user's files."""
        return Fault(row.get(LISTED_IN, self.path), row[LINE], sentence)


def load_splits(
    arguments: DataArguments,
    columns: Sequence[str] | None,
    optional: Sequence[str] = (),
    *,
    media: str | None = None,
    whole: str | None = None,
) -> dict[str, Split]:
    """Reads all the data that the arguments name.

    Args:
        arguments: where the data is.
        columns: names that every file must have, or None for the first two columns of the first file, whatever they
            are called; the other files must then have the same two.
        optional: other names, which a file may have. Their cells are empty texts where it, or one of its rows, has not.
        media: which of the columns names recordings. Its paths count from where their table lies, and lead there from
            the working directory in the rows; folders and the formats of labels are known only then.
        whole: the column whose values are counted where so many samples are asked for, each with all its rows; none:
            rows are counted.

    Returns:
        Splits by name; those there is no data for are absent. Without validation data a share of the training rows is
        held out for it.

    Raises:
        BadData: no use can be made of a file. Carries what was found in all the files, the worst first.
        ValueError: the arguments name nothing to read.
    """
    splits: dict[str, Split] = {}
    fatal: list[Fault] = []
    openers = _openers(arguments)
    for name, open_with in openers.items():
        try:
            source = open_with(columns, optional, media=media)
            columns = source.columns if columns is None else columns
            parts: dict[str, Source] = {name: source}
            if name == "train" and "validation" not in openers:
                share = arguments.validation_share
                if not arguments.streaming:
                    share = share_of_one(source, share, kind="text" if media is None else "recording")
                sides = {"train": False, "validation": True}
                parts = {part: Side(source, share, held_out=held_out) for part, held_out in sides.items()}
            for part, rows in parts.items():
                splits[part] = _split(part, rows, arguments, whole)
        except BadData as error:
            fatal.extend(error.faults)
    if fatal:
        others = [] if arguments.skip_bad else [fault for split in splits.values() for fault in split.faults]
        raise BadData([*fatal, *others])
    return splits


def _openers(arguments: DataArguments) -> dict[str, Callable[..., Source]]:
    """How to open each split there is data for, in the order in which they are read."""
    names = ["validation", "test"] if arguments.predict_only else ["train", "validation", "test"]
    files = {name: path for name in names if (path := getattr(arguments, f"{name}_file"))}
    hub = arguments.dataset_name

    def suffices(found: Mapping[str, object]) -> bool:
        return bool(found) if arguments.predict_only or arguments.check_only else "train" in found

    if not hub and not suffices(files):
        raise ValueError(
            f"`{'test_file' if arguments.predict_only else 'train_file'}` or `dataset_name` must say where the data "
            "is, but neither is given. Name your own file, or a dataset of the Hub."
        )
    online = load_hub(hub, arguments.dataset_config_name, streaming=arguments.streaming) if hub else {}
    openers: dict[str, Callable[..., Source]] = {}
    for name in names:
        if name in files:
            openers[name] = partial(open_source, files[name])
        elif (there := next((one for one in (name, *ALSO_CALLED.get(name, ())) if one in online), None)) is not None:
            openers[name] = partial(open_hub, f"{hub}[{there}]", online[there])
    if not suffices(openers):
        missing = " or ".join(names) if arguments.predict_only else "train"
        sentence = f"has no split {missing}; it has {', '.join(online) or 'none'}. Give a file for it."
        raise BadData([Fault(str(hub), None, sentence)])
    return openers


def _split(name: str, source: Source, arguments: DataArguments, whole: str | None) -> Split:
    faults: list[Fault] = []
    limit = arguments.max_train_samples if name == "train" else arguments.max_eval_samples
    if arguments.streaming:
        rows = stream(source, faults, skip_bad=arguments.skip_bad)
        return Split(name, source.path, rows if limit is None else rows.take(limit), faults)
    try:
        dataset = store(source, faults)
    except BadData as error:
        raise BadData([*error.faults, *([] if arguments.skip_bad else faults)]) from error
    if limit is not None and whole is not None:
        first = set(list(dict.fromkeys(dataset[whole]))[:limit])
        dataset = dataset.select([place for place, value in enumerate(dataset[whole]) if value in first])
    elif limit is not None:
        dataset = dataset.select(range(min(limit, len(dataset))))
    return Split(name, source.path, dataset, tuple(faults))
