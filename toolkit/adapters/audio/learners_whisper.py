"""Whisper itself as what learns to transcribe."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig, PreTrainedModel, WhisperForConditionalGeneration

from toolkit.adapters.audio import whisper
from toolkit.adapters.audio.cues import Cue
from toolkit.adapters.audio.languages import code, has_language, knows_languages
from toolkit.adapters.audio.learners import Learner
from toolkit.adapters.audio.variation import with_masks
from toolkit.collate import Pad
from toolkit.metrics import Normalizer, whisper_normalizer
from toolkit.models import load_processor

if TYPE_CHECKING:
    from toolkit.adapters.audio.transcription import Transcription


class WhisperLearner(Learner):
    """Whisper itself: all of it, or low-rank updates of its projections (Hu et al., 2022, LoRA)."""

    pad = Pad({"input_features": 0.0, "labels": -100})
    writes_times = True

    def __init__(self, flags: "Transcription") -> None:
        super().__init__(flags)
        self._tuner: Any = None
        self._name = str(flags.model_name_or_path)
        config, settings = AutoConfig.from_pretrained(self._name), whisper.saved_settings(self._name)
        self.longest_target = config.max_target_positions
        self.knows_languages = knows_languages(settings, vocab_size=config.vocab_size)
        self._check()

    def _check(self) -> None:
        """Refuses what the model cannot be told."""
        asked, name = self.flags.language, self.flags.model_name_or_path
        if self.knows_languages and self.language is None:
            raise ValueError(
                f"`language` must be given, as {name} knows many, but is not. "
                "Name what the recordings are spoken in, english or en for instance."
            )
        if asked is not None and code(asked) != "en" and not self.knows_languages:
            raise ValueError(
                f"`language` must be English for {name}, which knows no other, but is {asked}. "
                "Choose a Whisper of many languages, openai/whisper-tiny for instance."
            )
        if (
            asked is not None
            and self.knows_languages
            and not has_language(load_processor(self._name).tokenizer, code(asked))
        ):
            raise ValueError(
                f"`language` must be one that {name} knows, but {asked} came with later checkpoints. "
                "Choose a newer one, openai/whisper-large-v3 for instance."
            )
        if self.flags.speech_task == "translate" and not self.knows_languages:
            raise ValueError(
                f"`speech_task` must be transcribe for {name}, which knows English only, but is translate. "
                "Choose a Whisper of many languages, openai/whisper-tiny for instance."
            )

    def processor(self) -> Any:
        """Whisper's own, with the window cut to what the flags say."""
        processor, seconds = load_processor(self._name), self.flags.window_seconds
        if seconds is not None:
            whisper.cut_features(processor, seconds)
        return processor

    def model(self) -> PreTrainedModel:
        """The pretrained weights; `language` and `task` are saved in the generation configuration."""
        flags, model = self.flags, WhisperForConditionalGeneration.from_pretrained(self._name)
        if flags.window_seconds is not None:
            whisper.cut_positions(model, flags.window_seconds)
        settings: Any = model.generation_config
        whisper.complete(settings, flags.processor.tokenizer, multilingual=self.knows_languages)
        settings.forced_decoder_ids, settings.return_timestamps = None, flags.has_times
        settings._from_model_config = False  # or what the library does not know of it would be lost at the next load
        if self.knows_languages:
            settings.language, settings.task = self.language, self.task
        if flags.freeze_encoder:
            model.freeze_encoder()
        if flags.lora_rank is not None:
            self._tuner = whisper.low_rank(model, flags.lora_rank, decoder_only=flags.freeze_encoder)
        return model

    def finished(self, model: PreTrainedModel) -> PreTrainedModel:
        """Whisper with the low-rank updates added to its weights."""
        return model if self._tuner is None else self._tuner.merge_and_unload()

    @property
    def longest_seconds(self) -> float:
        """Its window."""
        return whisper.window_seconds(self.flags.processor)

    @property
    def prompt_labels(self) -> int:
        """Start, language, task, and that no times are wanted."""
        return len(self._prompt(timestamps=False))

    @property
    def normalizer(self) -> Normalizer:
        """That of its language; for English with the spellings that came with the checkpoint."""
        spelling = getattr(self.flags.processor.tokenizer, "english_spelling_normalizer", None)
        return whisper_normalizer(self.language or "en", spelling=spelling)

    def _prompt(self, *, timestamps: bool) -> list[int]:
        language, task = (self.language, self.task) if self.knows_languages else (None, None)
        return whisper.prompt(self.flags.processor.tokenizer, language=language, task=task, timestamps=timestamps)

    def inputs(self, samples: Tensor) -> dict[str, Any]:
        """`input_features` (M, S) of the whole window, and how many of its frames were heard, which no model reads."""
        extract = self.flags.processor.feature_extractor
        encoded = extract(samples.numpy(), sampling_rate=extract.sampling_rate, return_tensors="np")
        return {
            "input_features": torch.as_tensor(encoded["input_features"][0]),
            "heard": max(1, len(samples) // extract.hop_length),
        }

    def hidden(self, inputs: dict[str, Any], random: np.random.Generator) -> dict[str, Any]:
        """Bands of what was heard set to what silence has there."""
        if not self.flags.spec_augment:
            return inputs
        features, heard = inputs["input_features"].clone(), inputs["heard"]
        features[:, :heard] = with_masks(features[:, :heard].t(), random, filler=float(features.min())).t()
        return {**inputs, "input_features": features}

    def labels(self, cues: Sequence[Cue]) -> list[int]:
        """The prompt but for its first label, the text, with time labels where times are known, the end."""
        timed = all(cue.start_seconds is not None for cue in cues)
        return whisper.label_ids(self.flags.processor.tokenizer, self._prompt(timestamps=timed), cues)

    def write(self, model: PreTrainedModel, batch: Mapping[str, Tensor], **generation: Any) -> list[list[int]]:
        """See `Adapter.write`; the prompt comes back too, as it stands in the labels."""
        return whisper.write(model, batch, self._prompt(timestamps=self.flags.has_times), **generation)


__all__ = ["WhisperLearner"]
