"""Speech to text: transcription and speech translation."""

from toolkit.adapters.audio.transcription import Transcription

__all__ = ["Transcription"]
