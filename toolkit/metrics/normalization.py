"""Texts made alike before they are compared, so that an error rate counts what was misheard, not how it is spelt."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

_WITHOUT_SPACES = ("zh", "yue", "ja", "th", "lo", "my")


@dataclass(frozen=True)
class Normalizer:
    """What is done to both texts, with the name that a signature shows.

    Attributes:
        splits_letters: whether it puts spaces between letters, where the language puts none between words.
    """

    name: str
    change: Callable[[str], str] = field(repr=False)
    splits_letters: bool = False

    def __call__(self, text: str) -> str:
        """The text as it is compared."""
        return self.change(text)


def whisper_normalizer(language: str = "en", *, spelling: Mapping[str, str] | None = None) -> Normalizer:
    """The normaliser of Whisper's authors, whose error rates are the ones that papers print.

    Radford et al., 2023, appendix C. For English: lower case, no punctuation, fillers or bracketed remarks, numbers in
    digits, contractions in full. For other languages: lower case, no punctuation or bracketed remarks. Where words
    are not separated by spaces each character becomes a word, so that `wer` is a rate by character.

    Args:
        language: a code, a token or an English name, as Whisper takes it.
        spelling: British to American words. The list of the authors comes with each of their checkpoints, as
            `tokenizer.english_spelling_normalizer`; without one, both spellings differ.

    >>> whisper_normalizer()("Uh, Mr. Brown's got twenty-one [coughs] dogs!")
    'mister brown has got 21 dogs'
    >>> whisper_normalizer("ja")("今日は、雨です。")
    '今 日 は 雨 で す '
    """
    # transformers takes seconds to be imported, and most scores need none of it.
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer, EnglishTextNormalizer
    from transformers.models.whisper.tokenization_whisper import TO_LANGUAGE_CODE

    said = language.lower().removeprefix("<|").removesuffix("|>")
    code = TO_LANGUAGE_CODE.get(said, said.partition("-")[0])
    if code == "en":
        name = "whisper-en" if spelling else "whisper-en-spelling-kept"
        return Normalizer(name, EnglishTextNormalizer(dict(spelling or {})))
    splits = code in _WITHOUT_SPACES
    return Normalizer(f"whisper-{code}", BasicTextNormalizer(split_letters=splits), splits_letters=splits)


def normalizer_of(normalize: str | Normalizer) -> Normalizer | None:
    """The normaliser that a metric's `normalize` stands for: None for "none", English for "whisper"."""
    if isinstance(normalize, Normalizer):
        return normalize
    if normalize not in ("none", "whisper"):
        raise ValueError(
            f'`normalize` must be "none", "whisper" or a Normalizer, but is {normalize!r}. '
            "For languages other than English pass `whisper_normalizer(language)`."
        )
    return whisper_normalizer() if normalize == "whisper" else None


def normalized(pairs: Iterable[tuple[str, str]], normalizer: Normalizer | None) -> Iterator[tuple[str, str]]:
    """Both texts of each pair as they are compared."""
    for predicted, expected in pairs:
        yield (predicted, expected) if normalizer is None else (normalizer(predicted), normalizer(expected))
