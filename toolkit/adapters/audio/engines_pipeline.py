"""Every other recogniser, our recurrent core among them: its own pipeline reads window by window."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from transformers import Pipeline

from toolkit.adapters.audio.engines import Reading, Request, model_version, unwritten
from toolkit.adapters.audio.repetition import without_loop
from toolkit.adapters.audio.transcript import Segment, Word
from toolkit.media.values import Waveform
from toolkit.models.pipeline_speech import SpeechRecognitionPipeline


class PipelineEngine:
    """A pipeline for sound that answers `{"text": ...}`; a segment is a window.

    Args:
        pipeline: takes {"raw", "sampling_rate"}.
        longest_seconds: the most sound that it is given at once.
    """

    begins_with_space = False

    def __init__(self, pipeline: Pipeline, *, longest_seconds: float = 30.0) -> None:
        self.pipeline, self.longest_seconds = pipeline, longest_seconds
        extractor = getattr(pipeline, "feature_extractor", None)
        self.sample_rate_hz: int = getattr(extractor, "sampling_rate", 16000)  # its own, as when it was trained
        self.model_name = f"{type(pipeline.model).__name__} {pipeline.model.name_or_path or ''}"
        self.looks = isinstance(pipeline, SpeechRecognitionPipeline) and pipeline.model.config.attention_type != "none"
        self.knows_words = self.looks or str(getattr(pipeline, "type", "")).startswith("ctc")

    @cached_property
    def name(self) -> str:
        """See `Engine.name`."""
        return f"{self.model_name} {self.pipeline.model.dtype} {model_version(self.pipeline.model)}"

    def check(self, request: Request) -> None:
        """Refuses what only Whisper knows."""
        for name in ("language", "task"):
            if getattr(request, name) is not None:
                raise ValueError(
                    f"`{name}` is chosen for Whisper models only, but this one is {self.model_name}. Leave it away."
                )
        if request.timestamps == "word" and not self.knows_words:
            raise ValueError(
                f'`return_timestamps` cannot be "word" with {self.model_name}, which does not align words. Choose True.'
            )

    def encode(self, windows: Sequence[Waveform]) -> Sequence[Waveform]:
        """The windows themselves."""
        return windows

    def languages(self, encoded: Sequence[Waveform]) -> list[str | None]:
        """None is known."""
        return [None] * len(encoded)

    def read(self, encoded: Sequence[Waveform], languages: Sequence[str | None], request: Request) -> list[Reading]:
        """The text of each window, over the window's whole time, without the loop that it may end in.

        A window is read once: what of the request tells Whisper to try again changes nothing.
        """
        raw = [_raw(window) for window in encoded]
        settings: dict[str, Any] = dict(request.generation)
        if request.timestamps == "word":
            settings["return_timestamps"] = "word"
        answers = self.pipeline(raw, batch_size=len(raw), **settings)
        limit = request.compression_ratio_threshold
        return [_reading(answer, window, limit) for answer, window in zip(answers, encoded, strict=True)]

    def glances(self, window: Waveform) -> list[tuple[str, list[float]]]:
        """Each token that is written for a window, and where our core looked for it: weights over steps of the time."""
        if not self.looks:
            return []
        attention = self.pipeline(_raw(window), return_attentions=True)["attention"]
        return list(zip(attention["target_tokens"], attention["weights"], strict=True))


def _raw(window: Waveform) -> dict[str, Any]:
    return {"raw": window.samples.numpy(), "sampling_rate": window.sample_rate_hz}


def _reading(answer: dict[str, Any], window: Waveform, limit: float | None) -> Reading:
    if not answer["text"].strip():
        return unwritten(window)
    words = [
        Word(f" {chunk['text'].strip()}", *(window.start_seconds + seconds for seconds in chunk["timestamp"]))
        for chunk in answer.get("chunks", ())
    ]
    text = f" {answer['text'].strip()}"
    kept, cut = without_loop([Segment(text, window.start_seconds, window.end_seconds, tuple(words))], limit)
    return Reading(tuple(kept), tuple(cut))


__all__ = ["PipelineEngine"]
