"""One way to serve every model: the Pipeline classes that travel with our checkpoints, for ours and for others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers
from transformers import PreTrainedModel

from toolkit.adapters import audio, video
from toolkit.hub import fetch
from toolkit.model_folder import one_sentence
from toolkit.models import PIPELINES, load_processor

BUILDERS: dict[str, Callable[..., Any]] = {**audio.BUILDERS, **video.BUILDERS}
"""The tasks that adapters serve themselves, since a model alone cannot: recordings of any length, say."""

LOADING = {"dtype", "torch_dtype"}
"""Settings of the pipeline, beside `model_kwargs`, that decide how weights are loaded."""


def pipeline(
    task: str,
    model: str | PreTrainedModel | Any,
    *,
    tokenizer: Any = None,
    processor: Any = None,
    revision: str | None = None,
    trust_remote_code: bool | None = None,
    **settings: Any,
) -> Any:
    """Builds what answers a task: a function from one input, a list, a generator or a dataset to answers.

    The tasks that transformers 5 removed answer here as they did, for every encoder-decoder; a task that this project
    does not serve itself is left to `transformers.pipeline`.

    Args:
        task: "translation" (also as "translation_en_to_de"), "summarization", "text2text-generation", "dialogue", or
            "automatic-speech-recognition", see `toolkit.adapters.audio.transcriber`.
        model: a run folder, a Hub id, or a model in memory, then with its `tokenizer` or `processor`.
        tokenizer: another one than the model's own.
        processor: another one than the model's own.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: whether code beside the model may run; our own models need none, since it is here.
        **settings: of the pipeline (`device`, `dtype`, `batch_size`) or of `generate` (`num_beams`, ...).

    Raises:
        ValueError: a model in memory came without a tokenizer.
        OSError: there is no such model, here or on the Hub, or it cannot be reached.
    """
    name = "translation" if task.startswith("translation_") else task
    source: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
    if isinstance(model, str | Path) and (name in BUILDERS or name in PIPELINES):
        model, source["revision"] = fetch(str(model), revision=revision), None
    given = {"tokenizer": tokenizer, "processor": processor, **settings}
    with one_sentence(model, [argument for argument, value in given.items() if value is not None]):
        return _built(task, name, model, source, **given)


def _built(
    task: str, name: str, model: Any, source: dict[str, Any], *, tokenizer: Any, processor: Any, **settings: Any
) -> Any:
    if name in BUILDERS:
        return BUILDERS[name](model, tokenizer=tokenizer, processor=processor, **source, **settings)
    if name not in PIPELINES:
        given = {"model": model, "tokenizer": tokenizer, "processor": processor, **source, **settings}
        return transformers.pipeline(task, **given)  # type: ignore[call-overload]
    kind, auto = PIPELINES[name]
    loading = {**settings.pop("model_kwargs", {}), **{key: settings.pop(key) for key in LOADING & settings.keys()}}
    if loading and not isinstance(model, str):
        raise ValueError(
            f"`{next(iter(loading))}` is for a model that is loaded, but this one is in memory. Convert it before."
        )
    if isinstance(model, str):
        if tokenizer is None and processor is None:
            processor = load_processor(model, **source)
        model = auto.from_pretrained(model, **source, **loading)
    if tokenizer is None:
        tokenizer = getattr(processor, "tokenizer", processor)
    if tokenizer is None:
        raise ValueError("`tokenizer` or `processor` must be given with a model in memory, but neither is.")
    if processor is tokenizer:
        processor = None
    return kind(model=model.eval(), tokenizer=tokenizer, processor=processor, task=task, **settings)


__all__ = ["pipeline"]
