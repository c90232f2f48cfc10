"""What must be done to the written words to reach the expected ones, and which words were mistaken for which."""

from collections.abc import Mapping, Sequence

from toolkit.report.markup import empty, headed, isolated, number, said

KINDS = {
    "hits": "words written as expected",
    "substitutions": "another word written in their place",
    "deletions": "expected words that were not written",
    "insertions": "words written that nobody expected",
}


def edits(counts: Mapping[str, int]) -> str:
    """Tables hits, substitutions, deletions and insertions, each with its share of the expected words.

    The shares of the last three add up to the word error rate, which can pass 100 % because of the insertions.

    Args:
        counts: one for each of `hits`, `substitutions`, `deletions` and `insertions`.
    """
    if sorted(counts) != sorted(KINDS) or min(counts.values()) < 0:
        raise ValueError(
            f"`counts` must have {', '.join(KINDS)}, none below 0, but is {dict(counts)}. Rename or add the entry."
        )
    expected = sum(counts[kind] for kind in ("hits", "substitutions", "deletions"))
    if not expected:
        return empty("There are no expected words to compare with.")
    wrong = sum(counts.values()) - counts["hits"]
    largest = max(counts.values())
    body = "".join(
        _row([kind], counts[kind], largest, share=f"{counts[kind] / expected:.1%}", explanation=explanation)
        for kind, explanation in KINDS.items()
    )
    sentence = f"{number(wrong)} edits for {number(expected)} expected words: {wrong / expected:.1%}."
    return said("p", sentence, kind="note") + _table("Edits by kind", ["edit", "words", "share"], body)


def confusions(pairs: Sequence[tuple[str, str, int]]) -> str:
    """Tables which word was written for which expected one, and how often.

    Args:
        pairs: (expected, written, count) in the order to show. An empty word stands for nothing: nothing was written,
            or nothing expected.
    """
    if not pairs:
        return empty("There are no confused words.")
    largest = max(count for *_, count in pairs) or 1
    body = "".join(_row([expected, written], count, largest) for expected, written, count in pairs)
    return _table("Words that were mistaken", ["expected", "written", "times"], body, kind="bars confusions")


def _table(caption: str, header: Sequence[str], body: str, *, kind: str = "bars") -> str:
    return f'<table class="{kind}">{headed(caption, header, is_drawn=True)}<tbody>{body}</tbody></table>'


def _row(words: Sequence[str], count: int, largest: int, *, share: str = "", explanation: str = "") -> str:
    first, *rest = (isolated(word) if word else '<span class="empty">nothing</span>' for word in words)
    amounts = "".join(f'<td class="number">{amount}</td>' for amount in (number(count), share) if amount)
    return (
        f'<tr><th scope="row">{first}{said("p", explanation)}</th>{"".join(f"<td>{word}</td>" for word in rest)}'
        f'{amounts}<td class="bar"><i style="--share:{count / largest:.4f}"></i></td></tr>'
    )
