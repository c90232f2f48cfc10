"""Text to text: translation, summarisation, dialogue, and any other pair of columns."""

from toolkit.adapters.text.pairs import TextToText
from toolkit.adapters.text.tasks import Dialogue, Summarization, Translation

__all__ = ["Dialogue", "Summarization", "TextToText", "Translation"]
