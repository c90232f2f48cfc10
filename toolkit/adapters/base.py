"""What a modality must say for itself before the shared recipe can train it and the shared pipeline can serve it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from transformers import PreTrainedModel

from toolkit.collate import Pad
from toolkit.data import Fault, Split
from toolkit.metrics import Score


class Adapter(ABC):
    """A dataclass: its fields are command-line flags, its members are the answers below.

    Attributes:
        task: under which name the pipeline serves it.
        metric: which score selects checkpoints.
        generates: whether outputs are written label by label, rather than all in one pass.
        model_name_or_path: a pretrained model or checkpoint to start from; none: a fresh one.
    """

    task: ClassVar[str]
    generates: ClassVar[bool] = True
    metric: str
    model_name_or_path: str | None

    @property
    @abstractmethod
    def columns(self) -> Sequence[str] | None:
        """Which columns must the data have, the source first? None: the first two."""

    @abstractmethod
    def fit(self, splits: Mapping[str, Split]) -> None:
        """Learns from the data what must be known before a row can be encoded: names of columns, vocabulary, labels."""

    @property
    @abstractmethod
    def processor(self) -> Any:
        """What turns raw things into numbers and back? Saved with the model."""

    @abstractmethod
    def model(self) -> PreTrainedModel:
        """Which weights, from where?"""

    @property
    def generation(self) -> dict[str, Any]:
        """How does it search while writing? Saved with the model."""
        return {}

    @abstractmethod
    def inputs(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """One row as model inputs; the first of them has the length of the source."""

    @abstractmethod
    def labels(self, row: Mapping[str, Any]) -> list[int]:
        """One row as label ids."""

    @property
    @abstractmethod
    def pad(self) -> Pad:
        """Which filler for which field?"""

    @abstractmethod
    def shown(self, row: Mapping[str, Any]) -> str:
        """What of the source can a person read?"""

    @abstractmethod
    def expected(self, row: Mapping[str, Any]) -> str | None:
        """What should come out, as a person reads it? None where the data has no references."""

    @abstractmethod
    def decode(self, output: Sequence[int]) -> str:
        """What does a person read in one output?"""

    @abstractmethod
    def score(self, predicted: Iterable[str], expected: Iterable[str], *, only: str | None = None) -> dict[str, Score]:
        """How good are the outputs, with which interval? Both can be read several times; `only` asks for one score."""

    @abstractmethod
    def row_score(self, predicted: str, expected: str) -> float:
        """How good is one output, from 0 to 100? Finds the worst cases."""

    @abstractmethod
    def check_row(self, row: Mapping[str, Any]) -> str | None:
        """What is wrong with a row, what does it cost, and what is to be done? One sentence, or nothing."""

    def check(self, splits: Mapping[str, Split]) -> Iterator[Fault]:
        """Which rows are wrong, and where?"""
        for split in splits.values():
            for row in split.dataset:
                sentence = self.check_row(row)
                if sentence is not None:
                    yield Fault(split.path, row["line"], sentence)

    def encode(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """One row as model inputs and, where there is a reference, labels; with the lengths that batches go by."""
        inputs = self.inputs(row)
        encoded = {**inputs, "source_length": len(next(iter(inputs.values())))}
        if self.expected(row) is None:
            return encoded
        labels = self.labels(row)
        return {**encoded, "labels": labels, "target_length": len(labels)}


__all__ = ["Adapter"]
