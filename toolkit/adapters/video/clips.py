"""What a whole video is about: any VideoMAE classifier, asked about all of the file."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForVideoClassification, PreTrainedModel
from transformers.video_utils import VideoMetadata

from toolkit.adapters.video.reels import filled
from toolkit.adapters.video.sources import holds_frames, is_one, walked
from toolkit.media.video import VideoFile
from toolkit.models import load_processor
from toolkit.models.layers_frames import quick_positions
from toolkit.models.pipeline_writing import given
from toolkit.models.processing_frames import channels_first

CLASSIFICATION = "video-classification"
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": lambda logits: logits.softmax(-1),
    "sigmoid": lambda logits: logits.sigmoid(),
    "none": lambda logits: logits,
}
PROBLEMS = {"regression": "none", "multi_label_classification": "sigmoid"}
"""The function of each kind of problem that does not ask for one label of many."""


@dataclass(frozen=True)
class Question:
    """How a classifier looks at a video, and what it tells.

    Args:
        top_k: how many labels.
        num_frames: of a window; none: as the model has it.
        frame_sampling_rate: frames of the file from one that is seen to the next; none: as the model was trained here,
            or 1.
        whole: look at all windows; else at one alone, of the frames that the library takes: see `library_places`.
        batch_size: windows at once.
        function_to_apply: "softmax", "sigmoid" or "none"; none: as the model's kind of problem asks.
        partial: take what is there of a file that is cut short or damaged, instead of refusing it.
    """

    top_k: int = 5
    num_frames: int | None = None
    frame_sampling_rate: int | None = None
    whole: bool = True
    batch_size: int = 1
    function_to_apply: str | None = None
    partial: bool = False

    def __post_init__(self) -> None:
        for name in ("top_k", "num_frames", "frame_sampling_rate", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1, but is {value}. Pass 1 or more.")
        if self.function_to_apply not in (None, *FUNCTIONS):
            raise ValueError(
                f"`function_to_apply` must be one of {', '.join(FUNCTIONS)}, but is {self.function_to_apply!r}. "
                "Leave it away for what the model was trained for."
            )

    def with_settings(self, settings: dict[str, Any]) -> "Question":
        """The same but for these; what is None is as if it were not given."""
        names = [field.name for field in fields(self)]
        unknown = next((name for name in settings if name not in names), None)
        if unknown is not None:
            raise TypeError(f"`{unknown}` is no argument of this pipeline. These are: {', '.join(names)}.")
        return replace(self, **given(settings))


class VideoClassifier:
    """Answers as the pipeline of the library does, but about the whole file.

    The library looks at some of the first `num_frames * frame_sampling_rate` frames or, with a video processor, at some
    spread over the file, and either ignores all that comes later or the rate. Here windows of `num_frames`,
    `frame_sampling_rate` frames of the file apart, follow each other from the first frame to the last, and their
    probabilities are averaged.

    Args:
        model: with a `config` that has `num_frames` and `id2label`.
        processor: makes `pixel_values` of frames.
        **settings: of the calls.
    """

    task = CLASSIFICATION

    def __init__(self, model: PreTrainedModel, processor: Any, **settings: Any) -> None:
        self.model, self.processor = model.eval(), processor
        self.question = Question().with_settings(settings)

    def __call__(self, videos: Any, **settings: Any) -> list[Any] | Iterator[Any]:
        """Labels with scores, the likeliest first, for one video or for each of several.

        Args:
            videos: a path, an address, the bytes of a file, an open file, {"path", "bytes"}, an array of frames
                (F, Y, X, 3); or a list, a tuple, a generator or a dataset of such.
            **settings: by the names of `Question`; what is None is as if it were not given.

        Returns:
            [{"label", "score"}, ...]; for a list or tuple a list of such, for everything else that holds several a
            generator.
        """
        question = self.question.with_settings(settings)
        if is_one(videos):
            return self._answer(videos, question)
        answers = (self._answer(video, question) for video in walked(videos))
        return list(answers) if isinstance(videos, list | tuple) else answers

    @torch.inference_mode()
    def _answer(self, source: Any, question: Question) -> list[dict[str, Any]]:
        config: Any = self.model.config
        scored = FUNCTIONS[question.function_to_apply or PROBLEMS.get(config.problem_type, "softmax")]
        windows = self._windows(source, question)
        total, count = torch.zeros(config.num_labels), 0
        while pixels := list(islice(windows, question.batch_size)):
            logits = self.model(torch.cat(pixels).to(self.model.device, self.model.dtype)).logits
            total, count = total + scored(logits.float()).sum(0).cpu(), count + len(pixels)
        scores, labels = (total / count).topk(min(question.top_k, config.num_labels))
        pairs = zip(scores.tolist(), labels.tolist(), strict=True)
        return [{"score": score, "label": config.id2label[label]} for score, label in pairs]

    def _windows(self, source: Any, question: Question) -> Iterator[Tensor]:
        """What the model sees of one window after the other: (1, F, C, Y, X)."""
        config: Any = self.model.config
        length = question.num_frames or config.num_frames
        if config.model_type == "videomae" and length != config.num_frames:
            raise ValueError(
                f"`num_frames` must be {config.num_frames}, as this model was made, but is {length}. "
                "Leave it away: a window lasts longer where `frame_sampling_rate` is larger."
            )
        step: int = question.frame_sampling_rate or getattr(config, "frame_sampling_rate", None) or 1

        def places(count: int) -> Sequence[int]:
            return range(0, count, step) if question.whole else library_places(count, length, step, self.processor)

        for frames in _cut(source, length, places, question.partial):
            yield self.processor([filled(frames, length)], return_tensors="pt")["pixel_values"]


def library_places(count: int, length: int, step: int, processor: Any) -> list[int]:
    """Which frames the pipeline of the library (transformers 5.23) looks at, of those that there are.

    Args:
        count: frames of the video.
        length: frames to look at.
        step: `frame_sampling_rate`.
        processor: a video processor chooses by itself, evenly over the whole, whatever the step.

    >>> library_places(40, 4, 3, None), library_places(6, 4, 3, None)
    ([0, 3, 7, 11], [0, 3])
    """
    if hasattr(processor, "sample_frames"):
        chosen = processor.sample_frames(VideoMetadata(total_num_frames=count), num_frames=min(length, count))
    else:
        chosen = np.linspace(0, length * step - 1, num=length, dtype=np.int64)
    return [place for place in np.asarray(chosen).tolist() if place < count]


def _cut(source: Any, length: int, places: Callable[[int], Sequence[int]], partial: bool) -> Iterator[Tensor]:
    """The frames of windows that follow each other: (up to `length`, C, Y, X) bytes.

    Args:
        source: one video.
        length: frames of a window.
        places: which of so many frames are looked at.
        partial: take what is there.
    """
    if not holds_frames(source):
        video = source if isinstance(source, VideoFile) else VideoFile(source, partial=partial)
        clips = video.select(places(len(video.timestamps())), batch_frames=length)
        yield from (clip.frames for clip in clips)
        return
    frames = channels_first(source)
    if not len(frames):
        raise ValueError("`videos` must hold at least one frame each, but one has none. Leave it out.")
    chosen = places(len(frames))
    for start in range(0, len(chosen), length):
        yield frames[list(chosen[start : start + length])]


def classifier(
    model: str | Path | PreTrainedModel,
    *,
    tokenizer: Any = None,
    processor: Any = None,
    revision: str | None = None,
    trust_remote_code: bool | None = None,
    device: str | int | torch.device | None = None,
    **settings: Any,
) -> Any:
    """Builds what says what videos are about.

    Args:
        model: a folder, a Hub id, or a model in memory, then with its `processor`.
        tokenizer: none: videos need no other than the processor.
        processor: another one than the model's own.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: whether code beside the model may run.
        device: where the model runs; none: where it is, which of a folder is the processor.
        **settings: of the calls, as `VideoClassifier` takes them.
    """
    source: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
    processor = processor or tokenizer
    if not isinstance(model, PreTrainedModel):
        processor = processor or load_processor(str(model), **source)
        with quick_positions():
            model = AutoModelForVideoClassification.from_pretrained(str(model), **source)
    if processor is None:
        raise ValueError("`processor` must be given with a model in memory, but is not. Load it first.")
    assert isinstance(model, PreTrainedModel)
    return VideoClassifier(model if device is None else model.to(device), processor, **settings)  # type: ignore[arg-type]


__all__ = ["CLASSIFICATION", "VideoClassifier", "classifier", "library_places"]
