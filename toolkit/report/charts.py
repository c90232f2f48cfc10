"""Charts as SVG: lines over steps, and points with error bars over groups."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

from toolkit.report.markup import empty, folded, isolated, number, said, table, text
from toolkit.report.scales import Scale, thinned

Point = tuple[float, float]
Group = tuple[str, float, float, float, int]
Slot = tuple[str, int]

WIDTH, HEIGHT, TOP, RIGHT = 680, 300, 14, 660
POINTS_DRAWN = 400
COLOURS = 6
SUMMARY = ("series", "points", "first", "lowest", "highest", "last")


def curves(series: Mapping[str, Sequence[Point]], *, x_label: str, y_label: str) -> str:
    """Draws named series of (x, y) as lines; pointing at the chart, or its arrow keys, reads their values.

    Points that are not finite are left out, break the line and are counted under it. Long series are thinned for
    drawing, peaks and valleys kept.

    Args:
        series: the points of each line by its name.
        x_label: what x counts, with its unit.
        y_label: what y measures, with its unit.
    """
    finite = {name: [point for point in points if _is_finite(point)] for name, points in series.items()}
    if not any(finite.values()):
        return empty("There are no curves to show.")
    y = Scale.over((y for points in finite.values() for _, y in points), start=HEIGHT - 46, end=TOP)
    x = Scale.over((x for points in finite.values() for x, _ in points), start=_left(y), end=RIGHT, snug=True)
    lines = "".join(_line(colour, points, x, y) for colour, points in enumerate(series.values()))
    ticks = "".join(
        f'<text x="{x(tick)}" y="{y.start + 18}" text-anchor="middle">{label}</text>'
        for tick, label in zip(x.ticks, x.labels(), strict=True)
    )
    summary = [_summary(name, points) for name, points in finite.items() if points]
    left_out = sum(len(points) for points in series.values()) - sum(map(len, finite.values()))
    story = f"{y_label} over {x_label}. " + " ".join(
        f"\u2068{name}\u2069: from {first} to {last}, lowest {lowest}, highest {highest}."
        for name, _, first, lowest, highest, last in summary
    )
    return (
        f'<figure class="chart curves">{_legend(series, reading=True)}'
        f'<div class="scroll" tabindex="0" role="group" aria-label="{text(y_label)}, arrow keys read the values">'
        f"{_drawing(story, _grid(y, x.start) + ticks + _titles(x_label, y_label, x.start) + lines)}</div>"
        f"{said('p', f'Points left out because they are not numbers: {left_out}.' if left_out else '', kind='note')}"
        f"{folded('Summary', table('Summary', SUMMARY, summary))}</figure>"
    )


def intervals_by_group(rows: Sequence[Group] | Mapping[str, Sequence[Group]], *, x_label: str, y_label: str) -> str:
    """Draws a value with its error bar for each group, such as a score by source length, and counts the members.

    Args:
        rows: (label, value, low, high, count) of each group in the order to draw; or several such lists by name, to
            be compared: then groups with the same label stand side by side.
        x_label: what the groups are.
        y_label: what the value measures, with its unit.
    """
    series = rows if isinstance(rows, Mapping) else {"": rows}
    slots = list(dict.fromkeys(slot for groups in series.values() for slot in _slots(groups)))
    if not slots:
        return empty("There are no groups to show.")
    y = Scale.over((value for groups in series.values() for row in groups for value in row[1:4]), start=224, end=TOP)
    width = (RIGHT - _left(y)) / len(slots)
    middles = {slot: _left(y) + width * (place + 0.5) for place, slot in enumerate(slots)}
    spread = min(14.0, width / (len(series) + 1))
    marks = "".join(
        _error_bar(row, middles[slot] + spread * (place - (len(series) - 1) / 2), y, place)
        for place, groups in enumerate(series.values())
        for slot, row in zip(_slots(groups), groups, strict=True)
    )
    cells = [
        ([name] if len(series) > 1 else []) + [label, number(value), f"{number(low)} – {number(high)}", number(count)]
        for name, groups in series.items()
        for label, value, low, high, count in groups
    ]
    story = f"{y_label} by {x_label}. " + " ".join(
        f"{', '.join(names)}: {value} ({interval}), n = {count}." for *names, value, interval, count in cells
    )
    header = (["series"] if len(series) > 1 else []) + [x_label, y_label, "interval", "count"]
    leaning = max(len(label) for label, _ in slots) * 7 > width
    height = HEIGHT + 40 if leaning else HEIGHT
    drawn = _grid(y, _left(y)) + _group_labels(series, middles, leaning) + _titles(x_label, y_label, _left(y), height)
    return (
        f'<figure class="chart">{_legend(series) if len(series) > 1 else ""}'
        f'<div class="scroll">{_drawing(story, drawn + marks, height)}</div>'
        f"{folded('Numbers', table('Numbers', header, cells))}</figure>"
    )


def _line(colour: int, points: Sequence[Point], x: Scale, y: Scale) -> str:
    """Draws one series. The script finds the values in `data-values`, in the order of the corners of the path."""
    ordered = sorted((point for point in points if math.isfinite(point[0])), key=lambda point: point[0])
    path, values = "", []
    for is_finite, run in groupby(ordered, key=_is_finite):
        if is_finite:
            unbroken = list(run)
            drawn = thinned(unbroken, most=max(2, POINTS_DRAWN * len(unbroken) // len(ordered)))
            # The last step goes nowhere: it gives a point without neighbours its dot.
            path += "M" + "L".join(f"{x(place)},{y(height)}" for place, height in drawn) + "h0"
            values += [f"{number(height)} at {number(place)}" for place, height in drawn]
    lone = " lone" if len(values) == 1 else ""
    return (
        f'<g class="series-{colour % COLOURS} style-{colour // COLOURS % 3}{lone}">'
        f'<path d="{path}" data-values="{"|".join(values)}"/><circle r="4"/></g>'
    )


def _error_bar(row: Group, middle: float, y: Scale, colour: int) -> str:
    label, value, low, high, count = row
    bar = f'<path d="M{middle:.1f},{y(low)}V{y(high)}"/>' if _is_finite((low, high)) else ""
    dot = f'<circle cx="{middle:.1f}" cy="{y(value)}" r="4.5"/>' if math.isfinite(value) else ""
    title = f"{label}: {number(value)} ({number(low)} – {number(high)}), {number(count)}"
    return f'<g class="series-{colour % COLOURS} point"><title>{text(title)}</title>{bar}{dot}</g>'


def _slots(groups: Sequence[Group]) -> list[Slot]:
    """Tells groups of one series apart that carry the same label, as two of equally long sources do."""
    seen: Counter[str] = Counter()
    slots = []
    for label, *_ in groups:
        slots.append((label, seen[label]))
        seen[label] += 1
    return slots


def _group_labels(series: Mapping[str, Sequence[Group]], middles: Mapping[Slot, float], leaning: bool) -> str:
    """Writes under each slot the name of its group and how many it holds; names that would touch lean and are cut."""
    counts: dict[Slot, list[str]] = {slot: [] for slot in middles}
    for groups in series.values():
        for slot, row in zip(_slots(groups), groups, strict=True):
            if number(row[4]) not in counts[slot]:
                counts[slot].append(number(row[4]))
    drawn = []
    for (label, nth), middle in middles.items():
        held = f"n = {' / '.join(counts[label, nth])}"
        if leaning:
            name = label if len(label) <= 14 else label[:13] + "…"
            turned = 'text-anchor="end" transform="translate({:.1f} {}) rotate(-45)"'
            first, second = turned.format(middle, 240), turned.format(middle + 10, 247)
        else:
            name = label
            first, second = (f'text-anchor="middle" x="{middle:.1f}" y="{height}"' for height in (242, 258))
        drawn.append(f'<text {first}>{text(name)}</text><text class="count" {second}>{held}</text>')
    return "".join(drawn)


def _grid(y: Scale, left: float) -> str:
    return "".join(
        f'<path class="grid" d="M{left},{y(tick)}H{RIGHT}"/>'
        f'<text x="{left - 8}" y="{y(tick) + 4}" text-anchor="end">{label}</text>'
        for tick, label in zip(y.ticks, y.labels(), strict=True)
    )


def _titles(x_label: str, y_label: str, left: float, height: int = HEIGHT) -> str:
    middle = (left + RIGHT) / 2
    return (
        f'<text class="title" x="{middle:.0f}" y="{height - 6}" text-anchor="middle">{text(x_label)}</text>'
        f'<text class="title" transform="translate(14 {HEIGHT / 2 - 16:.0f}) rotate(-90)" '
        f'text-anchor="middle">{text(y_label)}</text>'
    )


def _drawing(story: str, body: str, height: int = HEIGHT) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{text(story)}">{body}</svg>'


def _legend(names: Mapping[str, object], *, reading: bool = False) -> str:
    entries = "".join(
        f'<li class="series-{place % COLOURS} style-{place // COLOURS % 3}"><i></i>{isolated(name)}'
        f"{'<output></output>' if reading else ''}</li>"
        for place, name in enumerate(names)
    )
    return f'<ul class="legend">{entries}</ul>'


def _summary(name: str, points: Sequence[Point]) -> tuple[str, ...]:
    ordered = sorted(points, key=lambda point: point[0])
    lowest, highest = (pick(ordered, key=lambda point: point[1]) for pick in (min, max))
    chosen = (ordered[0], lowest, highest, ordered[-1])
    return name, number(len(ordered)), *(f"{number(y)} at {number(x)}" for x, y in chosen)


def _left(y: Scale) -> float:
    """Leaves as much room as the widest label on the upright axis needs."""
    return 34 + 7.0 * max(map(len, y.labels()))


def _is_finite(point: Point) -> bool:
    return all(map(math.isfinite, point))
