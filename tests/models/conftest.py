import pytest

from tests.models.tiny import CORES, tiny_core


@pytest.fixture(params=CORES)
def core(request):
    """One model of each kind in turn."""
    return tiny_core(**request.param)
