"""A Hub for each test that asks for one, and finished runs to share."""

import contextlib
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hub import runs
from tests.hub.server import HubServer
from tests.recipes.conftest import loudness

__all__ = ["loudness"]


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """A Hub of one's own: empty at first, gone afterwards."""
    with HubServer() as server:
        yield server


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Callable[[str], Path]:
    """A finished run of each kind, made when it is first asked for; look at it, but leave it as it is."""
    folders: dict[str, Path] = {}

    def get(kind: str) -> Path:
        if kind not in folders:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                folders[kind] = runs.KINDS[kind](tmp_path_factory.mktemp(kind))
        return folders[kind]

    return get


@pytest.fixture
def finished(made, tmp_path) -> Path:
    """A run of the core over texts, to do with as one likes, and a good deal lying about that is not to be shared."""
    folder = tmp_path / "finished"
    shutil.copytree(made("text"), folder)
    (folder / ".hidden.json").write_text("hf_test")
    (folder / "skipped_rows.txt").write_text("t.tsv:3: a private sentence\n")
    return folder
