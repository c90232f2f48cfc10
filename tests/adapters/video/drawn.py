"""Small films whose frames show what happens in them: a light square on the left, on the right, or none."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from toolkit.media.values import Clip
from toolkit.media.video_writer import write_video

SIZE = (24, 32)
TINY = {"frame_height": 12, "frame_width": 16, "hidden_size": 8, "frames_per_second": 10.0}
"""Flags of a model that is built in no time."""


def picture(label: str) -> Tensor:
    """(3, Y, X) bytes."""
    pixels = torch.full((3, *SIZE), 40, dtype=torch.uint8)
    places = {"left": slice(2, 14), "right": slice(18, 30)}
    if label in places:
        pixels[:, 6:18, places[label]] = 220
    return pixels


def draw(path: str | Path, labels: Sequence[str], *, rate: float = 10.0, seconds: Sequence[float] | None = None) -> str:
    """Writes a film with one frame for each label, at an even rate or at these times."""
    times = torch.arange(len(labels), dtype=torch.float64) / rate if seconds is None else torch.tensor(seconds).double()
    write_video(path, [Clip(torch.stack([picture(label) for label in labels]), times, rate)])
    return str(path)


def draw_moving(path: str | Path, direction: str, random: np.random.Generator, *, frames: int = 14) -> str:
    """Writes a film of a square that moves "left" or "right" from some place on: no frame alone tells which."""
    pixels = torch.full((frames, 3, *SIZE), 40, dtype=torch.uint8)
    top, start = int(random.integers(0, 14)), int(random.integers(0, SIZE[1]))
    for number in range(frames):
        columns = (torch.arange(10) + start + 2 * number * (1 if direction == "right" else -1)) % SIZE[1]
        pixels[number, :, top : top + 10, columns] = 220
    write_video(path, [Clip(pixels, torch.arange(frames, dtype=torch.float64) / 10, 10.0)])
    return str(path)
