"""The adapter for videos in which something happens: a label for every frame, or events with times."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from torch import Tensor
from transformers import AutoConfig, PreTrainedModel

from toolkit.adapters.base import Adapter
from toolkit.adapters.video.checks import VideoChecks, refuse_streams, row_sentence
from toolkit.adapters.video.films import Film, Films
from toolkit.adapters.video.labels import CELLS, Event, events_of, joined, labels_at
from toolkit.adapters.video.learners import Learner
from toolkit.adapters.video.learners_events import EventLearner
from toolkit.adapters.video.learners_frames import FrameLearner
from toolkit.adapters.video.maps import attention_maps
from toolkit.adapters.video.scoring import SCORES, Watched, truth, watched
from toolkit.adapters.video.settings import WEIGHTS, VideoSettings
from toolkit.adapters.video.stretches import END, START, cut
from toolkit.adapters.video.watching import sections
from toolkit.collate import Pad
from toolkit.data import BadData, Fault, Split
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
    joins_rows: ClassVar[bool] = True
    source_unit: ClassVar[str] = "frames seen"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._learner: Learner = LEARNERS[self.decoder](self)
        self._train: Split | None = None
        self._left_out: set[tuple[str, str]] = set()
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
        for learnt in ("processor", "label_frames", "label_weights", "label_transitions"):
            self.__dict__.pop(learnt, None)
        self._train = splits.get("train", self._train)
        events = self._training_events()
        names = {event.label for event in events if event.label.strip()}
        first = {self.background} if self.filler is not None or self.background in names else set()
        self.label_names = [*first, *sorted(names - first)]
        told = [event for event in events if event.label != self.background]
        self.has_instants = 2 * sum(event.is_instant for event in told) > len(told)
        if self.model_name_or_path is not None:
            config = AutoConfig.from_pretrained(self.model_name_or_path)
            self.has_instants = getattr(config, "tells_instants", self.has_instants)

    def _training_events(self) -> list[Event]:
        train = self._train
        if train is None or self.label_column not in train.dataset.column_names:
            return []
        whole = (row for row in train.dataset if (train.name, row[self.file_column]) not in self._left_out)
        return [Event.of(row, self.label_column) for row in whole if self.check_row(row) is None]

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

    def _training_labels(self) -> Iterator[tuple[Film, list[str | None]]]:
        """Each training video, with the labels of its frames."""
        for row in self._videos(self._train).dataset if self._train else ():
            film = self._film(row)
            yield film, labels_at(events_of(row, self.label_column) or [], film.seconds, self.filler)

    @cached_property
    def label_frames(self) -> Counter[str]:
        """How many frames of the training videos have each label."""
        return Counter(label for _, labels in self._training_labels() for label in labels if label is not None)

    @cached_property
    def label_transitions(self) -> dict[str, dict[str, int]] | None:
        """How often each label was followed by each other, in frames seen; none where labels are about instants."""
        if self.model_name_or_path is not None:
            return getattr(AutoConfig.from_pretrained(self.model_name_or_path), "transitions", None)
        if self.has_instants or not self.use_transitions:
            return None
        counts: dict[str, dict[str, int]] = {name: {} for name in self.label_names}
        for film, labels in self._training_labels():
            seen = [labels[place] for place in self.processor.seen(film.seconds).tolist()]
            for (one, other), times in Counter(pairwise(seen)).items():
                if one is not None and other is not None:
                    counts[one][other] = counts[one].get(other, 0) + times
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
        lengths = {row[self.file_column]: self._film(row).count for row in videos.dataset}
        step = self.step_frames
        most = round(self.max_train_seconds * self.frames_per_second) // step * step
        return cut(videos, lengths, file_column=self.file_column, longest=max(most, step), step=step)

    def _videos(self, split: Split) -> Split:
        """One row for each video of which all is sound."""
        faulty = [file for name, file in self._left_out if name == split.name]
        videos = joined(split, file_column=self.file_column, label_column=self.label_column, without=faulty)
        if not len(videos.dataset):
            raise BadData([Fault(split.path, None, "has no video left without a faulty row. Correct the rows.")])
        return videos

    def _film(self, row: Mapping[str, Any]) -> Film:
        return self.films[row[self.file_column]]

    def _part(self, row: Mapping[str, Any]) -> tuple[int, int]:
        """From where to where, in frames seen."""
        end = row.get(END)
        return (0, self._film(row).count) if end is None else (row[START], end)

    def inputs(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What the model sees of a row's video, or of its part."""
        return self._learner.inputs(row[self.file_column], self._film(row), *self._part(row), None)

    def varied_inputs(self, row: Mapping[str, Any], random: np.random.Generator) -> dict[str, Any]:
        """Another stretch, as long, near the row's own, in another light and place."""
        (start, end), film = self._part(row), self._film(row)
        length, step = end - start, self.step_frames
        low, high = max(0, start - length // 2), min(film.count - length, start + length // 2)
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
        whole = start == 0 and end == self._film(row).count
        return row[self.file_column] + ("" if whole else f"#t={start / rate:g},{end / rate:g}")

    def expected(self, row: Mapping[str, Any]) -> str | None:
        """What happens, in seconds since the example's start, as JSON; see `scoring`."""
        events = events_of(row, self.label_column)
        if events is None:
            return None
        film, (start, end) = self._film(row), self._part(row)
        rate, times = self.processor.frames_per_second, np.append(film.seconds, film.end_seconds)
        begins = float(film.seconds[0]) + start / rate
        lasts = (film.end_seconds - begins) if end == film.count else (end - start) / rate
        told = truth(events, times, begins=begins, lasts=lasts, filler=self.filler, background=self.background)
        place = {"file": row[self.file_column], "start": round(begins, 6), "end": round(lasts, 6)}
        return json.dumps({**told, **place}, ensure_ascii=False)

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
        """Wrong rows, broken videos, labels that fit neither their video nor the others, videos of two splits.

        Each costs its whole video: without one of its rows, the others would say that nothing happens there.
        """
        checks, names, model = self._checks, self.processor.labels, self.model_name_or_path
        faults = [*super().check(splits), *(fault for split in splits.values() for fault in checks.videos(split))]
        background = self.background if self.generates or self.background in names else None
        faults += checks.shared(splits)
        known = () if model is None else names
        self._left_out, told = checks.with_labels(splits, faults, known, background, model=model)
        yield from told


__all__ = ["EventLabelling"]
