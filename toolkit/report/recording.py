"""One recording: its spectrogram, the words under it at their times, and a player that both lead to."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from toolkit.report.cases import joined, marked
from toolkit.report.clock import Clock, Event, button, in_order, moment, player
from toolkit.report.glances import Glances, finite, glances
from toolkit.report.markup import breadth, empty, folded, isolated, said, table
from toolkit.report.pictures import drawn
from toolkit.report.spectrogram import HIGHEST_HZ, spectrogram

Word = tuple[str, float, float]

PIXELS_PER_SECOND = 96
LETTER_PIXELS, WORD_PIXELS = 8, 14


def recording(
    samples: npt.ArrayLike,
    sample_rate_hz: int,
    words: Sequence[Word],
    *,
    sound: bytes,
    mime: str,
    caption: str,
    reference: str = "",
    attention: Glances = (),
) -> str:
    """Draws a recording over time with its words under it; a click on either plays from there.

    While it plays, a line runs along and the word being said is lit. The pictures take at most 60 kB; the rest is the
    sound, a third longer in the page than its bytes. So that a page stays under 3 MB, show no more than a dozen
    recordings of half a minute, the sound compressed to some 32 kbit/s. (The figure is as wide as the recording is
    long: cut what is longer than a minute to the part worth hearing.)

    Args:
        samples: (N,), the sound to draw, between -1 and 1.
        sample_rate_hz: samples in a second.
        words: (text, start, end) in seconds from the first sample.
        sound: the same recording as a file of its own, as bytes.
        mime: what kind of file `sound` is, for instance `audio/wav`.
        caption: plain text above the figure.
        reference: what should have been written; then both texts are shown and their differences marked.
        attention: for each token written, the token and its weights from 0 to 1 over steps of equal length from the
            first sample to the last. Cut the weights that fall on padding.
    """
    waveform = finite(samples, "samples")
    if waveform.ndim != 1:
        raise ValueError(
            f"`samples` must be one channel, but has the shape {waveform.shape}. Mix the channels before drawing."
        )
    if not len(waveform):
        return empty("There is no sound to show: the recording is empty.")
    seconds = len(waveform) / sample_rate_hz
    clock = Clock(seconds, max(640, round(seconds * PIXELS_PER_SECOND)))
    ordered = in_order(words, "words")
    rows = _pitch(waveform, sample_rate_hz) + _words(ordered, clock) + glances(attention, whole="recording")
    return (
        f'<figure class="recording">{said("figcaption", caption, kind="caption")}{player("audio", sound, mime)}'
        f"{clock.laid_out(rows)}{_compared(reference, words)}"
        f"{folded('Words', table('Words', ['word', 'start', 'end'], _listed(ordered))) if ordered else ''}</figure>"
    )


def _pitch(waveform: npt.NDArray[np.float64], sample_rate_hz: int) -> str:
    top = min(HIGHEST_HZ, sample_rate_hz / 2) / 1000
    picture = drawn(spectrogram(waveform, sample_rate_hz))
    return (
        f'<div class="pitch"><img src="{picture}" alt="Spectrogram of {len(waveform) / sample_rate_hz:.1f} seconds, '
        f'from 0 to {top:g} kHz"><p aria-hidden="true"><span>{top:g} kHz</span><span>0</span></p></div>'
    )


def _words(words: Sequence[Event], clock: Clock) -> str:
    """Puts each word at its time, and into a lane below where it would cover the one before."""
    if not words:
        return empty("No words were written.")
    pixel = clock.seconds / clock.width
    spans, styles = [], []
    for word, start, end, *_ in words:
        room = (breadth(word) * LETTER_PIXELS + WORD_PIXELS) * pixel
        is_last = start + room > clock.seconds  # what would be cut off by the end leans against it
        first = max(0.0, clock.seconds - room) if is_last else start
        spans.append((first, max(end, first + room)))
        place = "right:0" if is_last else f"left:{clock.share(start)}%"
        styles.append(f"{place};min-width:{clock.share(end - start)}%")
    lanes = clock.lanes(spans)
    buttons = "".join(
        button(word, isolated(word[0].strip() or "␣"), kind="word", style=f"{style};--lane:{lane}", is_first=not place)
        for place, (word, style, lane) in enumerate(zip(words, styles, lanes, strict=True))
    )
    return (
        f'<div class="track words" role="toolbar" aria-label="Words" style="--lanes:{max(lanes) + 1}">{buttons}</div>'
    )


def _compared(reference: str, words: Sequence[Word]) -> str:
    if not reference:
        return ""
    wanted, came = marked(reference, joined([word for word, *_ in words]))
    return (
        f'<dl class="compared"><dt>reference</dt><dd dir="auto">{wanted}</dd>'
        f'<dt>written</dt><dd dir="auto">{came or "(nothing)"}</dd></dl>'
    )


def _listed(words: Sequence[Event]) -> list[tuple[str, str, str]]:
    return [(word, moment(start), moment(end)) for word, start, end, *_ in words]
