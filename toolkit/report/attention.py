"""Attention maps: which source token each target token looked at."""

import math
from collections.abc import Sequence
from itertools import groupby

from toolkit.report.markup import breadth, empty, folded, isolated, said, table, text

LEVELS = 10
"""Shades of a map. The exact weight of a cell stands in the page beside it, in thousandths."""

LONGEST = 14
"""Letters of a source token that are shown above its column; the rest shows when it is pointed at."""


def attention_map(
    columns: Sequence[str], rows: Sequence[str], weights: Sequence[Sequence[float]], *, caption: str = ""
) -> str:
    """Draws the source tokens across, the target tokens down, and each weight as a shade.

    Pointing at a target token, or walking there with the arrow keys, writes its weights under the source tokens.
    The darkest shade is the largest weight of this map, so that a diffuse map can be read too; the key says which
    weight that is. Comfortable up to about a hundred tokens either way.

    Args:
        columns: the source tokens.
        rows: the target tokens.
        weights: one row per target token, one weight from 0 to 1 per source token.
        caption: plain text above the map, for instance the sentence itself.
    """
    if not columns or not rows:
        return empty("There is no attention to show: the source or the target is empty.")
    thousandths = _thousandths(columns, rows, weights)
    sources, targets = [_visible(token) for token in columns], [_visible(token) for token in rows]
    largest, widest = max(map(max, thousandths)) or 1, max(map(breadth, sources))
    head = "".join(f'<th scope="col" title="{text(token)}"><span>{isolated(token)}</span></th>' for token in sources)
    body = "".join(
        f'<tr data-weights="{",".join(str(weight or "") for weight in row)}">'
        f'<th scope="row" title="{text(token)}"{"" if place else " tabindex=0"}>{isolated(token)}</th>'
        f'<td colspan="{len(columns)}">{_strip(row, largest)}</td></tr>'
        for place, (token, row) in enumerate(zip(targets, thousandths, strict=True))
    )
    shades = "".join(f'<i class="shade-{level}"></i>' for level in range(1, LEVELS + 1))
    links = [(token, _strongest(sources, row)) for token, row in zip(targets, thousandths, strict=True)]
    return (
        f'<figure class="attention {_room(sources, widest)}">{said("figcaption", caption, kind="caption")}'
        f'<div class="scroll"><table class="map" role="grid" aria-label="{text(_story(links, thousandths))}" '
        f'data-largest="{largest}" style="--columns:{len(columns)};--widest:{min(widest, LONGEST)}">'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f'<p class="reading"><span class="key" aria-hidden="true">0 {shades} {largest / 1000:g}</span>'
        "<output>Point at a token, or press the arrow keys, to read its weights.</output></p>"
        f"{folded('Strongest links', table('Strongest links', ['target', 'source, weight'], links))}</figure>"
    )


def _thousandths(columns: Sequence[str], rows: Sequence[str], weights: Sequence[Sequence[float]]) -> list[list[int]]:
    """Checks the weights where they enter and rounds them to what the page stores."""
    if len(weights) != len(rows):
        raise ValueError(
            f"`weights` must have one row per target token ({len(rows)}), but has {len(weights)}. "
            "Pass the tokens that were emitted, the end token included if it has weights."
        )
    for place, row in enumerate(weights):
        if len(row) != len(columns):
            raise ValueError(
                f"`weights[{place}]` must have one weight per source token ({len(columns)}), but has {len(row)}. "
                "Cut the padding from the weights and from the tokens alike."
            )
        for weight in row:
            # A thousandth of slack: half precision may round a weight to just above one.
            if not (math.isfinite(weight) and -0.001 <= weight <= 1.001):
                raise ValueError(
                    f"`weights[{place}]` must be finite and from 0 to 1, but holds {weight}. "
                    "Pass weights after the softmax, and look for the step where they stopped being numbers."
                )
    return [[min(max(round(weight * 1000), 0), 1000) for weight in row] for row in weights]


def _strip(row: Sequence[int], largest: int) -> str:
    """Draws one row of cells as one thick line per shade: a few bytes per cell, sharp at any size and in print."""
    dashes: dict[int, str] = {}
    start = 0
    for level, run in groupby(round(weight * LEVELS / largest) for weight in row):
        length = len(list(run))
        if level:
            dashes[level] = dashes.get(level, "") + f"M{start} 0h{length}"
        start += length
    lines = "".join(f'<path class="shade-{level}" d="{line}"/>' for level, line in sorted(dashes.items()))
    return f'<svg viewBox="0 -.5 {len(row)} 1" preserveAspectRatio="none" aria-hidden="true">{lines}</svg>'


def _strongest(sources: Sequence[str], row: Sequence[int], most: int = 3) -> str:
    """Names the sources with the largest weights, each token kept to its own writing direction."""
    best = sorted(range(len(row)), key=lambda place: -row[place])[:most]
    return " · ".join(f"\u2068{sources[place]}\u2069 {row[place] / 1000:g}" for place in best if row[place])


def _story(links: Sequence[tuple[str, str]], thousandths: Sequence[Sequence[int]]) -> str:
    peak = max(range(len(links)), key=lambda place: max(thousandths[place]))
    target, sources = links[peak]
    return (
        f"Attention of {len(links)} target tokens over {len(thousandths[0])} source tokens. "
        f"The surest is \u2068{target}\u2069, which looks at: {sources or 'nothing'}."
    )


def _visible(token: str) -> str:
    """Gives blank tokens something to see."""
    return token if token.strip() else "␣"


def _room(sources: Sequence[str], widest: int) -> str:
    """Chooses the size of a cell by the number of columns, and level labels only where each fits above its column."""
    size, letters = ("large", 6) if len(sources) <= 16 else ("medium", 3) if len(sources) <= 32 else ("small", 1)
    return f"{size} {'level' if widest <= letters else 'tilted'}"
