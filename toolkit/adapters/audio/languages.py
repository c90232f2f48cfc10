"""Names of languages, as people and as Whisper write them."""

from typing import Any

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


MULTILINGUAL_TOKENS = 51865
"""The least that a Whisper of many languages writes; one of English has a token less."""


def knows_languages(settings: GenerationConfig, *, vocab_size: int = 0) -> bool:
    """Whether a Whisper was trained on many languages, and must be told which one it hears.

    Args:
        settings: of the checkpoint; those of older ones do not say it.
        vocab_size: of the model, by which it is told then.

    >>> knows_languages(GenerationConfig(), vocab_size=51865), knows_languages(GenerationConfig(), vocab_size=51864)
    (True, False)
    """
    return bool(
        getattr(settings, "is_multilingual", hasattr(settings, "lang_to_id") or vocab_size >= MULTILINGUAL_TOKENS)
    )


def language_ids(tokenizer: Any) -> dict[str, int]:
    """The token of each language that a tokenizer of Whisper knows, as `lang_to_id` has them."""
    known = tokenizer.get_vocab()
    return {token: known[token] for token in (f"<|{name}|>" for name in LANGUAGES) if token in known}


def has_language(tokenizer: Any, language: str) -> bool:
    """Whether a tokenizer of Whisper has a token for a language, told by its code; later ones have more."""
    return tokenizer.convert_tokens_to_ids(f"<|{language}|>") not in (None, tokenizer.unk_token_id)


__all__ = ["code", "has_language", "knows_languages", "language_ids"]
