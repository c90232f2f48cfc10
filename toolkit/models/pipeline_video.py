"""What happens when in a video: a label for every frame, and events with start and end.

Shapes: `F` frames, `S` steps of time, `D` width of a vector, `V` labels.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, Pipeline

from .pipeline_writing import attended, given, likelihoods
from .processing_events import EventGrammar, Stretch, tell
from .processing_spans import Span, choose, find_instants, find_segments, tidy

BLOCK_FRAMES = 64
STRETCHES_AT_ONCE = 16
INPUTS = ("frames", "blocks", "seconds", "frames_per_second", "still")


class VideoEventDetectionPipeline(Pipeline):
    """Frames in; out come a label for each of them, and events.

    It serves models that label frames (`RecurrentFrameLabeller`) and models that write events (the encoder-decoder
    over a frame encoder), with one kind of answer. A video of any length is read as a stream, once.
    """

    model: Any  # the library types these by what may be missing elsewhere
    processor: Any
    _load_processor: Any = True
    _load_tokenizer: Any = False
    _load_feature_extractor: Any = False
    _load_image_processor: Any = False
    _load_video_processor: Any = False
    _pipeline_calls_generate = True
    _default_generation_config = GenerationConfig(max_new_tokens=256)

    def __call__(self, inputs, **settings):  # type: ignore[no-untyped-def, override]
        """Finds what happens in each video.

        Args:
            inputs: one video, or a list, a generator or a dataset of videos. A video is an array (F, Y, X, 3) of
                bytes, taken at the rate the model was trained for, or a mapping with `frames` and `seconds` (when each
                is shown) or `frames_per_second`. For videos longer than memory it has `blocks`, an iterable of pairs
                (frames, seconds); where these are not all frames of the video, `seconds` are the times of all. A model
                that subtracts the video's median frame holds the whole video, but where that is given as `still`.
            **settings: `threshold`, `minimum_seconds`, `merge_seconds`, `points` and `apart_seconds` (see
                `postprocess`); for models that write events also `return_attentions` and every generation argument by
                name. Videos are read one after the other, in blocks: `batch_size` changes nothing.

        Returns:
            For each video `video`, the header: how many `frames` it has, how many are `seen` by the model, its
            `frames_per_second`, the model's `seen_frames_per_second`, `window` and `stride` in frames seen, and
            `resolution_seconds`, the real resolution in time; `frames`: `frame`, `seconds`, `label` and `score` of each
            frame; and `events`: `label`, `start` and `end` in seconds, `start_frame`, `end_frame` (the first one after
            the event) and `score`, in the order of time. With `return_attentions` also `attention`: for each stretch
            that a model wrote about the `seconds` of its steps, its `events`, and the `weights` of these over those.
        """
        return [] if isinstance(inputs, list) and not inputs else super().__call__(inputs, **settings)

    def get_iterator(self, inputs, num_workers, batch_size, *parameters):  # type: ignore[no-untyped-def]
        """As every pipeline, one video at a time: a video is a batch in itself."""
        return super().get_iterator(inputs, num_workers, 1, *parameters)

    def _sanitize_parameters(  # type: ignore[no-untyped-def]
        self,
        threshold: float | None = None,
        minimum_seconds: float | None = None,
        merge_seconds: float | None = None,
        points: bool | None = None,
        apart_seconds: float | None = None,
        **generation,
    ) -> tuple[dict, dict, dict]:
        if generation and not self.model.can_generate():
            raise TypeError(
                f"`{next(iter(generation))}` is no argument of a pipeline whose model labels frames. These are: "
                "threshold, minimum_seconds, merge_seconds, points, apart_seconds."
            )
        seconds = {"minimum_seconds": minimum_seconds, "merge_seconds": merge_seconds, "apart_seconds": apart_seconds}
        return {}, generation, given({"threshold": threshold, "points": points, **seconds})

    def preprocess(self, video: Any) -> dict[str, Any]:  # type: ignore[override]
        """Opens one video as a stream of what the model sees; the times of its frames are noted as they come."""
        if not isinstance(video, Mapping):
            if not isinstance(video, Tensor) and not hasattr(video, "__array__"):
                raise TypeError(
                    "`inputs` must be an array of frames (frames, height, width, 3), or a mapping with `frames`, "
                    f"but one is a {type(video).__name__}. Decode the file first."
                )
            video = {"frames": video}
        unknown = [name for name in video if name not in INPUTS]
        if unknown or ("frames" in video) == ("blocks" in video):
            raise ValueError(
                f"`inputs` must have `frames` or `blocks`, and beside them only {', '.join(map(repr, INPUTS[2:]))}, "
                f"but one has {', '.join(map(repr, video)) or 'nothing'}."
            )
        rate = video.get("frames_per_second")
        if rate is None and video.get("seconds") is None and "frames" in video:
            rate = self.processor.frames_per_second
        if rate is not None and not rate > 0:
            raise ValueError(f"`frames_per_second` of a video must be above 0, but is {rate}.")
        blocks = video["blocks"] if "blocks" in video else _blocks(video, rate)
        return {"blocks": TimedBlocks(blocks, video.get("seconds")), "rate": rate, "still": video.get("still")}

    def _forward(  # type: ignore[override]
        self, model_inputs: dict[str, Any], return_attentions: bool = False, **generation: Any
    ) -> dict[str, Any]:
        if return_attentions and self.model.config.attention_type == "none":
            raise ValueError(
                "`return_attentions` reads where the decoder looked, but this model has attention_type none. "
                "Train one with attention."
            )
        encoder, blocks = self._frame_encoder(), model_inputs["blocks"]
        prepared = self.processor.stream(blocks, last_seconds=blocks.last_seconds, still=model_inputs["still"])
        features = torch.cat(list(encoder.stream(block.to(self.device, self.model.dtype) for block in prepared)))
        looked_at = torch.cat(blocks.passed)
        seconds = looked_at if blocks.seconds is None else blocks.seconds
        told = {"seconds": seconds, "seen": len(looked_at), "rate": model_inputs["rate"], "looked": return_attentions}
        if len(looked_at) == len(seconds):  # all frames came, and some may not have been needed
            told["seen"] = len(self.processor.seen(seconds).unique())
        if self.model.can_generate():
            return {**told, "stretches": self._write(features, encoder.frames_per_step, return_attentions, generation)}
        mask = features.new_ones(1, int(self.processor.places(seconds)[-1]) + 1)
        logits = self.model(frame_features=features[None], attention_mask=mask).logits[0]
        return {**told, "probabilities": logits.float().softmax(-1)}

    def _frame_encoder(self) -> Any:
        return self.model.encoder.reader.backbone if self.model.can_generate() else self.model.frame_encoder

    def _write(self, features: Tensor, frames_per_step: int, looks: bool, generation: dict) -> list[Stretch]:
        """Lets the model tell the events of overlapping stretches, as long as those it was trained on."""
        words, step_seconds = self.processor.events, frames_per_step / self.processor.frames_per_second
        length, steps = max(1, round(words.steps * words.step_seconds / step_seconds)), len(features)
        starts = [*range(0, steps - length, max(1, length // 2)), max(steps - length, 0)]
        stretches = []
        for some in (starts[i : i + STRETCHES_AT_ONCE] for i in range(0, len(starts), STRETCHES_AT_ONCE)):
            batch = torch.stack([features[start : start + length] for start in some])  # (stretches, S, D)
            output = self.model.generate(
                encoder_features=batch,
                attention_mask=torch.ones(batch.shape[:2], device=batch.device),
                logits_processor=[EventGrammar(words)],
                **self._prepare_generate_kwargs(
                    generation, return_dict_in_generate=True, output_scores=True, output_attentions=looks
                ),
            )
            likely = likelihoods(self.model, output).tolist()
            weights = attended(output) if looks else [None] * len(some)
            written = zip(some, output.sequences[:, 1:].tolist(), likely, weights, strict=True)
            for start, ids, scores, looked in written:
                ends = (start + batch.shape[1]) * step_seconds
                stretches.append(Stretch(start * step_seconds, ends, ids, scores, looked))
        return stretches

    def postprocess(  # type: ignore[override]
        self,
        model_outputs: Mapping[str, Any],
        threshold: float | None = None,
        minimum_seconds: float = 0.0,
        merge_seconds: float = 0.0,
        points: bool | None = None,
        apart_seconds: float = 0.5,
    ) -> dict[str, Any]:
        """Names the answer.

        Args:
            model_outputs: what `_forward` gave for one video.
            threshold: what an event's score must reach: of a segment that of each of its frames (none: 0), of a point
                its peak (none: 0.5). Frames keep their labels.
            minimum_seconds: shorter segments are left out.
            merge_seconds: narrower gaps between segments of one label are closed, where nothing else happens there.
            points: whether events are instants: peaks of a label's probability (none: as the model was trained). What
                a model writes is what it is.
            apart_seconds: how far two points of one label must be apart.
        """
        seconds = model_outputs["seconds"]
        count, length = len(seconds), (seconds[-1] - seconds[0]).item()
        rate = model_outputs["rate"] or ((count - 1) / length if length else self.processor.frames_per_second)
        times = [*seconds.tolist(), seconds[-1].item() + 1 / rate]
        if "stretches" in model_outputs:
            labels, scores, spans = self._told(model_outputs["stretches"], times, threshold or 0.0)
        else:
            points = getattr(self.model.config, "tells_instants", False) if points is None else points
            apart = apart_seconds if points else None
            labels, scores, spans = self._named(model_outputs["probabilities"], seconds, threshold, apart)
        spans = tidy(spans, times, minimum_seconds=minimum_seconds, merge_seconds=merge_seconds)
        answer = {
            "video": self._header(count, rate, model_outputs["seen"]),
            "frames": [
                {"frame": frame, "seconds": times[frame], "label": labels[frame], "score": scores[frame]}
                for frame in range(count)
            ],
            "events": [
                {
                    "label": span.label,
                    "start": times[span.start],
                    "end": times[span.end],
                    "start_frame": span.start,
                    "end_frame": span.end,
                    "score": span.score,
                }
                for span in spans
            ],
        }
        if model_outputs.get("looked"):
            words = self.processor.events
            answer["attention"] = [one.attention(words, times[0]) for one in model_outputs["stretches"]]
        return answer

    def _named(
        self, probabilities: Tensor, seconds: Tensor, threshold: float | None, apart_seconds: float | None
    ) -> tuple[list[str | None], list[float], list[Span]]:
        """A label and its probability for each frame; segments or, where it is said how far apart, instants."""
        processor = self.processor
        names = {"labels": processor.labels, "background": processor.background}
        places = processor.places(seconds)
        chosen = choose(probabilities, processor.labels, self.model.config.transitions)
        labels = [processor.labels[label] for label in chosen[places].tolist()]
        scores = probabilities.gather(1, chosen.unsqueeze(1))[places, 0].tolist()
        if apart_seconds is None:
            least = threshold or 0.0
            return labels, scores, find_segments(probabilities[places], chosen=chosen[places], threshold=least, **names)
        apart_frames = apart_seconds * processor.frames_per_second
        spans = find_instants(
            probabilities, threshold=0.5 if threshold is None else threshold, apart_frames=apart_frames, **names
        )
        seen = processor.seen(seconds).tolist()
        return labels, scores, [replace(span, start=seen[span.start], end=seen[span.start]) for span in spans]

    def _told(
        self, stretches: list[Stretch], times: list[float], threshold: float
    ) -> tuple[list[str | None], list[float], list[Span]]:
        """A label and a score for each frame, and the events that a model wrote."""
        starts = torch.tensor(times, dtype=torch.float64) - times[0]
        events, nothing = tell(stretches, self.processor.events, (starts[1:] + starts[:-1]) / 2)
        labels: list[str | None] = [self.processor.background] * len(times[:-1])
        scores = [0.0] * len(labels)
        for span in [*nothing, *events]:
            for frame in range(span.start, max(span.end, span.start + 1)):
                labels[frame], scores[frame] = span.label or self.processor.background, span.score
        return labels, scores, [span for span in events if span.score >= threshold]

    def _header(self, count: int, rate: float, seen: int) -> dict[str, Any]:
        config = self._frame_encoder().config
        return {
            "frames": count,
            "seen": seen,
            "frames_per_second": rate,
            "seen_frames_per_second": self.processor.frames_per_second,
            "window": config.window,
            "stride": config.window_stride,
            "resolution_seconds": config.frames_per_step / self.processor.frames_per_second,
        }


def _blocks(video: Mapping[str, Any], rate: Any) -> Iterator[tuple[Any, Any]]:
    """A video in memory as a stream: small blocks keep what is made of them small."""
    frames, seconds = video["frames"], video.get("seconds")
    if seconds is None:
        seconds = torch.arange(len(frames), dtype=torch.float64) / rate
    if len(seconds) != len(frames):
        raise ValueError(
            f"`seconds` must hold a time for each of the {len(frames)} frames, but holds {len(seconds)}. "
            "Leave them out and give `frames_per_second` where frames follow each other evenly."
        )
    for start in range(0, len(frames), BLOCK_FRAMES):
        yield frames[start : start + BLOCK_FRAMES], seconds[start : start + BLOCK_FRAMES]


class TimedBlocks:
    """A video's blocks, once; the times of those that have passed are kept.

    Args:
        blocks: pairs of frames and their times.
        seconds: the times of all frames of the video; none: all are in the blocks.
    """

    def __init__(self, blocks: Iterable[tuple[Any, Any]], seconds: Any = None) -> None:
        self.blocks = blocks
        self.seconds = None if seconds is None else torch.as_tensor(seconds, dtype=torch.float64)
        self.passed: list[Tensor] = []

    @property
    def last_seconds(self) -> float | None:
        """When the last frame is shown, if that is known beforehand."""
        return None if self.seconds is None or not len(self.seconds) else self.seconds[-1].item()

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for frames, seconds in self.blocks:
            self.passed.append(torch.as_tensor(seconds, dtype=torch.float64))
            yield frames, seconds


__all__ = ["VideoEventDetectionPipeline"]
