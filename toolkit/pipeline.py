"""One way to serve every model: the Pipeline classes that travel with our checkpoints, for ours and for others."""

from typing import Any

import transformers
from transformers import PreTrainedModel

from toolkit.models import PIPELINES, load_processor


def pipeline(
    task: str,
    model: str | PreTrainedModel,
    *,
    tokenizer: Any = None,
    processor: Any = None,
    revision: str | None = None,
    **settings: Any,
) -> transformers.Pipeline:
    """Builds what answers a task: a function from one input, a list, a generator or a dataset to answers.

    The tasks that transformers 5 removed answer here as they did, for every encoder-decoder; a task that this project
    does not serve itself is left to `transformers.pipeline`.

    Args:
        task: "translation", "summarization", "text2text-generation" or "dialogue".
        model: a run folder, a Hub id, or a model in memory, then with its `tokenizer` or `processor`.
        tokenizer: another one than the model's own.
        processor: another one than the model's own.
        revision: branch, tag or commit on the Hub.
        **settings: of the pipeline (`device`, `batch_size`) or of `generate` (`num_beams`, `max_new_tokens`, ...).

    Raises:
        ValueError: the task is unknown, or a model in memory came without a tokenizer.
    """
    task, languages = _split_languages(task)
    if task not in PIPELINES:
        return transformers.pipeline(
            task, model=model, tokenizer=tokenizer, processor=processor, revision=revision, **settings
        )
    kind, auto = PIPELINES[task]
    if isinstance(model, str):
        name, model = model, auto.from_pretrained(model, revision=revision)
        if tokenizer is None and processor is None:
            processor = load_processor(name)
    if tokenizer is None:
        tokenizer = getattr(processor, "tokenizer", processor)
    if tokenizer is None:
        raise ValueError("`tokenizer` or `processor` must be given with a model in memory, but neither is.")
    if not hasattr(processor, "source_tokenizer"):
        processor = None
    if languages is not None:
        model.config.update((getattr(model.config, "task_specific_params", None) or {}).get(languages, {}))
    return kind(model=model.eval(), tokenizer=tokenizer, processor=processor, task=task, **settings)


def _split_languages(task: str) -> tuple[str, str | None]:
    """`translation_en_to_de`, the old name of a task with its languages, is `translation`."""
    return ("translation", task) if task.startswith("translation_") else (task, None)


__all__ = ["pipeline"]
