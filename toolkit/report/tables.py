"""Tables that carry their own small drawings: scores with intervals, shares as bars, facts about the run."""

import json
import math
from collections.abc import Mapping, Sequence

from toolkit.report.markup import empty, folded, headed, isolated, number, said, text
from toolkit.report.scales import Scale

_SCORE_KEYS = ("name", "value", "low", "high", "explanation", "signature")
_FACTS_SHOWN_OPEN = 12


def score_table(rows: Sequence[Mapping[str, object]]) -> str:
    """Tables scores, each with its interval in numbers and as a small drawing.

    Args:
        rows: `name` and `value`; where there is an interval, `low` and `high`; and for those who want to know,
            `explanation` (a sentence) and `signature` (how exactly it was computed, kept in typewriter letters).
    """
    if not rows:
        return empty("There are no scores to show.")
    body = "".join(_score(place, row) for place, row in enumerate(rows))
    return (
        '<div class="scroll"><table class="scores">'
        f"{headed('Scores and their intervals', ['score', 'value', 'interval'], is_drawn=True)}"
        f"<tbody>{body}</tbody></table></div>"
    )


def bars(rows: Sequence[tuple[str, float]]) -> str:
    """Compares amounts that add up to a whole, such as the parameters of each part of a model.

    Each bar is drawn against the largest amount; the share of the total stands beside it.
    """
    if not rows:
        return empty("There are no amounts to show.")
    for label, value in rows:
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(
                f"`rows` of bars must be finite and at least 0, but `{label}` is {value}. Leave it out or show it "
                "in a table of facts."
            )
    amounts = [value for _, value in rows]
    total, largest = sum(amounts) or 1, max(amounts) or 1
    body = "".join(
        f'<tr><th scope="row">{isolated(label)}</th><td class="number">{number(value)}</td>'
        f'<td class="number">{value / total:.1%}</td>'
        f'<td class="bar"><i style="--share:{value / largest:.4f}"></i></td></tr>'
        for label, value in rows
    )
    head = headed("Amounts and their shares", ["name", "amount", "share"], is_drawn=True)
    return f'<table class="bars">{head}<tbody>{body}</tbody></table>'


def facts(mapping: Mapping[str, object]) -> str:
    """Lists names with their values exactly as they are, folded away when there are many.

    Arguments and versions are here to be copied into another run, so their numbers are not rounded.
    """
    if not mapping:
        return empty("There are no facts to show.")
    body = "".join(
        f'<tr><th scope="row">{isolated(name)}</th><td dir="auto">{text(_exact(value))}</td></tr>'
        for name, value in mapping.items()
    )
    head = headed("Names and their values", ["name", "value"])
    whole = f'<table class="facts">{head}<tbody>{body}</tbody></table>'
    return whole if len(mapping) <= _FACTS_SHOWN_OPEN else folded(f"All {len(mapping)} entries", whole)


def text_block(content: str) -> str:
    """Shows text with its own line breaks."""
    return f'<pre dir="auto">{text(content)}</pre>' if content.strip() else empty("There is no text to show.")


def _score(place: int, row: Mapping[str, object]) -> str:
    strange = [key for key in row if key not in _SCORE_KEYS]
    missing = [key for key in _SCORE_KEYS[:2] if key not in row]
    if strange or missing:
        raise ValueError(
            f"`rows[{place}]` must have `name` and `value`, and may have `low`, `high`, `explanation` and `signature`, "
            f"but {f'lacks {missing}' if missing else f'has {strange}'}. Rename or add the entry."
        )
    value = float(str(row["value"]))
    low, high = (None if row.get(key) is None else float(str(row[key])) for key in ("low", "high"))
    if low is not None and high is not None and low > high:
        raise ValueError(f"`low` must not be above `high`, but {row['name']} has {low} to {high}. Swap them.")
    bounds = [bound for bound in (low, high) if bound is not None]
    details = said("p", str(row.get("explanation") or ""), kind="explanation")
    details += said("code", str(row.get("signature") or ""), kind="signature")
    return (
        f'<tr><th scope="row">{isolated(row["name"])}{details}</th><td class="number">{number(value)}</td>'
        f'<td class="number">{" – ".join(map(number, bounds))}</td><td>{_interval(value, bounds)}</td></tr>'
    )


def _interval(value: float, bounds: Sequence[float]) -> str:
    """Draws a value and its interval on the whole range of its score: 0 to 1, 0 to 100, or the next round numbers."""
    finite = [place for place in (value, *bounds) if math.isfinite(place)]
    if not bounds or len(finite) <= len(bounds):
        return ""
    top = next((top for top in (1, 100) if min(finite) >= 0 and max(finite) <= top), max(finite))
    scale = Scale.over([0, *finite, top], start=34, end=254)
    first, last = number(scale.low), number(scale.high)
    ends = [scale(bound) for bound in (value, *bounds)]
    return (
        f'<svg class="interval" viewBox="0 0 290 20" role="img" aria-label="{text(number(value))} on a scale '
        f'from {first} to {last}"><text x="28" y="13.5" text-anchor="end">{first}</text>'
        f'<text x="260" y="13.5">{last}</text><path class="track" d="M34 10h220"/>'
        f'<path class="range" d="M{min(ends)} 10H{max(ends)}"/><path class="value" d="M{scale(value)} 3v14"/></svg>'
    )


def _exact(value: object) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
