"""What people get wrong costs one line that says where and what to do: no traceback, no half-made folder."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recipes.conftest import CORE, ROOT
from toolkit import RecurrentSeq2SeqConfig
from toolkit.models import load_processor

ROWS = "".join(f"dog {number}\tHund {number}\n" for number in range(60))
SMALL = {**CORE, "num_train_epochs": 1, "num_beams": 1, "learning_rate": 0.01}


@pytest.fixture
def write():
    """Puts texts or bytes into files of the working folder."""

    def put(**contents: str | bytes) -> None:
        for name, content in contents.items():
            Path(name.replace("__", ".")).write_bytes(content if isinstance(content, bytes) else content.encode())

    return put


@pytest.mark.promise("H4", "H7")
@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param("", "t.tsv: is empty. Give a file with at least one row.", id="empty"),
        pytest.param("en\n" + "x\n" * 9, "t.tsv:1: has one column (`en`) where two are needed", id="one column"),
        pytest.param(
            f"en\tde\n{ROWS}cat\t \n",
            "t.tsv:62: `de` is blank, so there is nothing to learn. Fill it or remove the row.",
            id="blank",
        ),
        pytest.param(
            f"en\tde\n{ROWS}{'a' * 1_100_000}\tx\n",
            "t.tsv:62: is longer than 1,048,576 bytes. Split it, or check that the file has line breaks.",
            id="long",
        ),
        pytest.param(
            f"en\tde\n{ROWS}".encode() + b"caf\xe9\tx\n",
            "t.tsv:62: byte 4 of the line (0xe9) is not UTF-8. Save the file as UTF-8.",
            id="not UTF-8",
        ),
        pytest.param(
            f"en\tde\n{ROWS}A man.\t@@\n",
            "t.tsv:62: `de` is only '@@', without a word. Correct or remove the row.",
            id="no word",
        ),
        pytest.param(f"en\tde\n{ROWS}A man.\n", "t.tsv:62: has too few cells: 1 where the header has 2.", id="cells"),
    ],
)
def test_a_fault_is_one_line_with_its_place_and_the_way_out(content, line, write, recipe):
    write(t__tsv=content)
    said = recipe("translation", train_file="t.tsv", output_dir="out")
    assert (said.code, said.out, len(said.err.splitlines())) == (1, "", 1)
    assert said.err.startswith(line)
    assert not Path("out").exists()


@pytest.mark.promise("H4")
def test_a_column_that_is_not_there_is_named_with_those_that_are(write, recipe):
    write(t__tsv=f"en\tde\n{ROWS}")
    said = recipe("translation", train_file="t.tsv", source_column="en", target_column="ko", output_dir="out")
    assert (said.code, said.err) == (1, "t.tsv:1: has no column `ko`; it has `en`, `de`.\n")


@pytest.mark.promise("H4")
def test_parallel_files_of_unequal_length_are_refused_even_with_skip_bad(write, recipe):
    write(a__en="x\ny\nz\n", a__de="x\ny\n")
    said = recipe("translation", "--skip_bad", train_file="a.en,a.de", output_dir="out")
    assert said.code == 1
    assert said.err.startswith("a.en:3: has no partner: a.en has 3 lines, a.de has 2.")


@pytest.mark.promise("H4")
def test_rows_that_would_be_trained_on_and_scored_are_refused(write, recipe):
    write(t__tsv=f"en\tde\n{ROWS}", v__tsv="en\tde\ncow\tKuh\ndog 3\tHund 3\n")
    said = recipe("translation", train_file="t.tsv", validation_file="v.tsv", output_dir="out")
    assert said.code == 1
    assert said.err.startswith("v.tsv:3: also stands in t.tsv:5; the score would be flattered.")


@pytest.mark.promise("H4")
def test_the_faults_of_all_files_and_kinds_are_told_at_once(write, recipe):
    write(t__tsv=f"en\tde\n{ROWS}only one cell\ncat\t\n", v__tsv="en\tde\ncow\t@@\nhen\tHenne\nsheep\tSchaf\n")
    said = recipe("translation", train_file="t.tsv", validation_file="v.tsv", output_dir="out")
    assert [line.partition(": ")[0] for line in said.err.splitlines()] == ["t.tsv:62", "t.tsv:63", "v.tsv:2"]


@pytest.mark.promise("H4")
def test_a_check_reads_everything_and_writes_nothing(write, recipe):
    write(t__tsv=f"en\tde\n{ROWS}")
    said = recipe("translation", "--check_only", train_file="t.tsv", output_dir="out")
    assert (said.code, said.out, said.err) == (0, "No faults in train (57 rows), validation (3 rows).\n", "")
    assert [path.name for path in Path().iterdir()] == ["t.tsv"]


def test_a_check_with_skip_bad_says_what_would_be_left_out(write, recipe):
    write(t__tsv=f"en\tde\n{ROWS}A man.\t@@\n")
    said = recipe("translation", "--check_only", "--skip_bad", train_file="t.tsv", output_dir="out")
    assert said.code == 0
    assert said.out.splitlines() == [
        "t.tsv:62: `de` is only '@@', without a word. Correct or remove the row.",
        "These rows would be left out (1). No faults in train (57 rows), validation (3 rows).",
    ]


@pytest.mark.promise("H4", "H7")
def test_faulty_rows_may_be_left_out_counted_and_listed(write, recipe):
    write(t__tsv=f"en\tde\n{ROWS}cat\t\nonly one cell\n", v__tsv="en\tde\ncow\tKuh\nhen\tHenne\ndog 3\tHund 3\n")
    said = recipe("translation", "--skip_bad", **SMALL, train_file="t.tsv", validation_file="v.tsv", output_dir="out")
    assert said.code == 0
    assert "Faulty rows that are left out: 3. skipped_rows.txt lists them." in said.err
    listed = Path("out/skipped_rows.txt").read_text().splitlines()
    assert [line.partition(": ")[0] for line in listed] == ["t.tsv:63", "t.tsv:62", "v.tsv:4"]
    assert len(Path("out/predictions.jsonl").read_text().splitlines()) == 2


def test_marks_line_ends_and_quotes_are_taken_as_they_are(write, recipe):
    rows = "".join(f'a "{number}" word\tein "{number}" Wort\n' for number in range(60))
    write(t__tsv=("\ufeffen\tde\n" + rows).replace("\n", "\r\n"))
    said = recipe("translation", train_file="t.tsv", tokenizer="char", output_dir="out", **SMALL)
    assert said.code == 0
    assert '"source": "a \\"' in Path("out/predictions.jsonl").read_text()


@pytest.mark.promise("E4", "H4")
def test_targets_without_letters_are_meant_where_most_are_so(write, recipe):
    write(t__tsv="word\tmorse\n" + "".join(f"word {n}\t{'.' * (n % 5 + 1)} {'-' * (n % 3 + 1)}\n" for n in range(60)))
    said = recipe("translation", "--check_only", train_file="t.tsv")
    assert (said.code, said.err) == (0, "")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"hidden_sise": 5}, "There is no flag `--hidden_sise`. Did you mean `--hidden_size`? See `--help`."),
        ({"xyzzy": 5}, "There is no flag `--xyzzy`. See `--help`."),
        ({"hidden_size": "wide"}, "argument --hidden_size/--hidden-size: invalid int value: 'wide'"),
        ({"attention_type": "total"}, "invalid choice: 'total' (choose from 'additive', 'dot', 'general', "),
        ({"hidden_size": 7}, "`hidden_size` must be even for a bidirectional encoder, but is 7."),
        ({"tokenizer": "bpee"}, "`tokenizer` must be one of bpe, unigram, word, char, or a folder or Hub id of one"),
        ({"vocab_size": 3}, "`vocab_size` must be above 4, the special tokens, but is 3."),
        (
            {"metric": "beauty"},
            "`metric` must be one of bleu, bleu_lowercase, chrf, ter, cer, exact_match, but is 'beauty'",
        ),
        ({"bleu_tokenizer": "knife"}, "`bleu_tokenizer` cannot be 'knife'"),
        ({"metric": "length_ratio"}, "`metric` must be one of bleu"),
        ({"src_lang": "de"}, "`src_lang` and `tgt_lang` belong to a pretrained model of many languages."),
        (
            {"metric_for_best_model": "eval_loss"},
            "`metric_for_best_model` has no effect here: `metric` selects the checkpo",
        ),
        ({"generation_max_length": 9}, "`generation_max_length` has no effect here: outputs may be half as long again"),
        ({"do_predict": True}, "`do_predict` has no effect here: `predict_only` predicts without training. Leave it "),
        ({"num_beams": 0}, "`num_beams` must be at least 1, but is 0."),
        ({"source_column": "en"}, "`target_column` must be given to train, but only `source_column` is."),
        ({"target_column": "de"}, "`target_column` (de) needs a `source_column`, but there is none."),
        ({"teacher_forcing_ratio": 2}, "`teacher_forcing_ratio` must lie between 0 and 1, but is 2.0."),
        ({"scheduled_sampling": "sudden"}, "invalid choice: 'sudden'"),
        ({"tokens_per_batch": 0}, "`tokens_per_batch` must be at least 1, but is 0."),
        ({"per_device_train_batch_size": 0}, "`per_device_train_batch_size` must be at least 1, but is 0."),
        ({"average_checkpoints": 0}, "`average_checkpoints` must be at least 1, but is 0."),
        ({"learning_rate": -1}, "`learning_rate` must be above 0, but is -1.0."),
        ({"num_train_epochs": 0}, "`num_train_epochs` must be above 0, but is 0.0."),
        ({"validation_share": 1.5}, "`validation_share` must lie between 0 and 1, but is 1.5."),
        (
            {"streaming": True, "max_steps": 5, "dataloader_num_workers": 2},
            "`dataloader_num_workers` must be 0 with `streaming`",
        ),
        ({"streaming": True}, "`streaming` needs `max_steps`, since the length of a stream is not known"),
        ({"predict_only": True}, "`predict_only` needs a trained model, but `model_name_or_path` is not given."),
        ({"model_name_or_path": "nowhere"}, "`model_name_or_path` must name a model, but nowhere cannot be loaded"),
        ({"resume_from_checkpoint": "out/checkpoint-3"}, "`resume_from_checkpoint` must be a whole checkpoint"),
        ({"resume_from_checkpoint": "true"}, "`resume_from_checkpoint` needs a whole checkpoint, but out has none."),
        ({"output_dir": "t.tsv"}, "`output_dir` must be a folder, but t.tsv is a file."),
        ({"eval_strategy": "sometimes"}, "sometimes is not a valid IntervalStrategy"),
        (
            {"early_stopping_patience": 2, "eval_strategy": "no", "no_load_best_model_at_end": True},
            "`early_stopping_patience` counts evaluations, but `eval_strategy` is no.",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_wrong_flag_or_value_ends_with_2_and_touches_nothing(values, sentence, write, recipe):
    write(t__tsv=f"en\tde\n{ROWS}")
    said = recipe("translation", **{"train_file": "t.tsv", "output_dir": "out", **values})
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    assert "Traceback" not in said.err
    assert [path.name for path in Path().iterdir()] == ["t.tsv"]


def test_nothing_to_read_names_the_flags(recipe):
    said = recipe("translation")
    assert (said.code, said.err.startswith("`train_file` or `dataset_name` must say where the data is")) == (2, True)


def test_debug_shows_where_it_happened(recipe):
    said = recipe("translation", "--debug", train_file="nowhere.tsv")
    assert said.code == 1
    assert "Traceback (most recent call last)" in said.err
    assert "nowhere.tsv: there is no such file." in said.err.splitlines()[-1]


@pytest.mark.promise("H4")
def test_a_mistake_in_a_real_process_is_one_line(write):
    write(t__tsv=f"en\tde\n{ROWS}cat\t\n")
    command = [sys.executable, str(ROOT / "recipes/text/translation.py"), "--train_file", "t.tsv"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "t.tsv:62: `de` is blank, so there is nothing to learn. Fill it or remove the row.\n"


@pytest.mark.parametrize("place", ["/dev/null/out", "file/out", "/proc/out", "a" * 300])
def test_a_folder_that_cannot_be_written_is_told_before_rows_are_read(place, write, recipe, monkeypatch):
    write(t__tsv=f"en\tde\n{ROWS}", file="")
    monkeypatch.setattr("toolkit.recipe.load_rows", lambda *_: pytest.fail("that would have taken an hour"))
    for flags in ({"train_file": "t.tsv"}, {"test_file": "t.tsv", "predict_only": True, "model_name_or_path": "t"}):
        monkeypatch.setattr("toolkit.adapters.text.pairs.encoder_decoder", lambda _: RecurrentSeq2SeqConfig())
        said = recipe("translation", output_dir=place, **flags)
        assert said.code == 1 and said.err.startswith(
            f"`output_dir` must be a folder that can be written to, but {place} is not ("
        ), said.err
        assert len(said.err.splitlines()) == 1
    assert sorted(path.name for path in Path().iterdir()) == ["file", "t.tsv"]


def test_a_folder_that_only_others_may_write_is_told_with_the_folder_that_refuses(write, recipe, monkeypatch):
    """By what the system answers, since nothing is forbidden to who may run tests as root."""
    write(t__tsv=f"en\tde\n{ROWS}")
    Path("ours").mkdir()

    def refuse(*, dir: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(dir))

    monkeypatch.setattr("toolkit.run_folder.tempfile.TemporaryFile", refuse)
    said = recipe("translation", train_file="t.tsv", output_dir="ours/new/run")
    assert (said.code, said.err) == (
        1,
        f"`output_dir` must be a folder that can be written to, but ours/new/run is not ({Path('ours').resolve()}: "
        "Permission denied). Name another, or change who may write there.\n",
    )


def test_rows_that_are_all_faulty_are_the_reason_and_not_the_share_that_is_held_out(write, recipe):
    write(t__jsonl="".join(json.dumps({"en": f"dog {number}", "de": [number]}) + "\n" for number in range(30)))
    said = recipe("translation", train_file="t.jsonl", output_dir="out")
    first, second, *_ = said.err.splitlines()
    assert (said.code, first) == (1, "t.jsonl: has no usable row. Give a file with at least one.")
    assert second.startswith("t.jsonl:1: `de` holds a list")


def test_marks_in_a_text_are_text(write, recipe):
    """Corpora that others have prepared hold `<unk>`, and pages hold anything."""
    rows = "".join(f"<pad> dog {number} <eos> on\tHund {number} <eos> <unk> an\n" for number in range(60))
    write(t__tsv=f"en\tde\n{rows}")
    said = recipe("translation", train_file="t.tsv", output_dir="out", **SMALL)
    assert said.code == 0, said.err
    processor = load_processor("out")
    for tokenizer, text in ((processor.tokenizer, "Hund 1 <eos> <unk> an"), (processor.source_tokenizer, "<pad> dog")):
        ids = tokenizer(text).input_ids
        assert [id for id in ids if id in tokenizer.all_special_ids] == [tokenizer.eos_token_id] == ids[-1:]
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
