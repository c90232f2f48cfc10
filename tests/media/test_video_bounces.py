"""The drawn balls do what their tables say, and the same seed draws the same."""

import csv
import runpy
import sys
from pathlib import Path

import pytest
import torch

from toolkit.media.video import VideoFile

SCRIPT = Path(__file__).parents[2] / "recipes/video/make_bounces.py"


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch):
    def run(folder: str, *flags: str) -> dict[str, list[dict[str, str]]]:
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), folder, "--clips", "6", "--seconds", "3", *flags])
        runpy.run_path(str(SCRIPT), run_name="__main__")
        return {
            path.stem: list(csv.DictReader(path.read_text().splitlines()))
            for path in sorted(Path(folder).glob("*.csv"))
        }

    return run


def test_balls_are_where_their_labels_say_and_splits_share_no_file(draw):
    tables = draw("balls")
    files = {split: {row["file"] for row in rows} for split, rows in tables.items()}
    assert list(files) == ["test", "train", "validation"]
    assert sum(map(len, files.values())) == len(set.union(*files.values())) == 6
    seen = set()
    for row in (row for rows in tables.values() for row in rows):
        assert row["start"] == row["end"]
        video = VideoFile(Path("balls", row["file"]))
        [frame] = ((video.timestamps() - float(row["start"])).abs() <= 0.001).nonzero()[:, 0].tolist()
        ball = (video.frame(frame).frames[0, 1, :, 7:-7] > 195).nonzero()  # rows and columns between the rackets
        seen.add(row["label"])
        match row["label"]:
            case "bounce":
                assert ball[:, 0].max() >= 37
            case "hit":
                assert ball[:, 1].min() <= 6 or ball[:, 1].max() >= 43
            case "out":
                assert len(ball) == 0
    assert seen == {"bounce", "hit", "out"}
    steps = VideoFile("balls/clips/0004.mp4").timestamps().diff()
    assert steps.max() > 2 * steps.min()


def test_the_same_seed_draws_the_same_and_another_one_does_not(draw):
    assert draw("one") == draw("again") != draw("other", "--seed", "1")
    for name in ("0000.mp4", "0004.mp4"):
        one, again, other = (VideoFile(f"{at}/clips/{name}") for at in ("one", "again", "other"))
        assert torch.equal(one.timestamps(), again.timestamps())
        # The pictures go in equal; what H.264 makes of them may differ by a shade where its code uses wide vectors.
        assert shades_apart(one, again) < 4 < shades_apart(one, other)


def shades_apart(one: VideoFile, other: VideoFile) -> float:
    """The mean distance of the points of two clips in the frames that both have, on the scale from 0 to 255."""
    first, second = (torch.cat([clip.frames for clip in video.frames()]).float() for video in (one, other))
    both = min(len(first), len(second))
    return float((first[:both] - second[:both]).abs().mean())
