"""From the name of a model to what transcribes with it."""

import tempfile
from copy import copy
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoProcessor, PreTrainedModel, WhisperForConditionalGeneration

from toolkit.adapters.audio.engines import Engine
from toolkit.adapters.audio.engines_ctranslate2 import CTranslate2Engine, convert, converted, load_library
from toolkit.adapters.audio.engines_pipeline import PipelineEngine
from toolkit.adapters.audio.engines_transformers import TransformersEngine
from toolkit.adapters.audio.transcriber import Transcriber
from toolkit.models import MODELS, PIPELINES, load_processor

TASK = Transcriber.task
ENGINES = ("transformers", "ctranslate2")
FLOATS = ("float32", "float16", "bfloat16")


def transcriber(
    model: str | Path | PreTrainedModel,
    *,
    tokenizer: Any = None,
    processor: Any = None,
    revision: str | None = None,
    trust_remote_code: bool | None = None,
    engine: str = "transformers",
    precision: str | None = None,
    device: str | int | torch.device | None = None,
    **settings: Any,
) -> Transcriber:
    """Builds what transcribes with any Whisper, our recurrent core, or another model that transformers serves.

    Args:
        model: a folder, a Hub id, or a model in memory, then with its `processor`.
        tokenizer: another one than the model's own.
        processor: another one than the model's own.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: whether code beside the model may run.
        engine: "transformers", or "ctranslate2" for Whisper, which is converted once and kept in the cache.
        precision: "float32", "float16", "bfloat16" with transformers, "int8" with CTranslate2, whose default that is.
        device: where the model runs; a number is that of a GPU; none or -1: the processor.
        **settings: of the calls, as `Transcriber` takes them.
    """
    if engine not in ENGINES:
        raise ValueError(f"`engine` must be one of {', '.join(ENGINES)}, but is {engine!r}. Choose one of them.")
    model = str(model) if isinstance(model, Path) else model
    device = _device(device)
    source: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
    if engine == "ctranslate2":
        if tokenizer is not None:
            raise ValueError(
                '`tokenizer` cannot be another one with engine="ctranslate2", which converts it with the model. '
                "Leave it away, or save the model with it."
            )
        return Transcriber(_ctranslate2(model, processor, revision, precision or "int8", device), **settings)
    if isinstance(model, str):
        if (Path(model) / "model.bin").exists() and not (Path(model) / "model.safetensors").exists():
            raise ValueError(
                f"`model` must be a checkpoint of transformers, but {model} is one of CTranslate2. "
                'Pass engine="ctranslate2".'
            )
        if AutoConfig.from_pretrained(model, **source).model_type == "whisper":
            processor = processor or AutoProcessor.from_pretrained(model, **source)
            model = WhisperForConditionalGeneration.from_pretrained(
                model, dtype=_dtype(precision or "float32"), **source
            )
    if isinstance(model, WhisperForConditionalGeneration):
        if processor is None:
            raise ValueError(
                "`processor` must be given with a model in memory, but is not. Load it with AutoProcessor."
            )
        if tokenizer is not None:
            processor = copy(processor)
            processor.tokenizer = tokenizer
        placed: Any = model
        placed = placed.to(device) if precision is None else placed.to(device, _dtype(precision))
        return Transcriber(TransformersEngine(placed, processor), **settings)
    return Transcriber(_pipeline(model, tokenizer, processor, source, device, precision), **settings)


def _dtype(precision: str) -> torch.dtype:
    if precision not in FLOATS:
        raise ValueError(f"`precision` must be one of {', '.join(FLOATS)}, but is {precision!r}. Choose one of them.")
    return getattr(torch, precision)


def _device(wanted: str | int | torch.device | None) -> torch.device:
    """Numbers as transformers' own pipeline takes them."""
    if wanted is None or (isinstance(wanted, int) and wanted < 0):
        return torch.device("cpu")
    return torch.device(f"cuda:{wanted}" if isinstance(wanted, int) else wanted)


def _ctranslate2(
    model: str | PreTrainedModel, processor: Any, revision: str | None, precision: str, device: torch.device
) -> Engine:
    load_library()
    given: dict[str, Any] = {"precision": precision, "device": device.type, "device_index": device.index or 0}
    if isinstance(model, str):
        return CTranslate2Engine(converted(model, precision=precision, revision=revision), **given)
    if processor is None:
        raise ValueError("`processor` must be given with a model in memory, but is not. Load it with AutoProcessor.")
    with tempfile.TemporaryDirectory(prefix="whisper-") as folder:  # it is read into memory at once
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        convert(Path(folder), Path(folder) / "converted", precision=precision)
        return CTranslate2Engine(Path(folder) / "converted", **given)


def _pipeline(
    model: Any, tokenizer: Any, processor: Any, source: dict[str, Any], device: torch.device, precision: str | None
) -> PipelineEngine:
    """The model's own pipeline: ours for our models, that of transformers for all others."""
    config = AutoConfig.from_pretrained(model, **source) if isinstance(model, str) else model.config
    if TASK not in PIPELINES or config.model_type not in {kind.model_type for kind, *_ in MODELS}:
        given = {"model": model, "device": device, **source}
        if precision is not None and isinstance(model, str):
            given["dtype"] = _dtype(precision)
        elif precision is not None:
            given["model"] = model.to(_dtype(precision))
        given["tokenizer"] = tokenizer or getattr(processor, "tokenizer", None)
        given["feature_extractor"] = getattr(processor, "feature_extractor", None)
        return PipelineEngine(transformers.pipeline(TASK, **given))  # type: ignore[call-overload]
    kind, auto = PIPELINES[TASK]
    if isinstance(model, str):
        processor = processor or load_processor(model, **source)
        model = auto.from_pretrained(model, **source)
    model = model if precision is None else model.to(_dtype(precision))
    return PipelineEngine(kind(model=model.eval(), processor=processor, task=TASK, device=device))


BUILDERS = {TASK: transcriber}
"""What answers a task, for `toolkit.pipeline`."""

__all__ = ["BUILDERS", "transcriber"]
