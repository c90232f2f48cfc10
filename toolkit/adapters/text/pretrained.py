"""Pretrained encoder-decoders for texts: what they say of themselves, and how they are served after a run."""

from collections.abc import Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
    AutoModelForSeq2SeqLM,
    PretrainedConfig,
    PreTrainedModel,
)

from toolkit.adapters.pretrained import first_line, read_config
from toolkit.adapters.tokenizers import knows_words
from toolkit.models import load_processor


def encoder_decoder(name_or_path: str) -> PretrainedConfig:
    """The configuration of a pretrained encoder-decoder.

    Raises:
        ValueError: it is none.
    """
    config = read_config(name_or_path, flag="model_name_or_path")
    if type(config) not in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING:
        raise ValueError(
            f"`model_name_or_path` must name an encoder-decoder, but {name_or_path} is a {config.model_type} model. "
            "Choose one that AutoModelForSeq2SeqLM knows."
        )
    return config


def pretrained_processor(name_or_path: str) -> Any:
    """What cuts texts for a pretrained model.

    Raises:
        ValueError: it has nothing that loads, or what knows no words.
    """
    try:
        processor = load_processor(name_or_path)
        if not knows_words(getattr(processor, "tokenizer", processor)):
            raise ValueError("its vocabulary is empty")
    except (ImportError, OSError, TypeError, ValueError) as error:  # the library trips over files that are missing
        raise ValueError(
            f"`model_name_or_path` must name a model with its tokenizer, but {name_or_path} has none that loads "
            f"({first_line(error)}). Save it there, too."
        ) from error
    return processor


def habits(config: PretrainedConfig, task: str) -> Mapping[str, Any]:
    """What a model does for a task unless told otherwise: a `prefix` before each text, and how it searches."""
    return (getattr(config, "task_specific_params", None) or {}).get(task, {})


def pretrained_model(name_or_path: str, task: str, *, as_it_is: bool) -> PreTrainedModel:
    """The model, with one place that says how it is served: as the run scores it.

    Of its habits the prefix stays. How it searches for a task stays where it is used as it is; where it is trained, the
    data and the flags say that.

    Args:
        name_or_path: a folder or Hub id.
        task: what the run trains or uses it for.
        as_it_is: whether it is only used.

    Raises:
        ValueError: its weights are missing or broken.
    """
    # Weights that are stored in half precision would be trained in it, where small steps round to nothing.
    try:
        model = AutoModelForSeq2SeqLM.from_pretrained(name_or_path, dtype="auto" if as_it_is else torch.float32)
    except (OSError, SafetensorError) as error:
        raise ValueError(
            f"`model_name_or_path` must name a model with its weights, but those of {name_or_path} cannot be read "
            f"({first_line(error)}). Download or train it again."
        ) from error
    usual = habits(model.config, task)
    if as_it_is:
        known = {name: value for name, value in usual.items() if hasattr(model.generation_config, name)}
        model.generation_config.update(**known)
    if usual:
        model.config.task_specific_params = {task: {"prefix": usual["prefix"]}} if usual.get("prefix") else None
    return model


__all__ = ["encoder_decoder", "habits", "pretrained_model", "pretrained_processor"]
