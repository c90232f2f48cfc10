"""What every test and documented prompt finds: no network, one thread, an empty folder, the same random numbers."""

import os
import socket
import tempfile

# The libraries read these once, when they are first imported.
CACHE = tempfile.TemporaryDirectory(prefix="toolkit-tests-")
os.environ |= {
    "HF_HOME": CACHE.name,
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
os.environ.setdefault("OMP_NUM_THREADS", "1")

import random
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
import torch

ROOT = Path(__file__).parent


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test that needs a GPU where none is, and fails it where one was promised."""
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        if os.environ.get("GPU_PROMISED") == "1":
            pytest.fail("GPU_PROMISED=1, but torch sees no GPU")
        pytest.skip("needs a GPU")


@pytest.fixture(autouse=True)
def own_folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs each test in an empty folder; prompts of a document find samples and recipes there, as their reader does."""
    monkeypatch.chdir(tmp_path)
    if isinstance(request.node, pytest.DoctestItem):
        for name in ("samples", "recipes"):
            (tmp_path / name).symlink_to(ROOT / name)


@pytest.fixture(autouse=True)
def random_state() -> Iterator[None]:
    """Starts each test from the same random numbers and gives back the state that it found."""
    states = random.getstate(), numpy.random.get_state(), torch.get_rng_state()
    random.seed(0)
    numpy.random.seed(0)
    torch.manual_seed(0)
    yield
    random.setstate(states[0])
    numpy.random.set_state(states[1])
    torch.set_rng_state(states[2])


@pytest.fixture(autouse=True)
def no_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a test talk to its own machine only."""
    connect = socket.socket.connect

    def connect_at_home(self: socket.socket, address: object) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise RuntimeError(f"a test may reach 127.0.0.1 only, but asked for {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_at_home)
