"""The few pieces of HTML that every figure is made of. Nothing from outside reaches a page except through `text`."""

import html
import math
import unicodedata
from collections.abc import Iterable, Sequence

CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"} | {0x7F: 0x2421}
"""Signs that HTML has no place for, and the pictures of them."""


def text(value: object) -> str:
    """Escapes a value so that it reads the same between tags and inside a quoted attribute.

    >>> text('<b title="x">'), text(chr(0))
    ('&lt;b title=&quot;x&quot;&gt;', '␀')
    """
    return html.escape(str(value).translate(CONTROLS), quote=True)


def isolated(value: object) -> str:
    """Escapes a value and keeps its writing direction to itself, so that Arabic beside English stays in place."""
    return f"<bdi>{text(value)}</bdi>"


def said(tag: str, sentence: str, *, kind: str = "") -> str:
    """Puts a sentence into its element, or returns nothing where nothing is said.

    >>> said("p", "1 < 2", kind="note"), said("p", "")
    ('<p class="note" dir="auto">1 &lt; 2</p>', '')
    """
    return f'<{tag} class="{kind}" dir="auto">{text(sentence)}</{tag}>' if sentence else ""


def number(value: float) -> str:
    """Writes a number for reading: four significant digits, whole numbers in full with their thousands set apart.

    >>> [number(value) for value in (31.41592, 9912345, 12345.6, 0.000123456, float("nan"))]
    ['31.42', '9,912,345', '12,346', '0.0001235', 'not a number']
    """
    if isinstance(value, int):
        return f"{value:,}"
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"


def breadth(words: str) -> int:
    """Counts the columns of typewriter letters that a text fills; Chinese, Japanese and Korean signs fill two.

    >>> breadth("cat"), breadth("고양이")
    (3, 6)
    """
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in words)


def empty(sentence: str) -> str:
    """Says in the place of a figure that there is nothing to draw."""
    return said("p", sentence, kind="empty")


def folded(summary: str, body: str) -> str:
    """Keeps HTML behind a line that opens it; the page opens all of them for printing."""
    return f"<details><summary>{text(summary)}</summary>{body}</details>"


def headed(caption: str, names: Iterable[str], *, is_drawn: bool = False) -> str:
    """Names a table for who listens to it, and its columns; a last one of small drawings needs no name."""
    cells = "".join(f'<th scope="col">{isolated(name)}</th>' for name in names)
    return f"<caption>{text(caption)}</caption><thead><tr>{cells}{'<td></td>' if is_drawn else ''}</tr></thead>"


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lays values out as a plain table whose first column names the row."""
    body = "".join(
        f'<tr><th scope="row">{isolated(first)}</th>' + "".join(f"<td>{isolated(cell)}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    return f'<div class="scroll"><table>{headed(caption, header)}<tbody>{body}</tbody></table></div>'
