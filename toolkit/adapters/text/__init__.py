"""Text to text: translation, summarisation, dialogue, and any other pair of columns."""

from toolkit.adapters.text.adapters import Dialogue, Summarization, TextToText, Translation

__all__ = ["Dialogue", "Summarization", "TextToText", "Translation"]
