"""The script behind `make demo`, on the embedded sample, cut short."""

import re
from functools import partial
from pathlib import Path

import pytest

import toolkit


@pytest.mark.slow
def test_the_demo_translates_three_sentences_and_tells_score_interval_and_report(recipe, monkeypatch):
    monkeypatch.setattr(toolkit, "RecipeArguments", partial(toolkit.RecipeArguments, max_steps=20))
    for _ in range(2):  # a second time it starts anew
        said = recipe("demo")
        assert said.code == 0, said.err
        *answers, score, report = said.out.splitlines()[-5:]
        assert [answer.partition("  →  ")[0] for answer in answers] == [
            "나는 톰을 알아.",
            "톰은 우유를 마셨어.",
            "우리는 집에 가고 싶어.",
        ]
        assert all(answer.partition("  →  ")[2] for answer in answers)
        assert re.fullmatch(r"On \d+ test sentences: chrF2 [\d.]+ \[[\d.]+, [\d.]+\]", score), score
        assert report == "Report: runs/demo/report.html" and Path("runs/demo/report.html").is_file()
    assert "CC BY 2.0 FR" in Path("runs/demo/README.md").read_text(encoding="utf-8")
