"""Speech to text with times, for the recurrent core: where the decoder looked is when a word was said."""

import math
import re
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.pipelines.audio_utils import ffmpeg_read

from .pipeline_writing import WritingPipeline, given

ZERO_CROSSINGS = 6


class SpeechRecognitionPipeline(WritingPipeline):
    """Recordings in, text out. Every generation argument can be given by name, to the pipeline or to one call."""

    _load_tokenizer: Any = False  # the processor brings both
    _load_feature_extractor: Any = False

    def __init__(self, *args, **settings) -> None:  # type: ignore[no-untyped-def]
        super().__init__(*args, **settings)
        if self.processor is None:
            raise ValueError(
                "`processor` must be given, but there is none. Pass the one that was saved with the model."
            )
        self.tokenizer, self.feature_extractor = self.processor.tokenizer, self.processor.feature_extractor

    def __call__(self, inputs, **settings):  # type: ignore[no-untyped-def, override]
        """Transcribes one recording, a list, a generator or a dataset of them.

        Args:
            inputs: samples (N,) at the model's rate; or {"array" or "raw": samples, "sampling_rate": Hz}, of any rate;
                a path or the bytes of a file need the program `ffmpeg`.
            **settings: `batch_size`; `return_timestamps`, "word" for a chunk per word, true for one in all;
                `return_attentions`; everything else goes to `generate`.

        Returns:
            {"text": str} for each, and as asked `chunks`, [{"text", "timestamp": (start, end)}] in seconds, and
            `attention`: `source_seconds`, when each of the encoder's steps begins, `target_tokens`, and `weights`, a
            row for each token over these steps. With `num_return_sequences` a list of these.
        """
        return super().__call__(inputs, **settings)

    def _sanitize_parameters(  # type: ignore[no-untyped-def]
        self,
        return_timestamps: str | bool | None = None,
        return_attentions: bool | None = None,
        generate_kwargs: Mapping[str, Any] | None = None,
        **generation,
    ) -> tuple[dict, dict, dict]:
        if return_timestamps not in (None, False, True, "word"):
            raise ValueError(
                f"`return_timestamps` must be 'word', true or false, but is {return_timestamps!r}. Ask for words."
            )
        if (return_timestamps or return_attentions) and self.model.config.attention_type == "none":
            raise ValueError(
                "`return_timestamps` and `return_attentions` read where the decoder looked, but this model has "
                "`attention_type` none. Train it with another."
            )
        wanted = given({"return_timestamps": return_timestamps, "return_attentions": return_attentions})
        return {}, {**(generate_kwargs or {}), **generation, **wanted}, wanted

    def preprocess(self, recording: Any) -> dict[str, Tensor]:  # type: ignore[override]
        """Frames of one recording, and how long it is."""
        rate = self.processor.feature_extractor.sampling_rate
        samples = heard(recording, rate)
        encoded = dict(self.processor(samples, sampling_rate=rate, return_tensors="pt"))
        encoded["input_features"] = encoded["input_features"].to(self.model.dtype)
        return {**encoded, "samples": torch.tensor([len(samples)])}

    def _forward(  # type: ignore[no-untyped-def, override]
        self,
        model_inputs: dict,
        return_timestamps: str | bool = False,
        return_attentions: bool = False,
        **generation,
    ) -> dict[str, Tensor]:
        samples = model_inputs.pop("samples")
        encoded, looks = self.model.encode(**model_inputs), bool(return_timestamps or return_attentions)
        generation = self._prepare_generate_kwargs(generation, return_dict_in_generate=looks, output_attentions=looks)
        output = self.model.generate(encoder_outputs=encoded, **generation)
        return {**self._written(output, len(samples)), "samples": samples, "source_mask": encoded.attention_mask}

    def postprocess(  # type: ignore[override]
        self,
        model_outputs: Mapping[str, Tensor],
        return_timestamps: str | bool = False,
        return_attentions: bool = False,
    ) -> dict | list[dict]:
        """Names the answers; see `__call__`."""
        step_seconds = self.processor.seconds_per_frame * self.model.encoder.frames_per_step
        length = model_outputs["samples"].item() / self.processor.feature_extractor.sampling_rate
        steps = int(model_outputs["source_mask"].sum())
        records = []
        for index, ids in enumerate(model_outputs["sequences"][0]):
            record: dict[str, Any] = {"text": self._text(ids).strip()}
            tokens = self._finished(ids)[1:]
            if "attentions" in model_outputs:
                weights = model_outputs["attentions"][0, index, : len(tokens), :steps].float()
            if return_timestamps:
                words = self._words(tokens)
                spans = spoken(weights, [places for _, places in words], step_seconds, length)
                chunks = [(word, span) for (word, _), span in zip(words, spans, strict=True)]
                if return_timestamps is True and chunks:
                    chunks = [(record["text"], (chunks[0][1][0], chunks[-1][1][1]))]
                record["chunks"] = [{"text": word, "timestamp": span} for word, span in chunks]
            if return_attentions:
                record["attention"] = {
                    "source_seconds": [step * step_seconds for step in range(steps)],
                    "target_tokens": self.tokenizer.convert_ids_to_tokens(tokens),
                    "weights": weights.tolist(),
                }
            records.append(record)
        return records[0] if len(records) == 1 else records

    def _words(self, tokens: list[int]) -> list[tuple[str, list[int]]]:
        """Each word with the space before it, and which of the tokens write it."""
        ends = [len(self._text(tokens[: place + 1])) for place in range(len(tokens))]
        text = self._text(tokens)
        words: list[tuple[str, list[int]]] = []
        for word in re.finditer(r"\s*\S+", text.rstrip()):
            letters = word.end() - len(word.group().lstrip())
            places = [
                place
                for place, (start, end) in enumerate(zip([0, *ends], ends, strict=False))
                if start < word.end() and end > letters and end > start
            ]
            places = places or (words[-1][1] if words else [0])  # a letter that several tokens wrote together
            words.append((word.group() if words else word.group().lstrip(), places))
        return words


def spoken(
    weights: Tensor, words: list[list[int]], step_seconds: float, length_seconds: float
) -> list[tuple[float, float]]:
    """When each word was said: start and end, never before the last word's end, inside the recording.

    A token was said around the centre of its weights, for as long as weights spread evenly with the same variance
    would last. Where two words overlap they meet halfway.

    Args:
        weights: (T, S), rows that sum to 1.
        words: the rows of each word.
        step_seconds: how long one of the S steps is.
        length_seconds: of the recording.

    >>> spoken(torch.eye(4), [[0, 1], [3]], step_seconds=0.5, length_seconds=2.0)
    [(0.0, 1.0), (1.5, 2.0)]
    """
    middles = torch.arange(weights.shape[1]) + 0.5
    centres = weights @ middles
    spread = ((weights * (middles - centres[:, None]).square()).sum(1) + 1 / 12).clamp(min=0).sqrt() * math.sqrt(3)
    edges = []
    for places in words:
        edges.append((centres[places] - spread[places]).min().item())
        edges.append((centres[places] + spread[places]).max().item())
    for last in range(1, len(edges) - 1, 2):
        if edges[last] > edges[last + 1]:
            edges[last] = edges[last + 1] = (edges[last] + edges[last + 1]) / 2
    times = accumulate((min(max(edge * step_seconds, 0.0), length_seconds) for edge in edges), max)
    seconds = [min(round(time, 3), length_seconds) for time in times]
    return list(zip(seconds[::2], seconds[1::2], strict=True))


def heard(recording: Any, rate: int) -> Tensor:
    """A recording in any of the forms that `SpeechRecognitionPipeline` takes, as (N,) at that many samples a second."""
    if isinstance(recording, str | Path):
        recording = Path(recording).read_bytes()
    if isinstance(recording, bytes):
        recording = ffmpeg_read(recording, rate)
    own_rate = rate
    if isinstance(recording, Mapping):
        samples = recording.get("array", recording.get("raw"))
        if samples is None or "sampling_rate" not in recording:
            raise ValueError(
                "A recording must have `array` or `raw`, and `sampling_rate`, but has "
                f"{', '.join(map(str, recording)) or 'nothing'}. Add what is missing, or pass the samples alone."
            )
        own_rate, recording = recording["sampling_rate"], samples
    samples = torch.as_tensor(recording, dtype=torch.float32)
    if samples.dim() == 2:  # channels; there are never more of them than samples
        samples = samples.mean(0 if samples.shape[0] < samples.shape[1] else 1)
    return resample(samples, own_rate, rate)


def resample(samples: Tensor, own_rate: int, rate: int) -> Tensor:
    """The same sound with another number of samples a second, (N,) to (N * rate / own_rate,).

    A windowed sinc, one filter for each place that a new sample can have between two old ones (Smith, 2002).
    """
    if own_rate == rate:
        return samples
    shared = math.gcd(own_rate, rate)
    old, new = own_rate // shared, rate // shared
    cutoff = 0.99 * min(old, new)
    reach = math.ceil(ZERO_CROSSINGS * old / cutoff)
    at = torch.arange(-reach, reach + old)[None] / old - torch.arange(new)[:, None] / new  # (new, 2 * reach + old)
    at = (at * cutoff).clamp(-ZERO_CROSSINGS, ZERO_CROSSINGS)
    filters = torch.sinc(at) * (at * math.pi / ZERO_CROSSINGS / 2).cos().square() * cutoff / old
    padded = F.pad(samples[None, None], (reach, reach + old))
    heard_again = F.conv1d(padded, filters[:, None], stride=old)[0].t().flatten()
    return heard_again[: math.ceil(len(samples) * new / old)]


__all__ = ["SpeechRecognitionPipeline", "heard", "resample", "spoken"]
