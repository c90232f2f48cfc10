"""Texts that say the same again and again, which models write where they hear nothing they know."""

import zlib
from collections.abc import Sequence

from toolkit.adapters.audio.transcript import Segment, Skipped


def compression_ratio(text: str) -> float:
    """How many times a text shrinks when compressed: about 1.5 for speech, above 2.4 where it repeats itself.

    >>> compression_ratio("eight " * 40) > 10
    True
    """
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def loop_start(words: Sequence[str], *, times: int = 4) -> int | None:
    """From which word on a text only repeats the words before; none where it does not.

    Args:
        words: of the text.
        times: how often they must have been said, at least.

    >>> loop_start("one two eight eight eight eight eight".split())
    3
    >>> loop_start("no loop here".split())
    """
    best = None
    for period in range(1, len(words) // times + 1):
        place = len(words)
        while place > period and words[place - 1] == words[place - 1 - period]:
            place -= 1
        if len(words) - place >= (times - 1) * period and (best is None or place < best):
            best = place
    return best


def before_loop(segments: Sequence[Segment]) -> tuple[list[Segment], Skipped | None]:
    """What was said before a text began to repeat itself, and the rest; none where it does not end in a loop.

    >>> kept, cut = before_loop([Segment(" one eight eight eight", 0, 2), Segment(" eight eight", 2, 3)])
    >>> kept[-1].text, cut.start_seconds, cut.text
    (' one eight', 1.0, ' eight eight eight eight')
    """
    words = [word for segment in segments for word in segment.text.split()]
    place = loop_start(words)
    if place is None:
        return [], None
    kept, left = [], place
    for segment in segments:
        own = segment.text.split()
        if left >= len(own):
            kept.append(segment)
        elif left > 0:
            end = segment.start_seconds + (segment.end_seconds - segment.start_seconds) * left / len(own)
            kept.append(Segment(" " + " ".join(own[:left]), segment.start_seconds, end))
        left = max(0, left - len(own))
    start = kept[-1].end_seconds if kept else segments[0].start_seconds
    return kept, Skipped(start, segments[-1].end_seconds, "repeats itself", " " + " ".join(words[place:]))


__all__ = ["before_loop", "compression_ratio", "loop_start"]
