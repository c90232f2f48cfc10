"""What a run leaves behind, and that every part of it is true."""

import json
import re
from html.parser import HTMLParser

import pytest
import torch
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results
from transformers import AutoTokenizer, GenerationConfig

from tests.report.document import read
from toolkit import RecurrentSeq2SeqForConditionalGeneration, pipeline
from toolkit.metrics import chrf
from toolkit.models import load_processor
from toolkit.run_folder import count_parameters

INTERFACE = (
    *("config.json", "model.safetensors", "tokenizer.json", "source_tokenizer/tokenizer.json"),
    *("generation_config.json", "README.md", "all_results.json", "predictions.jsonl", "report.html"),
    *("training_args.json", "checkpoint-*/model.safetensors"),
)

SIGNATURES = {
    "bleu": "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:",
    "chrf": "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:",
    "ter": "nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:",
}


@pytest.fixture(scope="module")
def records(trained):
    lines = (trained / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def numbers(trained):
    return json.loads((trained / "all_results.json").read_text())


@pytest.mark.promise("A1", "E1", "H3")
def test_a_table_becomes_a_folder_that_answers(trained):
    assert [name for name in INTERFACE if not any(trained.glob(name))] == []
    (answer,) = pipeline("translation", str(trained))("Go away.")
    assert list(answer) == ["translation_text"]
    assert isinstance(answer["translation_text"], str)


def test_nothing_is_left_lying_about(trained):
    assert [path.name for path in trained.rglob("*") if path.name.startswith(".") or path.name.endswith(".part")] == []
    assert [path.name for path in trained.glob("*") if path.suffix in (".bin", ".pt", ".pth", ".pkl")] == []


def test_predictions_stand_in_the_order_of_the_data(records, data):
    with open(data["test_file"], encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines][1:]
    assert [(record["source"], record["reference"]) for record in records] == [(row[0], row[1]) for row in rows]
    assert [record["line"] for record in records] == list(range(2, len(rows) + 2))
    assert set(records[0]) == {"line", "source", "prediction", "reference", "finished", "source_length"}


def test_the_pipeline_answers_what_the_evaluation_wrote(trained, records):
    assert len({record["prediction"] for record in records}) > 3, "a model that says one thing shows nothing"
    answers = pipeline("translation", str(trained), batch_size=8)([record["source"] for record in records])
    assert [answer["translation_text"] for answer in answers] == [record["prediction"] for record in records]


@pytest.mark.promise("E1")
@pytest.mark.parametrize("name", SIGNATURES)
def test_scores_come_with_their_intervals_and_signatures(trained, numbers, name):
    assert numbers[f"{name}_low"] <= numbers[name] <= numbers[f"{name}_high"]
    for text in ((trained / "report.html").read_text(encoding="utf-8"), (trained / "README.md").read_text()):
        assert SIGNATURES[name] in text.replace("\\|", "|")


@pytest.mark.promise("C5")
def test_the_teacher_forced_loss_stands_beside_free_running_scores(numbers):
    assert all(isinstance(value, int | float) for value in numbers.values())
    assert numbers["teacher_forced_loss"] > 0
    assert numbers["rows"] == 40
    gap = numbers["teacher_forced_accuracy"] - numbers["free_running_accuracy"]
    assert numbers["exposure_gap"] == pytest.approx(gap)


@pytest.mark.promise("C6", "D4")
def test_the_evaluation_tells_what_comes_after_the_first_error(numbers):
    assert {"share_before_first_error", "free_running_accuracy_after_first_error", "exposure_gap"} <= set(numbers)


@pytest.mark.promise("C1")
def test_start_and_end_live_in_the_tokenizer_and_the_generation_config(trained, numbers, records):
    tokenizer, generation = AutoTokenizer.from_pretrained(trained), GenerationConfig.from_pretrained(trained)
    assert (tokenizer.bos_token, tokenizer.eos_token) == ("<sos>", "<eos>")
    assert generation.eos_token_id == tokenizer.eos_token_id
    assert generation.decoder_start_token_id == tokenizer.bos_token_id
    assert numbers["unfinished"] == 100 * sum(not record["finished"] for record in records) / len(records)


@pytest.mark.promise("A2")
def test_the_report_and_the_card_list_the_parameters_of_each_part(trained):
    model = RecurrentSeq2SeqForConditionalGeneration.from_pretrained(trained)
    counts = count_parameters(model)
    assert counts["all"] == counts["encoder"] + counts["decoder"] + counts["output layer"]
    card, page = (trained / "README.md").read_text(), (trained / "report.html").read_text(encoding="utf-8")
    for part, count in counts.items():
        assert f"| {part} | {count:,} |" in card
        assert part == "all" or part in page


def test_all_flags_are_kept_as_they_were_asked_for(trained, data):
    kept = json.loads((trained / "training_args.json").read_text())
    assert kept["data"]["train_file"] == data["train_file"]
    assert (kept["adapter"]["hidden_size"], kept["adapter"]["vocab_size"]) == (32, 150)
    assert (kept["training"]["num_train_epochs"], kept["training"]["learning_rate"]) == (12, 0.02)


class Tags(HTMLParser):
    """Which tags are open, which never closed, and what loads something."""

    VOID = {"meta", "link", "br", "hr", "img", "input", "path", "line", "rect", "circle", "polyline", "use", "col"}

    def __init__(self):
        super().__init__()
        self.open, self.strangers, self.classes = [], [], set()

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.classes |= set((values.get("class") or "").split())
        self.strangers += [v for k, v in attributes if k in ("src", "href") and not v.startswith(("#", "data:"))]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.mark.promise("H8", "B1")
def test_the_report_is_one_page_with_attention_maps(trained, records):
    page = (trained / "report.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(page)
    assert (tags.open, tags.strangers) == ([], [])
    assert "attention" in tags.classes
    assert "cases" in tags.classes
    assert re.search(r"line \d+: ", page)
    assert torch.__version__.partition("+")[0] in page


def test_the_report_scores_rows_by_the_length_of_their_source(trained, records):
    page = read((trained / "report.html").read_text(encoding="utf-8"))
    (section,) = [part for part in page.all("section") if part.text.startswith("Score by source length")]
    rows = [[cell.text for cell in row.all() if cell.tag in ("th", "td")] for row in section.all("tr")][1:]
    assert len(rows) > 2
    for label, value, _, count in rows:
        low, _, high = label.partition("–")
        group = [record for record in records if int(low) <= record["source_length"] <= int(high or low)]
        score = chrf(*([record[side] for record in group] for side in ("prediction", "reference")))
        assert (float(value), int(count)) == (pytest.approx(score.value, abs=0.05), len(group))
    assert sum(int(row[-1]) for row in rows) == len(records)


@pytest.mark.promise("B1")
def test_each_written_token_has_weights_over_all_source_tokens(trained):
    (answer,) = pipeline("translation", str(trained))("Help me!", return_attentions=True)
    attention = answer["attention"]
    source = load_processor(str(trained)).source_tokenizer("Help me!")
    assert len(attention["source_tokens"]) == len(source["input_ids"])
    assert [len(row) for row in attention["weights"]] == [len(attention["source_tokens"])] * len(
        attention["target_tokens"]
    )
    assert all(sum(row) == pytest.approx(1, abs=1e-5) for row in attention["weights"])


def test_the_card_is_valid_and_carries_the_scores(trained, numbers):
    card = ModelCard.load(trained / "README.md")
    assert card.data.library_name == "transformers"
    name, results = model_index_to_eval_results(card.data.to_dict()["model-index"])
    assert name == trained.name
    assert {result.metric_type: result.metric_value for result in results}["chrf"] == pytest.approx(
        numbers["chrf"], abs=1e-4
    )
    tables = re.findall(r"(?:^\|.*\n)+", card.text, re.MULTILINE)
    widths = [{len(re.split(r"(?<!\\)\|", line)) - 2 for line in table.splitlines()} for table in tables]
    assert widths == [{4}, {5}, {4}, {2}, {2}], "scores, limits, data, sizes, arguments: every row has its cells"


def test_the_card_shows_code_that_gives_the_answer_beside_it(trained, monkeypatch, capsys):
    monkeypatch.chdir(trained.parent)
    (code,) = re.findall(r"```python\n(.*?)```", (trained / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (expected,) = re.findall(r"```text\n(.*?)```", (trained / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out == expected
