"""What can be wrong with labels of videos: with a row, with a video, between videos, between splits."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from unicodedata import normalize

from datasets import Dataset

from toolkit.adapters.video.films import Film, Films
from toolkit.adapters.video.labels import Event, by_file, slack_frames
from toolkit.adapters.video.reels import Reel, Reels
from toolkit.adapters.video.unread import unread
from toolkit.data import Fault, Split
from toolkit.media.faults import MediaError

LEAST_EXAMPLES = 2
ONE_LABEL = "A frame has one label: correct the times, remove the row, or name another `track`."
Placed = tuple[Mapping[str, Any], Event]


def row_sentence(row: Mapping[str, Any], file_column: str, label_column: str) -> str | None:
    """What is wrong with a row by itself."""
    if label_column in row and not row[label_column].strip():
        return f"`{label_column}` is blank, so there is nothing to learn. Fill it or remove the row."
    path = row[file_column]
    if "://" not in path and not Path(path).is_file():
        if any(Path(normalize(form, path)).is_file() for form in ("NFC", "NFD")):
            return (
                f"`{file_column}` leads to {path}, which does not exist; a file whose name only looks the same does. "
                "Its letters are put together otherwise, as macOS does it: copy that name, or rename the file."
            )
        return f"`{file_column}` leads to {path}, which does not exist. Paths count from where the table lies."
    if label_column in row:
        try:
            Event.of(row, label_column)
        except ValueError as error:
            return str(error)
    return None


def refuse_streams(splits: Mapping[str, Split], *, because: str) -> None:
    """Raises ValueError, with the reason, where the rows of a split can only be read once."""
    if not all(isinstance(split.dataset, Dataset) for split in splits.values()):
        raise ValueError(
            f"`streaming` cannot be used with labels of videos, {because}. "
            "Leave it away: videos are read from disk as they are needed."
        )


class VideoChecks:
    """Finds faults that show only when a video is opened, or its labels are seen together.

    Args:
        films: opens the videos.
        file_column: names them.
        label_column: names what happens.
        overlap_seconds: labels of one track may overlap by so much, if they have not the same times.

    Attributes:
        clips_labels: whether a label of frames that all come a little after the last one is no fault.
        unreadable: videos that cannot be used.
    """

    clips_labels = True

    def __init__(
        self, films: Films | Reels, *, file_column: str, label_column: str, overlap_seconds: float = 0.0
    ) -> None:
        self.films, self.file_column, self.label_column = films, file_column, label_column
        self.overlap_seconds = overlap_seconds
        self.unreadable: set[str] = set()

    def videos(self, split: Split) -> Iterator[Fault]:
        """Broken videos, and labels that do not fit the others of their video."""
        sound = (row for row in split.dataset if row_sentence(row, self.file_column, self.label_column) is None)
        for path, rows in by_file(sound, self.file_column).items():
            try:
                film = self.films[path]
            except (MediaError, FileNotFoundError) as error:  # no other error is the video's fault
                self.unreadable.add(path)
                others = f" All {len(rows)} labels of it are of no use." if len(rows) > 1 else ""
                yield split.fault(rows[0], f"{error}{others}")
                continue
            if self.label_column not in rows[0]:
                continue
            placed = [(row, Event.of(row, self.label_column)) for row in rows]
            inside = []
            for row, event in placed:
                sentence = past_the_end(event, film, path, clips=self.clips_labels)
                if sentence is None:
                    inside.append((row, event))
                else:
                    yield split.fault(row, sentence)
            yield from self._contradictions(split, inside, film)

    def _contradictions(self, split: Split, placed: Iterable[Placed], film: Film | Reel) -> Iterator[Fault]:
        """Labels of one track that overlap, and instants of one label that stand twice on one frame."""
        times = [*film.seconds.tolist(), film.end_seconds]
        tracks: dict[str, list[tuple[float, float, Mapping[str, Any], Event]]] = {}
        instants: dict[tuple[str, int], list[Event]] = {}
        for row, event in placed:
            first, last = event.frames(film.seconds)
            if not event.is_instant:
                tracks.setdefault(event.track, []).append((times[first], times[last], row, event))
                continue
            there = instants.setdefault((event.track, first), [])
            other = next((one for one in there if one.label == event.label), None)
            if other is not None:
                sentence = f"`{event.label}` stands on the frame of `{other.label}` of line {other.line}. {ONE_LABEL}"
                yield split.fault(row, sentence)
            there.append(event)
        for spans in tracks.values():
            spans.sort(key=lambda span: span[:2])
            longest = spans[0]
            for before, span in pairwise(spans):
                longest = max(longest, before, key=lambda one: one[1])
                shared = min(longest[1], span[1]) - span[0]
                is_twice = (before[3].start, before[3].end) == (span[3].start, span[3].end)
                if shared > self.overlap_seconds or is_twice:
                    sentence = (
                        f"`{span[3].label}` overlaps `{longest[3].label}` of line {longest[3].line} by {shared:.2f} s. "
                        f"{ONE_LABEL}"
                    )
                    yield split.fault(span[2], sentence)

    def with_labels(
        self,
        splits: Mapping[str, Split],
        faults: Iterable[Fault],
        names: Iterable[str],
        background: str | None = None,
        *,
        model: str | None = None,
    ) -> tuple[set[tuple[str, Any]], list[Fault]]:
        """What `left_out` says of the faults and of those of labels: too few examples to learn them, or none.

        What is left out for one label may take the last examples of another one along.

        Args:
            splits: all of them.
            faults: what was found already.
            names: what the model knows, where it is trained already.
            background: the label that needs no examples, if there is one.
            model: the one to go on from, where it learns no other labels than it knows.
        """
        names = set(names)
        found = [*faults, *self._labels(splits, names, background, model=model, lost=None)]
        while True:
            lost, told = self.left_out(splits, found)
            labels = self._labels(splits, names, background, model=model, lost=lost)
            places = {(fault.path, fault.line) for fault in found}
            new = [replace(fault, follows=True) for fault in labels if (fault.path, fault.line) not in places]
            if not new:
                return lost, told
            found += new

    def key(self, split: Split, row: Mapping[str, Any]) -> tuple[str, Any]:
        """What a row is left out with: its video."""
        return split.name, row[self.file_column]

    def _labels(
        self,
        splits: Mapping[str, Split],
        names: set[str],
        background: str | None,
        *,
        model: str | None,
        lost: set[tuple[str, Any]] | None,
    ) -> Iterator[Fault]:
        if any(self.label_column not in (split.dataset.column_names or ()) for split in splits.values()):
            return
        known = {*names, *([] if background is None else [background])}
        if "train" in splits:
            train = splits["train"]
            kept = [row for row in train.dataset if lost is None or self.key(train, row) not in lost]
            counts = Counter(row[self.label_column] for row in kept if row[self.label_column].strip())
            first = {row[self.label_column]: row for row in reversed(kept)}
            for label, count in counts.items():
                if count < LEAST_EXAMPLES and label != background:
                    sentence = (
                        f"`{label}` has {count} example, too few to learn. Add some, or remove the row or rename it."
                    )
                    yield train.fault(first[label], sentence)
            least = 1 if lost is None else LEAST_EXAMPLES
            learnt = {label for label, count in counts.items() if count >= least or label == background}
            known |= learnt if model is None else set()
        listed = ", ".join(sorted(known))
        whose, way_out = f"the training data ({listed})", "add examples of it there"
        if model is not None:
            whose, way_out = f"{model} ({listed})", "train a model anew, without `model_name_or_path`"
        for name, split in splits.items():
            for row in split.dataset if name != "train" or model is not None else ():
                if row[self.label_column].strip() and row[self.label_column] not in known:
                    sentence = f"`{row[self.label_column]}` is no label of {whose}. Correct it, or {way_out}."
                    yield split.fault(row, sentence)

    def shared(self, splits: Mapping[str, Split]) -> Iterator[Fault]:
        """Videos that two splits name, in whatever words their paths are written, or one split in two ways."""
        seen: dict[str, tuple[str, str, Fault]] = {}
        for name, split in splits.items():
            for path, rows in by_file(split.dataset, self.file_column).items():
                place = path if "://" in path else str(Path(path).resolve())
                there, written, other = seen.setdefault(place, (name, path, split.fault(rows[0], "")))
                told = rows[:1] if self.clips_labels else rows  # or the other clips of the video would stay
                if there != name:
                    sentence = (
                        f"{path} also stands in {other.path}:{other.line}; the score would be flattered. "
                        "Keep each video in one split."
                    )
                    yield from (split.fault(row, sentence) for row in told)
                elif written != path:
                    sentence = f"{path} is the video of {other.path}:{other.line}. Write its path alike in all rows."
                    yield from (split.fault(row, sentence) for row in told)

    def left_out(
        self, splits: Mapping[str, Split], faults: Sequence[Fault]
    ) -> tuple[set[tuple[str, Any]], list[Fault]]:
        """The videos, as `key` names them, that have a faulty row, and the faults, which tell where that costs others.

        Args:
            splits: all of them.
            faults: of their rows; those of rows that could not be read are added.
        """
        places: dict[tuple[str, int | None], list[tuple[str, str]]] = {(one.path, one.line): [] for one in faults}
        sound: set[tuple[str, str]] = set()
        for name, split in splits.items() if faults else ():
            for row in split.dataset:
                place, video = split.fault(row, ""), (name, row[self.file_column])
                if (place.path, place.line) in places:
                    places[place.path, place.line].append(video)
                else:
                    sound.add(video)
        told = []
        for fault in faults:
            others = [video for video in places[fault.path, fault.line] if video in sound]
            if others and others[0][1] not in self.unreadable:
                fault = replace(fault, sentence=f"{fault.sentence} `skip_bad` leaves out all rows of {others[0][1]}.")
            told.append(fault)
        lost = {video for videos in places.values() for video in videos}
        for fault, videos in unread(splits, file_column=self.file_column, label_column=self.label_column):
            lost |= videos
            paths = sorted(path for _, path in videos)
            more = f" and of {len(paths) - 2} others" if len(paths) > 2 else ""
            sentence = f"may be about {' or '.join(paths[:2])}{more}: `skip_bad` leaves out all rows of them."
            told.append(replace(fault, sentence=sentence, follows=True))
        return lost, told


def past_the_end(event: Event, film: Film | Reel, path: str, *, clips: bool = False) -> str | None:
    """What is wrong with a label that goes on after its video; a frame too much, or 1 %, is taken for rounding.

    Args:
        event: the label.
        film: the video.
        path: its name.
        clips: whether several frames may come as little too late altogether: those of them that exist are labelled.
    """
    if event.start is None or event.end is None:
        return None
    count = len(film.seconds)
    if event.counts_frames:
        is_late = event.start >= count
        if event.end <= count + slack_frames(count) and (not is_late or clips and not event.is_instant):
            return None
        wrong, value = ("start_frame", event.start) if is_late else ("end_frame", event.end)
        return (
            f"{wrong} {value:.0f} is past the end of {path} ({count} frames). Correct it, or the video is another one."
        )
    frame = (film.end_seconds - float(film.seconds[0])) / count
    if event.start >= film.end_seconds:
        wrong, value = "start", event.start
    elif event.end > film.end_seconds + max(frame, 0.05):
        wrong, value = "end", event.end
    else:
        return None
    return f"{wrong} {value:.2f} s is past the end of {path} ({film.end_seconds:.2f} s). Correct it or cut the label."


__all__ = ["Placed", "VideoChecks", "past_the_end", "refuse_streams", "row_sentence"]
