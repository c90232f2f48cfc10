"""What was taken for what: a matrix of labels, and how many examples each label has."""

from collections.abc import Mapping, Sequence

from toolkit.report.markup import empty, isolated, number, said, text
from toolkit.report.tables import bars

LEVELS = 10
COUNTS_SHOWN = 16
"""The most labels for which the counts are written into the cells; larger matrices are read by pointing."""


def confusion_matrix(labels: Sequence[str], counts: Sequence[Sequence[int]], *, caption: str = "") -> str:
    """Draws how often each label (down) was taken for each label (across).

    A cell is as dark as its share of its row, so that rare labels can be read beside common ones, and the diagonal is
    the recall. Pointing at a cell, or walking there with the arrow keys, writes its count and share. Comfortable up to
    about sixty labels (150 kB); put the rare ones together before.

    Args:
        labels: their names.
        counts: one row for each true label, one count for each label it was taken for.
        caption: plain text above the matrix.
    """
    if not labels:
        return empty("There are no labels to compare.")
    _check(labels, counts)
    head = "".join(f'<th scope="col" title="{text(label)}"><span>{isolated(label)}</span></th>' for label in labels)
    body = "".join(
        f'<tr><th scope="row" title="{text(label)}">{isolated(label)}</th>{_cells(row, place, is_first=not place)}'
        f'<td class="number">{number(sum(row))}</td></tr>'
        for place, (label, row) in enumerate(zip(labels, counts, strict=True))
    )
    size = "wide" if len(labels) <= COUNTS_SHOWN else "dense"
    return (
        f'<figure class="confusion {size}">{said("figcaption", caption, kind="caption")}'
        f'<div class="scroll"><table role="grid" aria-label="{text(_story(labels, counts))}"><thead>'
        f'<tr><td class="corner">true ↓ taken for →</td>{head}<th scope="col"><span>all</span></th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
        '<p class="reading"><output>Point at a cell, or press the arrow keys, to read it.</output></p></figure>'
    )


def class_counts(counts: Mapping[str, int]) -> str:
    """Shows how many examples each label has, the most first, and says how uneven they are.

    Args:
        counts: examples by label, in whatever unit the section's note names: rows, events, frames.
    """
    if not counts:
        return empty("There are no labels to count.")
    ordered = sorted(counts.items(), key=lambda entry: -entry[1])
    present = [entry for entry in ordered if entry[1]]
    missing = [label for label, count in ordered if not count]
    sentences = []
    if len(present) > 1:
        (most, largest), (least, smallest) = present[0], present[-1]
        sentences.append(f"\u2068{most}\u2069 has {number(largest / smallest)} times as many as \u2068{least}\u2069.")
    if missing:
        names = ", ".join(f"\u2068{label}\u2069" for label in missing)
        sentences.append(f"Without an example: {names}.")
    return bars(ordered) + said("p", " ".join(sentences), kind="note")


def _check(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> None:
    widths = sorted({len(row) for row in counts})
    if len(counts) != len(labels) or widths != [len(labels)]:
        raise ValueError(
            f"`counts` must have one row and one column for each of the {len(labels)} labels, but has {len(counts)} "
            f"rows with {widths} columns. Name every label, the background too."
        )
    for label, row in zip(labels, counts, strict=True):
        for count in row:
            if not (count >= 0 and count % 1 == 0):
                raise ValueError(
                    f"`counts` must be whole numbers from 0, but `{label}` has {count}. Pass counts, not shares."
                )


def _cells(row: Sequence[int], diagonal: int, *, is_first: bool) -> str:
    total = sum(row) or 1
    return "".join(
        f'<td class="shade-{round(count / total * LEVELS)}{" right" if place == diagonal else ""}"'
        f" tabindex={0 if is_first and not place else -1}>{number(int(count)) if count else ''}</td>"
        for place, count in enumerate(row)
    )


def _story(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    right, whole = sum(row[place] for place, row in enumerate(counts)), sum(map(sum, counts))
    mistakes = [
        (count, labels[true], labels[taken])
        for true, row in enumerate(counts)
        for taken, count in enumerate(row)
        if count and true != taken
    ]
    worst = max(mistakes, default=None)
    often = f" Most often {worst[1]} was taken for {worst[2]}: {number(int(worst[0]))} times." if worst else ""
    return f"{number(right)} of {number(whole)} have the right label.{often}"
