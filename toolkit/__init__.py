"""Text, speech and video as three small adapters over one recurrent Seq2Seq core, one recipe and one pipeline."""

from toolkit.adapters.audio import Transcription
from toolkit.adapters.base import Adapter
from toolkit.adapters.text import Dialogue, Summarization, TextToText, Translation
from toolkit.adapters.video import EventLabelling
from toolkit.data import DataArguments
from toolkit.hub import push
from toolkit.models import RecurrentSeq2SeqConfig, RecurrentSeq2SeqForConditionalGeneration
from toolkit.pipeline import pipeline
from toolkit.recipe import main, run
from toolkit.training import RecipeArguments

__all__ = [
    "Adapter",
    "DataArguments",
    "Dialogue",
    "EventLabelling",
    "RecipeArguments",
    "RecurrentSeq2SeqConfig",
    "RecurrentSeq2SeqForConditionalGeneration",
    "Summarization",
    "TextToText",
    "Transcription",
    "Translation",
    "main",
    "pipeline",
    "push",
    "run",
]
