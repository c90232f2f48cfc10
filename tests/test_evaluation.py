"""Evaluation: what is written, what is counted, and that nothing of it piles up in memory."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from datasets import Dataset

from tests.adapters.video.drawn import TINY, draw
from toolkit import EventLabelling, RecurrentSeq2SeqForConditionalGeneration, Translation
from toolkit import evaluation as module
from toolkit.adapters.video import VideoClassification
from toolkit.data import Split
from toolkit.data.aside import written_aside
from toolkit.evaluation import Column, evaluate
from toolkit.processes import Share
from toolkit.rows import Examples, encode

SOS, EOS, PAD = 1, 2, 3


@pytest.fixture
def adapter() -> Translation:
    rows = [("a", "b"), ("red dog", "roter Hund"), ("the big red dog", "der große rote Hund")]
    rows = [(f"{source} {n}", f"{target} {n}") for n in range(10) for source, target in rows]
    columns = {"en": [row[0] for row in rows], "de": [row[1] for row in rows], "line": list(range(2, len(rows) + 2))}
    adapter = Translation(tokenizer="word", hidden_size=16, embedding_size=16, num_beams=1)
    adapter.fit({"train": Split("train", "t.tsv", Dataset.from_dict(columns))})
    return adapter


@pytest.fixture
def encoded(adapter) -> Examples:
    return encode(adapter, adapter._train)


@pytest.fixture
def model(adapter) -> RecurrentSeq2SeqForConditionalGeneration:
    """Random weights that say many things, some of them without end."""
    model = adapter.model()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.8)
        model.lm_head.bias[EOS] = 2.0
    model.generation_config.update(max_new_tokens=7, num_beams=1)
    return model


def records(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.promise("C5")
def test_the_size_of_a_batch_changes_no_number_and_no_word(model, adapter, encoded, tmp_path):
    results = {}
    for size in (1, 7, 64):
        outcome = evaluate(model, adapter, encoded, tmp_path / f"{size}.jsonl", batch_size=size)
        results[size] = outcome.numbers(), records(outcome.path)
    assert results[1][1] == results[7][1] == results[64][1]
    for size in (7, 64):
        assert results[size][0] == pytest.approx(results[1][0], rel=1e-6)


def test_logits_are_held_up_to_a_limit_which_changes_no_number(model, adapter, encoded, tmp_path, monkeypatch):
    whole = evaluate(model, adapter, encoded, tmp_path / "whole.jsonl", batch_size=64)
    longest, asked = max(len(row["labels"]) for row in encoded.rows), []

    def note(_: object, args: tuple, given: dict, output: object) -> None:
        if given.get("labels") is not None:
            asked.append(len(given["labels"]))

    model.register_forward_hook(note, with_kwargs=True)
    monkeypatch.setattr(module, "MOST_LOGITS", 3 * longest * model.config.vocab_size)
    parts = evaluate(model, adapter, encoded, tmp_path / "parts.jsonl", batch_size=64)
    assert max(asked) == 3 and sum(asked) == len(encoded)
    assert parts.numbers() == pytest.approx(whole.numbers()) and records(parts.path) == records(whole.path)


def test_rows_stay_in_the_order_of_the_data_across_windows(model, adapter, encoded, tmp_path, monkeypatch):
    whole = records(evaluate(model, adapter, encoded, tmp_path / "a.jsonl", batch_size=4).path)
    monkeypatch.setattr(module, "WINDOW_ROWS", 8)
    assert records(evaluate(model, adapter, encoded, tmp_path / "b.jsonl", batch_size=4).path) == whole
    assert [record["line"] for record in whole] == list(range(2, 32))


@pytest.mark.promise("C5")
def test_the_teacher_forced_loss_is_the_mean_over_labels_taken_by_hand(model, adapter, encoded, tmp_path):
    model.config.label_smoothing = 0.3  # belongs to training alone
    total = count = 0.0
    model.eval()
    for row in encoded:
        before = torch.tensor([[SOS, *row["labels"][:-1]]])
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([row["input_ids"]]), decoder_input_ids=before).logits[0]
        total += F.cross_entropy(logits.double(), torch.tensor(row["labels"]), reduction="sum").item()
        count += len(row["labels"])
    model.train()
    outcome = evaluate(model, adapter, encoded, tmp_path / "a.jsonl", batch_size=8)
    assert outcome.loss == pytest.approx(total / count, rel=1e-5)
    assert model.training, "the mode is given back"


@pytest.mark.promise("C6")
def test_accuracies_are_those_of_the_forcing_counts_row_by_row(model, adapter, encoded, tmp_path):
    outcome = evaluate(model, adapter, encoded, tmp_path / "a.jsonl", batch_size=8)
    model.eval()
    right = forced = total = 0
    for row in encoded:
        source, labels = torch.tensor([row["input_ids"]]), row["labels"]
        with torch.no_grad():
            free = model.generate(source)[0, 1:].tolist()
            likeliest = model(input_ids=source, decoder_input_ids=torch.tensor([[SOS, *labels[:-1]]])).logits.argmax(-1)
        right += sum(one == other for one, other in zip(free, labels, strict=False))
        forced += sum(one == other for one, other in zip(likeliest[0].tolist(), labels, strict=True))
        total += len(labels)
    assert outcome.scores["free_running_accuracy"].value == pytest.approx(100 * right / total)
    assert outcome.scores["teacher_forced_accuracy"].value == pytest.approx(100 * forced / total)
    assert outcome.scores["exposure_gap"].value == pytest.approx(100 * (forced - right) / total)


@pytest.mark.promise("C1")
def test_outputs_that_hit_the_limit_are_counted_as_unfinished(model, adapter, encoded, tmp_path):
    outcome = evaluate(model, adapter, encoded, tmp_path / "a.jsonl", batch_size=8)
    finished = [record["finished"] for record in records(outcome.path)]
    assert 0 < outcome.unfinished < 100
    assert outcome.unfinished == pytest.approx(100 * (1 - sum(finished) / len(finished)))
    with torch.no_grad():
        model.lm_head.bias[EOS] = -1e4
    assert evaluate(model, adapter, encoded, tmp_path / "a.jsonl", batch_size=8, max_new_tokens=1).unfinished == 100
    with torch.no_grad():
        model.lm_head.bias[EOS] = 1e4
    assert evaluate(model, adapter, encoded, tmp_path / "a.jsonl", batch_size=8, max_new_tokens=1).unfinished == 0


def test_weights_that_a_fused_optimizer_changed_are_the_ones_that_are_scored(model, adapter, encoded, tmp_path):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.3, fused=True)
    for _ in range(2):
        written = records(evaluate(model, adapter, encoded, tmp_path / "a.jsonl", batch_size=8).path)
        fresh = RecurrentSeq2SeqForConditionalGeneration(model.config)
        fresh.load_state_dict(model.state_dict())
        fresh.generation_config = model.generation_config
        assert records(evaluate(fresh, adapter, encoded, tmp_path / "b.jsonl", batch_size=8).path) == written
        batch = {name: tensor[:8] for name, tensor in adapter.pad([encoded[row] for row in range(8)]).items()}
        model.train()(**batch).loss.backward()
        optimizer.step()


@pytest.mark.parametrize("classifies", [False, True])
def test_a_model_that_answers_in_one_pass_is_asked_once(classifies, tmp_path, monkeypatch):
    made = VideoClassification() if classifies else EventLabelling(**TINY)
    films = [(draw(tmp_path / f"{n}.mp4", (6 + n) * [label]), label) for n, label in enumerate(("left", "right") * 3)]
    columns = {"file": [film[0] for film in films], "label": [film[1] for film in films], "line": [*range(2, 8)]}
    split = Split("train", "t.csv", Dataset.from_dict(columns))
    made.fit({"train": split})
    rows = encode(made, replace(split, name="validation"))
    model, asked = made.model(), []
    model.register_forward_hook(lambda *call: asked.append(call[-1].logits))
    outcome = evaluate(model, made, rows, tmp_path / "a.jsonl", batch_size=2)
    assert len(asked) == 3
    model.eval()
    total = 0.0
    for row in rows:
        batch = made.pad([row])
        with torch.no_grad():
            scores = model(**{name: tensor for name, tensor in batch.items() if name != "labels"}).logits
        total += F.cross_entropy(scores.flatten(0, -2), batch["labels"].flatten(), reduction="sum").item()
    assert outcome.loss == pytest.approx(total / sum(len(row["labels"]) for row in rows), rel=1e-4)
    assert set(outcome.numbers()) > {"teacher_forced_loss", "rows", made.metric}


def test_rows_without_references_are_written_and_not_scored(model, adapter, encoded, tmp_path):
    adapter._names = adapter._names[:1]
    outcome = evaluate(model, adapter, encode(adapter, adapter._train), tmp_path / "a.jsonl", batch_size=8)
    assert (outcome.scores, math.isnan(outcome.loss)) == ({}, True)
    assert set(outcome.numbers()) == {"rows", "unfinished"}
    assert {record["reference"] for record in records(outcome.path)} == {None}


def test_a_failure_leaves_the_old_predictions(model, adapter, encoded, tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    path.write_text("old\n")
    monkeypatch.setattr(model, "generate", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluate(model, adapter, encoded, path, batch_size=8)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.jsonl", "old\n")]


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    path = tmp_path / "a.json"
    with pytest.raises(OSError, match=f"{path} could not be written .No space left on device."), written_aside(path):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_column_of_a_file_can_be_read_twice_and_by_length(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text": str(n), "source_length": n}) + "\n" for n in range(6)))
    column = Column(path, "text", range(2, 4))
    assert list(column) == list(column) == ["2", "3"]
    assert len(list(Column(path, "text"))) == 6


@pytest.mark.promise("H6")
@pytest.mark.parametrize("count", [2, 3])
def test_processes_that_share_the_rows_find_the_same_figures_to_the_last_digit(
    model, adapter, encoded, tmp_path, monkeypatch, count
):
    monkeypatch.setattr(module, "WINDOW_ROWS", 12)
    alone = evaluate(model, adapter, encoded, tmp_path / "a.jsonl", batch_size=4)
    written = spied(model, monkeypatch)
    for process in reversed(range(count)):  # the first one gathers, and here comes last
        share = Share(process, count)
        outcome = evaluate(model, adapter, encoded, tmp_path / "b.jsonl", batch_size=4, share=share, resumes=True)
        assert (outcome is None) == (process > 0)
    assert len(written) == 8, "each batch of one process is written by one of them"
    assert outcome.numbers() == alone.numbers()
    assert (tmp_path / "b.jsonl").read_bytes() == (tmp_path / "a.jsonl").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.jsonl", "b.jsonl"}


def spied(model, monkeypatch) -> list:
    """One entry for each batch that is written from now on."""
    written, generate = [], model.generate

    def noted(**inputs):
        written.append(len(inputs["input_ids"]))
        return generate(**inputs)

    monkeypatch.setattr(model, "generate", noted)
    return written


def killed_after(model, monkeypatch, batches: int) -> None:
    """Lets the process die in the middle of a batch, and leave half a line behind."""
    generate, left = model.generate, iter(range(batches))

    def mortal(**inputs):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return generate(**inputs)

    monkeypatch.setattr(model, "generate", mortal)


@pytest.mark.promise("H5")
def test_rows_that_a_killed_process_wrote_are_not_written_again(model, adapter, encoded, tmp_path, monkeypatch):
    whole = evaluate(model, adapter, encoded, tmp_path / "a.jsonl", batch_size=4)
    path = tmp_path / "b.jsonl"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        killed_after(model, patch, 5)
        evaluate(model, adapter, encoded, path, batch_size=4, resumes=True)
    assert not path.exists()
    [part] = tmp_path.glob(".b.jsonl.*.parts/0.part")
    with part.open("ab") as file:
        file.write(b'29\t{"record": {"li')
    written = spied(model, monkeypatch)
    share = Share(1, 2)  # with another number of processes than before
    evaluate(model, adapter, encoded, path, batch_size=4, share=share, resumes=True)
    outcome = evaluate(model, adapter, encoded, path, batch_size=4, resumes=True)
    assert sum(written) == 10
    assert outcome.numbers() == whole.numbers()
    assert path.read_bytes() == (tmp_path / "a.jsonl").read_bytes()


@pytest.mark.parametrize("change", ["weights", "generation", "rows"])
def test_what_another_model_wrote_or_of_other_rows_is_not_taken(change, model, adapter, encoded, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        killed_after(model, patch, 5)
        evaluate(model, adapter, encoded, tmp_path / "a.jsonl", batch_size=4, resumes=True)
    if change == "weights":
        with torch.no_grad():
            model.lm_head.bias[7] += 1e-6
    if change == "rows":
        encoded.rows = encoded.rows.map(lambda row: {"de": row["de"].replace("Hund 3", "Hund 4")})
    generation = {"max_new_tokens": 5} if change == "generation" else {}
    written = spied(model, monkeypatch)
    evaluate(model, adapter, encoded, tmp_path / "a.jsonl", batch_size=4, resumes=True, **generation)
    assert sum(written) == 30
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_files_of_other_processes_that_cannot_be_seen_are_told(model, adapter, encoded, tmp_path):
    with pytest.raises(OSError, match="lacks 14 rows that other processes have written. `output_dir` must lie on"):
        evaluate(model, adapter, encoded, tmp_path / "a.jsonl", batch_size=8, share=Share(0, 2))
    assert not list(tmp_path.iterdir())
