"""What a modality must say for itself before the shared recipe can train it and the shared pipeline can serve it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from torch import Tensor
from transformers import PreTrainedModel

from toolkit.collate import Pad
from toolkit.data import Fault, Split
from toolkit.metrics import Score
from toolkit.report import Section


class Adapter(ABC):
    """A dataclass: its fields are command-line flags, its members are the answers below.

    Attributes:
        task: under which name the pipeline serves it.
        hub_task: what the Hub calls the task, as https://huggingface.co/tasks lists them.
        purpose: what a model does for its user, in one sentence.
        metric: which score selects checkpoints.
        generates: whether outputs are written label by label, rather than all in one pass.
        stores_inputs: whether encoded rows are small and always the same, so that they are made once and kept.
        joins_rows: whether rows of one recording are of no use without the others.
        source_unit: what the length of a source is counted in.
        model_name_or_path: a pretrained model or checkpoint to start from; none: a fresh one.
    """

    task: ClassVar[str]
    hub_task: ClassVar[str]
    purpose: ClassVar[str]
    generates: ClassVar[bool] = True
    stores_inputs: ClassVar[bool] = True
    joins_rows: ClassVar[bool] = False
    source_unit: ClassVar[str] = "tokens"
    metric: str
    model_name_or_path: str | None

    @property
    @abstractmethod
    def columns(self) -> Sequence[str] | None:
        """Which columns must the data have, the source first? None: the first two."""

    @property
    def optional_columns(self) -> Sequence[str]:
        """Which columns are read where the data has them?"""
        return ()

    @property
    def media_column(self) -> str | None:
        """Which column names recordings? Its paths then count from where their table lies."""
        return None

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

    @property
    def prompt_labels(self) -> int:
        """How many labels is the decoder given before it writes its own?"""
        return 1

    def examples(self, split: Split) -> Split:
        """Which rows belong together? Each is an example of its own, unless an adapter joins them."""
        return split

    @abstractmethod
    def inputs(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """One row as model inputs."""

    def varied_inputs(self, row: Mapping[str, Any], random: np.random.Generator) -> dict[str, Any]:
        """One training row as model inputs, varied as the generator says; the same generator, the same inputs."""
        return self.inputs(row)

    def source_length(self, row: Mapping[str, Any]) -> int:
        """How long is the source, in `source_unit`? Cheaper than to encode it, where that is dear."""
        return len(next(iter(self.inputs(row).values())))

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
    def expected(self, row: Mapping[str, Any]) -> Any:
        """What should come out, as a person reads it? None where the data has no references."""

    def finished(self, model: PreTrainedModel) -> PreTrainedModel:
        """What becomes of a model when its training is over?"""
        return model

    def write(self, model: PreTrainedModel, batch: Mapping[str, Tensor], **generation: Any) -> list[Any]:
        """What does a model answer to a batch by itself? Of each row the labels, without the first that was given."""
        return model.generate(**batch, **generation)[:, 1:].tolist()  # type: ignore[operator]

    @abstractmethod
    def decode(self, output: Any) -> Any:
        """What does a person read in one output?"""

    @abstractmethod
    def score(self, predicted: Iterable[Any], expected: Iterable[Any], *, only: str | None = None) -> dict[str, Score]:
        """How good are the outputs, with which interval? Both can be read several times; `only` asks for one score."""

    @abstractmethod
    def row_score(self, predicted: Any, expected: Any) -> float:
        """How good is one output, from 0 to 100? Finds the worst cases."""

    def for_parts_of(self, expected: Iterable[Any]) -> "Adapter":
        """Which adapter scores parts of these references alike, where a score looks at all of them to choose how?"""
        return self

    def sections(self, records: Iterable[Mapping[str, Any]], serve: Callable[..., Any]) -> Iterator[Section]:
        """What else should the report show?

        Args:
            records: the rows of the evaluation as it wrote them, read anew on every pass.
            serve: the final model behind the pipeline of its task.
        """
        yield from ()

    @abstractmethod
    def questions(self, records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
        """What can be asked of the model by who has the run folder alone?

        Args:
            records: the rows of the evaluation as it wrote them.

        Yields:
            A Python expression for an input of the pipeline (see `toolkit.trial.WORDS`), and what must stand in the
            answer; None where that is not known.
        """

    @abstractmethod
    def check_row(self, row: Mapping[str, Any]) -> str | None:
        """What is wrong with a row, what does it cost, and what is to be done? One sentence, or nothing."""

    def check(self, splits: Mapping[str, Split]) -> Iterator[Fault]:
        """Which rows are wrong, and where?"""
        for split in splits.values():
            for row in split.dataset:
                sentence = self.check_row(row)
                if sentence is not None:
                    yield split.fault(row, sentence)

    def measure(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The labels of a row, where there is a reference, and the lengths that batches go by."""
        measured: dict[str, Any] = {"source_length": self.source_length(row)}
        if self.expected(row) is None:
            return measured
        labels = self.labels(row)
        return {**measured, "labels": labels, "target_length": len(labels)}

    def encode(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """One row as model inputs, with what `measure` says of it."""
        return {**self.inputs(row), **self.measure(row)}


__all__ = ["Adapter"]
