"""The model card of a run, from the run itself."""

import json
from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from toolkit.run_folder import Outcome, environment

TEMPLATE = """---
{{ card_data }}
---

# {{ name }}

A {{ task }} model: a recurrent or pretrained encoder-decoder, trained on pairs of sequences.

## Use

```python
from transformers import pipeline

answer = pipeline("{{ task }}", "{{ name }}", trust_remote_code=True)
answer("{{ example }}")  # {{ answer }}
```

## Scores

On {{ rows }} {{ split }} rows ({{ path }}), written freely, with 95 % bootstrap intervals.

| score | value | interval | signature |
|---|---|---|---|
{% for score in scores -%}
| {{ score.name }} | {{ "%.2f" | format(score.value) }} | {{ "%.2f" | format(score.low) }} – {{ "%.2f" | format(score.high) }} | {{ score.signature }} |
{% endfor %}
{{ "%.1f" | format(unfinished) }} % of the outputs hit the length limit before they ended.

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
Took {{ "%.1f" | format(minutes) }} minutes with {{ environment }}. `training_args.json` has every argument.
"""


def write_card(outcome: Outcome) -> Path:
    """Writes `README.md` into the run folder, with the scores as the Hub's `model-index`."""
    with outcome.evaluation.path.open(encoding="utf-8") as lines:
        first = json.loads(next(lines))
    results = [
        EvalResult(
            task_type="text2text-generation",
            dataset_type=outcome.data[outcome.split][0],
            dataset_name=Path(outcome.data[outcome.split][0]).name,
            dataset_split=outcome.split,
            metric_type=name,
            metric_name=score.name,
            metric_value=round(score.value, 4),
        )
        for name, score in outcome.evaluation.scores.items()
    ]
    name = outcome.folder.resolve().name
    data = ModelCardData(
        library_name="transformers", tags=["seq2seq", outcome.task], model_name=name, eval_results=results
    )
    card = ModelCard.from_template(
        data,
        template_str=TEMPLATE,
        name=name,
        task=outcome.task,
        example=_in_code(first["source"]),
        answer=_in_code(first["prediction"]),
        rows=outcome.evaluation.rows,
        split=outcome.split,
        path=outcome.data[outcome.split][0],
        scores=list(outcome.evaluation.scores.values()),
        unfinished=outcome.evaluation.unfinished,
        parameters=list(outcome.parameters.items()),
        data=list(outcome.data.items()),
        minutes=outcome.seconds / 60,
        environment=", ".join(f"{key} {value}" for key, value in environment().items()),
    )
    path = outcome.folder / "README.md"
    card.save(path)
    return path


def _in_code(text: str) -> str:
    """A text as it may stand between quotes and behind a comment sign."""
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')


__all__ = ["write_card"]
