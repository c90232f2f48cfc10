"""A learner that gives every frame a label."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from transformers import AutoModelForTokenClassification, PreTrainedModel

from toolkit.adapters.video.films import Film
from toolkit.adapters.video.labels import Event, labels_at, told_frames
from toolkit.adapters.video.learners import Learner
from toolkit.collate import Pad
from toolkit.metrics import segments
from toolkit.models import FrameLabellerConfig, RecurrentFrameLabeller
from toolkit.models.processing_spans import choose, find_instants, find_segments

IGNORED = -100
"""What the loss leaves out."""
LEAST_SCORE = 0.02
"""Instants that are less likely are not written down; ranking those above is what average precision does."""


class FrameLearner(Learner):
    """A label for every frame."""

    names = "frames", "frame_features"
    pad = Pad({"frames": 0.0, "frame_features": 0.0, "attention_mask": 0, "labels": -100})

    def model(self) -> PreTrainedModel:
        """A fresh labeller over what the flags name, or the one that they name."""
        flags = self.flags
        if flags.model_name_or_path is not None:
            trained_too = {} if flags.freeze_encoder else {"freeze_encoder": False}
            return AutoModelForTokenClassification.from_pretrained(flags.model_name_or_path, **trained_too)
        names = flags.processor.labels
        config = FrameLabellerConfig(
            id2label=dict(enumerate(names)),
            label2id={name: id for id, name in enumerate(names)},
            frame_encoder=self.encoder_config(),
            freeze_encoder=flags.is_pretrained and flags.freeze_encoder,
            embedding_size=flags.hidden_size,
            hidden_size=flags.hidden_size,
            num_hidden_layers=flags.num_hidden_layers,
            cell_type=flags.cell_type,
            dropout=flags.dropout,
            class_weights=flags.label_weights,
            smoothing=0.0 if flags.has_instants else flags.smoothing,
            transitions=flags.label_transitions,
        )
        config.tells_instants = flags.has_instants
        model = RecurrentFrameLabeller(config)
        if flags.is_pretrained:
            model.frame_encoder.load_pretrained(flags.encoder)  # type: ignore[operator]
        return model.train()  # which also freezes what was loaded just now, if it is to stay as it is

    def labels(self, events: Sequence[Event], film: Film, start: int, end: int) -> list[int]:
        """The label of each frame that is seen, if it has one; an instant stands at the one nearest to its frame."""
        processor = self.flags.processor
        ids: dict[str | None, int] = {name: id for id, name in enumerate(processor.labels)}
        ids[None] = IGNORED
        spans = [event for event in events if not event.is_instant]
        shown = labels_at(spans, film.seconds, self.flags.filler)
        told = told_frames(events, len(shown))
        shown[told:] = [None] * (len(shown) - told)
        names = [shown[place] for place in processor.seen(film.seconds).tolist()]
        nearest = processor.places(film.seconds).clamp(max=len(names) - 1)
        for event in events:
            if event.is_instant:
                names[int(nearest[event.frames(film.seconds)[0]])] = event.label
        return [ids[name] for name in names[start:end]]

    def write(self, model: PreTrainedModel, batch: Mapping[str, Tensor], **generation: Any) -> list[Tensor]:
        """The probabilities of each video's frames, (F, V)."""
        probabilities = model(**batch).logits.float().softmax(-1).cpu()
        lengths = batch["attention_mask"].sum(1).tolist()
        return [row[:length] for row, length in zip(probabilities, lengths, strict=True)]

    def decode(self, output: Tensor | Sequence[int]) -> dict[str, Any]:
        """Runs of labels, and events with their scores; label ids count as certain."""
        processor = self.flags.processor
        names, rate = processor.labels, processor.frames_per_second
        if isinstance(output, Tensor):
            chosen = choose(output, names, self.flags.label_transitions)
        else:
            chosen = torch.tensor(output).clamp(min=0)
            output = one_hot(chosen, len(names)).float()
        found = [names[id] for id in chosen.tolist()]

        def border(place: int) -> float:  # half way between two frames
            return max(0.0, (place - 0.5) / rate)

        if self.flags.has_instants:
            spans = find_instants(output, names, background=processor.background, threshold=LEAST_SCORE)
            events = [(one.label, one.start / rate, one.start / rate, one.score) for one in spans]
        else:
            spans = find_segments(output, names, chosen=chosen, background=processor.background)
            events = [(one.label, border(one.start), border(one.end), one.score) for one in spans]
        return {
            "labels": [[name, round(border(start), 4), round(border(end), 4)] for name, start, end in segments(found)],
            "events": [[label, round(start, 4), round(end, 4), round(score, 4)] for label, start, end, score in events],
        }


__all__ = ["FrameLearner"]
