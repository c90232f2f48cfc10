"""The model card of a run, from the run itself."""

import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCard, EvalResult, ModelCard, ModelCardData
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, OfflineModeIsEnabled

from toolkit.adapters.base import Adapter
from toolkit.arguments import RecipeArguments
from toolkit.data.aside import written_aside
from toolkit.portable import fingerprint
from toolkit.run_folder import Outcome, environment
from toolkit.trial import Trial

TEMPLATE = """---
{{ card_data }}
---

# {{ name }}

{{ purpose }} The model is a `{{ kind }}` with {{ parameters }} parameters.

## Use

```python
{{ code }}
```

prints

```text
{{ answer }}
```

{{ tried }}

## Scores

On {{ rows }} {{ split }} rows ({{ path }}),{% if endings %} written freely,{% endif %} with 95 % bootstrap intervals.

| score | value | interval | signature |
|---|---|---|---|
{% for row in scores -%}
| {{ row | join(" | ") }} |
{% endfor %}
{{ endings }}

## Limits

The rows that it did worst on, of {{ rows }}:

| line | score | source | reference | output |
|---|---|---|---|---|
{% for row in worst -%}
| {{ row | join(" | ") }} |
{% endfor %}
## Data

| split | name | rows | SHA-256 |
|---|---|---|---|
{% for row in data -%}
| {{ row | join(" | ") }} |
{% endfor %}
Licence of the data: {{ licence }}.

## Size

| part | parameters |
|---|---|
{% for part, count in parts -%}
| {{ part }} | {{ "{:,}".format(count) }} |
{% endfor %}
## Training

Took {{ minutes }} minutes with {{ environment }}. `training_args.json` has every argument; not at their defaults were

| argument | value |
|---|---|
{% for row in arguments -%}
| {{ row | join(" | ") }} |
{% endfor -%}
"""
HERE = "So it answered when the run ended."
ELSEWHERE = "So it answered, before it was shared, to a process that had torch and transformers only."
WORST, LONGEST = 3, 300
PRIVATE = ("output_dir", "logging_dir", "run_name", "debug", "overwrite_output_dir", "resume_from_checkpoint")
METRIC_TYPES = {
    "bleu_lowercase": "bleu",
    "wer_normalized": "wer",
    "cer_normalized": "cer",
    "rouge1": "rouge",
    "rouge2": "rouge",
    "rougeL": "rouge",
    "frame_accuracy": "accuracy",
}
"""What https://huggingface.co/metrics calls our scores, where it has another name for them."""


def write_card(outcome: Outcome, adapter: Adapter, trial: Trial) -> Path:
    """Writes `README.md` into the run folder, with the scores as the Hub's `model-index`.

    Args:
        outcome: what the card tells of.
        adapter: says what the model is for.
        trial: the example, with its answer.
    """
    evaluation, name = outcome.evaluation, outcome.folder.resolve().name
    licence = _licence(outcome)
    card = ModelCard.from_template(
        _metadata(outcome, adapter, name),
        template_str=TEMPLATE,
        name=plain(name),
        purpose=adapter.purpose,
        kind=json.loads((outcome.folder / "config.json").read_text(encoding="utf-8"))["model_type"],
        parameters=f"{outcome.parameters['all']:,}",
        code=trial.code(str(outcome.folder)) if trial.questions else "# no row is answered alone as among others",
        answer=_cut(trial.shown[0]) if trial.questions else "",
        tried=HERE,
        rows=f"{evaluation.rows:,}",
        split=outcome.split,
        path=plain(_name(outcome, outcome.split)),
        scores=[
            (
                key.replace("_", " "),
                f"{score.value:.2f}",
                f"{score.low:.2f} – {score.high:.2f}",
                score.signature.replace("|", "\\|"),  # where a cell would end
            )
            for key, score in evaluation.scores.items()
        ],
        endings=evaluation.endings,
        worst=list(_worst(outcome, adapter)),
        data=list(_data(outcome)),
        licence=plain(licence) if licence else "not stated",
        parts=list(outcome.parameters.items()),
        minutes=f"{outcome.seconds / 60:.1f}",
        environment=", ".join(f"{key} {value}" for key, value in environment().items()),
        arguments=list(_asked(outcome, adapter)),
    )
    readme = outcome.folder / "README.md"
    with written_aside(readme) as out:
        out.write(str(card))
    return readme


def card_to_share(text: str, repo_id: str) -> str:
    """A card whose example loads the model from where it is shared, now that strangers have tried it.

    >>> card_to_share('pipeline("translation", "runs/mine", trust_remote_code=True)', "me/mine")
    'pipeline("translation", "me/mine", trust_remote_code=True)'
    """
    call = r'(pipeline\("[^"]+", |\.from_pretrained\()"(?:[^"\\]|\\.)*"'
    return re.sub(call, lambda found: f'{found[1]}"{repo_id}"', text).replace(HERE, ELSEWHERE)


def _metadata(outcome: Outcome, adapter: Adapter, name: str) -> ModelCardData:
    dataset = _name(outcome, outcome.split)
    results = [
        EvalResult(
            task_type=adapter.hub_task,
            dataset_type=re.sub(r"[^\w.-]+", "-", dataset).strip("-") or "rows",
            dataset_name=dataset,
            dataset_split=outcome.split,
            metric_type=METRIC_TYPES.get(key, key),
            metric_name=key.replace("_", " "),
            metric_value=round(score.value, 4),
            metric_args=_finite(low=score.low, high=score.high, confidence=0.95, signature=score.signature or None),
        )
        for key, score in outcome.evaluation.scores.items()
        if math.isfinite(score.value)
    ]
    online = outcome.arguments.get("data", {}).get("dataset_name")
    return ModelCardData(
        library_name="transformers",
        pipeline_tag=adapter.hub_task,
        tags=list(dict.fromkeys(["seq2seq", outcome.task, adapter.hub_task])),
        datasets=[online] if online and not Path(online).exists() else None,
        model_name=name,
        eval_results=results or None,
    )


def _finite(**values: Any) -> dict[str, Any]:
    """What can be written as JSON too, without what is not known."""
    finite = {key: round(value, 4) if isinstance(value, float) else value for key, value in values.items()}
    return {key: value for key, value in finite.items() if value is not None and value == value}


def _name(outcome: Outcome, split: str) -> str:
    """What a split was read from, without the folders above it, which are nobody's business."""
    return ", ".join(Path(part).name for part in outcome.data[split][0].split(","))


def _data(outcome: Outcome) -> Iterator[tuple[str, ...]]:
    for split, (path, size) in outcome.data.items():
        prints = [_fingerprint(Path(part)) for part in ([path] if Path(path).exists() else path.split(","))]
        yield split, plain(_name(outcome, split)), plain(size), ", ".join(filter(None, prints)) or "–"


def _fingerprint(path: Path) -> str | None:
    """Of a file; of a folder that of the list which `sha256sum` writes of its files; none of a dataset of the Hub."""
    if not path.is_dir():
        return fingerprint(path) if path.is_file() else None
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = "".join(f"{fingerprint(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
    return f"{hashlib.sha256(lines.encode()).hexdigest()} (of {len(files):,} files)"


def _licence(outcome: Outcome) -> str | None:
    """What the user says, else what the dataset's own card on the Hub says."""
    data = outcome.arguments.get("data", {})
    if data.get("data_license") or not data.get("dataset_name"):
        return data.get("data_license")
    card = Path(data["dataset_name"], "README.md") if Path(data["dataset_name"]).exists() else data["dataset_name"]
    try:
        licence = DatasetCard.load(card).data.license
    except (EntryNotFoundError, HfHubHTTPError, OfflineModeIsEnabled, ValueError, OSError):
        return None
    return ", ".join(licence) if isinstance(licence, list) else licence


def _worst(outcome: Outcome, adapter: Adapter) -> Iterator[tuple[str, ...]]:
    for score, record in outcome.evaluation.worst(adapter, WORST):
        texts = (plain(record[name]) for name in ("source", "reference", "prediction"))
        yield str(record["line"]), f"{score:.1f}", *texts


def _asked(outcome: Outcome, adapter: Adapter) -> Iterator[tuple[str, str]]:
    """Flags of the model and of training that differ from their defaults."""
    usual = {
        "adapter": {field.name: field.default for field in fields(adapter)},  # type: ignore[arg-type]
        "training": RecipeArguments(str(outcome.folder)).to_dict(),
    }
    for owner, defaults in usual.items():
        for name, value in outcome.arguments.get(owner, {}).items():
            is_private = name in PRIVATE or name.startswith(("hub_", "push_to_hub"))
            if not is_private and value != defaults.get(name):
                shown = Path(value).name if isinstance(value, str) and "/" in value else value
                yield f"`{name}`", plain(json.dumps(shown, ensure_ascii=False, default=str))


def plain(text: Any) -> str:
    """A text that is shown as it is, in one line: nothing in it can end a cell, a fence or the page, or make markup.

    >>> plain("a | b <script>`x`")
    'a &#124; b &#60;script&#62;&#96;x&#96;'
    """
    return re.sub(r"[&<>|`*_~\[\]\\$#{}]", lambda found: f"&#{ord(found[0])};", _cut(" ".join(str(text).split())))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


__all__ = ["card_to_share", "plain", "write_card"]
