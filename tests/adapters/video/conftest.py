"""Tables about films that are drawn, as the reader of a file gives them."""

from collections.abc import Callable

import pytest
from datasets import Dataset
from transformers import VideoMAEConfig, VideoMAEImageProcessor, VideoMAEModel

from tests.adapters.video.drawn import draw
from toolkit.data import Split
from toolkit.models.layers_frames import quick_positions

COLUMNS = ("file", "label", "start", "end", "start_frame", "end_frame", "track")
Rows = list[dict[str, str]]


@pytest.fixture
def table() -> Callable[..., Split]:
    """Makes a split of rows, of which each has some of the cells."""

    def make(rows: Rows, *, name: str = "train") -> Split:
        cells = {column: [row.get(column, "") for row in rows] for column in COLUMNS}
        return Split(name, f"{name}.csv", Dataset.from_dict({**cells, "line": list(range(2, len(rows) + 2))}))

    return make


@pytest.fixture
def films() -> Rows:
    """Three films of 3 s: nothing, left, nothing, right, nothing."""
    rows = []
    for number in range(3):
        path = draw(f"{number}.mp4", [*5 * ["none"], *8 * ["left"], *4 * ["none"], *8 * ["right"], *5 * ["none"]])
        rows += [
            {"file": path, "start": "0.5", "end": "1.3", "label": "left"},
            {"file": path, "start": "1.7", "end": "2.5", "label": "right"},
        ]
    return rows


@pytest.fixture
def tiny_videomae() -> str:
    """A folder with a VideoMAE that was pretrained, in name."""
    return write_videomae("pretrained")


def write_videomae(folder: str, **sizes: int) -> str:
    """Leaves such a folder."""
    settings = VideoMAEConfig(
        image_size=16,
        patch_size=8,
        num_channels=3,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        **{"num_frames": 4, **sizes},
    )
    with quick_positions():
        VideoMAEModel(settings).save_pretrained(folder)
    VideoMAEImageProcessor(size={"shortest_edge": 16}, crop_size=16).save_pretrained(folder)
    return folder
