"""Timelines lead back to their video from where they lie, and show what the answer says."""

import csv
import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.adapters.video.drawn import draw
from toolkit.adapters.video.timelines import write_timeline
from toolkit.media.video import VideoFile


def answer(*labels: str | None) -> dict:
    """What a detector says of a film at 10 frames a second."""
    frames = [
        {"frame": frame, "seconds": frame / 10, "label": label, "score": 0.0 if label is None else 0.9}
        for frame, label in enumerate(labels)
    ]
    events = [{"label": "left", "start": 0.1, "end": 0.3, "score": 0.9}]
    return {"video": {"frames_per_second": 10.0}, "frames": frames, "events": events}


@pytest.mark.parametrize("folder", ["out", "out/deep", "data", "."])
@pytest.mark.parametrize("is_absolute", [False, True])
def test_a_timeline_names_the_video_as_it_is_found_from_there(folder, is_absolute):
    Path("data").mkdir()
    path = draw("data/a.mp4", ["left"] * 5)
    video = VideoFile(os.path.abspath(path) if is_absolute else path)
    for kind in ("csv", "tsv", "eaf", "json"):
        write_timeline(Path(folder, f"a.{kind}"), answer(*5 * ["left"]), video)
    tables = {kind: Path(folder, f"a.{kind}").read_text().splitlines() for kind in ("csv", "tsv")}
    named = [next(csv.DictReader(tables["csv"]))["file"], next(csv.DictReader(tables["tsv"], delimiter="\t"))["file"]]
    described = ElementTree.parse(Path(folder, "a.eaf")).find("HEADER/MEDIA_DESCRIPTOR")
    named += [described.get("RELATIVE_MEDIA_URL"), json.loads(Path(folder, "a.json").read_text())["file"]]
    assert len(set(named)) == 1
    assert Path(folder, named[0]).samefile(path)


def test_what_is_no_file_here_keeps_its_name():
    content = Path(draw("a.mp4", ["left"] * 5)).read_bytes()
    write_timeline(Path("out/a.csv"), answer(*5 * ["left"]), VideoFile({"path": "far/away.mp4", "bytes": content}))
    assert next(csv.DictReader(Path("out/a.csv").read_text().splitlines()))["file"] == "far/away.mp4"


def test_nothing_is_burnt_into_frames_of_which_nothing_is_said():
    video = VideoFile(draw("a.mp4", ["none"] * 10))
    write_timeline(Path("out.mp4"), answer(*6 * [None], *4 * ["left"]), video)
    [plain], [burnt] = video.frames(size=(240, 320)), VideoFile("out.mp4").frames()
    apart = (plain.frames.float() - burnt.frames.float()).abs()[:, :, 17:29, :160].mean((1, 2, 3))
    assert apart[:4].max() < 4 < 20 < apart[7:].min()  # between them, the encoder has looked ahead
