"""A learner that writes what happens as a sequence of events with times."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from torch import Tensor
from transformers import AutoModelForSeq2SeqLM, PreTrainedModel

from toolkit.adapters.video.films import Film
from toolkit.adapters.video.labels import Event
from toolkit.adapters.video.learners import Learner
from toolkit.adapters.video.scoring import ROUNDING_SECONDS
from toolkit.collate import Pad
from toolkit.models import RecurrentSeq2SeqConfig, RecurrentSeq2SeqForConditionalGeneration
from toolkit.models.pipeline_writing import likelihoods
from toolkit.models.processing_events import SPECIAL_TOKENS, EventGrammar


class Word(int):
    """The id of a word, and how likely it was when it was written."""

    likelihood: float

    def __new__(cls, word: int, likelihood: float) -> "Word":
        made = super().__new__(cls, word)
        made.likelihood = likelihood
        return made


class EventLearner(Learner):
    """Events as words, which the attention decoder writes: `<start> label <end>` for each, then the end."""

    names = "input_features", "encoder_features"
    pad = Pad({"input_features": 0.0, "encoder_features": 0.0, "attention_mask": 0, "labels": -100})

    def model(self) -> PreTrainedModel:
        """A fresh encoder-decoder over what the flags name, or the one that they name."""
        flags = self.flags
        if flags.model_name_or_path is not None:
            trained_too = {} if flags.freeze_encoder else {"freeze_backbone": False}
            return AutoModelForSeq2SeqLM.from_pretrained(flags.model_name_or_path, **trained_too)
        tokens = flags.processor.events.tokens
        unknown, start, end, pad = range(len(SPECIAL_TOKENS))
        config = RecurrentSeq2SeqConfig(
            vocab_size=len(tokens),
            backbone_config=self.encoder_config().to_dict(),
            freeze_backbone=flags.is_pretrained and flags.freeze_encoder,
            embedding_size=flags.hidden_size,
            hidden_size=flags.hidden_size,
            num_hidden_layers=flags.num_hidden_layers,
            cell_type=flags.cell_type,
            attention_type=flags.attention_type,
            dropout=flags.dropout,
            pad_token_id=pad,
            bos_token_id=start,
            eos_token_id=end,
            decoder_start_token_id=start,
            first_pointer=flags.processor.events.first_time,
        )
        config.tells_instants = flags.has_instants
        model = RecurrentSeq2SeqForConditionalGeneration(config)
        if flags.is_pretrained:
            model.encoder.reader.backbone.load_pretrained(flags.encoder)
        return model

    def mask(self, frames: int, *, frozen: bool = False) -> dict[str, Any]:
        """All is real: frames, or the vectors of several frames each."""
        return {"attention_mask": [1] * (-(-frames // self.frozen.frames_per_step) if self.frozen else frames)}

    def labels(self, events: Sequence[Event], film: Film, start: int, end: int) -> list[int]:
        """Ids of the words for what happens from `start` on, as far as a stretch goes."""
        times = np.append(film.seconds, film.end_seconds)
        placed = [(event.label, *event.frames(film.seconds)) for event in events]
        told = [
            {"label": label, "start": float(times[first]), "end": float(times[last])}
            for label, first, last in placed
            if label != self.flags.background and first < len(film.seconds)  # or it is about no frame of the video
        ]
        begins = film.seconds[0] + start / self.flags.processor.frames_per_second
        words = self.flags.processor.events
        words = replace(words, steps=min(words.steps, -(-(end - start) // self.flags.step_frames)))
        # What begins at the border of two stretches is the later one's, to whichever side its time was rounded.
        return words.encode(told, start_seconds=begins - ROUNDING_SECONDS)

    def write(self, model: PreTrainedModel, batch: Mapping[str, Tensor], **generation: Any) -> list[list[Word]]:
        """The words of each example."""
        grammar = EventGrammar(self.flags.processor.events)
        output = model.generate(  # type: ignore[operator]
            **batch, logits_processor=[grammar], return_dict_in_generate=True, output_scores=True, **generation
        )
        rows = zip(output.sequences[:, 1:].tolist(), likelihoods(model, output).tolist(), strict=True)
        return [list(map(Word, *row)) for row in rows]

    def decode(self, output: Sequence[int]) -> dict[str, Any]:
        """Events, each as likely as its label was, and between them the background."""
        words = self.flags.processor.events
        events: list[list[Any]] = []
        spans = []
        for first, last, name, place in words.spell(output):
            likelihood = round(getattr(output[place], "likelihood", 1.0), 4)
            events.append([words.labels[name], first * words.step_seconds, last * words.step_seconds, likelihood])
            spans.append((first, max(last, first + 1), words.labels[name]))
        borders = sorted({0, words.steps, *(time for span in spans for time in span[:2])})
        labels = [
            [_latest(spans, start) or self.flags.background, start * words.step_seconds, end * words.step_seconds]
            for start, end in pairwise(borders)
        ]
        return {"labels": labels, "events": events}


def _latest(spans: Sequence[tuple[int, int, str]], time: int) -> str | None:
    """Of what happens at a time, the label that began last, as the truth has it."""
    return max((span for span in spans if span[0] <= time < span[1]), default=(0, 0, None))[2]


__all__ = ["EventLearner"]
