"""Times as people write them: plain seconds, or a clock with hours, minutes and seconds."""

import re

_WAYS = "12.5, 0:12.5 or 00:00:12,500"
_CLOCK = re.compile(r"(?:(?:(\d{1,6}):)?([0-5]?\d):)?(\d{1,12}(?:[.,]\d{1,40})?)", re.ASCII)
_WHOLE = re.compile(r"\d{1,12}(?:\.0+)?", re.ASCII)


def parse_seconds(text: str, name: str = "time") -> float:
    """Seconds from a cell of a table, a subtitle or a label track.

    Args:
        text: plain seconds, or `[hours:]minutes:seconds`, with a point or a comma before the fraction.
        name: of the cell, for the sentence that says what is wrong.

    Raises:
        ValueError: it is no time from 0 on; the message is one sentence with the way out.

    >>> parse_seconds("12.5"), parse_seconds("0:12.500"), parse_seconds("01:00:12,5")
    (12.5, 12.5, 3612.5)
    >>> parse_seconds("-3", "start")
    Traceback (most recent call last):
    ...
    ValueError: `start` must be a time from 0 on, such as 12.5, 0:12.5 or 00:00:12,500, but is '-3'. Correct it.
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is not None:
        hours, minutes, seconds = (float((part or "0").replace(",", ".")) for part in match.groups())
        if match[2] is None or seconds < 60:
            return hours * 3600 + minutes * 60 + seconds
    raise ValueError(f"`{name}` must be a time from 0 on, such as {_WAYS}, but is {_shown(text)}. Correct it.")


def parse_frame(text: str, name: str = "frame") -> int:
    """The number of a frame, counted from 0.

    Raises:
        ValueError: it is no whole number from 0 on; the message is one sentence with the way out.

    >>> parse_frame("112")
    112
    """
    if _WHOLE.fullmatch(text.strip()):
        return int(float(text))
    raise ValueError(f"`{name}` must be a whole number from 0 on, but is {_shown(text)}. Correct it.")


def clock(seconds: float, point: str) -> str:
    """Hours, minutes, seconds and milliseconds, as subtitles write them.

    >>> clock(3612.5, ",")
    '01:00:12,500'
    """
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…") if text.strip() else "empty"
