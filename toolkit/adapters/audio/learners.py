"""What can learn to transcribe: the recurrent core on frames or on a pretrained encoder, and Whisper itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModelForSeq2SeqLM,
    PreTrainedModel,
    WhisperForConditionalGeneration,
)

from toolkit.adapters.audio import whisper
from toolkit.adapters.audio.cues import Cue
from toolkit.adapters.audio.variation import with_masks
from toolkit.adapters.tokenizers import train_tokenizer
from toolkit.collate import Pad
from toolkit.models import (
    LogMelFeatureExtractor,
    RecurrentSeq2SeqForConditionalGeneration,
    SpeechSeq2SeqProcessor,
    load_processor,
)

if TYPE_CHECKING:
    from toolkit.adapters.audio.transcription import Transcription


class Learner(ABC):
    """What the three models of speech do differently; everything else stands in the adapter.

    Args:
        flags: the adapter, with the flags and the processor.
    """

    pad: Pad

    def __init__(self, flags: "Transcription") -> None:
        self.flags = flags

    @abstractmethod
    def processor(self) -> Any:
        """Samples to numbers, numbers to text."""

    @abstractmethod
    def model(self) -> PreTrainedModel:
        """The weights to start from."""

    @abstractmethod
    def inputs(self, samples: Tensor, random: np.random.Generator | None) -> dict[str, Any]:
        """Model inputs of (N,) samples; with masks over the frames where a generator is given."""

    @abstractmethod
    def labels(self, cues: Sequence[Cue]) -> list[int]:
        """Label ids of what is said, with the end last."""

    @property
    def longest_seconds(self) -> float | None:
        """The longest recording that it can hear at once; none: any."""
        return None

    @property
    def longest_target(self) -> int | None:
        """The most labels that it can write; none: any."""
        return None

    def finished(self, model: PreTrainedModel) -> PreTrainedModel:
        """See `Adapter.finished`."""
        return model

    def write(self, model: PreTrainedModel, batch: Mapping[str, Tensor], **generation: Any) -> list[list[int]]:
        """See `Adapter.write`."""
        return model.generate(**batch, **generation)[:, 1:].tolist()  # type: ignore[operator]


class RecurrentLearner(Learner):
    """The recurrent core from scratch, on log-mel frames or on the states of a pretrained Whisper encoder."""

    pad = Pad({"input_features": 0.0, "encoder_features": 0.0, "attention_mask": 0, "labels": -100})

    def processor(self) -> SpeechSeq2SeqProcessor:
        """Mel frames as the flags or the encoder want them, and a tokenizer learnt from the training texts."""
        flags = self.flags
        if flags.model_name_or_path is not None:
            return load_processor(flags.model_name_or_path)
        tokenizer = train_tokenizer(flags.training_texts(), kind=flags.tokenizer, vocab_size=flags.vocab_size)
        if flags.encoder == "mel":
            extractor: Any = LogMelFeatureExtractor(feature_size=flags.mel_bins, sampling_rate=flags.sample_rate_hz)
        else:
            extractor = AutoFeatureExtractor.from_pretrained(flags.encoder)
        return SpeechSeq2SeqProcessor(extractor, tokenizer)

    def model(self) -> PreTrainedModel:
        """A fresh core over what the flags name."""
        flags = self.flags
        if flags.model_name_or_path is not None:
            return AutoModelForSeq2SeqLM.from_pretrained(flags.model_name_or_path)
        tokenizer = flags.processor.tokenizer
        config = flags.core_config(
            vocab_size=len(tokenizer),
            input_feature_size=flags.mel_bins if flags.encoder == "mel" else None,
            frame_stacking=flags.frame_stacking,
            pyramid=flags.pyramid,
            freeze_backbone=flags.freeze_encoder,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            decoder_start_token_id=tokenizer.bos_token_id,
        )
        if flags.encoder == "mel":
            return RecurrentSeq2SeqForConditionalGeneration(config)
        return RecurrentSeq2SeqForConditionalGeneration.with_backbone(config, flags.encoder)

    def inputs(self, samples: Tensor, random: np.random.Generator | None) -> dict[str, Any]:
        """`input_features` (S, M) and `attention_mask`."""
        encoded = self.flags.processor(samples, sampling_rate=self.flags.rate_hz)
        features, mask = encoded["input_features"][0], encoded["attention_mask"][0]
        if random is not None and self.flags.spec_augment:
            features = with_masks(features, random)
        return {"input_features": features, "attention_mask": mask}

    def labels(self, cues: Sequence[Cue]) -> list[int]:
        """The text's ids; the core writes no times, its attention tells them."""
        return self.flags.processor.tokenizer(" ".join(cue.text for cue in cues))["input_ids"]


class WhisperLearner(Learner):
    """Whisper itself: all of it, or low-rank updates of its projections (Hu et al., 2022, LoRA)."""

    pad = Pad({"input_features": 0.0, "labels": -100})

    def __init__(self, flags: "Transcription") -> None:
        super().__init__(flags)
        self._tuner: Any = None
        self.knows_languages = whisper.knows_languages(str(flags.model_name_or_path))
        if self.knows_languages and flags.language is None:
            raise ValueError(
                f"`language` must be given, as {flags.model_name_or_path} knows many, but is not. "
                "Name what the recordings are spoken in, english or en for instance."
            )

    def processor(self) -> Any:
        """Whisper's own, with the window cut to what the flags say."""
        return self._loaded()[1]

    def model(self) -> PreTrainedModel:
        """The pretrained weights; `language` and `task` are saved in the generation configuration."""
        flags, (model, _) = self.flags, self._loaded()
        settings: Any = model.generation_config
        settings.forced_decoder_ids, settings.return_timestamps = None, flags.has_times
        settings._from_model_config = False  # or what the library does not know of it would be lost at the next load
        if self.knows_languages:
            settings.language, settings.task = flags.language, flags.speech_task
        if flags.freeze_encoder:
            model.freeze_encoder()
        if flags.lora_rank is not None:
            self._tuner = whisper.low_rank(model, flags.lora_rank)
        return model

    def _loaded(self) -> tuple[WhisperForConditionalGeneration, Any]:
        name, seconds = str(self.flags.model_name_or_path), self.flags.window_seconds
        model, processor = WhisperForConditionalGeneration.from_pretrained(name), load_processor(name)
        if seconds is not None and seconds != whisper.window_seconds(processor):
            whisper.cut_window(model, processor, seconds)
        return model, processor

    def finished(self, model: PreTrainedModel) -> PreTrainedModel:
        """Whisper with the low-rank updates added to its weights."""
        return model if self._tuner is None else self._tuner.merge_and_unload()

    @property
    def longest_target(self) -> int:
        """The decoder's positions."""
        return AutoConfig.from_pretrained(str(self.flags.model_name_or_path)).max_target_positions

    @property
    def longest_seconds(self) -> float:
        """Its window."""
        return whisper.window_seconds(self.flags.processor)

    def _prompt(self, *, timestamps: bool) -> list[int]:
        flags, tokenizer = self.flags, self.flags.processor.tokenizer
        language, task = (flags.language, flags.speech_task) if self.knows_languages else (None, None)
        return whisper.prompt(tokenizer, language=language, task=task, timestamps=timestamps)

    def inputs(self, samples: Tensor, random: np.random.Generator | None) -> dict[str, Any]:
        """`input_features` (M, S) of the whole window."""
        extract = self.flags.processor.feature_extractor
        encoded = extract(samples.numpy(), sampling_rate=extract.sampling_rate, return_tensors="np")
        features = torch.as_tensor(encoded["input_features"][0])
        if random is not None and self.flags.spec_augment:
            heard = max(1, len(samples) // extract.hop_length)
            masked = with_masks(features[:, :heard].t(), random, filler=float(features.min()))
            features = torch.cat([masked.t(), features[:, heard:]], 1)
        return {"input_features": features}

    def labels(self, cues: Sequence[Cue]) -> list[int]:
        """The prompt but for its first label, the text, with time labels where times are known, the end."""
        timed = all(cue.start_seconds is not None for cue in cues)
        return whisper.label_ids(self.flags.processor.tokenizer, self._prompt(timestamps=timed), cues)

    def write(self, model: PreTrainedModel, batch: Mapping[str, Tensor], **generation: Any) -> list[list[int]]:
        """See `Adapter.write`; the prompt comes back too, as it stands in the labels."""
        return whisper.write(model, batch, self._prompt(timestamps=self.flags.has_times), **generation)


__all__ = ["Learner", "RecurrentLearner", "WhisperLearner"]
