"""A Hub for each test that asks for one."""

from collections.abc import Iterator

import pytest

from tests.hub.server import HubServer


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """A Hub of one's own: empty at first, gone afterwards."""
    with HubServer() as server:
        yield server
