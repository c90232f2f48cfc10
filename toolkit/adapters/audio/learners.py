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
    GenerationConfig,
    PreTrainedModel,
    WhisperForConditionalGeneration,
)

from toolkit.adapters.audio import whisper
from toolkit.adapters.audio.cues import Cue
from toolkit.adapters.audio.languages import knows_languages
from toolkit.adapters.audio.variation import with_masks
from toolkit.adapters.base import Adapter
from toolkit.adapters.kept import fingerprint
from toolkit.adapters.pretrained import read_config
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

    Attributes:
        longest_target: the most labels that it can write; none: any.
    """

    pad: Pad
    longest_target: int | None = None

    def __init__(self, flags: "Transcription") -> None:
        self.flags = flags

    @property
    def frozen(self) -> str | None:
        """What tells an encoder from all others that stays as it is, so that what it makes can be kept; else none."""
        return None

    @abstractmethod
    def processor(self) -> Any:
        """Samples to numbers, numbers to text."""

    @abstractmethod
    def model(self) -> PreTrainedModel:
        """The weights to start from."""

    @abstractmethod
    def inputs(self, samples: Tensor) -> dict[str, Any]:
        """Model inputs of (N,) samples."""

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

    def finished(self, model: PreTrainedModel) -> PreTrainedModel:
        """See `Adapter.finished`."""
        return model

    def write(self, model: PreTrainedModel, batch: Mapping[str, Tensor], **generation: Any) -> list[list[int]]:
        """See `Adapter.write`."""
        return Adapter.write(self.flags, model, batch, **generation)


class RecurrentLearner(Learner):
    """The recurrent core from scratch, on log-mel frames or on the states of a pretrained Whisper encoder."""

    pad = Pad({"input_features": 0.0, "encoder_features": 0.0, "attention_mask": 0, "labels": -100})

    def __init__(self, flags: "Transcription") -> None:
        super().__init__(flags)
        self._model: Any = None
        self._frozen: str | None = None

    @property
    def frozen(self) -> str | None:
        """A pretrained encoder that stays as it is reads each recording once."""
        return self._frozen

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
        self._model = self._made()
        config = self._model.config
        is_frozen = config.backbone_config is not None and config.freeze_backbone
        self._frozen = fingerprint(self._model.encoder.reader.backbone) if is_frozen else None
        return self._model

    def _made(self) -> PreTrainedModel:
        flags = self.flags
        if flags.model_name_or_path is not None:
            return AutoModelForSeq2SeqLM.from_pretrained(flags.model_name_or_path)
        tokenizer = flags.processor.tokenizer
        config = flags.core_config(
            vocab_size=len(tokenizer),
            input_feature_size=flags.processor.feature_extractor.feature_size,
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

    def inputs(self, samples: Tensor) -> dict[str, Any]:
        """`input_features` (S, M), or `encoder_features` (S, D) of a frozen encoder, and `attention_mask`."""
        encoded = self.flags.processor([samples], sampling_rate=self.flags.rate_hz, return_tensors="pt")
        if self.frozen is not None:
            with torch.no_grad():
                batch = {name: values.to(self._model.device) for name, values in encoded.items()}
                encoded = self._model.backbone_features(**batch)
        return {name: values[0].cpu() for name, values in encoded.items()}

    def hidden(self, inputs: dict[str, Any], random: np.random.Generator) -> dict[str, Any]:
        """Frames, or vectors of a frozen encoder, with bands set to what a silent recording has."""
        if not self.flags.spec_augment:
            return inputs
        (name,) = inputs.keys() - {"attention_mask"}
        return {**inputs, name: with_masks(inputs[name], random)}

    def labels(self, cues: Sequence[Cue]) -> list[int]:
        """The text's ids; the core writes no times, its attention tells them."""
        return self.flags.processor.tokenizer(" ".join(cue.text for cue in cues))["input_ids"]


class WhisperLearner(Learner):
    """Whisper itself: all of it, or low-rank updates of its projections (Hu et al., 2022, LoRA)."""

    pad = Pad({"input_features": 0.0, "labels": -100})

    def __init__(self, flags: "Transcription") -> None:
        super().__init__(flags)
        self._tuner: Any = None
        self._name = str(flags.model_name_or_path)
        self.knows_languages = knows_languages(GenerationConfig.from_pretrained(self._name))
        self.longest_target = AutoConfig.from_pretrained(self._name).max_target_positions
        if self.knows_languages and flags.language is None:
            raise ValueError(
                f"`language` must be given, as {flags.model_name_or_path} knows many, but is not. "
                "Name what the recordings are spoken in, english or en for instance."
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
        settings.forced_decoder_ids, settings.return_timestamps = None, flags.has_times
        settings._from_model_config = False  # or what the library does not know of it would be lost at the next load
        if self.knows_languages:
            settings.language, settings.task = flags.language, flags.speech_task
        if flags.freeze_encoder:
            model.freeze_encoder()
        if flags.lora_rank is not None:
            self._tuner = whisper.low_rank(model, flags.lora_rank)
        return model

    def finished(self, model: PreTrainedModel) -> PreTrainedModel:
        """Whisper with the low-rank updates added to its weights."""
        return model if self._tuner is None else self._tuner.merge_and_unload()

    @property
    def longest_seconds(self) -> float:
        """Its window."""
        return whisper.window_seconds(self.flags.processor)

    def _prompt(self, *, timestamps: bool) -> list[int]:
        flags, tokenizer = self.flags, self.flags.processor.tokenizer
        language, task = (flags.language, flags.speech_task) if self.knows_languages else (None, None)
        return whisper.prompt(tokenizer, language=language, task=task, timestamps=timestamps)

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


def learner(flags: "Transcription") -> Learner:
    """What the flags ask for.

    Raises:
        ValueError: `model_name_or_path` names no model of speech, or contradicts `encoder`.
    """
    name = flags.model_name_or_path
    if name is None:
        return RecurrentLearner(flags)
    if flags.encoder != "mel":
        raise ValueError(
            f"`encoder` ({flags.encoder}) belongs to a fresh core, but `model_name_or_path` ({name}) brings a whole "
            "model. Leave one of them away."
        )
    kind = read_config(name, flag="model_name_or_path").model_type
    kinds = {"whisper": WhisperLearner, "recurrent_seq2seq": RecurrentLearner}
    if kind not in kinds:
        raise ValueError(
            f"`model_name_or_path` must name a Whisper model or one of this toolkit, but {name} is a {kind} model."
        )
    return kinds[kind](flags)


__all__ = ["learner"]
