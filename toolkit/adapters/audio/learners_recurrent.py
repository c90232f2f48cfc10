"""The recurrent core as what learns to transcribe."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from huggingface_hub import constants
from torch import Tensor
from transformers import AutoFeatureExtractor, AutoModelForSeq2SeqLM, PreTrainedModel, WhisperFeatureExtractor

from toolkit.adapters.audio import whisper
from toolkit.adapters.audio.cues import Cue
from toolkit.adapters.audio.learners import Learner
from toolkit.adapters.audio.recordings import Excerpt
from toolkit.adapters.audio.variation import with_masks
from toolkit.adapters.kept import fingerprint, kept_array, key_of
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


class RecurrentLearner(Learner):
    """The recurrent core from scratch, on log-mel frames or on the states of a pretrained Whisper encoder."""

    pad = Pad({"input_features": 0.0, "encoder_features": 0.0, "attention_mask": 0, "labels": -100})

    def __init__(self, flags: "Transcription") -> None:
        super().__init__(flags)
        self._model: Any = None
        self._frozen: str | None = None  # what tells an encoder that stays as it is from all others
        for name, value in {"window_seconds": flags.window_seconds, "lora_rank": flags.lora_rank}.items():
            if value is not None:
                raise ValueError(
                    f"`{name}` is for Whisper itself, which is not what is trained here, but is {value}. "
                    "Leave it away, or name a Whisper by `model_name_or_path`."
                )

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
        """A fresh core over what the flags name; language and task are saved with it, as Whisper's are."""
        self._model = self._made()
        settings = self._model.generation_config
        settings.language, settings.task = self.language, self.task
        settings._from_model_config = False  # or what the library does not know of it would be lost at the next load
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

    @property
    def longest_seconds(self) -> float | None:
        """The window of a Whisper encoder; mel frames have none."""
        if not isinstance(self.flags.processor.feature_extractor, WhisperFeatureExtractor):
            return None
        return whisper.window_seconds(self.flags.processor)

    def inputs(self, samples: Tensor) -> dict[str, Any]:
        """`input_features` (S, M), or `encoder_features` (S, D) of a frozen encoder, and `attention_mask`."""
        encoded = self.flags.processor([samples], sampling_rate=self.flags.rate_hz, return_tensors="pt")
        if self._frozen is not None:
            with torch.no_grad():
                batch = {name: values.to(self._model.device) for name, values in encoded.items()}
                encoded = self._model.backbone_features(**batch)
        return {name: values[0].cpu() for name, values in encoded.items()}

    def inputs_of(self, excerpt: Excerpt, samples: Callable[[], Tensor]) -> dict[str, Any]:
        """The same; a pretrained encoder that stays as it is reads each excerpt once, and what it makes is kept."""
        if self._frozen is None:
            return self.inputs(samples())
        key = key_of(excerpt.path, str(excerpt), self._frozen, self.flags.processor.feature_extractor.to_dict())

        def make(aside: Path) -> None:
            with aside.open("wb") as file:
                np.save(file, self.inputs(samples())["encoder_features"].numpy())

        features = torch.from_numpy(kept_array(Path(constants.HF_HOME) / "speech-features" / f"{key}.npy", make))
        return {"encoder_features": features, "attention_mask": torch.ones(len(features), dtype=torch.long)}

    def hidden(self, inputs: dict[str, Any], random: np.random.Generator) -> dict[str, Any]:
        """Frames, or vectors of a frozen encoder, with bands set to what a silent recording has."""
        if not self.flags.spec_augment:
            return inputs
        (name,) = inputs.keys() - {"attention_mask"}
        return {**inputs, name: with_masks(inputs[name], random)}

    def labels(self, cues: Sequence[Cue]) -> list[int]:
        """The text's ids; the core writes no times, its attention tells them."""
        return self.flags.processor.tokenizer(" ".join(cue.text for cue in cues))["input_ids"]


__all__ = ["RecurrentLearner"]
