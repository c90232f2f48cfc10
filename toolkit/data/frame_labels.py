"""Labels that count in frames: a text with one label per frame (MS-TCN), and lists of instants (E2E-Spot)."""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from toolkit.data.faults import BadData, Fault
from toolkit.data.labels import FRAMES, SECONDS, Asked, Labels, Span
from toolkit.data.lines import check_file, read_lines
from toolkit.data.recordings import Recordings

MOST_BYTES = 1 << 25  # a list of nothing but brackets takes 25 times its size in memory
MOST_FPS = 1_000_000
BACKGROUND = "background"
"""The label of a listed video in which nothing happens."""


class FrameLabels(Labels):
    """One label per line and frame, as MS-TCN (Farha and Gall, 2019) and its followers keep `groundTruth/*.txt`.

    Runs of equal labels become one span. Background is a label like any other; a blank line is a frame without one.

    Args:
        path: the file, called as its recording.
        asked: the columns.
        recordings: among which its own is found.
        known: the labels of the set; none: whatever comes.
    """

    times = FRAMES

    def __init__(self, path: str, asked: Asked, recordings: Recordings, known: frozenset[str] | None = None) -> None:
        super().__init__(path, asked, recordings)
        self._known = known

    def spans(self) -> Iterator[Span | Fault]:
        """One span per run, if all are sound; frame n stands in line n + 1."""
        yield from list(self._runs())  # the rest of a file with a fault would say that nothing happens there

    def _runs(self) -> Iterator[Span]:
        name = os.path.splitext(os.path.basename(self.path))[0]
        label, start, frame = "", 0, 0
        for number, text, fault in read_lines(self.path):
            read = text.strip()
            if fault is not None:
                raise BadData([fault])  # of a lost frame nobody knows the label
            if read == label and label:
                frame = number
                continue
            if label:
                yield Span(start + 1, str(start), str(frame), label, name)
            label, start, frame = read, number - 1, number
            if read and self._known is not None and read not in self._known:
                sentence = f"`{read[:40]}` is not among the {len(self._known)} labels of the mapping. Correct it there."
                raise BadData([Fault(self.path, number, sentence)])
        if label:
            yield Span(start + 1, str(start), str(frame), label, name)


def read_mapping(path: str) -> frozenset[str] | None:
    """The labels of a `mapping.txt`, which has a number and a label in each line; none where there is no such file."""
    if not os.path.isfile(path):
        return None
    return frozenset(line.text.split(maxsplit=1)[1].strip() for line in read_lines(path) if len(line.text.split()) > 1)


class Instants(Labels):
    """A JSON list of videos with their events, as E2E-Spot (Hong et al., 2022) keeps it.

    Each event lasts one frame; where a video says at how many frames per second (`fps`) they are counted, it is told in
    seconds, as the file may have another rate. A video without events is one of background. There are no lines, so
    events, and videos without any, are counted from 1 over the whole file. A faulty event costs its video.
    """

    times = (*SECONDS, *FRAMES)

    def spans(self) -> Iterator[Span | Fault]:
        """One span per event."""
        line = 0
        for place, video in enumerate(self._videos(), 1):
            problem = _problem(video)
            if problem or not isinstance(video, Mapping):
                yield Fault(self.path, None, f"video {place} of the list {problem}")
                continue
            found = [self._event(line + number, event, video) for number, event in enumerate(video["events"], 1)]
            found = found or [Span(line + 1, "", "", BACKGROUND, video["video"], times=SECONDS)]
            line += len(found)
            yield from [item for item in found if isinstance(item, Fault)] or found

    def _event(self, line: int, event: object, video: Mapping[str, Any]) -> Span | Fault:
        frame, label = (event.get("frame"), event.get("label")) if isinstance(event, Mapping) else (None, None)
        last = video.get("num_frames")
        if not _is_count(frame):
            sentence = "needs a whole number from 0 on as `frame`"
        elif not isinstance(label, str):
            sentence = "needs a text as `label`"
        elif _is_count(last) and frame >= last:
            sentence = f"is at frame {frame}, but the video has {last} (`num_frames`)"
        elif fps := video.get("fps"):
            second = f"{frame / fps:.6f}"
            return Span(line, second, second, label, video["video"], times=SECONDS)
        else:
            return Span(line, str(frame), str(frame + 1), label, video["video"], times=FRAMES)
        # The whole video is left out with it, so its neighbours are not about to lose an event.
        return Fault(self.path, line, f"this event, of {video['video']}, {sentence}. Correct it.", spoils=False)

    def _videos(self) -> list[object]:
        check_file(self.path)
        if os.path.getsize(self.path) > MOST_BYTES:
            raise BadData([Fault(self.path, None, f"is larger than {MOST_BYTES:,} bytes. Split the list.")])
        try:
            with open(self.path, encoding="utf-8-sig") as file:
                videos = json.load(file)
        except json.JSONDecodeError as error:
            sentence = f"is not valid JSON at column {error.colno}: {error.msg}. Save the list again."
            raise BadData([Fault(self.path, error.lineno, sentence)]) from error
        except (ValueError, RecursionError) as error:  # bytes that are no UTF-8 are a ValueError too
            raise BadData([Fault(self.path, None, f"is not valid JSON: {error}. Save the list again.")]) from error
        if not isinstance(videos, list):
            sentence = 'is no JSON list. Write [{"video": …, "events": [{"frame": …, "label": …}]}].'
            raise BadData([Fault(self.path, 1, sentence)])
        return videos


def _problem(video: object) -> str:
    if not isinstance(video, Mapping):
        return "is no object. Write one with `video` and `events`."
    if not isinstance(video.get("video"), str) or not video["video"]:
        return "has no name. Give it as `video`."
    if not isinstance(video.get("events"), list):
        return f"({video['video']}) has no list of `events`. Give one, which may be empty."
    fps = video.get("fps") or 1
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps < MOST_FPS:
        return f"({video['video']}) has an `fps` that is no number of frames per second. Correct it or leave it away."
    return ""


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12


def starts_a_list(path: str) -> bool:
    """Whether a file holds one JSON list rather than a line per row."""
    with open(path, "rb") as file:
        return file.read(1 << 10).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")
