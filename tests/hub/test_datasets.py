"""A dataset on the Hub goes through the whole recipe by its id, downloaded or streamed, as its file would."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT

PUSH = """
from datasets import Dataset, DatasetDict
def rows(numbers):
    pairs = [{"en": f"dog {n}", "de": f"Hund {n}"} for n in numbers]
    return Dataset.from_dict({"id": [*numbers], "translation": pairs})
splits = {"train": range(60), "validation": range(60, 70), "test": range(70, 75)}
DatasetDict({name: rows(numbers) for name, numbers in splits.items()}).push_to_hub("tester/pairs", "en-de")
"""
pytestmark = pytest.mark.slow
CORE = {"hidden_size": 16, "embedding_size": 16, "num_beams": 1, "max_steps": 3, "learning_rate": 0.01}
WORDS = {"source_column": "en", "target_column": "de", "per_device_train_batch_size": 16}


@pytest.fixture
def translate(hub, tmp_path):
    """Runs the recipe in a process that takes the test's Hub for the Hub."""

    def call(*words: str, **flags: object) -> subprocess.CompletedProcess[str]:
        given = [word for name, value in {**CORE, **WORDS, **flags}.items() for word in (f"--{name}", str(value))]
        command = [sys.executable, str(ROOT / "recipes/text/translation.py"), *words, *given]
        return subprocess.run(command, env=hub.environment(), cwd=tmp_path, capture_output=True, text=True, timeout=600)

    return call


def predictions(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.promise("E1")
def test_a_dataset_is_trained_on_by_its_id_downloaded_and_streamed_as_from_a_file(hub, translate, tmp_path):
    hub.run(PUSH)
    for name, numbers in {"train": range(60), "validation": range(60, 70), "test": range(70, 75)}.items():
        rows = "".join(f"dog {number}\tHund {number}\n" for number in numbers)
        (tmp_path / f"{name}.tsv").write_text(f"en\tde\n{rows}")
    there = {"dataset_name": "tester/pairs", "dataset_config_name": "en-de"}
    files = {f"{name}_file": f"{name}.tsv" for name in ("train", "validation", "test")}
    for done in (
        translate(output_dir="hub", **there),
        translate("--streaming", output_dir="stream", **there),
        translate(output_dir="file", **files),
    ):
        assert done.returncode == 0, done.stderr
    assert [row["source"] for row in predictions(tmp_path / "hub")] == [f"dog {number}" for number in range(70, 75)]
    written = {name: [{**row, "line": 0} for row in predictions(tmp_path / name)] for name in ("hub", "stream", "file")}
    assert written["hub"] == written["file"]
    sources = [[(row["source"], row["reference"]) for row in rows] for rows in written.values()]
    assert sources[0] == sources[1]
    assert "tester/pairs" in (tmp_path / "hub/README.md").read_text(encoding="utf-8")


def test_a_dataset_that_is_not_there_is_told_in_one_sentence(translate):
    done = translate(output_dir="out", dataset_name="tester/none")
    assert done.returncode in (1, 2) and "tester/none" in done.stderr and "Traceback" not in done.stderr, done.stderr
