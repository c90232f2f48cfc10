"""What every test is promised by the project's `conftest.py`."""

import os
import random
import socket
from pathlib import Path

import numpy
import pytest
import torch
from huggingface_hub import constants


def test_every_test_starts_from_the_same_random_numbers():
    assert random.random() == random.Random(0).random()
    assert numpy.random.rand() == numpy.random.RandomState(0).rand()
    assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(0)))


def test_each_test_stands_in_an_empty_folder_of_its_own(tmp_path):
    assert Path.cwd() == tmp_path
    assert list(tmp_path.iterdir()) == []


@pytest.mark.promise("H3")
def test_a_stranger_is_not_called():
    with socket.socket() as stranger, pytest.raises(RuntimeError, match="127.0.0.1 only"):
        stranger.connect(("192.0.2.1", 80))


@pytest.mark.promise("H3")
def test_the_hub_is_offline_and_its_cache_is_empty():
    assert constants.HF_HUB_OFFLINE
    assert Path(constants.HF_HOME) != Path("~/.cache/huggingface").expanduser()
    assert os.environ["OMP_NUM_THREADS"] == "1"
