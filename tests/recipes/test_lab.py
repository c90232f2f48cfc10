"""Runs that differ in one choice, side by side."""

import json
import random
import re
import runpy
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from tests.adapters.video.drawn import TINY, draw
from tests.recipes.conftest import CORE, ROOT, first_rows
from tests.report.document import read
from toolkit import DataArguments, EventLabelling, RecipeArguments, TextToText
from toolkit.comparison import Finished, compare, row_scores
from toolkit.data import Split
from toolkit.metrics import chrf, mean_score
from toolkit.models import load_processor
from toolkit.tagging import Tagging

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


def letters(folder: Path, order: int) -> dict[str, str]:
    """New sequences of 3 to 7 letters, to be written in this order."""
    chance = random.Random(0)
    sequences = {" ".join(chance.choices("abcdefgh", k=chance.randint(3, 7))) for _ in range(6000)}
    lines = [f"{sequence}\t{sequence[::order]}\n" for sequence in sorted(sequences)]
    chance.shuffle(lines)
    parts = {"train": lines[400:3400], "validation": lines[:200], "test": lines[200:400]}
    for name, part in parts.items():
        (folder / f"{name}.tsv").write_text("".join(["letters\tanswer\n", *part]))
    return {f"{name}_file": str(folder / f"{name}.tsv") for name in parts}


def right(said: str) -> dict[str, float]:
    """How many sequences each was right about, of the lines that a comparison prints."""
    return {name: float(value) for name, value in re.findall(r"exact match, (\w+): ([\d.]+) \[", said)}


@pytest.mark.slow
@pytest.mark.promise("A4")
@pytest.mark.parametrize("order", [-1, 1], ids=["reversed", "as they stand"])
def test_who_writes_while_it_reads_fails_where_the_order_changes_and_only_there(order, recipe, tmp_path):
    said = recipe(
        "lab/reordering",
        **letters(tmp_path, order),
        **{"output_dir": "lab", "hidden_size": 64, "embedding_size": 32, "dropout": 0.1, "output_dropout": 0.1},
        **{"learning_rate": 0.01, "per_device_train_batch_size": 32, "num_train_epochs": 6, "num_beams": 1},
    )
    assert said.code == 0, said.err
    scores = right(said.out)
    assert scores["Seq2Seq"] >= 95
    assert scores["tagger"] <= 30 if order == -1 else scores["tagger"] >= 95


def test_the_reordering_lab_scores_both_on_the_same_rows_in_the_same_words(recipe, rows):
    said = recipe("lab/reordering", output_dir="lab", **rows, **SETTINGS)
    assert (said.code, said.out.splitlines()[-1]) == (0, "Comparison: lab/comparison.html"), said.err
    both = [
        [json.loads(line) for line in Path("lab", name, "predictions.jsonl").read_text().splitlines()]
        for name in ("tagger", "Seq2Seq")
    ]
    shared = ("line", "source", "reference", "source_length")
    assert len({json.dumps([[row[key] for key in shared] for row in records]) for records in both}) == 1
    known = set("".join(load_processor("lab/Seq2Seq").tokenizer.get_vocab()))
    assert any(row["prediction"] for row in both[0])
    assert all(known.issuperset(row["prediction"].replace(" ", "")) for row in both[0])
    assert all(len(row["prediction"].split()) <= row["source_length"] for row in both[0])
    assert right(said.out).keys() == {"tagger", "Seq2Seq"}
    assert "exact match, tagger" in read(charts("lab/comparison.html")).text
    before = Path("lab/Seq2Seq/model.safetensors").stat().st_mtime_ns
    again = recipe("lab/reordering", output_dir="lab", **rows, **SETTINGS)
    assert again.code == 0 and Path("lab/Seq2Seq/model.safetensors").stat().st_mtime_ns == before, again.err
    assert right(again.out) == right(said.out)
    other = recipe("lab/reordering", output_dir="lab", **rows, **SETTINGS | {"hidden_size": 20})
    assert (other.code, "`hidden_size` 16 there, 20 here" in other.err) == (2, True)


@pytest.mark.parametrize("flag", ["predict_only", "streaming"])
def test_a_tagger_is_trained_on_rows_that_all_are_there(recipe, rows, flag):
    said = recipe("lab/reordering", output_dir="lab", **rows, **CORE, **{flag: True})
    assert (said.code, f"`{flag}` cannot be compared with a tagger" in said.err) == (2, True), said.err


def test_what_a_tagger_is_taught_is_as_long_as_what_it_reads(rows):
    adapter = Tagging(tokenizer="char")
    table = [{"source": "ab", "target": "abcdef", "line": 2}, {"source": "abcdef", "target": "ba", "line": 3}]
    adapter.fit({"train": Split("train", "t.tsv", Dataset.from_list(table))})
    ids = [adapter.processor.tokenizer(row["target"]).input_ids for row in table]
    cut, filled = (adapter.labels(row) for row in table)
    assert cut == ids[0][: len(cut)] and len(cut) == len(adapter.inputs(table[0])["input_ids"])
    assert filled == ids[1] + [ids[1][-1]] * (len(filled) - len(ids[1]))
    assert len(filled) == len(adapter.inputs(table[1])["input_ids"])


def test_differences_are_those_of_the_rows_with_the_interval_of_their_mean(rows):
    adapter = TextToText(**{key: value for key, value in SETTINGS.items() if key != "num_train_epochs"})
    job = partial(compare, title="t", variants={"one": {}, "same": {}, "other": {"hidden_size": 24}})
    page = job(adapter, DataArguments(**rows), RecipeArguments("lab", num_train_epochs=3))
    one, same, other = (Finished(Path("lab", name)) for name in ("one", "same", "other"))
    scores = [row_scores(adapter, run.predictions) for run in (one, same, other)]
    assert np.array_equal(scores[0], scores[1]), "the same flags and the same seed"
    records = [json.loads(line) for line in Path("lab/other/predictions.jsonl").read_text().splitlines()]
    by_hand = [chrf([record["prediction"]], [record["reference"]]).value for record in records]
    assert np.allclose(scores[2], by_hand)
    gap = mean_score(scores[2] - scores[0])
    numbers = next(
        row.text for row in read(charts(page)).all("tr") if row.text.startswith("other") and "all" in row.text
    )
    assert f"{gap.value:.2f}".rstrip("0").rstrip(".") in numbers.replace("−", "-"), numbers


def test_runs_on_videos_are_compared_by_frames_also_when_they_are_finished(monkeypatch):
    for name in "abcd":
        draw(f"{name}.mp4", [*6 * ["none"], *6 * ["left"], *(6 if name < "d" else 16) * ["right"]])
    table = "".join(f"{name}.mp4,{times}\n" for name in "abcd" for times in ("0.6,1.2,left", "1.2,1.8,right"))
    lines = table.splitlines(keepends=True)
    for name, some in (("train", lines[:4]), ("other", lines[4:])):
        Path(f"{name}.csv").write_text("file,start,end,label\n" + "".join(some))
    data = DataArguments(train_file="train.csv", validation_file="other.csv")
    job = partial(compare, title="t", variants={"lstm": {"cell_type": "lstm"}, "gru": {"cell_type": "gru"}})
    adapter = EventLabelling(**TINY, frames_folder="kept")
    job(adapter, data, RecipeArguments("lab", max_steps=2))
    Path("lab/comparison.html").rename("first.html")
    monkeypatch.setattr("toolkit.comparison.run", lambda *_: pytest.fail("both are finished"))
    page = job(replace(adapter), data, RecipeArguments("lab", max_steps=2))
    assert charts(page) == charts("first.html")
    (section,) = [part for part in read(charts(page)).all("section") if part.text.startswith("Score by source length")]
    rows = [[cell.text for cell in row.all() if cell.tag in ("th", "td")] for row in section.all("tr")]
    assert rows[0] == ["series", "source length in frames seen", "frame_accuracy", "interval", "count"]
    assert [row[:2] + row[-1:] for row in rows[1:]] == [[n, f, "1"] for n in ("lstm", "gru") for f in ("18–27", "28")]
    for name, short, long in (("lstm", rows[1], rows[2]), ("gru", rows[3], rows[4])):
        by_frames = (18 * float(short[2]) + 28 * float(long[2])) / 46
        assert Finished(Path("lab", name)).figures["frame_accuracy"] == pytest.approx(by_frames, abs=0.05)


def test_a_comparison_can_only_be_checked_and_not_only_be_predicted(rows):
    data = DataArguments(**rows, check_only=True)
    job = partial(compare, title="t", variants={"one": {}})
    assert job(TextToText(**CORE), data, RecipeArguments("lab")) is None
    assert not Path("lab").exists()
    with pytest.raises(ValueError, match="`predict_only` trains nothing"):
        job(TextToText(**CORE), replace(data, check_only=False, predict_only=True), RecipeArguments("lab"))


@pytest.mark.parametrize("words, order", [((), -1), (("--copied",), 1)], ids=["reversed", "copied"])
def test_sequences_to_reverse_are_right_new_and_longer_in_the_test(words, order, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["make_reversed.py", str(tmp_path), *words])
    runpy.run_path(str(ROOT / "recipes/lab/make_reversed.py"), run_name="__main__")
    tables = {
        path.stem: [line.split("\t") for line in path.read_text().splitlines()[1:]] for path in tmp_path.iterdir()
    }
    assert all(source == target[::order] for table in tables.values() for source, target in table)
    sources = [source for table in tables.values() for source, _ in table]
    assert len(set(sources)) == len(sources)
    longest = {name: max(len(source.split()) for source, _ in table) for name, table in tables.items()}
    assert longest == {"train": 20, "validation": 20, "test": 30}


def test_lines_are_joined_with_their_partners_and_what_is_left_over_is_left_out(monkeypatch, tmp_path, capsys):
    texts = {"en": [f"a {number}\u2028b" for number in range(8)], "de": [f" c {number} " for number in range(8)]}
    for name, lines in texts.items():
        (tmp_path / f"t.{name}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    words = ["make_joined.py", *(str(tmp_path / f"t.{name}") for name in texts), str(tmp_path / "new/t"), "--rows", "3"]
    monkeypatch.setattr("sys.argv", words)
    runpy.run_path(str(ROOT / "recipes/lab/make_joined.py"), run_name="__main__")
    for name, lines in texts.items():
        told = (tmp_path / f"new/t.{name}").read_text(encoding="utf-8")
        assert told == "".join(" ".join(map(str.strip, lines[start : start + 3])) + "\n" for start in (0, 3))
    with pytest.raises(SystemExit):
        monkeypatch.setattr("sys.argv", [*words[:3], str(tmp_path / "t"), *words[4:]])
        runpy.run_path(str(ROOT / "recipes/lab/make_joined.py"), run_name="__main__")
    assert "would write over what is read" in capsys.readouterr().err
    assert (tmp_path / "t.en").read_text(encoding="utf-8") == "".join(f"{line}\n" for line in texts["en"])
    with pytest.raises(SystemExit):
        monkeypatch.setattr("sys.argv", [*words[:2], words[1], *words[3:]])
        runpy.run_path(str(ROOT / "recipes/lab/make_joined.py"), run_name="__main__")
    assert f"both would become {tmp_path / 'new/t.en'}" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", words)
    for wrong, complaint in ((b"c\n", "as many lines"), (b"\xff\n", "can't decode"), (None, "No such file")):
        (tmp_path / "t.de").unlink() if wrong is None else (tmp_path / "t.de").write_bytes(wrong)
        with pytest.raises(SystemExit):
            runpy.run_path(str(ROOT / "recipes/lab/make_joined.py"), run_name="__main__")
        assert complaint in capsys.readouterr().err
