"""The proof of the whole: a made-up pair of columns, one command, and the model can do it."""

import json
import random
import time
from pathlib import Path

import pytest

from toolkit import pipeline

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.mark.promise("A1", "E4")
def test_number_words_are_learnt_backwards_as_digits_without_code(recipe):
    """`seven one two` → `217`: other words, other lengths, another order; every test row is new."""
    numbers = random.Random(0)
    rows = {}
    while len(rows) < 2200:
        digits = [numbers.randrange(10) for _ in range(numbers.randint(1, 5))]
        rows[" ".join(WORDS[digit] for digit in digits)] = "".join(map(str, reversed(digits)))
    lines = [f"{words}\t{digits}\n" for words, digits in rows.items()]
    for name, part in {"train": lines[200:], "validation": lines[:100], "test": lines[100:200]}.items():
        Path(f"{name}.tsv").write_text("".join(["words\tdigits\n", *part]))
    started = time.process_time()
    said = recipe(
        "translation",
        **{f"{name}_file": f"{name}.tsv" for name in ("train", "validation", "test")},
        **{"output_dir": "out", "metric": "exact_match", "tokenizer": "char", "num_beams": 1},
        **{"hidden_size": 64, "embedding_size": 32, "dropout": 0.1, "output_dropout": 0.1},
        **{"learning_rate": 0.01, "per_device_train_batch_size": 32, "num_train_epochs": 5},
    )
    assert said.code == 0
    assert json.loads(Path("out/all_results.json").read_text())["exact_match"] >= 95
    assert pipeline("translation", "out")("seven one two") == [{"translation_text": "217"}]
    assert time.process_time() - started < 60
