"""Datasets of the Hugging Face Hub, or a folder on disk that is laid out like one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from datasets import Dataset, IterableDataset, load_dataset

from toolkit.data.faults import BadData, Fault
from toolkit.data.source import Row, Source, choose_columns, typed_row

_NESTED = "translation"  # translation sets often hold one column of this name, with a text per language in each row


class HubRows(Source):
    """One split of a Hub dataset. Its rows are counted from 1, as there are no lines.

    A column `translation` that holds a text per language reads as one column per language.
    """

    def __init__(self, path: str, dataset: Dataset | IterableDataset, wanted: Sequence[str] | None = None) -> None:
        with _one_sentence(path):
            # A stream may not know its columns before its first row.
            features: Mapping[str, object] = dataset.features or next(iter(dataset), {})
        inside = features.get(_NESTED)
        inside = getattr(inside, "languages", inside)
        languages = list(inside) if isinstance(inside, Mapping | list) else []
        plain = [name for name in features if not (languages and name == _NESTED)]
        super().__init__(path, choose_columns(path, plain + [name for name in languages if name not in plain], wanted))
        self._is_nested = not set(self.columns) <= set(plain)
        # Other columns are not even decoded: they may hold images or sound.
        read = [name for name in self.columns if name in plain] + [_NESTED] * self._is_nested
        self._dataset = dataset.select_columns(read)

    def __iter__(self) -> Iterator[Row | Fault]:
        """One row per row, and faults."""
        with _one_sentence(self.path):
            line = 0
            for batch in self._dataset.iter(batch_size=1000):  # row by row takes five times as long
                for cells in zip(*batch.values(), strict=True):
                    line += 1
                    values = dict(zip(batch, cells, strict=True))
                    if self._is_nested:
                        values = {**(values[_NESTED] or {}), **values}
                    yield typed_row(self.path, line, values, self.columns)


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
        reason = (str(cause).strip() or type(cause).__name__).splitlines()[0].rstrip(".")
        sentence = f"cannot be loaded as a dataset ({reason}). Check its name, its configuration and the connection."
        raise BadData([Fault(path, None, sentence)]) from error
