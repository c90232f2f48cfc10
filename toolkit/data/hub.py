"""Datasets of the Hugging Face Hub, or a folder on disk that is laid out like one."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from pathlib import PurePath
from typing import Any

from datasets import Audio, ClassLabel, Dataset, IterableDataset, Video, load_dataset
from datasets.utils.file_utils import xopen

from toolkit.data.faults import BadData, Fault
from toolkit.data.recordings import open_located, with_slash
from toolkit.data.source import NESTED, Row, Source, choose_columns, flattened, typed_row, with_languages
from toolkit.data.storage import private_folder


class HubRows(Source):
    """One split of a Hub dataset. Its rows are counted from 1, as there are no lines.

    A column `translation` that holds a text per language reads as one column per language. Recordings are not decoded:
    the cell is a path, and what has none on this machine is written to a folder that goes with the process. Classes
    read as their names.
    """

    def __init__(
        self,
        path: str,
        dataset: Dataset | IterableDataset,
        wanted: Sequence[str] | None = None,
        optional: Sequence[str] = (),
    ) -> None:
        with _one_sentence(path):
            # A stream may not know its columns before its first row.
            features: Mapping[str, object] = dataset.features or next(iter(dataset), {})
        inside = features.get(NESTED)
        inside = getattr(inside, "languages", inside)
        languages = list(inside) if isinstance(inside, Mapping | list) else []
        names = with_languages(list(features), languages)
        plain = [name for name in features if name in names]
        super().__init__(path, choose_columns(path, names, wanted, optional))
        self._optional = optional
        self._is_nested = not set(self.columns).intersection(names) <= set(plain)
        # Other columns are not even decoded: they may hold images or sound.
        read = [name for name in self.columns if name in plain] + [NESTED] * self._is_nested
        self._recordings = {name: kind for name in read if isinstance(kind := features.get(name), Audio | Video)}
        self._classes = {name: kind for name in read if isinstance(kind := features.get(name), ClassLabel)}
        self._dataset = dataset.select_columns(read)
        for name, kind in self._recordings.items():
            self._dataset = self._dataset.cast_column(name, replace(kind, decode=False))
        self.folder = with_slash(private_folder()) if self._recordings else ""

    def __iter__(self) -> Iterator[Row | Fault]:
        """One row per row, and faults."""
        with _one_sentence(self.path):
            line = 0
            # Row by row takes five times as long, but a thousand recordings do not fit into memory.
            for batch in self._dataset.iter(batch_size=1 if self._recordings else 1000):
                for cells in zip(*batch.values(), strict=True):
                    line += 1
                    values = dict(zip(batch, cells, strict=True))
                    if self._is_nested:
                        values = dict(flattened({**values, NESTED: values[NESTED] or {}}))
                    yield self._row(line, values)

    def _row(self, line: int, values: dict[str, Any]) -> Row | Fault:
        for name in self._recordings:
            values[name] = values[name] and self._saved(values[name])
        for name, classes in self._classes.items():
            if values[name] is not None:  # the library writes -1 where the class is not told
                values[name] = classes.int2str(values[name]) if values[name] >= 0 else None
        return typed_row(self.path, line, values, self.columns, self._optional)

    def _saved(self, recording: Mapping[str, Any]) -> str | None:
        """A path that leads to a recording; where it has none here, it is written once, whoever reads it."""
        path, content = recording["path"], recording["bytes"]
        if content is None:
            if path is None or os.path.exists(path):
                return path and os.path.abspath(path)
            with xopen(path, "rb") as file:
                content = file.read()
        # Called by what is in it, so that the choice of validation rows does not depend on the folder's name.
        place = self.folder + blake2b(content, digest_size=16).hexdigest() + PurePath(path or "").suffix
        if not os.path.exists(place):
            with open(f"{place}.{os.getpid()}", "wb") as file:
                file.write(content)
            os.replace(file.name, place)
        return place


def open_hub(
    path: str,
    dataset: Dataset | IterableDataset,
    wanted: Sequence[str] | None = None,
    optional: Sequence[str] = (),
    *,
    media: str | None = None,
) -> Source:
    """One split of a Hub dataset; `media` is the wanted column that holds recordings, if one does."""
    if media is None or wanted is None:
        return HubRows(path, dataset, wanted, optional)
    return open_located(lambda names: HubRows(path, dataset, names, optional), "", wanted, media)


def load_hub(name: str, config: str | None, *, streaming: bool) -> dict[str, Dataset | IterableDataset]:
    """The splits of a dataset by their names.

    Raises:
        BadData: the dataset cannot be loaded.
    """
    with _one_sentence(name):
        return dict(load_dataset(name, config, streaming=streaming))


@contextmanager
def _one_sentence(path: str) -> Iterator[None]:
    """Turns whatever the library raises, which has no base class in common, into one fault."""
    try:
        yield
    except BadData:
        raise
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:  # the library wraps what happened into "an error occurred"
            cause = cause.__cause__
        told = (str(cause).strip() or type(cause).__name__).splitlines()
        reason, way_out = told[0].rstrip("."), "Check its name, its configuration and the connection."
        if reason == "Config name is missing":
            reason = " ".join(told[:2])[:400]
            way_out = "Name one of them with `dataset_config_name`."
        if "torchcodec" in reason:  # the library wants it for sets that are no Parquet, though nothing is decoded
            way_out = "Install torchcodec, or download the files and name their folder as `train_file`."
        sentence = f"cannot be loaded as a dataset ({reason}). {way_out}"
        raise BadData([Fault(path, None, sentence)]) from error
