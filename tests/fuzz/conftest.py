"""The process that reads hostile files, shared by the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.fuzz.keeper import Keeper, can_keep


@pytest.fixture(scope="session")
def keeper(tmp_path_factory) -> Iterator[Keeper]:
    if not can_keep():
        pytest.skip("needs Linux, whose /proc tells the memory of a process")
    keeper = Keeper(tmp_path_factory.mktemp("room"))
    yield keeper
    keeper.close()
