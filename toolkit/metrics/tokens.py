"""What counts as a token in scripts that put spaces between words and in scripts that do not."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache

from sacrebleu.metrics import BLEU

# How Unicode begins the names of a script's characters: the standard library knows no script property.
_SCRIPT_NAMES = {
    "han": ("CJK", "IDEOGRAPHIC"),
    "kana": ("HIRAGANA", "KATAKANA", "HALFWIDTH KATAKANA"),
    "hangul": ("HANGUL", "HALFWIDTH HANGUL"),
    "unspaced": ("THAI", "LAO", "KHMER", "MYANMAR"),
}


@cache
def script(character: str) -> str:
    """The writing a character belongs to, as far as tokens depend on it: han, kana, hangul, unspaced or other.

    >>> [script(character) for character in "字かカ한é"]
    ['han', 'kana', 'kana', 'hangul', 'other']
    """
    name = unicodedata.name(character, "")
    return next((script for script, beginnings in _SCRIPT_NAMES.items() if name.startswith(beginnings)), "other")


class _Spacing(dict[int, str]):
    """A table for `str.translate` that learns each character when it first meets it."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if character.isalnum() and script(character) in ("han", "kana"):
            spaced = f" {character} "
        elif character.isalnum() and script(character) == "unspaced":
            spaced = f" {character}"  # what is written above or below it follows
        elif character.isalnum() or category.startswith("M"):  # vowel signs are part of the word they are written on
            spaced = character
        else:
            spaced = "" if category == "Cf" else " "  # joiners and soft hyphens stand inside words
        self[code] = spaced
        return spaced


_SPACING = _Spacing()


def tokens(text: str) -> list[str]:
    """Lowercased words, and single letters of scripts without spaces between words; no punctuation.

    These are Han, Kana, Thai, Lao, Khmer and Burmese; a letter has its vowel signs and tone marks with it.

    A Korean token is an eojeol, what stands between two spaces. On English this is what the `rouge-score` package
    calls a token.

    >>> tokens("Don't say “나는 학교에 간다.”")
    ['don', 't', 'say', '나는', '학교에', '간다']
    >>> tokens("猫がGPUを食べた。")
    ['猫', 'が', 'gpu', 'を', '食', 'べ', 'た']
    >>> tokens("ผมไปโรงเรียน")
    ['ผ', 'ม', 'ไ', 'ป', 'โ', 'ร', 'ง', 'เ', 'รี', 'ย', 'น']
    """
    spaced = unicodedata.normalize("NFC", text.lower()).translate(_SPACING)
    return [token for token in spaced.split() if any(map(str.isalnum, token))]


def bleu_tokenizer(texts: Iterable[str]) -> str:
    """The sacreBLEU tokenizer for the script that most of the tokens are written in.

    Han: `zh`. Han with at least a twentieth of Kana, of which Chinese has next to none: `ja-mecab`, or `char` where
    MeCab is not installed. Hangul: `ko-mecab`, or `13a` where that is not installed. Thai, Lao, Khmer, Burmese: `char`.
    Everything else: `13a`.

    >>> bleu_tokenizer(["Ein Hund läuft."]), bleu_tokenizer(["我用 PyTorch 训练模型。"])
    ('13a', 'zh')
    """
    scripts = Counter(script(token[0]) for text in texts for token in tokens(text))
    ideographic = scripts["han"] + scripts["kana"]
    if 2 * ideographic > scripts.total():
        if 20 * scripts["kana"] < ideographic:
            return "zh"
        return "ja-mecab" if _is_installed("ja-mecab") else "char"
    if 2 * scripts["unspaced"] > scripts.total():
        return "char"
    if 2 * scripts["hangul"] > scripts.total() and _is_installed("ko-mecab"):
        return "ko-mecab"
    return "13a"


@cache
def _is_installed(tokenizer: str) -> bool:
    """Whether sacreBLEU can build it: the package may be missing (RuntimeError) or its dictionary another one."""
    try:
        BLEU(tokenize=tokenizer)
    except (ImportError, RuntimeError, AssertionError):
        return False
    return True
