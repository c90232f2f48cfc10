"""What is kept on disk appears whole, and is made anew for another file or other settings."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from toolkit.adapters.kept import fingerprint, kept_array, key_of


def test_an_array_is_made_once():
    made = []

    def make(aside: Path) -> None:
        made.append(aside)
        with aside.open("wb") as file:
            np.save(file, np.arange(5))

    first, second = (kept_array(Path("kept/a.npy"), make) for _ in range(2))
    assert first.tolist() == second.tolist() == [0, 1, 2, 3, 4] and len(made) == 1
    first += 1
    assert kept_array(Path("kept/a.npy"), make).tolist() == [0, 1, 2, 3, 4]


def test_what_breaks_off_leaves_nothing_behind():
    def make(aside: Path) -> None:
        aside.write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        kept_array(Path("kept/a.npy"), make)
    assert os.listdir("kept") == []


def test_what_nobody_asked_for_in_a_month_goes_when_something_new_comes():
    def make(aside: Path) -> None:
        with aside.open("wb") as file:
            np.save(file, np.arange(5))

    for name in ("forgotten", "used"):
        kept_array(Path(f"kept/{name}.npy"), make)
        os.utime(f"kept/{name}.npy", (1, 1))
    Path("kept/notes.txt").write_text("mine")
    os.utime("kept/notes.txt", (1, 1))
    kept_array(Path("kept/used.npy"), make)
    kept_array(Path("kept/new.npy"), make)
    assert sorted(os.listdir("kept")) == ["new.npy", "notes.txt", "used.npy"]


def test_a_key_knows_file_version_and_settings():
    Path("a").write_text("one")
    Path("b").write_text("one")
    os.symlink("a", "link")
    assert key_of("a", 1, {"x": 2}) == key_of("link", 1, {"x": 2})
    keys = [key_of("a", 1), key_of("a", 2), key_of("b", 1), key_of("a", 1, 1), key_of("http://127.0.0.1/a", 1)]
    os.utime("a", (1, 1))
    keys.append(key_of("a", 1))
    Path("a").write_text("four")
    os.utime("a", (1, 1))
    keys.append(key_of("a", 1))
    assert len(set(keys)) == len(keys)


def test_a_fingerprint_knows_every_weight():
    model = torch.nn.Linear(2, 2)
    before = fingerprint(model)
    assert fingerprint(model) == before
    with torch.no_grad():
        model.bias[1] += 1e-6
    assert fingerprint(model) != before
