"""Names of languages, as people and as Whisper write them."""

from transformers import GenerationConfig
from transformers.models.whisper.tokenization_whisper import LANGUAGES, TO_LANGUAGE_CODE


def code(language: str) -> str:
    """The code of a language given by code, token or English name.

    >>> code("Korean"), code("ko"), code("<|ko|>")
    ('ko', 'ko', 'ko')
    """
    name = language.lower().removeprefix("<|").removesuffix("|>")
    name = TO_LANGUAGE_CODE.get(name, name)
    if name not in LANGUAGES:
        raise ValueError(
            f"`language` must be a language that Whisper knows, but is {language!r}. Give a code such as en, or a name."
        )
    return name


def knows_languages(settings: GenerationConfig) -> bool:
    """Whether a Whisper with these settings was trained on many languages, and must be told which one it hears."""
    return bool(getattr(settings, "is_multilingual", hasattr(settings, "lang_to_id")))


__all__ = ["code", "knows_languages"]
