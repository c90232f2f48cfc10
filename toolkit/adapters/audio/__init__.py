"""Speech to text: transcription and speech translation, learnt and served."""

from toolkit.adapters.audio.serving import BUILDERS, transcriber
from toolkit.adapters.audio.transcriber import Transcriber
from toolkit.adapters.audio.transcript import Segment, Skipped, Transcript, Word
from toolkit.adapters.audio.transcript_formats import write_transcript
from toolkit.adapters.audio.transcription import Transcription

__all__ = [
    "BUILDERS",
    "Segment",
    "Skipped",
    "Transcriber",
    "Transcript",
    "Transcription",
    "Word",
    "transcriber",
    "write_transcript",
]
