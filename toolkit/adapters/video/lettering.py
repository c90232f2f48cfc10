"""In which font labels are burnt into pictures, whatever script they are written in."""

from collections.abc import Iterable

from PIL import ImageFont

FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NanumGothic.ttf",
    "malgun.ttf",
    "AppleSDGothicNeo.ttc",
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "Arial Unicode.ttf",
)
"""Looked for among those of the machine, in this order, where Pillow's own lacks a letter."""
HEIGHT, NO_LETTER = 20, "\uffff"


def font_for(labels: Iterable[str], font_file: str | None = None) -> str | None:
    """The font that has all letters of some labels; none: Pillow's own does.

    Args:
        labels: what is to be written.
        font_file: the one that the user names, whatever letters it has; none: one of `FONTS`.

    Raises:
        ValueError: no font is known that has them; without one, the picture would show empty boxes.

    >>> print(font_for(["bounce", "hit"]))
    None
    """
    if font_file is not None:
        if _opened(font_file) is None:
            raise ValueError(f"`font_file` must lead to a TrueType font, but {font_file} is none. Correct the path.")
        return font_file
    letters = {letter for label in labels for letter in label if not letter.isspace()}
    if not _missing(letters, ImageFont.load_default(HEIGHT)):
        return None
    for name in FONTS:
        font = _opened(name)
        if font is not None and not _missing(letters, font):
            return name
    missing = "".join(sorted(_missing(letters, ImageFont.load_default(HEIGHT)))[:10])
    raise ValueError(
        f"`font_file` must lead to a font with the letters {missing}, which none of the fonts found here has. "
        "Pass one, such as NanumGothic.ttf for Korean, or write another kind of file than .mp4."
    )


def _opened(name: str) -> ImageFont.FreeTypeFont | None:
    """A font by its path, or by its name among those of the machine."""
    try:
        return ImageFont.truetype(name, HEIGHT)
    except OSError:
        return None


def _missing(letters: Iterable[str], font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """The letters in whose place a font draws what it draws for none."""
    box = bytes(font.getmask(NO_LETTER))
    return [letter for letter in letters if bytes(font.getmask(letter)) == box]


__all__ = ["FONTS", "font_for"]
