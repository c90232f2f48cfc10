"""The recipes that are translation with another name: answers to what was said, and texts in fewer words."""

import json
from itertools import product
from pathlib import Path

import pytest
import torch
from transformers import GenerationConfig

from toolkit import pipeline

pytestmark = pytest.mark.slow

LEARNS = {
    **{"tokenizer": "word", "hidden_size": 48, "embedding_size": 32, "learning_rate": 0.01, "output_dir": "out"},
    **{"per_device_train_batch_size": 16, "dropout": 0.0, "output_dropout": 0.0, "embedding_dropout": 0.0},
}
NAMES = ("anna", "ben", "carl", "dora", "emil", "frida", "gustav", "hanna", "ida", "jan")
THINGS = ("apples", "bread", "cheese", "dates", "eggs", "figs", "grapes", "honey", "ice", "jam")
PLACES = ("학교", "병원", "공원", "은행", "시장", "역")
ACTS = ("가고", "보고", "찾고", "떠나고", "알고")


def write(path: str, columns: tuple[str, str], rows: list[tuple[str, str]]) -> None:
    Path(path).write_text("\n".join("\t".join(row) for row in [columns, *rows]) + "\n", encoding="utf-8")


def trigrams(ids: list[int]) -> list[tuple[int, ...]]:
    return list(zip(ids, ids[1:], ids[2:], strict=False))


@pytest.mark.promise("E2")
def test_questions_and_answers_become_a_model_that_answers(recipe):
    rows = [(f"what does {name} eat with {thing}", f"{name} eats {thing}") for name, thing in product(NAMES, THINGS)]
    write("t.tsv", ("question", "answer"), rows)
    assert recipe("dialogue", train_file="t.tsv", num_train_epochs=20, **LEARNS).code == 0
    answer = pipeline("dialogue", "out")
    said = [answer(question)[0]["generated_text"] for question, _ in rows[::9]]
    assert sum(one == other for one, (_, other) in zip(said, rows[::9], strict=True)) >= 10
    settings = GenerationConfig.from_pretrained("out")
    assert (settings.repetition_penalty, settings.no_repeat_ngram_size, settings.num_beams) == (1.2, 3, 5)


@pytest.mark.promise("E2")
def test_answers_may_be_drawn_and_nobody_says_the_same_three_words_twice(recipe):
    rows = [(f"say something about {thing}", " ".join([thing, "and"] * 12)) for thing in THINGS * 4]
    write("t.tsv", ("question", "answer"), [(f"{number} {one}", other) for number, (one, other) in enumerate(rows)])
    assert recipe("dialogue", "--do_sample", train_file="t.tsv", num_train_epochs=3, **LEARNS).code == 0
    answer = pipeline("dialogue", "out")
    torch.manual_seed(0)
    drawn = [answer("7 say something about jam", return_tensors=True)[0]["generated_token_ids"] for _ in range(5)]
    assert len({tuple(ids.tolist()) for ids in drawn}) > 1
    for ids in drawn:
        assert len(set(trigrams(ids.tolist()))) == len(trigrams(ids.tolist()))
    assert max(map(len, drawn)) > 9
    assert len({answer("7 say something about jam", do_sample=False)[0]["generated_text"] for _ in range(3)}) == 1


@pytest.mark.promise("E3")
def test_korean_requests_become_their_gist_scored_by_rouge(recipe):
    ends = ("싶은데요", "싶습니다", "싶은데 될까요", "싶어서 전화했어요")
    rows = [(f"저는 지금 {place} 에 {act} {end}", f"{place} {act}") for place, act, end in product(PLACES, ACTS, ends)]
    write("t.tsv", ("utterance", "gist"), rows)
    assert recipe("summarization", train_file="t.tsv", num_train_epochs=10, **LEARNS).code == 0
    results = json.loads(Path("out/all_results.json").read_text())
    for name in ("rouge1", "rouge2", "rougeL"):
        assert 80 < results[f"{name}_low"] <= results[name] <= results[f"{name}_high"] <= 100
    assert results["length_ratio"] == pytest.approx(1, abs=0.1)
    (answer,) = pipeline("summarization", "out")("저는 지금 공원 에 찾고 싶습니다")
    assert answer["summary_text"] == "공원 찾고"
