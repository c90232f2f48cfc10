"""The worst cases: what was wanted, what came, and the words that differ."""

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from toolkit.report.markup import empty, number, text

# Scripts written without spaces are compared sign by sign (kana and Han), the others word by word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|\w+|\s+|.", re.DOTALL)


def worst_cases(rows: Sequence[Mapping[str, str | float]], *, columns: Sequence[str]) -> str:
    """Tables rows in the order given, with the words that differ marked when a row has a prediction and a reference.

    Words of the reference that the prediction lacks are `<del>`; words that only the prediction has are `<ins>`.

    Args:
        rows: one mapping per case; a column that a case lacks stays blank.
        columns: which entries to show, in this order. `prediction` and `reference` are the two that are compared.

    >>> cell = worst_cases([{"reference": "a red cat", "prediction": "a cat"}], columns=["reference"])
    >>> "<del>red </del>" in cell
    True
    """
    if not rows:
        return empty("There are no cases to show.")
    head = "".join(f'<th scope="col">{text(column)}</th>' for column in columns)
    body = "".join(_case(row, columns) for row in rows)
    return f'<table class="cases"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _case(row: Mapping[str, str | float], columns: Sequence[str]) -> str:
    cells = {column: number(value) if isinstance(value, (int, float)) else text(value) for column, value in row.items()}
    if isinstance(row.get("prediction"), str) and isinstance(row.get("reference"), str):
        cells["reference"], cells["prediction"] = _marked(str(row["reference"]), str(row["prediction"]))
    drawn = (
        f'<td data-column="{text(column)}" dir="auto" class="{_kind(row.get(column))}">{cells.get(column, "")}</td>'
        for column in columns
    )
    return f"<tr>{''.join(drawn)}</tr>"


def _kind(value: object) -> str:
    return "number" if isinstance(value, (int, float)) else "words"


def _marked(reference: str, prediction: str) -> tuple[str, str]:
    """Returns both texts as HTML, each with the stretches that the other lacks marked."""
    wanted, came = _WORD.findall(reference), _WORD.findall(prediction)
    before, after = [], []
    for kind, start, stop, first, last in SequenceMatcher(None, wanted, came, autojunk=False).get_opcodes():
        lost, gained = text("".join(wanted[start:stop])), text("".join(came[first:last]))
        before.append(lost if kind == "equal" or not lost else f"<del>{lost}</del>")
        after.append(gained if kind == "equal" or not gained else f"<ins>{gained}</ins>")
    return "".join(before), "".join(after)
