"""Draw balls that bounce, are hit and go out, as real mp4 files.   python recipes/video/make_bounces.py data/bounces

Leaves `clips/*.mp4` and `train.csv`, `validation.csv`, `test.csv` with the columns file, start, end, label: times in
seconds, and start = end, because these are instants. Every fifth clip has a variable frame rate. Under a minute.
"""

import argparse
import csv
import itertools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from toolkit.media.values import Clip
from toolkit.media.video_writer import write_video

HEIGHT, WIDTH, FLOOR, RADIUS = 48, 64, 42, 3  # pixels
GRAVITY, STEP_SECONDS, FRAMES_PER_SECOND = 150.0, 0.001, 25
UNEVEN_STEPS = (0.02, 0.033, 0.04, 0.08)  # seconds from frame to frame where the rate varies


@dataclass
class Game:
    """A ball between two rackets; racket 0 is on the left. It bounces, is hit, or passes a racket and is out."""

    random: np.random.Generator
    clock: float = 0.0
    events: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.serve()

    def serve(self) -> None:
        """A new ball from the middle."""
        self.x, self.y, self.up = WIDTH / 2, 14.0, 0.0
        self.speed = float(self.random.choice([-1, 1]) * self.random.uniform(28, 48))
        self.waits_until, self.is_missed = 0.0, False

    def step(self) -> None:
        """Moves on by a millisecond and notes what happens in it."""
        self.clock += STEP_SECONDS
        if self.waits_until:
            if self.clock >= self.waits_until:
                self.serve()
            return
        self.up -= GRAVITY * STEP_SECONDS
        self.x += self.speed * STEP_SECONDS
        self.y -= self.up * STEP_SECONDS
        if self.y > FLOOR - RADIUS and self.up < 0:
            self.up = float(self.random.uniform(65, 85))
            self.events.append((self.clock, "bounce"))
        leaves = WIDTH - self.x if self.speed > 0 else self.x  # pixels to the edge that it flies to
        if leaves < 6 + RADIUS and not self.is_missed:
            self.is_missed = bool(self.random.random() < 0.3)
            if not self.is_missed:
                self.speed = float(-np.sign(self.speed) * self.random.uniform(28, 48))
                self.events.append((self.clock, "hit"))
        if leaves < -RADIUS:
            self.events.append((self.clock, "out"))
            self.waits_until = self.clock + 0.3

    def picture(self, floor_light: float) -> np.ndarray:
        """The scene now, (Y, X) in 0 to 255."""
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        scene = np.where(rows >= FLOOR, floor_light, 40.0)
        racket = np.abs(rows - self.y) < 7
        for side, column in enumerate((4, WIDTH - 5)):
            faces = racket if not self.is_missed or (self.speed > 0) != side else rows < 8
            scene = np.where(faces & (np.abs(columns - column) < 1), 160.0, scene)
        cover = np.clip(RADIUS + 0.5 - np.hypot(rows - self.y, columns - self.x), 0, 1) * (not self.waits_until)
        return scene + cover * (235.0 - scene) + self.random.normal(0, 4, scene.shape)


def frame_times(random: np.random.Generator, seconds: float, *, is_uneven: bool) -> np.ndarray:
    """When the frames of a clip are shown, in seconds: on the even grid, or at steps of any length."""
    if not is_uneven:
        return np.arange(round(seconds * FRAMES_PER_SECOND)) / FRAMES_PER_SECOND
    times = np.cumsum(random.choice(UNEVEN_STEPS, round(seconds / min(UNEVEN_STEPS))))
    return times[times < seconds] - times[0]


def draw_clip(path: Path, random: np.random.Generator, seconds: float, *, is_uneven: bool) -> list[tuple[float, str]]:
    """Writes one clip; answers with its events, each at the time of the frame that is nearest."""
    times, game, light = frame_times(random, seconds, is_uneven=is_uneven), Game(random), float(random.uniform(70, 120))
    pictures = []
    for time in times:
        while game.clock < time:
            game.step()
        pictures.append(game.picture(light))
    frames = torch.from_numpy(np.clip(pictures, 0, 255).astype(np.uint8))[:, None]
    write_video(path, [Clip(frames, torch.from_numpy(times), FRAMES_PER_SECOND)])
    return [(float(times[np.abs(times - moment).argmin()]), label) for moment, label in game.events]


def main() -> None:
    """Reads the flags, draws the clips and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where clips and tables go")
    parser.add_argument("--clips", type=int, default=60, help="how many; 70 %% train, 15 %% validate, 15 %% test")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each is")
    parser.add_argument("--seed", type=int, default=0, help="another one draws other clips")
    flags = parser.parse_args()
    (flags.folder / "clips").mkdir(parents=True, exist_ok=True)
    bounds = [0, round(0.7 * flags.clips), round(0.85 * flags.clips), flags.clips]
    for split, numbers in zip(("train", "validation", "test"), itertools.pairwise(bounds), strict=True):
        with (flags.folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as table:
            rows = csv.writer(table)
            rows.writerow(["file", "start", "end", "label"])
            for number in range(*numbers):
                name, random = f"clips/{number:04}.mp4", np.random.default_rng([flags.seed, number])
                events = draw_clip(flags.folder / name, random, flags.seconds, is_uneven=number % 5 == 4)
                rows.writerows([name, f"{time:.3f}", f"{time:.3f}", label] for time, label in events)


if __name__ == "__main__":
    main()
