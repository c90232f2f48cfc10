import pytest
from datasets import Dataset

from toolkit.data import Split


@pytest.fixture
def split():
    """Makes a split of pairs, as the reader of a file would."""

    def make(pairs, *, name="train", path="t.tsv", columns=("source", "target")) -> Split:
        texts = {column: [pair[place] for pair in pairs] for place, column in enumerate(columns)}
        return Split(name, path, Dataset.from_dict({**texts, "line": list(range(2, len(pairs) + 2))}))

    return make
