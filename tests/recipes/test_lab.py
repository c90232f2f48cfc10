"""Runs that differ in one choice, side by side."""

import json
import runpy
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.recipes.conftest import CORE, ROOT, first_rows
from tests.report.document import read
from toolkit import DataArguments, RecipeArguments, TextToText
from toolkit.comparison import Finished, compare
from toolkit.metrics import chrf, mean_score

SETTINGS = {**CORE, "num_train_epochs": 2, "num_beams": 1, "tokenizer": "word", "vocab_size": 100}


@pytest.fixture
def rows(tmp_path) -> dict[str, str]:
    counts = {"train": 120, "validation": 20, "test": 60}
    return {f"{split}_file": first_rows(split, count, tmp_path) for split, count in counts.items()}


def charts(page: str) -> str:
    return Path(page).read_text(encoding="utf-8")


@pytest.mark.promise("A14", "B2")
def test_the_bottleneck_lab_draws_score_against_length_with_and_without_attention(recipe, rows):
    said = recipe("lab/bottleneck", output_dir="lab", **rows, **SETTINGS)
    assert (said.code, said.out.splitlines()[-1]) == (0, "Comparison: lab/comparison.html"), said.err
    kinds = {name: json.loads(Path("lab", name, "config.json").read_text())["attention_type"] for name in NAMES}
    assert kinds == {"without_attention": "none", "with_attention": "general"}
    page = read(charts("lab/comparison.html"))
    titles = [heading.text for heading in page.all("h2")]
    assert titles[:4] == ["Scores", "Score by source length", "Difference by source length", "Training"]
    before = Path("lab/with_attention/model.safetensors").stat().st_mtime_ns
    again = recipe("lab/bottleneck", output_dir="lab", **rows, **SETTINGS)
    assert (again.code, Path("lab/with_attention/model.safetensors").stat().st_mtime_ns) == (0, before), again.err
    other = recipe("lab/bottleneck", output_dir="lab", **rows, **SETTINGS | {"hidden_size": 20})
    assert (other.code, "`hidden_size` 16 there, 20 here" in other.err) == (2, True)


NAMES = ("without_attention", "with_attention")


@pytest.mark.promise("C7")
def test_the_forcing_lab_trains_three_ratios_from_one_seed(recipe, rows):
    said = recipe("lab/forcing", output_dir="lab", **rows, **SETTINGS)
    assert said.code == 0, said.err
    flags = [json.loads(path.read_text())["training"] for path in sorted(Path("lab").glob("*/training_args.json"))]
    assert [one["teacher_forcing_ratio"] for one in flags] == [0.0, 0.5, 1.0]
    assert len({one["seed"] for one in flags}) == 1
    assert "nats per label, validation over step" in charts("lab/comparison.html")


@pytest.mark.promise("A8")
def test_the_lab_of_cells_sets_sizes_and_times_side_by_side(recipe, rows):
    said = recipe("lab/cells", output_dir="lab", **rows, **SETTINGS)
    assert said.code == 0, said.err
    lstm, gru = (Finished(Path("lab", name)) for name in ("lstm", "gru"))
    assert 3 * lstm.recurrent_parameters == 4 * gru.recurrent_parameters > 0
    shown = read(charts("lab/comparison.html")).text
    assert all(one.cost in shown for one in (lstm, gru))


def test_differences_are_those_of_the_rows_with_the_interval_of_their_mean(rows):
    adapter = TextToText(**{key: value for key, value in SETTINGS.items() if key != "num_train_epochs"})
    job = partial(compare, title="t", variants={"one": {}, "same": {}, "other": {"hidden_size": 24}})
    page = job(adapter, DataArguments(**rows), RecipeArguments("lab", num_train_epochs=3))
    one, same, other = (Finished(Path("lab", name)) for name in ("one", "same", "other"))
    scores = [run.row_scores(adapter) for run in (one, same, other)]
    assert np.array_equal(scores[0], scores[1]), "the same flags and the same seed"
    records = [json.loads(line) for line in Path("lab/other/predictions.jsonl").read_text().splitlines()]
    by_hand = [chrf([record["prediction"]], [record["reference"]]).value for record in records]
    assert np.allclose(scores[2], by_hand)
    gap = mean_score(scores[2] - scores[0])
    numbers = next(
        row.text for row in read(charts(page)).all("tr") if row.text.startswith("other") and "all" in row.text
    )
    assert f"{gap.value:.2f}".rstrip("0").rstrip(".") in numbers.replace("−", "-"), numbers


def test_a_comparison_can_only_be_checked_and_not_only_be_predicted(rows):
    data = DataArguments(**rows, check_only=True)
    job = partial(compare, title="t", variants={"one": {}})
    assert job(TextToText(**CORE), data, RecipeArguments("lab")) is None
    assert not Path("lab").exists()
    with pytest.raises(ValueError, match="`predict_only` trains nothing"):
        job(TextToText(**CORE), replace(data, check_only=False, predict_only=True), RecipeArguments("lab"))


def test_sequences_to_reverse_are_right_new_and_longer_in_the_test(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["make_reversed.py", str(tmp_path)])
    runpy.run_path(str(ROOT / "recipes/lab/make_reversed.py"), run_name="__main__")
    tables = {
        path.stem: [line.split("\t") for line in path.read_text().splitlines()[1:]] for path in tmp_path.iterdir()
    }
    assert all(source == target[::-1] for table in tables.values() for source, target in table)
    sources = [source for table in tables.values() for source, _ in table]
    assert len(set(sources)) == len(sources)
    longest = {name: max(len(source.split()) for source, _ in table) for name, table in tables.items()}
    assert longest == {"train": 20, "validation": 20, "test": 30}
