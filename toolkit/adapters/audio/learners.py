"""What can learn to transcribe: what the recurrent core and Whisper itself have in common, and which is asked for."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor
from transformers import PreTrainedModel

from toolkit.adapters.audio import whisper
from toolkit.adapters.audio.cues import Cue
from toolkit.adapters.audio.recordings import Excerpt
from toolkit.adapters.audio.variation import fitting_speeds
from toolkit.adapters.base import Adapter
from toolkit.adapters.pretrained import read_config
from toolkit.collate import Pad
from toolkit.metrics import Normalizer, whisper_normalizer
from toolkit.models import RecurrentSeq2SeqConfig

if TYPE_CHECKING:
    from toolkit.adapters.audio.transcription import Transcription


class Learner(ABC):
    """What the three models of speech do differently; everything else stands in the adapter.

    Args:
        flags: the adapter, with the flags and the processor.

    Attributes:
        language: what is spoken, as asked for or saved; none: nobody said.
        task: "transcribe", or "translate" where texts are in another language than the speech; likewise.
        longest_target: the most labels that it can write; none: any.
        writes_times: whether its labels say when each text begins and ends, where the rows do.
    """

    pad: Pad
    longest_target: int | None = None
    writes_times: bool = False

    def __init__(self, flags: "Transcription") -> None:
        name, self.flags = flags.model_name_or_path, flags
        saved = None if name is None else whisper.saved_settings(name)
        self.language: str | None = flags.language or getattr(saved, "language", None)
        self.task: str = flags.speech_task or getattr(saved, "task", None) or "transcribe"

    @abstractmethod
    def processor(self) -> Any:
        """Samples to numbers, numbers to text."""

    @abstractmethod
    def model(self) -> PreTrainedModel:
        """The weights to start from."""

    @abstractmethod
    def inputs(self, samples: Tensor) -> dict[str, Any]:
        """Model inputs of (N,) samples."""

    def inputs_of(self, excerpt: Excerpt, samples: Callable[[], Tensor]) -> dict[str, Any]:
        """The same of an excerpt, whose samples are read where they are needed."""
        return self.inputs(samples())

    @abstractmethod
    def labels(self, cues: Sequence[Cue]) -> list[int]:
        """Label ids of what is said, with the end last."""

    @abstractmethod
    def hidden(self, inputs: dict[str, Any], random: np.random.Generator) -> dict[str, Any]:
        """The same inputs with masks over the frames, if the flags ask for them."""

    @property
    def longest_seconds(self) -> float | None:
        """The longest recording that it can hear at once; none: any."""
        return None

    @property
    def longest_joined(self) -> float | None:
        """How long an example may be that several rows make; none: each row is one of its own."""
        heard = self.longest_seconds
        longest = self.flags.join_seconds or (heard if self.writes_times else None)
        return min(longest, heard or longest) if longest else None

    def speeds(self, seconds: float, *, is_timed: bool) -> tuple[int, ...]:
        """In percent, those at which all of a recording is heard and the times in its labels, if any, stay right."""
        return (100,) if is_timed and self.writes_times else fitting_speeds(seconds, self.longest_seconds)

    @property
    def prompt_labels(self) -> int:
        """See `Adapter.prompt_labels`."""
        return 1

    @property
    def normalizer(self) -> Normalizer:
        """What makes texts alike before they are compared, by the language that they are written in."""
        return whisper_normalizer(self.language or "en")

    def finished(self, model: PreTrainedModel) -> PreTrainedModel:
        """See `Adapter.finished`."""
        return model

    def write(self, model: PreTrainedModel, batch: Mapping[str, Tensor], **generation: Any) -> list[list[int]]:
        """See `Adapter.write`."""
        return Adapter.write(self.flags, model, batch, **generation)


def model_kind(name: str | None, encoder: str) -> str:
    """The type of the model that the flags name; that of a fresh core where they name none.

    Args:
        name: of a model to train on.
        encoder: what hears for a fresh core.

    Raises:
        ValueError: the name is that of no model of speech, or contradicts the encoder.
    """
    kinds = "whisper", RecurrentSeq2SeqConfig.model_type
    if name is None:
        return RecurrentSeq2SeqConfig.model_type
    if encoder != "mel":
        raise ValueError(
            f"`encoder` ({encoder}) belongs to a fresh core, but `model_name_or_path` ({name}) brings a whole "
            "model. Leave one of them away."
        )
    kind = read_config(name, flag="model_name_or_path").model_type
    if kind not in kinds:
        raise ValueError(
            f"`model_name_or_path` must name a Whisper model or one of this toolkit, but {name} is a {kind} model."
        )
    return kind


__all__ = ["Learner", "model_kind"]
