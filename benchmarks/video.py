"""Times videos beside bare PyAV and transformers called window by window, and writes the table `video.md`.

    python benchmarks/video.py

The films are drawn on the spot: 320 × 240 at 25 frames a second, H.264 with a keyframe every 60 frames, as cameras that
watch rooms write them. The weights are random: speed does not depend on them. Contenders take turns in one process, so
that a busy machine slows them alike; seconds are the processor's. Peaks of memory are those of processes of their own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import av
import numpy as np
import torch
import transformers
from page import processor, versions
from table import grid, spread
from transformers import VideoMAEConfig, VideoMAEForVideoClassification, VideoMAEVideoProcessor

from toolkit import pipeline
from toolkit.adapters.video.encoders import small_videomae
from toolkit.media.video import VideoFile
from toolkit.models import (
    FrameEncoderConfig,
    FrameLabellerConfig,
    FrameProcessor,
    RecurrentFrameLabeller,
    save_portable,
)
from toolkit.models.layers_frames import quick_positions

HEIGHT, WIDTH, RATE, SEEN = 240, 320, 25, (48, 64)
KEYFRAME_EVERY, GRAIN = 60, 4
PUBLISHED = {
    **{"image_size": [224, 224], "patch_size": 16, "hidden_size": 384, "intermediate_size": 1536},
    **{"num_hidden_layers": 12, "num_attention_heads": 6, "num_frames": 16},
}
"""Of VideoMAE-small, as MCG-NJU/videomae-small-finetuned-kinetics on the Hub has it."""
NAMES = ["nothing", "left", "right"]
LENGTHS = (1, 4, 16, 125)
"""Of the films, as multiples of the shortest; the second is timed, and the last, which lasts ten minutes."""
PAGE = """# Speed on videos

Written by `benchmarks/video.py`, whose first lines say what it needs.
On {date}, on one thread of {processor}: films of {width} × {height} at {rate}
frames a second, {bytes:,} bytes a frame and a keyframe every {keyframe}; a VideoMAE of {parameters:.1f} million random
weights that sees {seen} pixels, windows of {window} frames, a new one every {stride}. Medians (least–most) of {rounds}
rounds in which all took turns, load average {load} on {cores} cores. Seconds are the processor's; ratios are taken
within each round.

## Decoding {frames} frames to RGB arrays

{decoding}

## Looking at all {frames} frames

{looking}

*Window by window* is transformers' own pipeline with the same VideoMAE, asked about every window: decoded for it from
the keyframe before it, or cut from frames that were all decoded beforehand and are held in memory.

## Looking at all frames of a film of {minutes:.0f} minutes

{watching}

Of the time of `pipeline("video-event-detection")` {share} goes into the encoder's forward pass,
{short_share} for the film of {frames} frames, and {published} where the encoder has the size of the
published VideoMAE-small: {layers} layers of width {width_of_layers}, {pixels} × {pixels} pixels, a film of {shortest}
frames. The rest is decoding, scaling, the recurrent network and the answer.

## Peak of resident memory

{memory}

A process that loads the model, and finds what happens in a film with the video's median frame subtracted.

{versions}
"""


def draw(path: Path, frames: int) -> None:
    """Writes a film of a square that moves over a grained background."""
    random = np.random.default_rng(0)
    scene = random.integers(60, 120, (HEIGHT // 8, WIDTH // 8, 3)).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "g": str(KEYFRAME_EVERY)})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(frames):
            picture = (scene + random.integers(0, GRAIN, scene.shape)).astype(np.uint8)
            picture[60:140, (3 * number) % (WIDTH - 80) :][:, :80] = 220
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        output.mux(stream.encode(None))


def built(folder: Path) -> Any:
    """Leaves labellers in a folder, and gives a classifier of the library with the eyes of the small one."""
    videomae = small_videomae(SEEN, 3)
    small = leave_labeller(videomae, folder / "plain")
    leave_labeller(videomae, folder / "still", subtract_median=True)
    leave_labeller(VideoMAEConfig(**PUBLISHED), folder / "published")
    with quick_positions():
        theirs = VideoMAEForVideoClassification(videomae).eval()
    theirs.videomae.load_state_dict(small.frame_encoder.videomae.state_dict())
    return theirs


def leave_labeller(videomae: Any, folder: Path, *, subtract_median: bool = False) -> RecurrentFrameLabeller:
    """A labeller of random weights that sees what its encoder was made for."""
    with quick_positions():
        encoder = FrameEncoderConfig(kind="videomae", num_channels=3, videomae=videomae)
        model = RecurrentFrameLabeller(FrameLabellerConfig(frame_encoder=encoder, num_labels=len(NAMES))).eval()
    seen = {"size": videomae.image_size, "mean": 3 * [0.5], "std": 3 * [0.5], "frames_per_second": RATE}
    processor = FrameProcessor(**seen, labels=NAMES, background=NAMES[0], subtract_median=subtract_median)
    save_portable(model, processor, folder)
    return model


class Eyes:
    """Counts the seconds that a detector spends in its encoder's forward pass."""

    def __init__(self, detect: Any) -> None:
        self.seconds, videomae = 0.0, detect.model.frame_encoder.videomae
        forward = videomae.forward

        def counted(*given: Any, **settings: Any) -> Any:
            started = time.thread_time()
            try:
                return forward(*given, **settings)
            finally:
                self.seconds += time.thread_time() - started

        self.detect, videomae.forward = detect, counted

    def __call__(self, path: str) -> Any:
        """Looks at a film, and begins to count anew."""
        self.seconds = 0.0
        return self.detect(path)

    def share(self, seconds: float) -> float:
        """Of all the seconds that the last film took, in per cent."""
        return 100 * self.seconds / seconds


def bare(path: str) -> int:
    """What PyAV alone decodes."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return sum(len(frame.to_ndarray(format="rgb24")) // HEIGHT for frame in container.decode(stream))


def decoded(path: str) -> int:
    """The same arrays from here."""
    return sum(len(clip.frames) for clip in VideoFile(path).frames())


def cut_by_seeking(path: str, starts: range, length: int) -> Iterator[np.ndarray]:
    """The frames of each window, (F, Y, X, 3), decoded from the keyframe before it on."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for start in starts:
            first = round(start / RATE / stream.time_base)
            container.seek(first, stream=stream)
            frames = (frame for frame in container.decode(stream) if frame.pts >= first)
            yield np.stack([frame.to_ndarray(format="rgb24") for frame, _ in zip(frames, range(length), strict=False)])


def cut_in_memory(path: str, starts: range, length: int) -> Iterator[np.ndarray]:
    """The same from frames that were decoded once."""
    with av.open(path) as container:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    yield from (frames[start : start + length] for start in starts)


def window_by_window(model: Any, cut: Callable[..., Iterator[np.ndarray]]) -> Callable[[str], int]:
    """The library's pipeline over every window that the labeller looks at."""
    eyes = VideoMAEVideoProcessor(size={"height": SEEN[0], "width": SEEN[1]}, do_center_crop=False)
    library = transformers.pipeline("video-classification", model=model, video_processor=eyes)
    length = model.config.num_frames

    def look(path: str) -> int:
        starts = range(0, len(VideoFile(path).timestamps()) - length + 1, length // 2)
        return len([library(frames) for frames in cut(path, starts, length)])

    return look


def peak_megabytes(path: Path, folder: Path) -> float:
    """The most memory that a process held which looked at one film."""
    command = [sys.executable, __file__, "--peak", str(path), str(folder / "still")]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def taken(work: Callable[[str], Any], path: Path) -> float:
    """The processor's seconds of one turn."""
    started = time.process_time()
    work(str(path))
    return time.process_time() - started


def per_cent(shares: list[float]) -> str:
    """Their middle, least and most."""
    return f"{median(shares):.0f} % ({min(shares):.0f}–{max(shares):.0f} %)"


def main() -> None:
    """Measures and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="How often everybody takes a turn.")
    parser.add_argument("--frames", type=int, default=120, help="Of the shortest film.")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".md"), help="Where the table goes.")
    parser.add_argument("--peak", nargs=2, help="Only look at this film with this model, and tell the memory.")
    given = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    if given.peak:
        pipeline("video-event-detection", given.peak[1])(given.peak[0])
        status = Path("/proc/self/status").read_text()  # `getrusage` would tell the parent's peak where that is higher
        print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        films = {times: folder / f"{times}.mp4" for times in LENGTHS}
        for times, path in films.items():
            draw(path, times * given.frames)
        given.output.write_text(measured(folder, films, given.rounds, given.frames), encoding="utf-8")
    print(f"{given.output} is written")


def measured(folder: Path, films: dict[int, Path], rounds: int, shortest: int) -> str:
    """The page."""
    theirs, (first, film, *_, long) = built(folder), films.values()
    detect = pipeline("video-event-detection", str(folder / "plain"))
    eyes, encoder = Eyes(detect), detect.model.config.frame_encoder
    large = Eyes(pipeline("video-event-detection", str(folder / "published")))
    works: dict[str, Callable[[str], Any]] = {
        "bare PyAV": bare,
        "toolkit.media.video": decoded,
        "toolkit": eyes,
        "transformers, window by window": window_by_window(theirs, cut_by_seeking),
        "transformers, window by window, from memory": window_by_window(theirs, cut_in_memory),
    }
    frames = {path: times * shortest for times, path in films.items()}
    names, patient = list(works), list(works)[2:4]
    turns = [*((name, film) for name in names), *((name, long) for name in patient)]
    seconds: dict[tuple[str, Path], list[float]] = {turn: [] for turn in turns}
    shares: dict[Path, list[float]] = {film: [], long: []}
    published, loads = [], []
    for work in works.values():  # warm, or the first would pay for the libraries
        work(str(first))
    for number in range(rounds):
        for name, path in turns:
            loads.append(os.getloadavg()[0])
            seconds[name, path].append(taken(works[name], path))
            took = seconds[name, path][-1]
            print(f"round {number + 1}, {frames[path]:,} frames, {name}: {took:.2f} s", flush=True)
            if works[name] is eyes:
                shares[path].append(eyes.share(took))
        published.append(large.share(taken(large, first)))

    def table(names: list[str], ours: str, path: Path = film) -> str:
        ratios = {
            name: [b / a for a, b in zip(seconds[ours, path], seconds[name, path], strict=True)] for name in names
        }
        speeds = {name: [frames[path] / one for one in seconds[name, path]] for name in names}
        return grid(
            ["", "frames a second", "toolkit is so many times as fast"],
            [[name, spread(speeds[name], "{:.0f}".format), spread(ratios[name], "{:.2f}".format)] for name in names],
        )

    peaks = {times: peak_megabytes(path, folder) for times, path in films.items()}
    return PAGE.format(
        date=date.today().isoformat(),
        processor=processor(),
        width=WIDTH,
        height=HEIGHT,
        rate=RATE,
        bytes=film.stat().st_size // frames[film],
        keyframe=KEYFRAME_EVERY,
        parameters=sum(weight.numel() for weight in theirs.videomae.parameters()) / 1e6,
        seen=f"{SEEN[1]} × {SEEN[0]}",
        window=encoder.window,
        stride=encoder.window_stride,
        rounds=rounds,
        load=f"{min(loads):.1f}–{max(loads):.1f}",
        cores=os.cpu_count(),
        frames=f"{frames[film]:,}",
        minutes=frames[long] / RATE / 60,
        decoding=table(names[:2], names[1]),
        looking=table(names[2:], names[2]),
        watching=table(patient, patient[0], long),
        share=per_cent(shares[long]),
        short_share=per_cent(shares[film]),
        published=per_cent(published),
        layers=PUBLISHED["num_hidden_layers"],
        width_of_layers=PUBLISHED["hidden_size"],
        pixels=PUBLISHED["image_size"][0],
        shortest=shortest,
        memory=grid(["frames", "peak MB"], [[f"{n * shortest:,}", f"{peaks[n]:.0f}"] for n in LENGTHS]),
        versions=f"{versions()} PyAV {av.__version__}.",
    )


if __name__ == "__main__":
    main()
