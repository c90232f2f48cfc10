"""The worst cases: what was wanted, what came, and the words that differ."""

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from numbers import Real
from unicodedata import category, normalize

from toolkit.report.markup import empty, headed, number, text

# Scripts written without spaces are compared sign by sign (kana and Han), the others word by word.
_UNSPACED = r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
_JOINER, _SKIN_TONES = "\u200d", "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_WORD = re.compile(rf"{_UNSPACED}|\w+|\s+|.", re.DOTALL)


def worst_cases(rows: Sequence[Mapping[str, str | float]], *, columns: Sequence[str]) -> str:
    """Tables rows in the order given, with the words that differ marked when a row has a prediction and a reference.

    Words of the reference that the prediction lacks are `<del>`; words that only the prediction has are `<ins>`.

    Args:
        rows: one mapping per case, of texts and numbers; a column that a case lacks stays blank. Where a case is a
            recording, a video or a list of events, pass the words that tell it: its name and times, or what it holds.
        columns: which entries to show, in this order. `prediction` and `reference` are the two that are compared.

    >>> cell = worst_cases([{"reference": "a red cat", "prediction": "a cat"}], columns=["reference"])
    >>> "<del>red </del>" in cell
    True
    """
    if not rows:
        return empty("There are no cases to show.")
    body = "".join(_case(row, columns) for row in rows)
    head = headed("Cases, with the words that differ marked", columns)
    return f'<table class="cases">{head}<tbody>{body}</tbody></table>'


def _case(row: Mapping[str, str | float], columns: Sequence[str]) -> str:
    cells = {column: _cell(column, row.get(column)) for column in columns}
    if isinstance(row.get("prediction"), str) and isinstance(row.get("reference"), str):
        cells["reference"], cells["prediction"] = marked(str(row["reference"]), str(row["prediction"]))
    drawn = (
        f'<td data-column="{text(column)}" dir="auto" class="{_kind(row.get(column))}">{cells[column]}</td>'
        for column in columns
    )
    return f"<tr>{''.join(drawn)}</tr>"


def _kind(value: object) -> str:
    return "number" if isinstance(value, Real) else "words"


def _cell(column: str, value: object) -> str:
    if isinstance(value, Real):
        return number(value if isinstance(value, int) else float(value))
    if value is None or isinstance(value, str):
        return text(value or "")
    raise TypeError(
        f"`rows` must hold texts and numbers, but `{column}` is a {type(value).__name__}. "
        "Say in words what it is: a name, its times, the events it holds."
    )


def marked(reference: str, prediction: str) -> tuple[str, str]:
    """Returns both texts as HTML, each with the stretches that the other lacks marked."""
    wanted, came = _words(reference), _words(prediction)
    before, after = [], []
    for kind, start, stop, first, last in SequenceMatcher(None, wanted, came, autojunk=False).get_opcodes():
        lost, gained = text("".join(wanted[start:stop])), text("".join(came[first:last]))
        before.append(lost if kind == "equal" or not lost else f"<del>{lost}</del>")
        after.append(gained if kind == "equal" or not gained else f"<ins>{gained}</ins>")
    return "".join(before), "".join(after)


def _words(text: str) -> list[str]:
    """Words, spaces and signs; accents, vowel signs and parts of a pictograph stay with what they change.

    >>> _words("e\u0301tat 👍🏽"), [len(word) for word in _words("कू 👨\u200d👧")]
    (['état', ' ', '👍🏽'], [2, 1, 3])
    """
    words: list[str] = []
    for piece in _WORD.findall(normalize("NFC", text)):
        changes = category(piece[0]).startswith("M") or piece[0] == _JOINER or piece[0] in _SKIN_TONES
        if words and (changes or words[-1][-1] == _JOINER):
            words[-1] += piece
        else:
            words.append(piece)
    return words


def joined(words: Sequence[str]) -> str:
    """Writes words that were given one by one as a text, with spaces where their script has them.

    >>> joined(["a", "cat"]), joined([" a", " cat"]), joined(["猫", "が"])
    ('a cat', 'a cat', '猫が')
    """
    if any(word[:1].isspace() for word in words):
        return "".join(words).strip()
    whole = ""
    for word in words:
        touches = not whole or (re.match(_UNSPACED, whole[-1]) and re.match(_UNSPACED, word))
        whole += word if touches else f" {word}"
    return whole
