"""The adapter for clips that each have one label: what is this about?"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from datasets import Dataset
from torch import Tensor
from transformers import (
    PreTrainedModel,
    VideoMAEForVideoClassification,
    VideoMAEImageProcessor,
)

from toolkit.adapters.base import Adapter
from toolkit.adapters.video.checks import refuse_streams, row_sentence
from toolkit.adapters.video.checks_clips import ClipChecks
from toolkit.adapters.video.clips import CLASSIFICATION
from toolkit.adapters.video.encoders import pretrained_config, small_videomae
from toolkit.adapters.video.judging import SCORES, judged, scores, sections
from toolkit.adapters.video.labels import FRAMES, TIMES, Event
from toolkit.adapters.video.reels import Reels, window_starts
from toolkit.adapters.video.variation import FLIPS, flipped, shifted, with_other_light
from toolkit.collate import Pad
from toolkit.data import BadData, Fault, Split
from toolkit.metrics import Score
from toolkit.models import load_processor
from toolkit.models.layers_frames import quick_positions
from toolkit.report import Section

WINDOW = "window_start"
"""Column of rows about one window of a clip: the frame of the file at which it begins."""


@dataclass
class VideoClassification(Adapter):
    """Clips, whole files or parts of them, and the one label of each, by VideoMAE (Tong et al., 2022).

    In training a clip is seen through one window at a random place; in evaluation, as in service, through all windows
    that follow each other from its first frame to its last, whose probabilities are averaged.
    """

    task: ClassVar[str] = CLASSIFICATION
    hub_task: ClassVar[str] = "video-classification"
    purpose: ClassVar[str] = "Says what a video clip is about."
    generates: ClassVar[bool] = False
    stores_inputs: ClassVar[bool] = False
    source_unit: ClassVar[str] = "frames seen"

    file_column: str = field(default="file", metadata={"help": "Column that names the videos."})
    label_column: str = field(default="label", metadata={"help": "Column that names what clips are about."})
    model_name_or_path: str | None = field(
        default=None, metadata={"help": "A VideoMAE, a classifier or pretrained alone; none: a small fresh one."}
    )
    frame_sampling_rate: int | None = field(
        default=None,
        metadata={
            "help": "Frames of the file from one that is seen to the next; none: as the model was trained, or 1."
        },
    )
    num_frames: int = field(default=16, metadata={"help": "Frames of a window of a fresh model."})
    frame_height: int = field(default=48, metadata={"help": "Rows of pixels that a fresh model sees."})
    frame_width: int = field(default=64, metadata={"help": "Columns of pixels that a fresh model sees."})
    hidden_size: int = field(default=128, metadata={"help": "Width of a fresh model's vectors."})
    num_hidden_layers: int = field(default=4, metadata={"help": "Depth of a fresh model."})
    augment: bool = field(default=True, metadata={"help": "Vary light and place of training clips."})
    flips: str = field(
        default="none", metadata={"help": "Also mirror them; both: for cameras above.", "choices": list(FLIPS)}
    )
    metric: str = field(default="accuracy", metadata={"help": f"Selects checkpoints: {', '.join(SCORES)}."})

    def __post_init__(self) -> None:
        for name, choices in (("metric", tuple(SCORES)), ("flips", FLIPS)):
            if getattr(self, name) not in choices:
                raise ValueError(f"`{name}` must be one of {', '.join(choices)}, but is {getattr(self, name)!r}.")
        for name in ("num_frames", "frame_height", "frame_width", "frame_sampling_rate"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1, but is {value}. Leave it away for its default.")
        self._train: Split | None = None
        self.reels = Reels()
        if self.model_name_or_path is not None:
            pretrained_config(self.model_name_or_path, flag="model_name_or_path")

    @property
    def columns(self) -> tuple[str, str]:
        """The video, and what it is about."""
        return self.file_column, self.label_column

    @property
    def optional_columns(self) -> tuple[str, ...]:
        """From when to when, in seconds or frames; without them a clip is the whole file."""
        return *TIMES, *FRAMES

    @property
    def media_column(self) -> str:
        """The video."""
        return self.file_column

    def fit(self, splits: Mapping[str, Split]) -> None:
        """Learns the labels from the training rows."""
        refuse_streams(splits, because="since the windows of clips are counted first")
        for learnt in ("config", "label_counts"):
            self.__dict__.pop(learnt, None)
        self._train = splits.get("train", self._train)

    @cached_property
    def label_counts(self) -> Counter[str]:
        """How many training clips have each label."""
        if self._train is None or self.label_column not in self._train.dataset.column_names:
            return Counter()
        return Counter(row[self.label_column] for row in self._train.dataset if self.check_row(row) is None)

    @cached_property
    def config(self) -> Any:
        """Sizes as the flags or the pretrained model have them; a classifier that knows all labels keeps its own."""
        names, own = sorted(self.label_counts), self.model_name_or_path
        if own is None:
            size = [self.frame_height, self.frame_width]
            config = small_videomae(size, 3, self.hidden_size, self.num_hidden_layers, self.num_frames)
        else:
            config = pretrained_config(own, flag="model_name_or_path")
            known = [config.id2label[id] for id in sorted(config.id2label)]
            if VideoMAEForVideoClassification.__name__ in (config.architectures or ()) and set(names) <= set(known):
                names = known
        config.id2label, config.label2id = dict(enumerate(names)), {name: id for id, name in enumerate(names)}
        config.problem_type = "single_label_classification"
        config.frame_sampling_rate = self.frame_sampling_rate or getattr(config, "frame_sampling_rate", 1)
        return config

    @property
    def label_names(self) -> list[str]:
        """The labels, in the order of their ids."""
        return list(self.config.id2label.values())

    @cached_property
    def processor(self) -> Any:
        """The pretrained model's own, or one that stretches frames to the size that the model sees."""
        if self.model_name_or_path is not None:
            with suppress(OSError):  # a checkpoint without one
                return load_processor(self.model_name_or_path)
        size = self.config.image_size
        height, width = size if isinstance(size, list | tuple) else (size, size)
        return VideoMAEImageProcessor(size={"height": height, "width": width}, do_center_crop=False)

    def model(self) -> PreTrainedModel:
        """A fresh classifier, or the pretrained one, whose head is made anew where its labels are others."""
        if not self.label_names:
            raise ValueError(
                f"`model_name_or_path` must name a classifier to predict with, but {self.model_name_or_path} has no "
                "labels. Train it first: give a `train_file`."
            )
        with quick_positions():
            if self.model_name_or_path is None:
                return VideoMAEForVideoClassification(self.config)
            return VideoMAEForVideoClassification.from_pretrained(
                self.model_name_or_path, config=self.config, ignore_mismatched_sizes=True
            )

    @property
    def _sampling(self) -> dict[str, int]:
        """How windows are cut."""
        return {"length": self.config.num_frames, "step": self.config.frame_sampling_rate}

    def examples(self, split: Split) -> Split:
        """One for each clip; but where it is evaluated, one for each of its windows."""
        readable = [row for row in split.dataset if row[self.file_column] not in self._checks.unreadable]
        if not readable:
            raise BadData([Fault(split.path, None, "has no video left that can be read. Correct the rows.")])
        if split.name != "train":
            starts = (window_starts(*self._clip(row), **self._sampling) for row in readable)
            readable = [{**row, WINDOW: start} for row, own in zip(readable, starts, strict=True) for start in own]
        return replace(split, dataset=Dataset.from_list(readable))

    def _clip(self, row: Mapping[str, Any]) -> tuple[int, int]:
        """The first frame of a row's clip, and the one after its last."""
        event = Event.of({self.label_column: "", **row}, self.label_column)
        first, end = event.frames(self.reels[row[self.file_column]].seconds)
        return first, max(end, first + 1)

    def _pixels(self, row: Mapping[str, Any], start: int) -> Tensor:
        """What the model sees of the window at a frame: (F, C, Y, X) float32."""
        frames = self.reels[row[self.file_column]].window(start, self._clip(row)[1], **self._sampling)
        return self.processor([frames], return_tensors="pt")["pixel_values"][0]

    def inputs(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What the model sees of a row's window, or of its clip's first."""
        start = row.get(WINDOW)
        return {"pixel_values": self._pixels(row, self._clip(row)[0] if start is None else start)}

    def varied_inputs(self, row: Mapping[str, Any], random: np.random.Generator) -> dict[str, Any]:
        """A window from anywhere in the clip, in another light and place."""
        first, end = self._clip(row)
        latest = end - (self.config.num_frames - 1) * self.config.frame_sampling_rate
        pixels = self._pixels(row, int(random.integers(first, max(first + 1, latest))))
        if self.augment:
            pixels = shifted(flipped(with_other_light(pixels, random), random, self.flips), random, 0.1)
        return {"pixel_values": pixels}

    def source_length(self, row: Mapping[str, Any]) -> int:
        """All windows are equally long."""
        return self.config.num_frames

    def labels(self, row: Mapping[str, Any]) -> list[int]:
        """One label."""
        return [self.config.label2id[row[self.label_column]]]

    @property
    def pad(self) -> Pad:
        """Nothing is padded."""
        return Pad({"pixel_values": 0.0, "labels": -100})

    def shown(self, row: Mapping[str, Any]) -> str:
        """The path, with times if it is a part."""
        seconds = self.reels[row[self.file_column]].seconds
        (first, end), start = self._clip(row), row.get(WINDOW)
        first = first if start is None else start
        end = min(end, first + self._sampling["length"] * self._sampling["step"])
        whole = (first, end) == (0, len(seconds))
        return row[self.file_column] + ("" if whole else f"#t={seconds[first]:g},{seconds[end - 1]:g}")

    def expected(self, row: Mapping[str, Any]) -> str | None:
        """The label and whose it is, as JSON; see `judging`."""
        if self.label_column not in row:
            return None
        file, (first, end) = row[self.file_column], self._clip(row)
        start, last = (float(self.reels[file].seconds[frame]) for frame in (first, end - 1))
        answer = {
            "labels": {row[self.label_column]: 1.0},
            "file": file,
            "start": round(start, 3),
            "end": round(last, 3),
        }
        return json.dumps(answer, ensure_ascii=False)

    def write(self, model: PreTrainedModel, batch: Mapping[str, Tensor], **generation: Any) -> list[Any]:
        """The probabilities of each window's labels, (V,)."""
        return list(model(**batch).logits.float().softmax(-1).cpu())

    def decode(self, output: Any) -> str:
        """Probabilities by label, the likeliest first, as JSON; a label id counts as certain."""
        names = self.label_names
        likely = (
            {names[id]: 1.0 for id in output}
            if isinstance(output, list)
            else dict(zip(names, output.tolist(), strict=True))
        )
        ranked = sorted(likely.items(), key=lambda pair: -pair[1])
        return json.dumps({"labels": {name: round(share, 4) for name, share in ranked}}, ensure_ascii=False)

    def score(self, predicted: Iterable[str], expected: Iterable[str], *, only: str | None = None) -> dict[str, Score]:
        """Of clips, each judged by the mean over its windows; intervals over videos."""
        return scores(predicted, expected, only)

    def row_score(self, predicted: str, expected: str) -> float:
        """How likely the right label was, per hundred."""
        (clip,) = judged([predicted], [expected])
        return 100 * clip.probabilities.get(clip.due, 0.0)

    def sections(self, records: Iterable[Mapping[str, Any]], serve: Callable[..., Any]) -> Iterator[Section]:
        """What was taken for what, the worst clips, and how many clips each label has."""
        return sections(records, self.label_counts)

    def questions(self, records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
        """A window of coloured stripes as the model sees it: videos are not in the run folder."""
        size = self.config.image_size
        height, width = size if isinstance(size, list | tuple) else (size, size)
        shape = (1, self.config.num_frames, self.config.num_channels, height, width)
        stripes = f"torch.arange({np.prod(shape)}).mul(37).remainder(256).div(255)"
        yield f"{stripes}.reshape({', '.join(map(str, shape))})", None

    def check_row(self, row: Mapping[str, Any]) -> str | None:
        """Videos that are missing, labels that are blank, times that are swapped."""
        return row_sentence(row, self.file_column, self.label_column)

    @cached_property
    def _checks(self) -> ClipChecks:
        return ClipChecks(self.reels, file_column=self.file_column, label_column=self.label_column)

    def check(self, splits: Mapping[str, Split]) -> Iterator[Fault]:
        """Wrong rows, broken videos, clips with two labels, labels that cannot be learnt, videos of two splits."""
        faults = [*super().check(splits), *(fault for split in splits.values() for fault in self._checks.videos(split))]
        faults += self._checks.shared(splits)
        yield from self._checks.with_labels(splits, faults, self.label_names)[1]


__all__ = ["VideoClassification"]
