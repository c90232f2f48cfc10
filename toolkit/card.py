"""The model card of a run, from the run itself."""

import json
import re
from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from toolkit.aside import written_aside
from toolkit.run_folder import Outcome, environment

TEMPLATE = """---
{{ card_data }}
---

# {{ name }}

An encoder-decoder for {{ task }}, trained on pairs of sequences.

## Use

```python
from transformers import pipeline

answer = pipeline("{{ task }}", "{{ address }}", trust_remote_code=True)
answer("{{ example }}")  # {{ answer }}
```

## Scores

On {{ rows }} {{ split }} rows ({{ path }}), written freely, with 95 % bootstrap intervals.

| score | value | interval | signature |
|---|---|---|---|
{% for name, value, low, high, signature in scores -%}
| {{ name }} | {{ value }} | {{ low }} – {{ high }} | {{ signature }} |
{% endfor %}
{{ unfinished }} % of the outputs hit the length limit before they ended.

## Size

| part | parameters |
|---|---|
{% for part, count in parameters -%}
| {{ part }} | {{ "{:,}".format(count) }} |
{% endfor %}
## Training

{% for split_name, (file, count) in data -%}
- {{ split_name }}: {{ file }}, {{ count }}
{% endfor %}
Took {{ minutes }} minutes with {{ environment }}. `training_args.json` has every argument.
"""
ADDRESS = re.compile(r'^(answer = pipeline\("[^"]+", ")[^"]*(", trust_remote_code=True\))$', re.MULTILINE)


def write_card(outcome: Outcome) -> Path:
    """Writes `README.md` into the run folder, with the scores as the Hub's `model-index`."""
    with outcome.evaluation.path.open(encoding="utf-8") as lines:
        first = json.loads(next(lines))
    name, path = outcome.folder.resolve().name, outcome.data[outcome.split][0]
    card = ModelCard.from_template(
        _metadata(outcome, name),
        template_str=TEMPLATE,
        name=name,
        task=outcome.task,
        address=_in_code(str(outcome.folder)),
        example=_in_code(first["source"]),
        answer=" ".join(first["prediction"].split()),
        rows=f"{outcome.evaluation.rows:,}",
        split=outcome.split,
        path=path,
        scores=[
            (
                name.replace("_", " "),
                *(f"{x:.2f}" for x in (score.value, score.low, score.high)),
                _cell(score.signature),
            )
            for name, score in outcome.evaluation.scores.items()
        ],
        unfinished=f"{outcome.evaluation.unfinished:.1f}",
        parameters=list(outcome.parameters.items()),
        data=list(outcome.data.items()),
        minutes=f"{outcome.seconds / 60:.1f}",
        environment=", ".join(f"{key} {value}" for key, value in environment().items()),
    )
    readme = outcome.folder / "README.md"
    with written_aside(readme) as out:
        out.write(str(card))
    return readme


def address_card(folder: Path, repo_id: str) -> None:
    """Lets the card's example load the model from where it is shared."""
    readme = folder / "README.md"
    text = ADDRESS.sub(lambda found: found[1] + repo_id + found[2], readme.read_text(encoding="utf-8"))
    with written_aside(readme) as out:
        out.write(text)


def _metadata(outcome: Outcome, name: str) -> ModelCardData:
    path = outcome.data[outcome.split][0]
    results = [
        EvalResult(
            task_type="text2text-generation",
            dataset_type=Path(path).name,
            dataset_name=Path(path).name,
            dataset_split=outcome.split,
            metric_type=key,
            metric_name=key.replace("_", " "),
            metric_value=round(score.value, 4),
        )
        for key, score in outcome.evaluation.scores.items()
    ]
    return ModelCardData(
        library_name="transformers", tags=["seq2seq", outcome.task], model_name=name, eval_results=results
    )


def _in_code(text: str) -> str:
    """A text as it may stand between quotes."""
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')


def _cell(text: str) -> str:
    """A text as it may stand in a table, whose cells end at a bar."""
    return text.replace("|", "\\|")


__all__ = ["address_card", "write_card"]
