"""The readers of texts, searched by the branches that inputs reach."""

import os
import re
import subprocess
import sys

import pytest

from tests.house.source import ROOT

pytest.importorskip("atheris", reason="Atheris is built for Linux on x86_64 alone")

INPUTS = 8_000


@pytest.mark.slow
@pytest.mark.promise("H7")
def test_what_reaches_new_branches_costs_sentences(tmp_path):
    command = [sys.executable, "-m", "tests.fuzz.guided", tmp_path / "search", "--inputs", str(INPUTS)]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert f"Done {INPUTS} runs" in done.stderr
    reached = [int(count) for count in re.findall(r"cov: (\d+)", done.stderr)]
    assert reached[-1] > reached[0], "it found branches that the whole files do not reach"


@pytest.mark.promise("H7")
def test_what_is_no_sentence_ends_the_search(tmp_path, monkeypatch):
    from tests.fuzz import guided

    def careless(*_, **__):
        raise KeyError("label")

    monkeypatch.chdir(tmp_path)
    guided.read(guided.texts()[0], b"a\tb\n\xff\tx\n")
    monkeypatch.setattr(guided, "open_source", careless)
    with pytest.raises(KeyError):
        guided.read(guided.texts()[0], b"a\tb\n1\tx\n")
