"""The models that travel to the Hub, and the tables that say how they are loaded and what they serve."""

import inspect
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from transformers import (
    TOKENIZER_MAPPING,
    AutoConfig,
    AutoFeatureExtractor,
    AutoModelForSeq2SeqLM,
    AutoModelForSpeechSeq2Seq,
    AutoModelForTokenClassification,
    AutoProcessor,
    AutoTokenizer,
    PreTrainedModel,
)
from transformers.dynamic_module_utils import get_relative_import_files
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

from toolkit.models.configuration_frame_labeller import FrameEncoderConfig, FrameLabellerConfig
from toolkit.models.configuration_recurrent_seq2seq import ATTENTION_TYPES, CELL_TYPES, RecurrentSeq2SeqConfig
from toolkit.models.modeling_frame_labeller import RecurrentFrameLabeller
from toolkit.models.modeling_recurrent_seq2seq import RecurrentSeq2SeqForConditionalGeneration
from toolkit.models.pipeline_seq2seq import SummarizationPipeline, Text2TextGenerationPipeline, TranslationPipeline
from toolkit.models.pipeline_speech import SpeechRecognitionPipeline
from toolkit.models.pipeline_video import VideoEventDetectionPipeline
from toolkit.models.processing_frames import FrameProcessor
from toolkit.models.processing_seq2seq import Seq2SeqProcessor
from toolkit.models.processing_speech import LogMelFeatureExtractor, SpeechSeq2SeqProcessor

# A configuration, its model, and the Auto classes that load it; the first of them is the one that pipelines use.
MODELS: list[tuple[Any, Any, tuple[Any, ...]]] = [
    (
        RecurrentSeq2SeqConfig,
        RecurrentSeq2SeqForConditionalGeneration,
        (AutoModelForSeq2SeqLM, AutoModelForSpeechSeq2Seq),
    ),
    (FrameLabellerConfig, RecurrentFrameLabeller, (AutoModelForTokenClassification,)),
]

# What answers a task, and the Auto class of the models that can.
PIPELINES: dict[str, tuple[Any, Any]] = {
    "translation": (TranslationPipeline, AutoModelForSeq2SeqLM),
    "summarization": (SummarizationPipeline, AutoModelForSeq2SeqLM),
    "text2text-generation": (Text2TextGenerationPipeline, AutoModelForSeq2SeqLM),
    "dialogue": (Text2TextGenerationPipeline, AutoModelForSeq2SeqLM),
    "automatic-speech-recognition": (SpeechRecognitionPipeline, AutoModelForSpeechSeq2Seq),
    "video-event-detection": (VideoEventDetectionPipeline, AutoModelForTokenClassification),
}

# The tasks that fit what a processor reads: one architecture serves others with another processor before it.
TASKS: dict[Any, tuple[str, ...]] = {
    Seq2SeqProcessor: ("translation", "summarization", "text2text-generation", "dialogue"),
    SpeechSeq2SeqProcessor: ("automatic-speech-recognition",),
    FrameProcessor: ("video-event-detection",),
}

for _config, _model, _autos in MODELS:
    AutoConfig.register(_config.model_type, _config, exist_ok=True)
    _config.register_for_auto_class()
    for _auto in _autos:
        _auto.register(_config, _model, exist_ok=True)
    _model.register_for_auto_class(_autos[0].__name__)
# Found by the name that is saved with them, not by a model's configuration, which may have several: any key will do.
for _processor in TASKS:
    AutoProcessor.register(_processor, _processor, exist_ok=True)
    _processor.register_for_auto_class()
AutoFeatureExtractor.register(LogMelFeatureExtractor, LogMelFeatureExtractor, exist_ok=True)
LogMelFeatureExtractor.register_for_auto_class()


def load_processor(name_or_path: str, **source: Any) -> Any:
    """What turns raw things into numbers for a model: its processor or, if that is all there is, its tokenizer.

    Args:
        name_or_path: a folder or Hub id.
        **source: `revision` and `trust_remote_code`, as `from_pretrained` takes them.
    """
    kind = type(AutoConfig.from_pretrained(name_or_path, **source))
    only_text = kind in TOKENIZER_MAPPING and kind not in PROCESSOR_MAPPING
    return (AutoTokenizer if only_text else AutoProcessor).from_pretrained(name_or_path, **source)


def save_portable(model: PreTrainedModel, processor: Any, folder: str | Path) -> None:
    """Saves a model so that it loads, and answers `transformers.pipeline`, where this project does not exist.

    `save_pretrained` copies the code of the model and the processor; the pipelines' code and the table of tasks that
    points to it are added here. Everything is written aside first, so that a failure changes nothing. A model of the
    library with its own processor is saved as the library does.
    """
    served = {task: PIPELINES[task][0] for task in TASKS.get(type(processor), ())}
    for _, kind, autos in MODELS:
        if isinstance(model, kind):
            model.config.custom_pipelines = {
                task: {"impl": _place(pipeline), "pt": [autos[0].__name__]} for task, pipeline in served.items()
            }
            model.config.auto_map = {auto.__name__: _place(kind) for auto in autos}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".saving-") as aside:
        model.save_pretrained(aside)
        processor.save_pretrained(aside)
        for file in {inspect.getfile(pipeline) for pipeline in served.values()}:
            for needed in [file, *get_relative_import_files(file)]:
                shutil.copy(needed, aside)
        for path in [path for path in Path(aside).rglob("*") if path.is_file()]:
            goal = folder / path.relative_to(aside)
            goal.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, goal)


def _place(kind: type) -> str:
    """Where a class is found in a saved folder: "file.Class"."""
    return f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"


__all__ = [
    "ATTENTION_TYPES",
    "CELL_TYPES",
    "FrameEncoderConfig",
    "FrameLabellerConfig",
    "FrameProcessor",
    "LogMelFeatureExtractor",
    "PIPELINES",
    "RecurrentFrameLabeller",
    "RecurrentSeq2SeqConfig",
    "RecurrentSeq2SeqForConditionalGeneration",
    "Seq2SeqProcessor",
    "SpeechSeq2SeqProcessor",
    "TASKS",
    "load_processor",
    "save_portable",
]
