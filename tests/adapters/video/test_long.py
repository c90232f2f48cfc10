"""A film of more than an hour: a label for every frame, and no memory for its pictures."""

import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from toolkit import EventLabelling
from toolkit.models import save_portable

RATE, SIDE = 25, 32
SHORT, LONG = 2_000, 100_000
BYTES_A_FRAME = 2_500
"""What may be held of a frame beside the answer: its time, its vector, and what the recurrent network notes of it. Its
picture alone, as a byte for each colour of a pixel, would take 3,072, and what the model sees of it 12,288."""


def draw_long(path: Path, frames: int) -> None:
    """Writes a film of noise that changes every two seconds; nobody can draw an hour faster."""
    pictures = np.random.default_rng(0).integers(0, 256, (16, SIDE * 3 // 2, SIDE), dtype=np.uint8)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "40"})
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(pictures[number // (2 * RATE) % len(pictures)], format="yuv420p")
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def watched(model: str, film: Path) -> dict[str, int]:
    """What a process of its own says of a film."""
    command = [sys.executable, str(Path(__file__).with_name("watcher.py")), model, str(film), str(RATE)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.slow
@pytest.mark.promise("G3")
@pytest.mark.parametrize("settings", [{}, {"subtract_median": True}, {"decoder": "events"}], ids=str)
def test_every_frame_of_a_film_of_100_000_is_labelled_and_none_is_held(settings, tmp_path):
    for frames in (SHORT, LONG):
        draw_long(tmp_path / f"{frames}.mp4", frames)
    sizes = {"frame_height": SIDE, "frame_width": SIDE, "colour": True, "hidden_size": 8}
    adapter = EventLabelling(**sizes, background="nothing", **settings)
    adapter.label_names = ["nothing", "dark", "light"]
    torch.manual_seed(0)
    save_portable(adapter.model(), adapter.processor, "model")
    short, long = (watched("model", tmp_path / f"{frames}.mp4") for frames in (SHORT, LONG))
    assert (short["frames"], long["frames"]) == (SHORT, LONG)
    for told in (short, long):
        assert all(told[name] for name in ("are_all_there", "are_in_time", "are_labelled", "are_likely"))
    grown = long["peak_bytes"] - short["peak_bytes"] - (long["answer_bytes"] - short["answer_bytes"])

    assert grown < BYTES_A_FRAME * (LONG - SHORT)
