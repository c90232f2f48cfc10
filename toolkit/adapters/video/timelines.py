"""What happens in a video, written for players, editors and annotation programs, or burnt into the picture."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from toolkit.adapters.video.sources import is_file
from toolkit.data import Cue, write_cues
from toolkit.data.aside import written_aside
from toolkit.media.container import name_of, traces
from toolkit.media.overlay import write_overlay
from toolkit.media.video import VideoFile

CUES = ("csv", "tsv", "vtt", "srt", "edl", "eaf")
ENDINGS = ("json", *CUES, "mp4")


class Outputs:
    """The files to write: for each video its own, and none of them a video that is read.

    Args:
        output: one file or several, with `*` for the names of videos.

    Raises:
        ValueError: nobody knows how to write such a file.
    """

    def __init__(self, output: str | Path | Sequence[str | Path] | None) -> None:
        self.paths = [Path(path) for path in ([output] if isinstance(output, str | Path) else output or ())]
        for path in self.paths:
            check_ending(path)
        self._read: set[object] = set()
        self._written: dict[str, str] = {}

    @property
    def are_burnt(self) -> bool:
        """Whether labels are to be burnt into a video."""
        return any(path.suffix.lower() == ".mp4" for path in self.paths)

    def check_names(self, count: str) -> None:
        """Refuses files that all videos would be written to, before any is looked at."""
        for path in self.paths:
            if "*" not in path.name:
                raise ValueError(
                    f"`output` must have a `*` for the names of {count} videos, but is {path}. Write out/*.vtt."
                )

    def of(self, videos: Sequence[Any]) -> list[list[Path]]:
        """The files of each video, before any of these is looked at.

        Raises:
            ValueError: one would take the place of a video, or of what was written about another; or frames came.
        """
        if not self.paths:
            return [[] for _ in videos]
        if not all(map(is_file, videos)):
            raise ValueError("`output` needs a video file, but frames came. Take what is in the answer.")
        names = [name_of(video) for video in videos]
        self._read = self._read.union(*map(traces, names))
        return [self._own(name) for name in names]

    def _own(self, name: str) -> list[Path]:
        paths = [path.with_name(path.name.replace("*", Path(name).stem)) for path in self.paths]
        for path in paths:
            if traces(path) & self._read:
                raise ValueError(
                    f"`output` must not be a video that is read, but {path} is one. "
                    f"Write {path.with_stem(f'{path.stem}-labels')}, or *-labels{path.suffix} for several."
                )
            other = self._written.get(os.path.realpath(path))
            if other is not None:
                raise ValueError(
                    f"`output` must be another file for each video, but {path} is that of {other} and of {name}. "
                    "Ask for the videos of one folder at a time."
                )
        self._written |= {os.path.realpath(path): name for path in paths}
        return paths


def check_ending(path: Path) -> None:
    """Refuses a file that nobody knows how to write."""
    if path.suffix[1:].lower() not in ENDINGS:
        raise ValueError(f"`output` must end in .{', .'.join(ENDINGS)}, but is {path}. Choose one of them.")


def write_timeline(path: Path, answer: Mapping[str, Any], video: VideoFile, *, font_file: str | None = None) -> None:
    """Writes an answer in the format that the file's ending names; the file appears whole or not at all.

    Args:
        path: of the file.
        answer: of the event detector.
        video: what it is about.
        font_file: for labels that are burnt into the picture; see `font_for`.
    """
    check_ending(path)
    kind = path.suffix[1:].lower()
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "mp4":
        _burn(path, answer, video, font_file)
        return
    media = _seen_from(path.parent, video.name)
    if kind == "json":
        content = json.dumps({"file": media, **answer}, ensure_ascii=False, indent=1) + "\n"
    else:
        cues = [
            Cue(max(0.0, event["start"]), max(0.0, event["end"]), event["label"], event["score"])
            for event in answer["events"]
        ]
        rate = answer["video"]["frames_per_second"]
        content = write_cues(cues, kind, media=media, words="label", frames_per_second=rate)
    with written_aside(path, newline="") as out:
        out.write(content)


def _seen_from(folder: Path, name: str) -> str:
    """The way from a folder to a video; an address, and whatever else is no file here, keeps its name."""
    if not os.path.isfile(name):
        return name
    file = Path(name)
    return os.path.relpath(file.parent.resolve() / file.name, folder.resolve())


def _burn(path: Path, answer: Mapping[str, Any], video: VideoFile, font_file: str | None) -> None:
    """The video with the label of each frame, if it has one, and its score as a bar."""
    named = [frame["label"] or "" for frame in answer["frames"]]
    places = {name: place for place, name in enumerate(sorted(set(named)))}
    probabilities = torch.zeros(len(named), len(places))
    for frame, name in zip(answer["frames"], named, strict=True):
        probabilities[frame["frame"], places[name]] = frame["score"] if name else 1.0
    write_overlay(path, video, list(places), probabilities, bars=1, font_file=font_file)


__all__ = ["Outputs", "check_ending", "write_timeline"]
