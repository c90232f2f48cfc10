import wave
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from tests.adapters.video.drawn import draw
from toolkit.data import Split

WORDS = ("low", "middle", "high")
HZ = {"low": 300, "middle": 700, "high": 1500}


@pytest.fixture
def split():
    """Makes a split of rows, as the reader of a file would."""

    def make(rows, *, name="train", path="t.tsv", columns=("source", "target")) -> Split:
        texts = {column: [row[place] for row in rows] for place, column in enumerate(columns)}
        return Split(name, path, Dataset.from_dict({**texts, "line": list(range(2, len(rows) + 2))}))

    return make


def tone(path: Path, words: str, *, rate_hz: int = 8000, seconds: float = 0.15) -> str:
    """Writes a recording that says each word as a tone of its own."""
    time = np.arange(int(rate_hz * seconds)) / rate_hz
    sound = np.concatenate([np.sin(2 * np.pi * HZ[word] * time) for word in words.split()])
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, rate_hz, 0, "NONE", ""))
        out.writeframes((8000 * sound).astype(np.int16).tobytes())
    return str(path)


@pytest.fixture
def recordings(tmp_path):
    """Pairs of a recording and what it says."""
    said = [" ".join(WORDS[(n * k) % 3] for k in range(1, n % 3 + 2)) for n in range(12)]
    return [(tone(tmp_path / f"{n}.wav", words), words) for n, words in enumerate(said)]


@pytest.fixture
def labelled_films(tmp_path):
    """Pairs of a film and what happens in it from the first frame to the last."""
    return [(draw(tmp_path / f"{n}.mp4", (6 + n) * [label]), label) for n, label in enumerate(("left", "right") * 3)]
