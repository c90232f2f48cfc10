"""The adapter for videos in which something happens: a label for every frame, or events with times."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from torch import Tensor
from transformers import AutoConfig, PreTrainedModel

from toolkit.adapters.base import Adapter
from toolkit.adapters.video.checks import VideoChecks, refuse_streams, row_sentence
from toolkit.adapters.video.films import Film, Films
from toolkit.adapters.video.labels import CELLS, Event, events_of, joined, labels_at, runs
from toolkit.adapters.video.learners import Learner
from toolkit.adapters.video.learners_events import EventLearner
from toolkit.adapters.video.learners_frames import FrameLearner
from toolkit.adapters.video.maps import attention_maps
from toolkit.adapters.video.scoring import SCORES, Watched, watched
from toolkit.adapters.video.settings import WEIGHTS, VideoSettings
from toolkit.adapters.video.stretches import END, START, cut
from toolkit.adapters.video.watching import sections
from toolkit.collate import Pad
from toolkit.data import Fault, Split
from toolkit.metrics import Score
from toolkit.models import FrameProcessor
from toolkit.report import Section

LEARNERS = {"frames": FrameLearner, "events": EventLearner}


@dataclass
class EventLabelling(VideoSettings, Adapter):
    """Videos, and what happens in them when, through a recurrent network over a frame encoder."""

    task: ClassVar[str] = "video-event-detection"
    hub_task: ClassVar[str] = "video-classification"
    purpose: ClassVar[str] = "Says what happens when in a video: a label for every frame, and events with times."
    stores_inputs: ClassVar[bool] = False
    source_unit: ClassVar[str] = "frames seen"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._learner: Learner = LEARNERS[self.decoder](self)
        self._train: Split | None = None
        self.label_names: list[str] = [self.background]
        self.has_instants = False

    @property
    def generates(self) -> bool:  # type: ignore[override]
        """Whether events are written word by word."""
        return self.decoder == "events"

    @property
    def columns(self) -> tuple[str, str]:
        """The video, and what happens."""
        return self.file_column, self.label_column

    @property
    def optional_columns(self) -> tuple[str, ...]:
        """When it happens, in seconds or frames, and on which track."""
        return CELLS

    @property
    def media_column(self) -> str:
        """The video."""
        return self.file_column

    def fit(self, splits: Mapping[str, Split]) -> None:
        """Learns the labels, and whether they are about instants, from the training rows."""
        refuse_streams(splits, because="as those of one video belong together")
        for learnt in ("processor", "label_frames", "label_weights"):
            self.__dict__.pop(learnt, None)
        self._train = splits.get("train", self._train)
        events = self._training_events()
        names = {event.label for event in events if event.label.strip()}
        first = {self.background} if self.filler is not None or self.background in names else set()
        self.label_names = [*first, *sorted(names - first)]
        self.has_instants = 2 * sum(event.is_instant for event in events) > len(events)
        if self.model_name_or_path is not None:
            config = AutoConfig.from_pretrained(self.model_name_or_path)
            self.has_instants = getattr(config, "tells_instants", self.has_instants)

    def _training_events(self) -> list[Event]:
        if self._train is None or self.label_column not in self._train.dataset.column_names:
            return []
        rows = (row for row in self._train.dataset if self.check_row(row) is None)
        return [Event.of(row, self.label_column) for row in rows]

    @cached_property
    def processor(self) -> FrameProcessor:
        """What the model sees of a video, and the labels."""
        return self._learner.processor()

    @cached_property
    def films(self) -> Films:
        """The videos, decoded once."""
        return Films(self.processor, self.frames_folder)

    def model(self) -> PreTrainedModel:
        """What the flags name."""
        return self._learner.model()

    @cached_property
    def label_frames(self) -> Counter[str]:
        """How many frames of the training videos have each label."""
        counts: Counter[str] = Counter()
        for row in self._videos(self._train).dataset if self._train else ():
            labels = labels_at(events_of(row, self.label_column) or [], self._film(row).seconds, self.filler)
            counts.update(label for label in labels if label is not None)
        return counts

    @cached_property
    def label_weights(self) -> list[float] | None:
        """What a mistake at each label costs, so that a frame costs 1 on average; none where all cost the same."""
        power = WEIGHTS[self.class_weights]
        if not power or not self.label_frames:
            return None
        counts = np.array([max(self.label_frames[name], 1) for name in self.processor.labels], dtype=np.float64)
        weights = counts**-power
        return (weights * counts.sum() / (weights * counts).sum()).tolist()

    def examples(self, split: Split) -> Split:
        """One for each video; in training, and where events are written, one for each stretch of it."""
        videos = self._videos(split)
        if split.name != "train" and not self.generates:
            return videos
        lengths = {row[self.file_column]: len(self._film(row).frames) for row in videos.dataset}
        most = round(self.max_train_seconds * self.frames_per_second) // self.step_frames * self.step_frames
        return cut(videos, lengths, file_column=self.file_column, longest=max(most, self.step_frames))

    def _videos(self, split: Split) -> Split:
        """One row for each video that can be decoded."""
        left_out = self._checks.unreadable
        return joined(split, file_column=self.file_column, label_column=self.label_column, without=left_out)

    def _film(self, row: Mapping[str, Any]) -> Film:
        return self.films[row[self.file_column]]

    def _part(self, row: Mapping[str, Any]) -> tuple[int, int]:
        """From where to where, in frames seen."""
        end = row.get(END)
        return (0, len(self._film(row).frames)) if end is None else (row[START], end)

    def inputs(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What the model sees of a row's video, or of its part."""
        return self._learner.inputs(row[self.file_column], self._film(row), *self._part(row), None)

    def varied_inputs(self, row: Mapping[str, Any], random: np.random.Generator) -> dict[str, Any]:
        """Another stretch, as long, near the row's own, in another light and place."""
        (start, end), film = self._part(row), self._film(row)
        length, step = end - start, self.step_frames
        low, high = max(0, start - length // 2), min(len(film.frames) - length, start + length // 2)
        if high > low:
            start = int(random.integers(low, high + 1)) // step * step
            end = start + length
        varied = self._learner.inputs(row[self.file_column], film, start, end, random)
        events = events_of(row, self.label_column)
        return varied if events is None else {**varied, "labels": self._learner.labels(events, film, start, end)}

    def source_length(self, row: Mapping[str, Any]) -> int:
        """Frames seen."""
        start, end = self._part(row)
        return end - start

    def labels(self, row: Mapping[str, Any]) -> list[int]:
        """A label for each frame seen, or the words for its events."""
        return self._learner.labels(events_of(row, self.label_column) or [], self._film(row), *self._part(row))

    @property
    def pad(self) -> Pad:
        """What is added to a video is masked, and its labels are ignored."""
        return self._learner.pad

    def shown(self, row: Mapping[str, Any]) -> str:
        """The path, with times if it is a part."""
        (start, end), rate = self._part(row), self.processor.frames_per_second
        whole = start == 0 and end == len(self._film(row).frames)
        return row[self.file_column] + ("" if whole else f"#t={start / rate:g},{end / rate:g}")

    def expected(self, row: Mapping[str, Any]) -> str | None:
        """What happens, in seconds since the example's start, as JSON; see `scoring`."""
        events = events_of(row, self.label_column)
        if events is None:
            return None
        film, (start, end) = self._film(row), self._part(row)
        rate, times = self.processor.frames_per_second, np.append(film.seconds, film.end_seconds)
        begins = float(film.seconds[0]) + start / rate
        lasts = (float(times[-1]) - begins) if end == len(film.frames) else (end - start) / rate
        placed = sorted((*event.frames(film.seconds), event.label) for event in events)
        moments = [(label, times[first] - begins, times[last] - begins) for first, last, label in placed]
        spans = [
            (label, times[first] - begins, times[last] - begins)
            for label, first, last in runs(labels_at(events, film.seconds, self.filler))
        ]

        def inside(found: Iterable[tuple[str | None, float, float]]) -> Iterator[list[Any]]:
            for label, first, last in found:
                if first < lasts and (last > 0 or first == last >= 0):
                    yield [label, *(round(float(min(max(time, 0.0), lasts)), 4) for time in (first, last))]

        answer = {
            "labels": list(inside(spans)),
            "events": [[*moment, 1.0] for moment in inside(moments) if moment[0] != self.background],
            "file": row[self.file_column],
            "start": round(begins, 4),
            "end": round(lasts, 4),
        }
        return json.dumps(answer, ensure_ascii=False)

    def write(self, model: PreTrainedModel, batch: Mapping[str, Tensor], **generation: Any) -> list[Any]:
        """Probabilities of each frame's labels, or words."""
        return self._learner.write(model, batch, **generation)

    def decode(self, output: Any) -> str:
        """Labels and events in seconds since the example's start, as JSON; see `scoring`."""
        return json.dumps(self._learner.decode(output), ensure_ascii=False)

    def score(self, predicted: Iterable[str], expected: Iterable[str], *, only: str | None = None) -> dict[str, Score]:
        """Of frames, of segments and of when they begin, over all frames of the files; intervals over videos."""
        videos = list(self.watched(predicted, expected))
        return {name: SCORES[name](videos, self.background) for name in (SCORES if only is None else (only,))}

    def watched(self, predicted: Iterable[str], expected: Iterable[str]) -> Iterator[Watched]:
        """The answers to each video, over its frames."""
        return watched(predicted, expected, lambda file: self.films[file].seconds, self.background)

    def row_score(self, predicted: str, expected: str) -> float:
        """Frames with the right label, per hundred."""
        return self.score([predicted], [expected], only="frame_accuracy")["frame_accuracy"].value

    def sections(self, records: Iterable[Mapping[str, Any]], serve: Callable[..., Any]) -> Iterator[Section]:
        """Timelines under videos, what was taken for what, how many frames each label has, where a decoder looked."""
        yield from sections(records, self)
        if self.generates:
            yield from attention_maps(records, serve)

    def questions(self, records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
        """A second of coloured stripes: videos are not in the run folder."""
        count, (height, width) = max(round(self.processor.frames_per_second), 2), self.processor.size
        stripes = f"torch.arange({count * height * width * 3}).mul(37).remainder(256).byte()"
        yield f"{stripes}.reshape({count}, {height}, {width}, 3)", None

    def check_row(self, row: Mapping[str, Any]) -> str | None:
        """Videos that are missing, labels that are blank, times that are swapped or no times."""
        return row_sentence(row, self.file_column, self.label_column)

    @cached_property
    def _checks(self) -> VideoChecks:
        return VideoChecks(
            self.films,
            file_column=self.file_column,
            label_column=self.label_column,
            overlap_seconds=self.overlap_seconds,
        )

    def check(self, splits: Mapping[str, Split]) -> Iterator[Fault]:
        """Wrong rows, broken videos, labels that fit neither their video nor the others, videos of two splits."""
        yield from super().check(splits)
        for split in splits.values():
            yield from self._checks.videos(split)
        trained = self.processor.labels if self.model_name_or_path is not None else ()
        yield from self._checks.labels(splits, trained, self.background)
        yield from self._checks.shared(splits)


__all__ = ["EventLabelling"]
