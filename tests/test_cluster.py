"""Blocks of rows to files of answers: in order, each once, by workers of Ray or, where only our part is tried, here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models.texts import ours, processor
from toolkit import cluster
from toolkit.data import BadData
from toolkit.models import save_portable

ROOT = Path(__file__).parents[1]


@pytest.fixture
def local(monkeypatch) -> list[str]:
    """Answers blocks in this process, by writing each source backwards; lists those that were answered."""
    answered = []
    monkeypatch.setattr(cluster, "pipeline", lambda task, model, batch_size: lambda texts: [t[::-1] for t in texts])

    def run(ray, blocks, workers, settings):
        worker = cluster._Worker(**settings)
        for path in blocks:
            worker({"path": [path], "bytes": [Path(path).read_bytes()]})
            answered.append(Path(path).name)

    monkeypatch.setattr(cluster, "_run", run)
    return answered


def table(count: int) -> str:
    Path("t.tsv").write_text("a\tb\n" + "".join(f"ä{n}\u2028x\t{n}\n" for n in range(count)), encoding="utf-8")
    return "t.tsv"


def predict(**changed) -> list[Path]:
    given = {"task": "translation", "model": "m", "rows_file": "t.tsv", "output_folder": "out", "block_rows": 4}
    return cluster.predict(**{**given, **changed})


def answers(parts: list[Path]) -> list[dict]:
    return [json.loads(line) for part in parts for line in part.read_text(encoding="utf-8").split("\n") if line]


def test_every_row_is_answered_in_order_in_files_of_a_block_each(local):
    table(10)
    parts = predict()
    assert [part.name for part in parts] == ["part-000000.jsonl", "part-000001.jsonl", "part-000002.jsonl"]
    rows = answers(parts)
    assert [row["line"] for row in rows] == list(range(2, 12))
    assert all(row["answer"] == row["source"][::-1] for row in rows)
    assert sorted(path.name for path in Path("out").iterdir()) == ["asked.json", *(part.name for part in parts)]


def test_only_blocks_without_their_answers_are_asked_again(local):
    table(10)
    parts = predict()
    parts[1].unlink()
    local.clear()
    assert predict() == parts
    assert local == ["part-000001.jsonl"]
    table(11)
    local.clear()
    assert len(answers(predict())) == 11
    assert local == ["part-000002.jsonl"], "its rows are others now"


def test_answers_to_rows_that_are_gone_go(local):
    table(10)
    predict()
    table(7)
    assert len(predict()) == 2
    assert len(answers(sorted(Path("out").glob("part-*.jsonl")))) == 7


def test_answers_of_another_model_are_not_mixed_in(local):
    table(3)
    predict()
    with pytest.raises(ValueError, match="model 'm' there, 'other' here"):
        predict(model="other")


def test_nor_are_those_of_a_model_that_was_trained_anew_in_its_folder(local):
    table(3)
    Path("m").mkdir()
    Path("m/model.safetensors").write_bytes(b"one")
    predict()
    Path("m/model.safetensors").write_bytes(b"other")
    with pytest.raises(ValueError, match="weights "):
        predict()


def test_recordings_are_found_beside_their_table_and_addresses_stay_as_they_are(local):
    Path("far").mkdir()
    Path("far/a.wav").touch()
    Path("far/t.csv").write_text("file,text\na.wav,x\nhttps://host.org/b.wav,y\n")
    settings = dict(rows_file="far/t.csv", recordings=True)
    sources = [row["source"] for row in answers(predict(column="file", **settings))]
    assert sources == [str(Path("far/a.wav").resolve()), "https://host.org/b.wav"]
    with pytest.raises(ValueError, match="`column` must say which one names the recordings"):
        predict(output_folder="other", **settings)


def test_faulty_rows_are_told_before_anything_is_answered(local):
    Path("t.tsv").write_text("a\tb\nx\ty\nz\n")
    with pytest.raises(BadData, match="t.tsv:3: "):
        predict()
    assert (local, Path("out").exists()) == ([], False)


def test_the_extra_is_named_where_ray_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install -e '\.\[cluster\]'"):
        predict()


SCRIPT = """
import sys, toolkit.cluster
if __name__ == "__main__":
    toolkit.cluster.predict("translation", sys.argv[1], "t.tsv", "out", workers=2, block_rows=4)
"""


@pytest.mark.slow
def test_two_workers_of_ray_answer_as_the_pipeline_does_and_end_with_the_call(tmp_path):
    model = str(tmp_path / "model")
    save_portable(ours(), processor(), model)
    table(10)
    Path("ask.py").write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    said = subprocess.run(
        [sys.executable, "ask.py", model], env=environment, capture_output=True, text=True, timeout=400
    )
    assert said.returncode == 0, said.stderr
    rows = answers(sorted(Path("out").glob("part-*.jsonl")))
    expected = cluster.pipeline("translation", model)([row["source"] for row in rows])
    assert [row["answer"] for row in rows] == expected
    assert [row["line"] for row in rows] == list(range(2, 12))
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert "raylet" not in left
