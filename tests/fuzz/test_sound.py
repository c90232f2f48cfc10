"""Recordings of sound that were damaged at random cost sentences: no crash, no hang, no stray file, bounded memory."""

import pytest

from tests.fuzz.readers import of_family
from tests.fuzz.search import search


@pytest.mark.promise("H7")
@pytest.mark.parametrize("examples", [5, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", of_family("sound"))
def test_damage_costs_sentences(keeper, name, examples):
    search(keeper, name, examples=examples)
