"""What the report of a video run shows beside the scores: timelines, mistakes, and what was taken for what."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from toolkit.adapters.video.scoring import Answer, Watched, parsed
from toolkit.media.video import VideoFile
from toolkit.metrics import confusion, segments
from toolkit.report import Section, class_counts, confusion_matrix, facts, timeline

if TYPE_CHECKING:
    from toolkit.adapters.video.event_labelling import EventLabelling

VIDEOS, MOST_EVENTS, MISTAKES = 4, 300, 6
SHOWN_BYTES = 4_000_000
"""Larger videos are not shown; what makes the page larger than 3 MB is put beside it."""
PLAYABLE = {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm"}
PICTURE_HEIGHT = 90


def sections(records: Iterable[Mapping[str, Any]], adapter: "EventLabelling") -> Iterator[Section]:
    """Some videos with the truth above the answer, the confusion of labels, and the labels of the training frames.

    Args:
        records: with `prediction` and `reference`, the examples of one video one after the other.
        adapter: knows the videos.
    """
    labelled = [record for record in records if record["reference"] is not None]
    if labelled:
        videos = list(adapter.watched(*([row[name] for row in labelled] for name in ("prediction", "reference"))))
        told: dict[str, list[tuple[int, Answer, Answer]]] = {}
        for row in labelled:
            answers = parsed(row["prediction"]), parsed(row["reference"])
            told.setdefault(answers[1]["file"], []).append((row["line"], *answers))
        chosen = videos[:: max(1, len(videos) // VIDEOS)][:VIDEOS]
        figures = "".join(_timeline(video, told[video.file]) for video in chosen)
        note = "The truth above what the model said. A click leads the video there, where one is embedded."
        yield Section("What happened when", figures, note=note)
        table = confusion(*([getattr(video, name) for video in videos] for name in ("predicted", "expected")))
        yield Section(
            "What was taken for what",
            confusion_matrix(table.labels, table.matrix.tolist()),
            note="Counted in frames of the files.",
        )
    weights, counts = adapter.label_weights, adapter.label_frames
    if counts:
        cost = (
            {} if weights is None else dict(zip(adapter.processor.labels, (f"{w:.2f}" for w in weights), strict=True))
        )
        note = "Frames of the training videos, and what a mistake at one of each label costs where that differs."
        yield Section("How often each label is seen", class_counts(counts) + (facts(cost) if cost else ""), note=note)


def _timeline(video: Watched, rows: Sequence[tuple[int, Answer, Answer]]) -> str:
    """The examples of one video on its clock."""
    truth, predicted = [], []
    for _, found, due in rows:
        truth += [(label, *_on(due["start"], start, end)) for label, start, end, _ in due["events"]]
        predicted += [(label, *_on(due["start"], start, end), score) for label, start, end, score in found["events"]]
    predicted = sorted(predicted, key=lambda event: -event[3])[: max(2 * len(truth), 20)]
    line, _, last = rows[-1]
    path = Path(video.file)
    small = path.suffix.lower() in PLAYABLE and path.is_file() and path.stat().st_size <= SHOWN_BYTES
    return timeline(
        truth[:MOST_EVENTS],
        predicted[:MOST_EVENTS],
        seconds=last["start"] + last["end"],
        video=path.read_bytes() if small else None,
        mime=PLAYABLE.get(path.suffix.lower(), ""),
        caption=f"line {line}: {video.file}",
        thumbnails=_mistakes(video),
    )


def _on(begins: float, *times: float) -> list[float]:
    return [max(0.0, begins + time) for time in times]


def _mistakes(video: Watched) -> list[tuple[bytes, float, str]]:
    """A picture from the middle of each of the longest mistakes."""
    pairs = [
        "" if due in (found, None) else f"{found}, but it is {due}"
        for found, due in zip(video.predicted, video.expected, strict=True)
    ]
    wrong = [run for run in segments(pairs) if run[0]]
    longest = sorted(wrong, key=lambda run: run[1] - run[2])[:MISTAKES]
    file = VideoFile(video.file)
    return [
        (_jpeg(file, (start + end) // 2), float(video.seconds[(start + end) // 2]), words)
        for words, start, end in sorted(longest, key=lambda run: run[1])
    ]


def _jpeg(file: VideoFile, frame: int) -> bytes:
    width = round(PICTURE_HEIGHT * file.header.width / file.header.height)
    pixels = file.frame(frame, size=(PICTURE_HEIGHT, width)).frames[0]
    out = io.BytesIO()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(out, "JPEG", quality=70)
    return out.getvalue()


__all__ = ["sections"]
