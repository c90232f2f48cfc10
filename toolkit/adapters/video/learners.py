"""What can learn what happens in a video: a label for each frame, or events as a sequence of words."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, VideoMAEConfig

from toolkit.adapters.kept import fingerprint
from toolkit.adapters.video.encoders import pretrained_frames, small_videomae
from toolkit.adapters.video.films import BLOCK_FRAMES, Film, write_array
from toolkit.adapters.video.labels import Event
from toolkit.adapters.video.variation import flipped, shifted, with_other_light
from toolkit.collate import Pad
from toolkit.models import FrameEncoderConfig, FrameProcessor, load_processor
from toolkit.models.layers_frames import FrameEncoder, VideoMAEFrames

if TYPE_CHECKING:
    from toolkit.adapters.video.event_labelling import EventLabelling


class Learner(ABC):
    """What the two ways to learn do differently; everything else stands in the adapter.

    Args:
        flags: the adapter, with the flags and the processor.
    """

    pad: Pad

    def __init__(self, flags: "EventLabelling") -> None:
        self.flags = flags

    @abstractmethod
    def model(self) -> PreTrainedModel:
        """The weights to start from."""

    @abstractmethod
    def labels(self, events: Sequence[Event], film: Film, start: int, end: int) -> list[int]:
        """Label ids of the frames from `start` up to `end`, counted as the model sees them."""

    @abstractmethod
    def write(self, model: PreTrainedModel, batch: Mapping[str, Tensor], **generation: Any) -> list[Any]:
        """See `Adapter.write`."""

    @abstractmethod
    def decode(self, output: Any) -> dict[str, Any]:
        """See `Adapter.decode`."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, str]:
        """What the model calls frames, and the vectors of a frozen encoder."""

    def processor(self) -> FrameProcessor:
        """Size, colour and rate as the flags, or the pretrained encoder, want them; labels as the data has them."""
        flags = self.flags
        if flags.model_name_or_path is not None:
            return load_processor(flags.model_name_or_path)
        size, mean, std = [flags.frame_height, flags.frame_width], [0.5], [0.1 if flags.subtract_median else 0.25]
        if flags.is_pretrained:
            size, mean, std = pretrained_frames(flags.encoder)
        elif flags.colour:
            mean, std = 3 * mean, 3 * std
        rate, steps = flags.frames_per_second, flags.max_train_seconds * flags.frames_per_second / flags.step_frames
        return FrameProcessor(
            size=size,
            mean=mean,
            std=std,
            frames_per_second=rate,
            subtract_median=flags.subtract_median,
            labels=flags.label_names,
            background=flags.background if flags.background in flags.label_names else None,
            event_steps={"step_seconds": flags.step_frames / rate, "steps": round(steps)},
        )

    def encoder_config(self) -> FrameEncoderConfig:
        """What looks at frames."""
        flags, processor = self.flags, self.flags.processor
        channels = len(processor.mean)
        if flags.encoder == "cnn":
            return FrameEncoderConfig(kind="cnn", num_channels=channels, hidden_size=flags.hidden_size)
        if flags.is_pretrained:
            videomae = VideoMAEConfig.from_pretrained(flags.encoder)
        else:
            videomae = small_videomae(processor.size, channels)
        return FrameEncoderConfig(kind="videomae", num_channels=channels, videomae=videomae)

    @cached_property
    def frozen(self) -> FrameEncoder | None:
        """The pretrained encoder, if it stays as it is: then each video is looked at once."""
        flags = self.flags
        if not (flags.is_pretrained and flags.freeze_encoder and flags.model_name_or_path is None):
            return None
        encoder = VideoMAEFrames(self.encoder_config())
        encoder.load_pretrained(flags.encoder)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return encoder.eval().requires_grad_(False).to(device)

    def inputs(self, path: str, film: Film, start: int, end: int, random: np.random.Generator | None) -> dict[str, Any]:
        """What the model reads of the frames from `start` up to `end`."""
        frames_name, vectors_name = self.names
        if self.frozen is None:
            frames = film.seen(self.flags.processor, start, end)
            return {frames_name: frames if random is None else self.varied(frames, random), **self.mask(end - start)}
        step = self.frozen.frames_per_step
        vectors = torch.from_numpy(self.vectors(path, film)[start // step : -(-end // step)])
        return {vectors_name: vectors, **self.mask(end - start, frozen=True)}

    def mask(self, frames: int, *, frozen: bool = False) -> dict[str, Any]:
        """All of an example is real."""
        return {"attention_mask": [1] * frames}

    def varied(self, frames: Tensor, random: np.random.Generator) -> Tensor:
        """Another light, mirror and place, as the flags say."""
        if not self.flags.augment:
            return frames
        frames = flipped(with_other_light(frames, random), random, self.flags.flips)
        return shifted(frames, random, 0.1)

    @cached_property
    def _frozen_key(self) -> dict[str, Any]:
        """What decides the vectors of a frozen encoder beside the frames; the weights are many to read."""
        encoder, processor = self.frozen, self.flags.processor
        assert encoder is not None
        return {
            "encoder": fingerprint(encoder),
            "config": encoder.config.to_dict(),
            "median": processor.subtract_median,
            "mean": processor.mean,
            "std": processor.std,
        }

    def vectors(self, path: str, film: Film) -> np.ndarray:
        """What a frozen encoder makes of a video, (steps, D), computed once and kept."""
        films, encoder = self.flags.films, self.frozen
        assert encoder is not None

        def look(aside: Path) -> None:
            device = next(encoder.parameters()).device
            starts = range(0, film.count, BLOCK_FRAMES)
            seen = (film.seen(films.processor, start, start + BLOCK_FRAMES).to(device) for start in starts)
            with torch.inference_mode():
                write_array(aside, [part.cpu() for part in encoder.stream(seen)])

        return films.kept(films.key(path, **self._frozen_key), look)


__all__ = ["Learner"]
