"""What happens in a video, written for players, editors and annotation programs, or burnt into the picture."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from toolkit.data import Cue, write_cues
from toolkit.data.aside import written_aside
from toolkit.media.overlay import write_overlay
from toolkit.media.video import VideoFile

CUES = ("csv", "tsv", "vtt", "srt", "edl", "eaf")
ENDINGS = ("json", *CUES, "mp4")


def check_ending(path: Path) -> None:
    """Refuses a file that nobody knows how to write, before any video is looked at."""
    if path.suffix[1:].lower() not in ENDINGS:
        raise ValueError(f"`output` must end in .{', .'.join(ENDINGS)}, but is {path}. Choose one of them.")


def write_timeline(path: Path, answer: Mapping[str, Any], video: VideoFile) -> None:
    """Writes an answer in the format that the file's ending names; the file appears whole or not at all.

    Args:
        path: of the file.
        answer: of the event detector.
        video: what it is about.
    """
    check_ending(path)
    kind = path.suffix[1:].lower()
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "mp4":
        _burn(path, answer, video)
        return
    if kind == "json":
        content = json.dumps({"file": video.name, **answer}, ensure_ascii=False, indent=1) + "\n"
    else:
        cues = [
            Cue(max(0.0, event["start"]), max(0.0, event["end"]), event["label"], event["score"])
            for event in answer["events"]
        ]
        rate = answer["video"]["frames_per_second"]
        content = write_cues(cues, kind, media=video.name, words="label", frames_per_second=rate)
    with written_aside(path, newline="") as out:
        out.write(content)


def _burn(path: Path, answer: Mapping[str, Any], video: VideoFile) -> None:
    """The video with the likeliest label of each frame and its score as a bar."""
    labels = sorted({str(frame["label"]) for frame in answer["frames"]})
    probabilities = torch.zeros(len(answer["frames"]), len(labels))
    for frame in answer["frames"]:
        probabilities[frame["frame"], labels.index(str(frame["label"]))] = frame["score"]
    write_overlay(path, video, labels, probabilities, bars=1)


__all__ = ["check_ending", "write_timeline"]
