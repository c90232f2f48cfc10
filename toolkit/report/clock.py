"""A common axis of seconds: what happened when, as buttons that lead a player there."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlsplit

from toolkit.report.markup import text
from toolkit.report.pictures import data_uri

Event = tuple[str, float, float] | tuple[str, float, float, float]

STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
PIXELS_PER_STEP = 80


@dataclass(frozen=True)
class Clock:
    """The time from the beginning of a recording or a video to its end, laid out from left to right.

    Args:
        seconds: the length of what is played.
        width: how many pixels the axis takes at least; it fills wider pages, and is scrolled on narrower ones.
    """

    seconds: float
    width: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.seconds) and self.seconds > 0):
            raise ValueError(
                f"`seconds` must be a length above 0, but is {self.seconds}. Pass the length of the recording or video."
            )

    def share(self, second: float) -> float:
        """Returns how much of the time has passed, in percent; what lies outside stands at the nearer end.

        >>> Clock(8, 640).share(2), Clock(8, 640).share(9)
        (25.0, 100.0)
        """
        return round(min(max(second / self.seconds, 0.0), 1.0) * 100, 3)

    def laid_out(self, body: str) -> str:
        """Wraps the rows of a figure, and draws the axis under them and the place of the player across them."""
        return (
            f'<div class="scroll"><div class="timed" data-seconds="{self.seconds:.3f}" style="--width:{self.width}px">'
            f'{body}{self._axis()}<i class="playhead"></i></div></div>'
        )

    def lanes(self, spans: Iterable[tuple[float, float]]) -> list[int]:
        """Returns a lane for each (start, end), the lowest in which it touches no earlier one.

        >>> Clock(9, 640).lanes([(0, 2), (1, 3), (2, 4), (2.5, 5)])
        [0, 1, 0, 2]
        """
        free: list[float] = []
        chosen = []
        for start, end in spans:
            lane = next((lane for lane, since in enumerate(free) if since <= start), len(free))
            free[lane : lane + 1] = [end]
            chosen.append(lane)
        return chosen

    def _axis(self) -> str:
        step = next((step for step in STEPS if step * self.width / self.seconds >= PIXELS_PER_STEP), STEPS[-1])
        marks = "".join(
            f'<span style="left:{self.share(second)}%">{moment(second, decimals=int(step < 1))}</span>'
            for second in (place * step for place in range(int(self.seconds / step) + 1))
        )
        return f'<div class="axis" aria-hidden="true">{marks}</div>'


def in_order(events: Sequence[Event], name: str) -> list[Event]:
    """Checks events where they enter and sorts them by time."""
    for place, (label, start, end, *_) in enumerate(events):
        if not (math.isfinite(start) and math.isfinite(end) and start <= end):
            raise ValueError(
                f"`{name}[{place}]` must start before it ends, both in seconds, but `{label}` is from {start} "
                f"to {end}. Leave out what has no times."
            )
    return sorted(events, key=lambda event: event[1:3])


def button(event: Event, body: str, *, kind: str, style: str, is_first: bool) -> str:
    """Returns a button that leads the player to the start of an event.

    The first of a row is reached by the tab key, the others from there by the arrow keys.
    """
    _, start, end, *_ = event
    return (
        f'<button type="button" class="{kind}" data-start="{start:.3f}" data-end="{end:.3f}" style="{style}" '
        f'title="{text(told(event))}"{"" if is_first else " tabindex=-1"}>{body}</button>'
    )


def told(event: Event) -> str:
    """Says an event in words.

    >>> told(("fall", 61.5, 63, 0.912)).replace("\u2068", "").replace("\u2069", "")
    'fall, 1:01.50 – 1:03.00, score 0.912'
    """
    label, start, end, *score = event
    when = moment(start) if start == end else f"{moment(start)} – {moment(end)}"
    unit = " s" if end < 60 else ""
    return ", ".join([f"\u2068{label or '(nothing)'}\u2069", when + unit, *(f"score {value:.3g}" for value in score)])


def moment(second: float, *, decimals: int = 2) -> str:
    """Writes a time as a player does.

    >>> [moment(second, decimals=1) for second in (2.5, 61.5, 3600)]
    ['2.5', '1:01.5', '1:00:00.0']
    """
    units = round(second * 10**decimals)
    whole, rest = divmod(units, 60 * 10**decimals)
    digits = f"{rest / 10**decimals:.{decimals}f}"
    if not whole:
        return digits
    hours, minutes = divmod(whole, 60)
    padded = digits.rjust(2 if not decimals else 3 + decimals, "0")
    return f"{hours}:{minutes:02}:{padded}" if hours else f"{minutes}:{padded}"


OPENING = {
    "audio": '<audio controls preload="metadata" aria-label="Recording" src="',
    "video": '<video controls preload="metadata" aria-label="Video" src="',
}
"""What a player begins with, up to the address of what it plays."""


def player(kind: Literal["audio", "video"], media: bytes | str, mime: str) -> str:
    """Returns a player of bytes, which then stand in the page, or of a file beside the page."""
    if isinstance(media, bytes):
        if not re.fullmatch(r"(audio|video)/[\w.+-]+", mime):
            raise ValueError(f"`mime` must be like audio/mpeg or video/mp4, but is {mime!r}. Name what the bytes are.")
        source = data_uri(media, mime)
    else:
        parts = urlsplit(media)
        if parts.scheme or parts.netloc or media.startswith(("/", "\\")):
            raise ValueError(
                f"`{kind}` must be bytes or the name of a file beside the page, but is {media!r}. "
                "A page that leads elsewhere stops working when it is moved: copy the file, or pass its bytes."
            )
        source = quote(media)
    return f'{OPENING[kind]}{text(source)}"></{kind}>' if media else ""
