"""The card of a run is true, valid by the Hub's schema, and unharmed by what stands in the data."""

import json
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results

import toolkit
from tests.hub import card_rules
from toolkit import Adapter, EventLabelling, Transcription, Translation
from toolkit.card import plain, write_card
from toolkit.evaluation import Evaluation
from toolkit.metrics import bleu, wer
from toolkit.run_folder import Outcome
from toolkit.trial import Trial

NASTY = [
    "```\n\n# Owned",
    "---",
    "a | b || c",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }} {% endif %}",
    "\\|",
    "$x$ [a](b)",
]
TRIAL = Trial("pipeline of the folder", "translation", [repr("```")], [[]], ["[{'translation_text': '```'}]"])


@dataclass
class Nothing(Translation):
    """An adapter without data."""


@pytest.fixture
def outcome(tmp_path) -> Outcome:
    """A run over texts that would break a page."""
    folder = tmp_path / "a | run"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "recurrent_seq2seq"}')
    records = [
        dict(line=place, source=text, prediction=text[::-1], reference=text, finished=True, source_length=1)
        for place, text in enumerate(NASTY, start=2)
    ]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "predictions.jsonl").write_text(lines)
    (tmp_path / "we ird,`n`.tsv").write_text("a\tb\n")
    scores = {"bleu": bleu(NASTY, NASTY), "wer_normalized": wer(["a"], ["b"]), "bleu_lowercase": bleu(["a"], ["b"])}
    return Outcome(
        folder=folder,
        task="translation",
        metric="bleu",
        split="test",
        data={"train": (str(tmp_path / "we ird,`n`.tsv"), "1 rows"), "test": ("owner/set[test]", "7 rows")},
        evaluation=Evaluation(folder / "predictions.jsonl", len(NASTY), scores, 1.0, 0.0),
        history=[],
        parameters={"all": 12345, "encoder": 1},
        seconds=90,
        arguments={
            "adapter": {"hidden_size": 7, "source_column": "``` | <script>"},
            "data": {"data_license": "cc-by-4.0"},
            "training": {"num_train_epochs": 3, "output_dir": "/home/me/secret", "hub_token": "<HUB_TOKEN>"},
        },
    )


def card_of(outcome: Outcome, adapter: Adapter | None = None) -> ModelCard:
    return ModelCard.load(write_card(outcome, adapter or Nothing(), TRIAL))


@pytest.mark.promise("H2")
@pytest.mark.parametrize(
    ("adapter", "task"),
    [
        (Translation(), "translation"),
        (toolkit.Summarization(), "summarization"),
        (toolkit.Dialogue(), "text-generation"),
        (Transcription(), "automatic-speech-recognition"),
        (EventLabelling(), "video-classification"),
    ],
)
def test_the_metadata_is_valid_and_names_the_task_as_the_hub_does(adapter, task, outcome, monkeypatch):
    monkeypatch.setattr(type(adapter), "row_score", lambda *_: 0.0)
    card = card_of(outcome, adapter)
    assert (card_rules.errors(str(card)), card_rules.warnings(str(card))) == ([], [])
    assert (card.data.pipeline_tag, card.data.library_name) == (task, "transformers")
    assert {result.task_type for result in card.data.eval_results} == {task}
    assert (card.data.license, card.data.language, card.data.datasets) == (None, None, None), "nothing is guessed"


@pytest.mark.parametrize("says", [True, False])
def test_the_licence_of_a_folder_is_what_its_own_card_says(outcome, says, monkeypatch):
    monkeypatch.chdir(outcome.folder.parent)
    Path("data/books").mkdir(parents=True)
    if says:
        Path("data/books/README.md").write_text("---\nlicense: mit\n---\n")
    monkeypatch.setattr("requests.Session.request", lambda *_, **__: pytest.fail("the Hub was asked"))
    outcome.arguments["data"].clear()
    outcome.arguments["data"]["dataset_name"] = "data/books"
    assert f"Licence of the data: {'mit' if says else 'not stated'}." in str(card_of(outcome))


@pytest.mark.promise("H2")
def test_scores_come_back_from_the_model_index_with_intervals_and_signatures(outcome):
    card = card_of(outcome)
    index = card.data.to_dict()["model-index"]
    name, results = model_index_to_eval_results(index)
    assert eval_results_to_model_index(name, results) == index
    told = {result.metric_name: result for result in results}
    assert {name: result.metric_type for name, result in told.items()} == {
        "bleu": "bleu",
        "bleu lowercase": "bleu",
        "wer normalized": "wer",
    }
    score = outcome.evaluation.scores["bleu"]
    arguments = told["bleu"].metric_args
    assert told["bleu"].metric_value == pytest.approx(score.value, abs=1e-4)
    assert (arguments["low"], arguments["high"]) == pytest.approx((score.low, score.high), abs=1e-4)
    assert (arguments["confidence"], arguments["signature"]) == (0.95, score.signature)


class Cells(HTMLParser):
    """The text of a cell as a browser shows it, and its tags."""

    def __init__(self, cell: str) -> None:
        super().__init__()
        self.text, self.tags = "", []
        self.feed(cell)
        self.close()

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)


def test_no_text_of_the_data_can_break_the_page(outcome):
    text = card_of(outcome).text
    fences = [line for line in text.splitlines() if line.startswith("```")]
    assert fences == ["```python", "```", "```text", "```"]
    assert [line for line in text.splitlines() if line.startswith("#")][0].startswith("# a ")
    assert not [line for line in text.splitlines() if line.strip() == "---" or "<script" in line and "|" in line]
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert [{len(re.split(r"(?<!\\)\|", line)) - 2 for line in table.splitlines()} for table in tables] == [
        {4},
        {5},
        {4},
        {2},
        {2},
    ]


def test_the_worst_rows_are_shown_as_they_are(outcome):
    limits = card_of(outcome).text.split("## Limits")[1].split("## Data")[0]
    rows = [line.split(" | ") for line in limits.splitlines() if re.match(r"\| \d", line)]
    assert len(rows) == 3
    for line, _, source, reference, prediction in ([cell.strip(" |") for cell in row] for row in rows):
        said = " ".join(NASTY[int(line) - 2].split())
        assert [Cells(cell).text for cell in (source, reference)] == [said, said]
        assert not Cells(source + prediction).tags


@pytest.mark.parametrize("text", NASTY)
def test_a_text_means_itself_and_nothing_else(text):
    shown = plain(text)
    assert Cells(shown).text == " ".join(text.split())
    assert not re.search(r"[<>|`*_\[\]\\$]|\{\{", shown)
    assert len(plain("x" * 1000)) == 300


def test_data_is_told_by_name_size_and_fingerprint_without_the_folders_above(outcome):
    text = card_of(outcome).text
    data = text.split("## Data")[1].split("## Size")[0]
    assert re.search(r"\| 1 rows \| [0-9a-f]{64} \|", data)
    assert "| test | set&#91;test&#93; | 7 rows | – |" in data
    assert "Licence of the data: cc-by-4.0." in data
    assert "/home/me" not in text and "HUB_TOKEN" not in text
    assert "| `num_train_epochs` | 3 |" in text and "| `hidden_size` | 7 |" in text


def test_a_folder_of_data_has_the_fingerprint_of_its_list(outcome, tmp_path):
    import hashlib

    folder = tmp_path / "labels"
    (folder / "b").mkdir(parents=True)
    (folder / "a.txt").write_text("1")
    (folder / "b" / "c.txt").write_text("2")
    digests = [hashlib.sha256(text).hexdigest() for text in (b"1", b"2")]
    lines = f"{digests[0]}  a.txt\n{digests[1]}  b/c.txt\n"
    text = card_of(replace(outcome, data={"test": (str(folder), "2 rows")})).text
    assert f"{hashlib.sha256(lines.encode()).hexdigest()} (of 2 files)" in text


def test_what_cannot_be_scored_is_no_number(outcome):
    score = replace(outcome.evaluation.scores["bleu"], value=float("nan"))
    card = card_of(replace(outcome, evaluation=replace(outcome.evaluation, scores={"bleu": score})))
    assert card.data.eval_results is None and not card_rules.errors(str(card))


FAULTY = {
    "no YAML": ("---\na: [\n---\n", "no YAML"),
    "a list": ("---\n- a\n---\n", "must be a mapping"),
    "language": ("---\nlanguage: German\n---\n", '"language" with value'),
    "licence": ("---\nlicense: mine\n---\n", '"license" must be one of'),
    "other licence": ("---\nlicense: other\n---\n", '"license_name" is required'),
    "task": ("---\npipeline_tag: video-event-detection\n---\n", '"pipeline_tag" with value'),
    "dataset": ("---\ndatasets: my rows.tsv\n---\n", '"datasets" with value'),
    "index": ("---\nmodel-index: {}\n---\n", '"model-index" must be an array'),
    "nameless": ("---\nmodel-index:\n- results: []\n---\n", '"model-index[0].name" is required'),
    "no metrics": (
        "---\nmodel-index:\n- name: a\n  results:\n  - {task: {type: translation}, dataset: {type: a, name: a}}\n---\n",
        'metrics" must be an array',
    ),
    "no value": (
        "---\nmodel-index:\n- name: a\n  results:\n  - task: {type: translation}\n    dataset: {type: a, name: a}\n"
        "    metrics: [{type: bleu}]\n---\n",
        'value" is required',
    ),
}


@pytest.mark.parametrize("case", FAULTY)
def test_what_the_hub_refuses_the_rules_refuse(case):
    card, words = FAULTY[case]
    assert any(words in error for error in card_rules.errors(card)), card_rules.errors(card)
