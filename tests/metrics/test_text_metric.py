"""`evaluate.load` finds the text metrics by path, in a process that has no network and stands somewhere else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit import metrics

ROOT = Path(metrics.__file__).parents[2]
MODULE = ROOT / "toolkit" / "metrics" / "text_metric.py"
PREDICTED = ["the cat sat on a mat", "we saw three dogs", "yes"]
EXPECTED = ["the cat sat on the mat", "we saw two dogs", "yes"]
SCRIPT = """
import json, sys
import evaluate

path, predicted, expected, *names = json.loads(sys.argv[1])
found = {}
for name in names:
    found[name] = evaluate.load(path, name).compute(predictions=predicted, references=expected)
found["lowercase"] = evaluate.load(path, "bleu").compute(
    predictions=[text.upper() for text in predicted], references=expected, lowercase=True
)
for name, options in (("meteor", {}), ("bleu", {"stemmer": True})):
    try:
        evaluate.load(path, name).compute(predictions=predicted, references=expected, **options)
    except (TypeError, ValueError) as error:
        found[f"{name} {sorted(options)}"] = str(error)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What a fresh process answers: scores by configuration, then errors."""
    names = ["bleu", "chrf", "ter", "rouge1", "rouge2", "rougeL", "exact_match", "cer", "wer"]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "HF_HOME": str(elsewhere / "home")}
    for name in ("HF_MODULES_CACHE", "HF_EVALUATE_CACHE", "HF_METRICS_CACHE", "HF_DATASETS_CACHE"):
        environment.pop(name, None)
    arguments = json.dumps([str(MODULE), PREDICTED, EXPECTED, *names])
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, arguments], cwd=elsewhere, env=environment, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("bleu", metrics.bleu(PREDICTED, EXPECTED)),
        ("chrf", metrics.chrf(PREDICTED, EXPECTED)),
        ("ter", metrics.ter(PREDICTED, EXPECTED)),
        ("rouge1", metrics.rouge(PREDICTED, EXPECTED, kind="1")),
        ("rouge2", metrics.rouge(PREDICTED, EXPECTED, kind="2")),
        ("rougeL", metrics.rouge(PREDICTED, EXPECTED, kind="l")),
        ("exact_match", metrics.exact_match(PREDICTED, EXPECTED)),
        ("cer", metrics.cer(PREDICTED, EXPECTED)),
        ("wer", metrics.wer(PREDICTED, EXPECTED)),
    ],
)
def test_each_configuration_answers_its_score_with_the_interval(answers, name, score):
    assert answers[name] == {name: score.value, f"{name}_low": score.low, f"{name}_high": score.high}


def test_options_reach_the_metric(answers):
    assert answers["lowercase"] == answers["bleu"]


def test_unknown_configurations_and_options_are_refused_by_name(answers):
    assert "`config_name` must be one of bleu, chrf" in answers["meteor []"]
    assert "stemmer" in answers["bleu ['stemmer']"]
