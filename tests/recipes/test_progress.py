"""What a person sees while a model is trained."""

import re
import sys
from itertools import pairwise

import pytest

from tests.recipes.conftest import CORE, first_rows

BAR = re.compile(
    r"train: +(?P<percent>\d+)%\|[^|]*\| *(?P<step>\d+)/(?P<steps>\d+) \[[\d:]+<(?P<left>[\d:]+),[^\]]*?"
    r"epoch=(?P<epoch>[\d.]+)/(?P<epochs>\d+), target tokens/s=(?P<speed>\d+)(?P<more>[^\]]*)\]"
)


@pytest.mark.parametrize("is_terminal", [True, False], ids=["in a terminal", "in a log file"])
def test_epoch_speed_time_left_and_score_are_visible(is_terminal, recipe, monkeypatch, tmp_path):
    files = {
        f"{split}_file": first_rows(split, count, tmp_path) for split, count in {"train": 400, "validation": 20}.items()
    }
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda self: is_terminal)
    said = recipe(
        "translation", **files, **CORE, output_dir="out", num_train_epochs=4, num_beams=1, per_device_train_batch_size=4
    )
    assert said.code == 0, said.err
    bars = [bar.groupdict() for bar in BAR.finditer(said.err)]
    assert bars, said.err
    assert (bars[-1]["step"], bars[-1]["percent"], bars[-1]["left"]) == ("400", "100", "00:00")
    assert all(int(before["step"]) <= int(after["step"]) for before, after in pairwise(bars))
    for bar in bars:
        assert (bar["steps"], bar["epochs"]) == ("400", "4")
        assert float(bar["epoch"]) == pytest.approx(int(bar["step"]) / 100, abs=0.006)
        assert int(bar["speed"]) > 0
    told = re.findall(r"epoch (\d)\.00 · step (\d+) · chrf ([\d.]+) · teacher forced loss [\d.]+", said.err)
    assert [(epoch, step) for epoch, step, _ in told] == [(str(n), str(100 * n)) for n in (1, 2, 3, 4)]
    assert f"chrf={told[-1][2]}" in bars[-1]["more"] and "loss=" in bars[-1]["more"]
    if is_terminal:
        assert len(bars) > 3, "it moves while one looks"
        scores = {score for *_, score in told}
        assert {found for bar in bars for found in re.findall(r"chrf=([\d.]+)", bar["more"])} <= scores
