"""Texts that say the same again and again, which models write where they hear nothing they know."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import replace

from toolkit.adapters.audio.transcript import Segment, Skipped

LEAST_CHARACTERS = 16
"""A shorter loop of characters that is none of whole words is no loop: laughter, a long drawn vowel, dots."""


def compression_ratio(text: str) -> float:
    """How many times a text shrinks when compressed: about 1.5 for speech, above 2.4 where it repeats itself.

    >>> compression_ratio("eight " * 40) > 10
    True
    """
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def loop_start(parts: Sequence[str], *, times: int = 4) -> int | None:
    """From which part on a text only repeats the parts before; none where it does not.

    Args:
        parts: words, or the text itself for its characters.
        times: how often they must have been said, at least.

    >>> loop_start("one two eight eight eight eight".split())
    3
    >>> loop_start("no loop here".split())
    """
    best, period = None, 1
    while period <= len(parts) // times:
        place = len(parts)
        while place > period and parts[place - 1] == parts[place - 1 - period]:
            place -= 1
        repeated = len(parts) - place
        if repeated >= (times - 1) * period:
            best = place if best is None else min(best, place)
            period = max(period, repeated)  # what is longer, but lies within this loop, begins no earlier
        period += 1
    return best


def inner_loop(parts: Sequence[str], *, times: int = 4) -> tuple[int, int] | None:
    """The longest stretch anywhere that only repeats the parts before it, as whole rounds; none where none does.

    Args:
        parts: as for `loop_start`.
        times: the same.

    >>> inner_loop("one eight eight eight eight eight two".split())
    (2, 6)
    >>> inner_loop("no loop here".split())
    """
    start, end = 0, 0
    for period in range(1, len(parts) // times + 1):
        repeated = 0
        for place in range(period, len(parts) + 1):
            if place < len(parts) and parts[place] == parts[place - period]:
                repeated += 1
                continue
            rounds = repeated // period * period  # what begins as one more round may be what is said next
            if repeated >= (times - 1) * period and rounds > end - start:
                start, end = place - repeated, place - repeated + rounds
            repeated = 0
    return (start, end) if end else None


def around_loop(segments: Sequence[Segment]) -> tuple[list[Segment], Skipped | None]:
    """What was said around the text that only repeats itself, and that text; none where nothing does.

    That is the loop in which all ends or, if it ends in none, the longest one. A loop is one of whole words or, where
    a limit cut the last one or no spaces are written, one of characters.

    >>> kept, cut = around_loop([Segment(" one eight eight eight", 0, 2.2), Segment(" eight eight two", 2.2, 3)])
    >>> [segment.text for segment in kept], cut.text
    ([' one eight', ' two'], ' eight eight eight eight')
    >>> cut.start_seconds, round(cut.end_seconds, 1)
    (1.0, 2.8)
    """
    texts = [segment.text.rstrip().rstrip("\ufffd") for segment in segments]  # half a character, cut by the limit
    loop = _loop_places(texts)
    if loop is None:
        return [], None
    before, after, begin = list[Segment](), list[Segment](), 0
    for segment, text in zip(segments, texts, strict=True):
        first, last = (min(max(0, place - begin), len(text)) for place in loop)
        if text and first == len(text):
            before.append(segment)
        elif text and last == 0:
            after.append(segment)
        else:
            before += _part(segment, text, 0, first)
            after += _part(segment, text, last, len(text))
        begin += len(text)
    start = before[-1].end_seconds if before else segments[0].start_seconds
    end = after[0].start_seconds if after else segments[-1].end_seconds
    return before + after, Skipped(start, max(start, end), "repeats itself", "".join(texts)[slice(*loop)])


def without_loop(segments: Sequence[Segment], limit: float | None) -> tuple[list[Segment], list[Skipped]]:
    """What was said in a window, without the loops in it, and the loops with the reason why they were cut.

    A text without a loop that shrinks too much, a list or a refrain, stays and is told.

    Args:
        segments: of the window.
        limit: only a text that shrinks more than so many times is searched for loops; none: none is.

    >>> without_loop([Segment(" so" * 30, 0.0, 9.0)], 2.4)[1][0].reason
    'repeats itself (compression ratio 6.4 above 2.4)'
    """
    kept, told = list(segments), list[Skipped]()
    while limit is not None and (ratio := _ratio(kept)) > limit:
        reason = f"repeats itself (compression ratio {ratio:.1f} above {limit})"
        shorter, cut = around_loop(kept)
        if cut is None:
            told.append(Skipped(kept[0].start_seconds, kept[-1].end_seconds, f"{reason}, but in no loop: it stays"))
            break
        kept = shorter
        told.append(replace(cut, reason=reason))
    return kept, told


def _ratio(segments: Sequence[Segment]) -> float:
    return compression_ratio("".join(segment.text for segment in segments).strip())


def _loop_places(texts: Sequence[str]) -> tuple[int, int] | None:
    """The characters of all texts joined with which the second round begins, and with which other text goes on."""
    words, joined = [word for text in texts for word in re.findall(r"\s*\S+", text)], "".join(texts)
    bare = [word.strip() for word in words]
    start = loop_start(bare)
    if start is not None:
        return sum(map(len, words[:start])), len(joined)
    place = loop_start(joined)
    if place is not None:  # at a space if the rounds have any
        place = next((at for at in range(place, len(joined)) if joined[at].isspace()), place)
        if len(joined) - place >= LEAST_CHARACTERS:
            return place, len(joined)
    first, last = inner_loop(bare) or (0, 0)
    for begin, end in ((sum(map(len, words[:first])), sum(map(len, words[:last]))), inner_loop(joined) or (0, 0)):
        if end - begin >= LEAST_CHARACTERS:
            return begin, end
    return None


def _part(segment: Segment, text: str, first: int, last: int) -> list[Segment]:
    """The characters that stand first or last in a segment, each of equal length unless its words say when it was said.

    Nothing where they are blank.
    """
    said, begins = text[first:last], first == 0
    if not said.strip():
        return []
    pieces = re.findall(r"\s*\S+", said)
    words = segment.words[: len(pieces)] if begins else segment.words[-len(pieces) :]
    words = tuple(replace(word, text=piece) for word, piece in zip(words, pieces, strict=False))
    per_character = (segment.end_seconds - segment.start_seconds) / len(text)
    start, end = (segment.start_seconds + per_character * place for place in (first, last))
    if words:
        start, end = words[0].start_seconds, words[-1].end_seconds
    span = (segment.start_seconds, end) if begins else (start, segment.end_seconds)
    return [Segment(said, *span, words)]


__all__ = ["around_loop", "compression_ratio", "inner_loop", "loop_start", "without_loop"]
