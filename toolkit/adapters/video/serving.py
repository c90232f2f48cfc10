"""From the name of a model, and of a video, to what happens in it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoModelForTokenClassification, PreTrainedModel

from toolkit.adapters.video.clips import CLASSIFICATION, classifier
from toolkit.adapters.video.films import as_blocks, still_of
from toolkit.adapters.video.lettering import font_for
from toolkit.adapters.video.sources import is_file, is_one, walked
from toolkit.adapters.video.timelines import Outputs, write_timeline
from toolkit.media.video import VideoFile
from toolkit.models import FrameProcessor, load_processor
from toolkit.models.pipeline_video import VideoEventDetectionPipeline

TASK = "video-event-detection"
LOADERS: dict[str, Any] = {
    "frame_labeller": AutoModelForTokenClassification,
    "recurrent_seq2seq": AutoModelForSeq2SeqLM,
}
"""What loads the two kinds of model that know events."""


class EventDetector:
    """Finds what happens in videos of any kind and length.

    Args:
        pipeline: takes frames.
        **settings: of the calls.
    """

    task = TASK

    def __init__(self, pipeline: VideoEventDetectionPipeline, **settings: Any) -> None:
        self.pipeline, self.model, self.processor = pipeline, pipeline.model, pipeline.processor
        self.settings = settings

    def __call__(
        self, videos: Any, *, output: str | Path | Sequence[str | Path] | None = None, **settings: Any
    ) -> dict[str, Any] | list[dict[str, Any]] | Iterator[dict[str, Any]]:
        """Answers for one video, or for each of several.

        Args:
            videos: a path, an address, the bytes of a file, a binary stream, {"path", "bytes"}, an array of frames
                (F, Y, X, 3), a mapping with `frames` (see `VideoEventDetectionPipeline`); or a list, a tuple, a
                generator or a dataset of such. A video file is decoded as a stream, so it may be longer than memory.
            output: file to write, by its ending: .json (the whole answer), .csv, .tsv, .vtt, .srt, .edl, .eaf, or .mp4
                (the video with labels burnt in); several; with `*` for the video's name.
            **settings: `threshold`, `minimum_seconds`, `merge_seconds`, `points`, `apart_seconds`; `partial` (False;
                True takes what is there of a file that is cut short or damaged); `font_file` (a TrueType font for
                labels that are burnt in; none: one of this machine's that has their letters); for models that write
                events also `return_attentions` and generation arguments. `batch_size` changes nothing.

        Returns:
            `video`, the header; `frames`, a label with its score for every frame of the file, with its number and time;
            `events`, in the order of time. For a list or tuple a list, for everything else that holds several a
            generator.
        """
        outputs, settings = Outputs(output), {**self.settings, **settings}
        if outputs.are_burnt:
            settings["font_file"] = font_for(self.processor.labels, settings.get("font_file"))
        if is_one(videos):
            return self._answer(videos, *outputs.of([videos]), **settings)
        if isinstance(videos, list | tuple):
            if len(videos) > 1:
                outputs.check_names(str(len(videos)))
            return [
                self._answer(video, paths, **settings) for video, paths in zip(videos, outputs.of(videos), strict=True)
            ]
        outputs.check_names("several")
        return (self._answer(video, *outputs.of([video]), **settings) for video in walked(videos))

    def _answer(
        self,
        video: Any,
        paths: Sequence[Path],
        *,
        partial: bool = False,
        font_file: str | None = None,
        **settings: Any,
    ) -> dict[str, Any]:
        if not is_file(video):
            return self.pipeline(video, **settings)
        file = video if isinstance(video, VideoFile) else VideoFile(video, partial=partial)
        given = {
            "blocks": as_blocks(file, self.processor),
            "seconds": file.timestamps(),
            "frames_per_second": file.header.frames_per_second,
            "still": still_of(file, self.processor),
        }
        answer = self.pipeline(given, **settings)
        for event in answer["events"]:  # the file knows how long its last frame is shown, which frames alone do not
            if event["end_frame"] == answer["video"]["frames"]:
                event["end"] = file.header.end_seconds
        for path in paths:
            write_timeline(path, answer, file, font_file=font_file)
        return answer


def detector(
    model: str | Path | PreTrainedModel,
    *,
    tokenizer: Any = None,
    processor: FrameProcessor | None = None,
    revision: str | None = None,
    trust_remote_code: bool | None = None,
    device: str | int | torch.device | None = None,
    **settings: Any,
) -> EventDetector:
    """Builds what finds events with a model of ours, one that labels frames or one that writes events.

    Args:
        model: a run folder, a Hub id, or a model in memory, then with its `processor`.
        tokenizer: none: frames need no other than the processor.
        processor: another one than the model's own.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: whether code beside the model may run; ours needs none, since it is here.
        device: where the model runs; none: the processor.
        **settings: of the calls, as `EventDetector` takes them.
    """
    processor, loaded = processor or tokenizer, model
    if not isinstance(loaded, PreTrainedModel):
        name, source = str(model), {"revision": revision, "trust_remote_code": trust_remote_code}
        kind = AutoConfig.from_pretrained(name, **source).model_type
        if kind not in LOADERS:
            raise ValueError(
                f"`model` must be an event model of this toolkit, but {name} is a {kind} model. "
                "Train one by recipes/video/event_labelling.py, or ask for video-classification."
            )
        processor = processor or load_processor(name, **source)
        loaded = LOADERS[kind].from_pretrained(name, **source)
    if processor is None:
        raise ValueError("`processor` must be given with a model in memory, but is not. Load it with AutoProcessor.")
    where = None if device is None else torch.device(device)
    pipeline = VideoEventDetectionPipeline(model=loaded.eval(), processor=processor, task=TASK, device=where)
    return EventDetector(pipeline, **settings)


BUILDERS = {TASK: detector, CLASSIFICATION: classifier}
"""What `toolkit.pipeline` calls for which task."""

__all__ = ["BUILDERS", "EventDetector", "detector"]
