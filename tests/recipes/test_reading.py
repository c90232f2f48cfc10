"""From wherever rows may come: files of every kind, a Hub dataset, a stream; to train on, or only to be predicted."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.recipes.conftest import CORE

PAIRS = [(f"dog {number}", f"Hund {number}") for number in range(60)]
SMALL = {**CORE, "num_train_epochs": 1, "num_beams": 1, "learning_rate": 0.01, "output_dir": "out"}


def table(path: str, pairs=PAIRS, columns=("en", "de")) -> None:
    Path(path).write_text("\n".join("\t".join(row) for row in [columns, *pairs]) + "\n")


def predictions(folder: str | Path = "out") -> list[dict]:
    return [json.loads(line) for line in Path(folder, "predictions.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(params=["tsv", "csv", "jsonl", "parquet", "parallel", "hub"])
def source(request) -> dict[str, str]:
    """The same pairs in each form, as flags."""
    if request.param == "tsv":
        table("t.tsv")
    elif request.param == "csv":
        Path("t.csv").write_text("en,de\n" + "".join(f'"{en}",{de}\n' for en, de in PAIRS))
    elif request.param == "jsonl":
        Path("t.jsonl").write_text("".join(json.dumps({"en": en, "de": de}) + "\n" for en, de in PAIRS))
    elif request.param == "parquet":
        columns = {name: [pair[place] for pair in PAIRS] for place, name in enumerate(("en", "de"))}
        pq.write_table(pa.table(columns), "t.parquet")
    elif request.param == "parallel":
        for place, name in enumerate(("en", "de")):
            Path(f"t.{name}").write_text("".join(f"{pair[place]}\n" for pair in PAIRS))
        return {"train_file": "t.en,t.de"}
    else:
        Path("hub").mkdir()
        nested = [{"translation": {"en": en, "de": de}} for en, de in PAIRS]
        Path("hub/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in nested))
        return {"dataset_name": "hub"}
    return {"train_file": f"t.{request.param}"}


@pytest.mark.promise("E1")
def test_every_form_of_pairs_becomes_a_model_with_the_same_scores(source, recipe):
    assert recipe("translation", source_column="en", target_column="de", **source, **SMALL).code == 0
    found = {(record["source"], record["reference"]) for record in predictions()}
    assert found <= set(PAIRS) and found
    assert {"bleu", "bleu_low", "chrf", "chrf_high", "ter", "ter_low"} <= set(
        json.loads(Path("out/all_results.json").read_text())
    )


@pytest.mark.promise("A1", "C5")
def test_predictions_of_a_finished_run_are_those_it_made_itself(trained, data, recipe):
    flags = {"model_name_or_path": trained, "output_dir": "out", "test_file": data["test_file"]}
    said = recipe("translation", "--predict_only", per_device_eval_batch_size=7, **flags)
    assert said.code == 0
    assert predictions() == predictions(trained)
    there, here = (json.loads((folder / "all_results.json").read_text()) for folder in (trained, Path("out")))
    assert here == pytest.approx({name: there[name] for name in here})
    assert sorted(path.name for path in Path("out").iterdir()) == ["all_results.json", "predictions.jsonl"]


@pytest.mark.parametrize("target", [{}, {"target_column": "ko"}], ids=["no target named", "a target that is not there"])
def test_sources_alone_are_predicted_without_scores(target, trained, data, recipe):
    with open(data["test_file"], encoding="utf-8") as lines:
        sources = [line.split("\t")[0] for line in lines]
    Path("s.tsv").write_text("\n".join(sources) + "\n")
    flags = {"model_name_or_path": trained, "output_dir": "out", "test_file": "s.tsv", "source_column": "en"}
    said = recipe("translation", "--predict_only", **flags, **target)
    assert said.code == 0
    assert ("There will be no scores: s.tsv:1: has no column `ko`" in said.err) == bool(target)
    assert [{**record, "reference": None} for record in predictions(trained)] == predictions()
    assert [path.name for path in Path("out").iterdir()] == ["predictions.jsonl"]


def test_the_folder_of_a_training_is_not_written_over(trained, data, recipe):
    shutil.copytree(trained, "run")
    before = Path("run/predictions.jsonl").read_bytes()
    flags = {"model_name_or_path": trained, "output_dir": "run", "test_file": data["test_file"], "max_eval_samples": 2}
    said = recipe("translation", "--predict_only", **flags)
    assert said.code == 2 and said.err.startswith(
        "`output_dir` must not be that of a training, whose predictions would"
    )
    assert Path("run/predictions.jsonl").read_bytes() == before
    assert recipe("translation", "--predict_only", "--overwrite_output_dir", **flags).code == 0


def test_another_search_may_be_asked_for(trained, data, recipe):
    flags = {"model_name_or_path": trained, "output_dir": "out", "test_file": data["test_file"]}
    assert recipe("translation", "--predict_only", num_beams=1, **flags).code == 0
    greedy = predictions()
    assert recipe("translation", "--predict_only", **flags).code == 0
    assert greedy != predictions() == predictions(trained)


def test_rows_that_cannot_be_predicted_are_listed(trained, recipe):
    table("s.tsv", [("dog", "개"), (" ", "고양이"), ("cow", "소")], ("en", "ko"))
    flags = {"model_name_or_path": trained, "output_dir": "out", "test_file": "s.tsv"}
    assert recipe("translation", "--predict_only", **flags).code == 1
    assert recipe("translation", "--predict_only", "--skip_bad", **flags).code == 0
    assert [record["line"] for record in predictions()] == [2, 4]
    assert Path("out/skipped_rows.txt").read_text().startswith("s.tsv:3: `en` is blank")


def test_a_stream_is_trained_on_without_being_stored(recipe):
    table("t.tsv")
    said = recipe(
        "translation", "--streaming", train_file="t.tsv", max_steps=6, per_device_train_batch_size=16, **SMALL
    )
    assert said.code == 0
    assert {record["source"] for record in predictions()} <= {en for en, _ in PAIRS}
    state = json.loads(Path("out/checkpoint-6/trainer_state.json").read_text())
    assert state["global_step"] == 6


def test_a_fault_in_a_stream_ends_the_run_or_is_left_out_and_listed(recipe):
    table("t.tsv", [*PAIRS, ("cat", " "), ("only",)])
    flags = {"train_file": "t.tsv", "max_steps": 12, "per_device_train_batch_size": 16, **SMALL}
    said = recipe("translation", "--streaming", **flags)
    assert (said.code, "t.tsv:6" in said.err, "Traceback" in said.err) == (1, True, False)
    assert recipe("translation", "--streaming", "--skip_bad", **flags).code == 0
    listed = Path("out/skipped_rows.txt").read_text().splitlines()
    assert sorted({line.partition(": ")[0] for line in listed}) == ["t.tsv:62", "t.tsv:63"]


def test_a_stream_with_limits_of_length_is_checked_while_its_vocabulary_is_learnt(recipe):
    table("t.tsv", [*PAIRS, ("dog " * 40, "Hund")])
    flags = {"train_file": "t.tsv", "max_steps": 6, "per_device_train_batch_size": 16, "max_source_length": 30, **SMALL}
    said = recipe("translation", "--streaming", "--skip_bad", **flags)
    assert said.code == 0, said.err
    assert Path("out/skipped_rows.txt").read_text().startswith("t.tsv:62: the source has ")


def test_a_vocabulary_is_learnt_from_rows_that_are_kept_only(recipe):
    table("t.tsv", [*PAIRS, ("ж " * 40, "Hund")])
    flags = {"train_file": "t.tsv", "max_source_length": 30, "tokenizer": "char", **SMALL}
    assert recipe("translation", "--skip_bad", **flags).code == 0
    assert "ж" not in Path("out/source_tokenizer/tokenizer.json").read_text(encoding="utf-8")


def test_what_is_read_and_written_is_told_where_nobody_named_it(recipe):
    table("t.tsv")
    assert "Reads `en`, writes `de`.\n" in recipe("translation", train_file="t.tsv", **SMALL).err


def test_scores_of_an_earlier_prediction_do_not_stand_beside_another(trained, data, recipe):
    flags = {"model_name_or_path": trained, "output_dir": "out"}
    assert recipe("translation", "--predict_only", test_file=data["test_file"], **flags).code == 0
    table("s.tsv", [("dog",), ("cat",)], ("en",))
    assert recipe("translation", "--predict_only", test_file="s.tsv", source_column="en", **flags).code == 0
    assert not Path("out/all_results.json").exists()


def test_a_stream_is_checked_to_its_end(recipe):
    table("t.tsv", [*PAIRS, ("cat", " ")])
    said = recipe("translation", "--streaming", "--check_only", train_file="t.tsv")
    assert (said.code, said.err) == (
        1,
        "t.tsv:62: `de` is blank, so there is nothing to learn. Fill it or remove the row.\n",
    )
    table("t.tsv")
    said = recipe("translation", "--streaming", "--check_only", train_file="t.tsv")
    told = (
        "No faults in train (57 rows), validation (3 rows). What only a comparison of rows shows is not looked for in "
    )
    assert (said.code, said.out) == (0, f"{told}streams: rows that splits share, say.\n")


def test_a_streamed_split_without_a_sound_row_is_told_before_training(recipe):
    table("t.tsv")
    table("v.tsv", [("cat", " "), ("dog", " ")])
    streams = dict(train_file="t.tsv", validation_file="v.tsv", max_steps=2, hidden_size=16, output_dir="out")
    said = recipe("translation", "--streaming", "--skip_bad", **streams)
    assert (said.code, said.err.splitlines()[-1]) == (
        1,
        "v.tsv: has no sound row left. Correct the rows that are faulty.",
    )
    assert not Path("out").exists()


def test_an_answer_may_be_signs_alone(recipe):
    table("t.tsv", [*PAIRS, ("really", "?!"), ("fine", "^^")])
    assert recipe("dialogue", "--check_only", train_file="t.tsv").code == 0
    assert recipe("translation", "--check_only", train_file="t.tsv").code == 1


def test_merges_that_a_tokenizer_does_not_have_are_missed_before_a_folder_is_touched(recipe):
    table("t.tsv")
    settings = dict(train_file="t.tsv", output_dir="out", hidden_size=16, num_train_epochs=1)
    assert recipe("translation", tokenizer="word", **settings).code == 0
    before = sorted((path, path.stat().st_mtime_ns) for path in Path("out").rglob("*"))
    said = recipe("translation", "--overwrite_output_dir", tokenizer="out", bpe_dropout=0.1, **settings)
    assert (said.code, "`bpe_dropout`" in said.err) == (2, True), said.err
    assert sorted((path, path.stat().st_mtime_ns) for path in Path("out").rglob("*")) == before
