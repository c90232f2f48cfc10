"""The models that travel to the Hub, and the table that registers them with the Auto classes."""

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoProcessor, AutoTokenizer, PreTrainedModel

from toolkit.models.configuration_recurrent_seq2seq import ATTENTION_TYPES, CELL_TYPES, RecurrentSeq2SeqConfig
from toolkit.models.modeling_recurrent_seq2seq import RecurrentSeq2SeqForConditionalGeneration
from toolkit.models.pipeline_seq2seq import SummarizationPipeline, Text2TextGenerationPipeline, TranslationPipeline
from toolkit.models.processing_seq2seq import Seq2SeqProcessor

MODELS = [
    (RecurrentSeq2SeqConfig, RecurrentSeq2SeqForConditionalGeneration, AutoModelForSeq2SeqLM, Seq2SeqProcessor),
]

PIPELINES = {
    "translation": (TranslationPipeline, AutoModelForSeq2SeqLM),
    "summarization": (SummarizationPipeline, AutoModelForSeq2SeqLM),
    "text2text-generation": (Text2TextGenerationPipeline, AutoModelForSeq2SeqLM),
    "dialogue": (Text2TextGenerationPipeline, AutoModelForSeq2SeqLM),
}

for _config, _model, _auto, _processor in MODELS:
    AutoConfig.register(_config.model_type, _config, exist_ok=True)
    _auto.register(_config, _model, exist_ok=True)
    AutoProcessor.register(_config, _processor, exist_ok=True)
    _config.register_for_auto_class()
    _model.register_for_auto_class(_auto.__name__)
    _processor.register_for_auto_class()


def load_processor(name_or_path: str, **source: Any) -> Any:
    """The processor saved with one of our models, or the tokenizer of any other.

    Args:
        name_or_path: a folder or Hub id.
        **source: `revision` and `trust_remote_code`, as `from_pretrained` takes them.
    """
    config = AutoConfig.from_pretrained(name_or_path, **source)
    ours = isinstance(config, tuple(entry[0] for entry in MODELS))
    return (AutoProcessor if ours else AutoTokenizer).from_pretrained(name_or_path, **source)


def save_portable(model: PreTrainedModel, processor: Any, folder: str | Path) -> None:
    """Saves a model so that it loads, and answers `transformers.pipeline`, where this project does not exist.

    `save_pretrained` copies the code of the model and the processor; the pipelines' code and the table of tasks that
    points to it are added here. Everything is written aside first, so that a failure changes nothing.
    """
    ours = isinstance(model, tuple(entry[1] for entry in MODELS))
    if ours:
        model.config.custom_pipelines = {
            task: {"impl": f"{_module(kind)}.{kind.__name__}", "pt": [auto.__name__]}
            for task, (kind, auto) in PIPELINES.items()
        }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".saving-") as aside:
        model.save_pretrained(aside)
        processor.save_pretrained(aside)
        if ours:
            for module in {_module(kind) for kind, _ in PIPELINES.values()}:
                shutil.copy(Path(__file__).with_name(f"{module}.py"), aside)
        for path in [path for path in Path(aside).rglob("*") if path.is_file()]:
            goal = folder / path.relative_to(aside)
            goal.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, goal)


def _module(kind: type) -> str:
    return kind.__module__.rpartition(".")[2]


__all__ = [
    "ATTENTION_TYPES",
    "CELL_TYPES",
    "PIPELINES",
    "RecurrentSeq2SeqConfig",
    "RecurrentSeq2SeqForConditionalGeneration",
    "Seq2SeqProcessor",
    "load_processor",
    "save_portable",
]
