"""What the report of a run says of short and long rows."""

import json

import numpy as np
import pytest

from toolkit import TextToText, Translation
from toolkit.metrics import bleu, ter
from toolkit.run_report import group_scores, length_groups


@pytest.fixture
def written(tmp_path):
    """Writes a file of predictions: (source length, prediction, reference) of each row."""

    def write(rows):
        path = tmp_path / "predictions.jsonl"
        records = [dict(zip(("source_length", "prediction", "reference"), row, strict=True)) for row in rows]
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("lengths", [[7], [3] * 9, [1, 1000], list(range(100)), [2] * 50 + [3, 4, 5] + [90] * 40])
def test_every_row_stands_in_one_group_of_lengths_and_no_group_is_empty(written, lengths):
    groups = length_groups(written((length, "", "") for length in lengths))
    assert len(groups) <= 8
    counts = np.array([[length in wanted for label, wanted in groups] for length in lengths])
    assert (counts.sum(1) == 1).all() and counts.any(0).all()
    for label, wanted in groups:
        assert label == (f"{wanted[0]}–{wanted[-1]}" if len(wanted) > 1 else str(wanted[0]))


@pytest.mark.parametrize(
    "metric, alike",
    [("bleu", lambda *texts: bleu(*texts, tokenize="zh")), ("ter", lambda *texts: ter(*texts, split_characters=True))],
)
def test_all_groups_are_scored_by_the_script_of_all_references(written, metric, alike):
    """Alone the short rows would be taken for English, whose words have spaces between them."""
    short = [(2, "Tom and 玛丽", "Tom, and 玛利."), (2, "I saw him on the 公园", "I saw him in the 公园.")]
    long = [(9, f"我们昨天去公园了，他不喜欢喝茶{sign}", f"我们昨天去公园了，她不喜欢喝水{sign}") for sign in "。！？"]
    path = written([*short, *long])
    adapter = Translation(metric=metric)
    groups = group_scores(adapter, path, [("short", range(2, 3)), ("long", range(9, 10))])
    for group, rows in zip(groups, (short, long), strict=True):
        expected = alike([row[1] for row in rows], [row[2] for row in rows])
        assert group[1:] == (expected.value, expected.low, expected.high, len(rows))
    alone = adapter.score([row[1] for row in short], [row[2] for row in short], only=metric)[metric]
    assert alone.value != groups[0][1], "the premise: by themselves these rows would be scored in another way"


def test_a_tokenizer_that_was_asked_for_stays(written):
    path = written([(2, "我们昨天", "我们去昨天")])
    (group,) = group_scores(TextToText(metric="bleu", bleu_tokenizer="char"), path, [("all", range(9))])
    assert group[1] == bleu(["我们昨天"], ["我们去昨天"], tokenize="char").value
