"""What every engine answers that turns windows of sound into text, and how it is asked."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from transformers import PreTrainedModel

from toolkit.adapters.audio.transcript import Segment, Skipped
from toolkit.adapters.kept import fingerprint
from toolkit.media.values import Waveform


@dataclass(frozen=True)
class Request:
    """How windows are to be read.

    Args:
        language: its code; none: as the model was saved, or detected.
        task: "transcribe", or "translate" into English; none: as the model was saved, or "transcribe".
        timestamps: no times, those of segments (`True`) or also those of words ("word").
        temperature: 0, then for windows that read badly each next one, until one reads well (Radford et al., 2023,
            section 4.5).
        compression_ratio_threshold: a text that shrinks more than so many times repeats itself; none: never. This one
            holds for all models, those around it for Whisper.
        logprob_threshold: a lower mean log-probability of the tokens reads badly; none: never.
        no_speech_threshold: a window that reads badly holds no speech above this probability; none: never.
        generation: arguments of `generate` by name.
    """

    language: str | None = None
    task: str | None = None
    timestamps: bool | str = False
    temperature: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    compression_ratio_threshold: float | None = 2.4
    logprob_threshold: float | None = -1.0
    no_speech_threshold: float | None = 0.6
    generation: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """What one window says, with times on the recording's clock, and what was taken back of it."""

    segments: tuple[Segment, ...] = ()
    skipped: tuple[Skipped, ...] = ()


class Engine(Protocol):
    """A model at work; three steps, so that sound is encoded once for a recording's language and its text.

    Attributes:
        sample_rate_hz: the rate it hears at.
        longest_seconds: the most sound that a window may hold.
        begins_with_space: whether a transcript does, as Whisper's do.
    """

    sample_rate_hz: int
    longest_seconds: float
    begins_with_space: bool

    @property
    def name(self) -> str:
        """Tells models, versions of their weights, and precisions apart; asked for only where a job may go on."""

    def check(self, request: Request) -> None:
        """Raises a ValueError or TypeError for what this engine cannot do."""

    def encode(self, windows: Sequence[Waveform]) -> Any:
        """What the next two steps need, for a batch."""

    def languages(self, encoded: Any) -> list[str | None]:
        """The language that each window is in; none where the model does not know languages."""

    def read(self, encoded: Any, languages: Sequence[str | None], request: Request) -> list[Reading]:
        """What each window says."""


def unwritten(window: Waveform) -> Reading:
    """What is told of a window for which nothing was written."""
    return Reading(skipped=(Skipped(window.start_seconds, window.end_seconds, "no text was written"),))


def weights_version(name_or_path: str | Path) -> str:
    """Tells versions of the checkpoint in a folder apart, by the sizes and times of its files.

    Args:
        name_or_path: the folder; of whatever else it may be no version is known here, see `model_version`.
    """
    names = ("*.safetensors", "*.bin", "generation_config.json", "tokenizer.json")
    files = sorted(path for name in names for path in Path(name_or_path).glob(name)) if str(name_or_path) else []
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()[:12]


def model_version(model: PreTrainedModel) -> str:
    """Tells models that are loaded apart, by their weights and settings and by where they came from.

    All weights are read: nothing else tells what became of them in memory.

    Args:
        model: from a folder, from the Hub in some revision, or made here.
    """
    settings = getattr(model, "generation_config", None)
    parts = [
        fingerprint(model),
        None if settings is None else settings.to_json_string(),
        getattr(model.config, "_commit_hash", None),
        weights_version(model.name_or_path or ""),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


__all__ = ["Engine", "Reading", "Request", "model_version", "unwritten", "weights_version"]
