"""Recurrent sequence-to-sequence models for text, speech and video: one core, one recipe, one pipeline."""
