"""What a whole video is about: any VideoMAE classifier, asked about all of the file."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForVideoClassification, PreTrainedModel

from toolkit.adapters.video.reels import filled
from toolkit.media.video import VideoFile
from toolkit.models import load_processor
from toolkit.models.layers_frames import quick_positions

CLASSIFICATION = "video-classification"


class VideoClassifier:
    """Answers as the pipeline of the library does, but about the whole file.

    The library looks at the first `num_frames * frame_sampling_rate` frames, or at as many spread over the file, and
    either ignores the rate or all that comes later. Here windows of `num_frames`, `frame_sampling_rate` frames of the
    file apart, follow each other from the first frame to the last, and their probabilities are averaged.

    Args:
        model: with a `config` that has `num_frames` and `id2label`.
        processor: makes `pixel_values` of frames.
        **settings: of the calls.
    """

    task = CLASSIFICATION

    def __init__(self, model: PreTrainedModel, processor: Any, **settings: Any) -> None:
        self.model, self.processor, self.settings = model.eval(), processor, settings

    def __call__(self, videos: Any, **settings: Any) -> list[Any]:
        """Labels with scores, the likeliest first, for one video or for each of a list.

        Args:
            videos: a path, an address, the bytes of a file, an open file, {"path", "bytes"}; or a list of such.
            **settings: `top_k` (5), `num_frames` of a window, `frame_sampling_rate` (as the model was trained here, or
                1), `whole` (True; False looks at the first window alone, as the library did).
        """
        settings = {**self.settings, **settings}
        if isinstance(videos, list):
            return [self._answer(video, **settings) for video in videos]
        return self._answer(videos, **settings)

    @torch.inference_mode()
    def _answer(
        self,
        source: Any,
        *,
        top_k: int = 5,
        num_frames: int | None = None,
        frame_sampling_rate: int | None = None,
        whole: bool = True,
    ) -> list[dict[str, Any]]:
        config: Any = self.model.config
        length, step = num_frames or config.num_frames, frame_sampling_rate
        if step is None:
            step = getattr(config, "frame_sampling_rate", 1)
        if step < 1:
            raise ValueError(f"`frame_sampling_rate` must be at least 1, but is {step}. Pass 1 or more.")
        video = source if isinstance(source, VideoFile) else VideoFile(source)
        total, count = torch.zeros(config.num_labels), 0
        for clip in video.select(range(0, len(video.timestamps()), step), batch_frames=length):
            inputs = self.processor([filled(clip.frames, length)], return_tensors="pt")
            logits = self.model(inputs["pixel_values"].to(self.model.device, self.model.dtype)).logits[0]
            is_multiple = config.problem_type == "multi_label_classification"
            total, count = total + (logits.sigmoid() if is_multiple else logits.softmax(-1)).float().cpu(), count + 1
            if not whole:
                break
        scores, labels = (total / count).topk(min(top_k, config.num_labels))
        pairs = zip(scores.tolist(), labels.tolist(), strict=True)
        return [{"score": score, "label": config.id2label[label]} for score, label in pairs]


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


__all__ = ["CLASSIFICATION", "VideoClassifier", "classifier"]
