"""What the Hub demands of a model card's metadata: the published schema, as code.

https://github.com/huggingface/hub-docs/blob/main/modelcard.md names the fields, what they hold and which are required;
https://huggingface.co/docs/hub/repositories-licenses the licences; https://huggingface.co/tasks the tasks. Names that
the Hub looks up, of data sets, models and metrics, must look like names.
"""

import math
import re
from collections.abc import Iterator

import yaml

NAME = r"(?:[\w-]+/)?[\w.-]+"
LANGUAGE = r"[a-z]{2,3}(?:-[A-Za-z]{2,8})*|code|multilingual"
LICENCES = set(
    """apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
    bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0
    cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0
    cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0
    cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl
    gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c ms-pl apple-ascl apple-amlr
    mpl-2.0 odc-by odbl openmdw-1.0 openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr
    deepfloyd-if-license fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4
    grok2-community gemma unknown other""".split()  # noqa: SIM905 (a list would be a page)
)
TASKS = set(
    """text-classification token-classification table-question-answering question-answering zero-shot-classification
    translation summarization feature-extraction text-generation fill-mask sentence-similarity text-to-speech
    text-to-audio automatic-speech-recognition audio-to-audio audio-classification audio-text-to-text
    voice-activity-detection depth-estimation image-classification object-detection image-segmentation text-to-image
    image-to-text image-to-image image-to-video unconditional-image-generation video-classification
    reinforcement-learning robotics tabular-classification tabular-regression tabular-to-text table-to-text
    multiple-choice text-ranking text-retrieval time-series-forecasting text-to-video image-text-to-text
    image-text-to-image image-text-to-video visual-question-answering document-question-answering
    zero-shot-image-classification graph-ml mask-generation zero-shot-object-detection text-to-3d image-to-3d
    image-feature-extraction video-text-to-text keypoint-detection visual-document-retrieval any-to-any
    video-to-video other""".split()  # noqa: SIM905
)


def errors(card: str) -> list[str]:
    """Why the Hub would refuse a card; nothing where it would take it."""
    head = re.match(r"\s*---[ ]*\r?\n(.*?)\r?\n---[ ]*(?:\r?\n|$)", card, re.DOTALL)
    if not head:
        return []  # which is a warning only
    try:
        metadata = yaml.safe_load(head[1])
    except yaml.YAMLError as error:
        return [f"the metadata is no YAML: {error}"]
    if not isinstance(metadata, dict):
        return ["the metadata must be a mapping"]
    return [*_fields(metadata), *_index(metadata.get("model-index"))]


def warnings(card: str) -> list[str]:
    """What the Hub would remark upon."""
    return [] if re.match(r"\s*---", card) else ["empty or missing yaml metadata in repo card"]


def _fields(metadata: dict) -> Iterator[str]:
    lists = {"language": LANGUAGE, "datasets": NAME, "base_model": NAME, "metrics": NAME, "tags": r".{1,100}"}
    for field, pattern in lists.items():
        values = metadata.get(field, [])
        for value in values if isinstance(values, list) else [values]:
            if not isinstance(value, str) or not re.fullmatch(pattern, value):
                yield f'"{field}" with value {value!r} is not valid'
    licences = metadata.get("license", [])
    for value in licences if isinstance(licences, list) else [licences]:
        if value not in LICENCES:
            yield f'"license" must be one of the identifiers of the documentation, but is {value!r}'
    if metadata.get("license") == "other" and not {"license_name", "license_link"} & metadata.keys():
        yield '"license_name" is required where "license" is other'
    for field, choices in (("pipeline_tag", TASKS), ("library_name", None)):
        value = metadata.get(field, "other")
        if not isinstance(value, str) or (choices and value not in choices):
            yield f'"{field}" with value {value!r} is not valid'


def _index(models: object) -> Iterator[str]:
    if models is None:
        return
    if not isinstance(models, list) or not models:
        yield '"model-index" must be an array'
        return
    for place, model in enumerate(models):
        yield from _texts(model, f"model-index[{place}]", required=("name",))
        results = model.get("results") if isinstance(model, dict) else None
        if not isinstance(results, list):
            yield f'"model-index[{place}].results" is required'
            continue
        for number, result in enumerate(results):
            yield from _result(result, f"model-index[{place}].results[{number}]")


def _result(result: dict, at: str) -> Iterator[str]:
    dataset, metrics = result.get("dataset", {}), result.get("metrics")
    yield from _texts(result.get("task"), f"{at}.task", required=("type",), allowed=("name",))
    if result.get("task", {}).get("type") not in TASKS:
        yield f'"{at}.task.type" is no task of the Hub'
    yield from _texts(
        dataset, f"{at}.dataset", required=("type", "name"), allowed=("config", "split", "revision"), mapping="args"
    )
    if not re.fullmatch(NAME, str(dataset.get("type"))):
        yield f'"{at}.dataset.type" with value {dataset.get("type")!r} fails to match the required pattern'
    if not isinstance(metrics, list) or not metrics:
        yield f'"{at}.metrics" must be an array with at least one metric'
        return
    for number, metric in enumerate(metrics):
        here, value = f"{at}.metrics[{number}]", metric.get("value")
        extras = {name: metric[name] for name in metric if name not in ("value", "verified")}
        yield from _texts(extras, here, required=("type",), allowed=("name", "config", "verifyToken"), mapping="args")
        if not re.fullmatch(NAME, str(metric.get("type"))):
            yield f'"{here}.type" fails to match the required pattern'
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            yield f'"{here}.value" is required and must be JSON'


def _texts(
    values: object, at: str, *, required: tuple[str, ...], allowed: tuple[str, ...] = (), mapping: str = ""
) -> Iterator[str]:
    """A mapping of texts, and perhaps of one mapping."""
    if not isinstance(values, dict):
        yield f'"{at}" must be an object'
        return
    for name in required:
        if not isinstance(values.get(name), str) or not values[name]:
            yield f'"{at}.{name}" is required'
    for name, value in values.items():
        known = name in (*required, *allowed, mapping) or (at.count(".") == 0 and name == "results")
        if not known or (name == mapping and not isinstance(value, dict)):
            yield f'"{at}.{name}" is not allowed'
        elif name in allowed and not isinstance(value, str):
            yield f'"{at}.{name}" must be a string'
