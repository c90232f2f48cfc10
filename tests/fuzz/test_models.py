"""Model folders that were damaged at random cost sentences: no crash, no hang, no stray file, bounded memory."""

import pytest

from tests.fuzz.readers import of_family
from tests.fuzz.search import search


@pytest.mark.promise("H7")
@pytest.mark.parametrize("examples", [8, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", of_family("models"))
def test_damage_costs_sentences(keeper, name, examples):
    search(keeper, name, examples=examples)
