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


def before_loop(segments: Sequence[Segment]) -> tuple[list[Segment], Skipped | None]:
    """What was said before a text began to repeat itself, and the rest; none where it does not end in a loop.

    A loop is one of whole words or, where a limit cut the last one or no spaces are written, one of characters.

    >>> kept, cut = before_loop([Segment(" one eight eight eight", 0, 2.2), Segment(" eight eight", 2.2, 3)])
    >>> kept[-1].text, cut.start_seconds, cut.text
    (' one eight', 1.0, ' eight eight eight eight')
    """
    texts = [segment.text.rstrip().rstrip("\ufffd") for segment in segments]  # half a character, cut by the limit
    place = _loop_place(texts)
    if place is None:
        return [], None
    kept, left = [], place
    for segment, text in zip(segments, texts, strict=True):
        if 0 < len(text) <= left:
            kept.append(segment)
        elif text[:left].strip():
            kept.append(_begin(segment, text, left))
        left = max(0, left - len(text))
    start = kept[-1].end_seconds if kept else segments[0].start_seconds
    return kept, Skipped(start, segments[-1].end_seconds, "repeats itself", "".join(texts)[place:])


def without_loop(segments: Sequence[Segment], limit: float | None) -> tuple[list[Segment], list[Skipped]]:
    """What was said in a window, without the loop that it ends in, and the loop with the reason why it was cut.

    Args:
        segments: of the window.
        limit: only a text that shrinks more than so many times is searched for a loop; none: none is.

    >>> without_loop([Segment(" so" * 30, 0.0, 9.0)], 2.4)[1][0].reason
    'repeats itself (compression ratio 6.4 above 2.4)'
    """
    ratio = compression_ratio("".join(segment.text for segment in segments).strip())
    if limit is None or ratio <= limit:
        return list(segments), []
    kept, cut = before_loop(segments)
    if cut is None:  # without a loop at its end a text that shrinks much is a list, or a refrain
        return list(segments), []
    return kept, [replace(cut, reason=f"repeats itself (compression ratio {ratio:.1f} above {limit})")]


def _loop_place(texts: Sequence[str]) -> int | None:
    """The character of all texts joined with which the second round begins, at a space if the rounds have any."""
    words = [word for text in texts for word in re.findall(r"\s*\S+", text)]
    start = loop_start([word.strip() for word in words])
    if start is not None:
        return sum(map(len, words[:start]))
    joined = "".join(texts)
    place = loop_start(joined)
    if place is None:
        return None
    place = next((at for at in range(place, len(joined)) if joined[at].isspace()), place)
    return place if len(joined) - place >= LEAST_CHARACTERS else None


def _begin(segment: Segment, text: str, length: int) -> Segment:
    """The first characters of a segment, each with the same time unless its words say when it was said."""
    said = text[:length]
    words = tuple(replace(word, text=f" {part}") for word, part in zip(segment.words, said.split(), strict=False))
    share = (segment.end_seconds - segment.start_seconds) * length / len(text)
    end = words[-1].end_seconds if words else segment.start_seconds + share
    return Segment(said, segment.start_seconds, end, words)


__all__ = ["before_loop", "compression_ratio", "loop_start", "without_loop"]
