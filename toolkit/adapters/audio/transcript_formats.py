"""Transcripts as files: plain text, SubRip (SRT), WebVTT, tab-separated times, JSON."""

import html
import json
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

from toolkit.adapters.audio.transcript import Segment, Transcript
from toolkit.data.aside import written_aside
from toolkit.data.times import clock

LINE = 42
"""Characters in a line of a subtitle; two lines stand on the screen at once, as broadcasters have it."""
CUE_LINES = 2


def as_text(transcript: Transcript) -> str:
    """One segment a line."""
    return "".join(f"{_flat(segment.text)}\n" for segment in transcript.segments)


def as_srt(transcript: Transcript) -> str:
    """SubRip: numbered cues with times like `00:00:01,500 --> 00:00:03,000`.

    >>> print(as_srt(Transcript((Segment(" Hello.", 0.5, 0.9),), seconds=1.0)))
    1
    00:00:00,500 --> 00:00:00,900
    Hello.
    <BLANKLINE>
    """
    cues = [
        f"{number}\n{clock(cue.start_seconds, ',')} --> {clock(cue.end_seconds, ',')}\n{_lines(cue.text)}\n"
        for number, cue in enumerate(_cues(transcript), start=1)
    ]
    return "\n".join(cues)


def as_vtt(transcript: Transcript) -> str:
    """WebVTT; `&`, `<` and `>` are escaped, since they mark up a cue's text (W3C WebVTT, section 4.2)."""
    cues = [
        f"{clock(cue.start_seconds, '.')} --> {clock(cue.end_seconds, '.')}\n"
        f"{html.escape(_lines(cue.text), quote=False)}\n"
        for cue in _cues(transcript)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def as_tsv(transcript: Transcript) -> str:
    """Whole milliseconds and text, under the header `start end text`, as OpenAI's Whisper writes it."""
    rows = [
        f"{round(segment.start_seconds * 1000)}\t{round(segment.end_seconds * 1000)}\t{_flat(segment.text)}\n"
        for segment in transcript.segments
    ]
    return "".join(["start\tend\ttext\n", *rows])


def as_json(transcript: Transcript) -> str:
    """Everything: `Transcript.from_json` takes it back."""
    return json.dumps({"text": transcript.text, **transcript.as_json()}, ensure_ascii=False, indent=1) + "\n"


FORMATS: dict[str, Callable[[Transcript], str]] = {
    ".txt": as_text,
    ".srt": as_srt,
    ".vtt": as_vtt,
    ".tsv": as_tsv,
    ".json": as_json,
}


def write_transcript(transcript: Transcript, path: str | Path) -> None:
    """Writes a file in the format that its ending names; it appears whole or not at all.

    Raises:
        ValueError: no format has this ending.
        OSError: the disk refuses.
    """
    path = Path(path)
    form = check_ending(path)
    with written_aside(path) as out:
        out.write(FORMATS[form](transcript))


def check_ending(path: Path) -> str:
    """The ending of a path, which names its format.

    >>> check_ending(Path("talk.doc"))
    Traceback (most recent call last):
    ValueError: `output` must end in one of .txt, .srt, .vtt, .tsv, .json, but is 'talk.doc'. Choose one of these.
    """
    form = path.suffix.lower()
    if form not in FORMATS:
        raise ValueError(
            f"`output` must end in one of {', '.join(FORMATS)}, but is {str(path)!r}. Choose one of these."
        )
    return form


def _cues(transcript: Transcript) -> Iterator[Segment]:
    """Segments short enough for the screen: a longer one is divided, at its words' times where they are known.

    Where they are not, each character takes the same time.
    """
    for segment in transcript.segments:
        pieces = [(word.text, word.start_seconds, word.end_seconds) for word in segment.words] or _spread(segment)
        text, start, end = "", segment.start_seconds, segment.start_seconds
        for piece, from_seconds, to_seconds in pieces:
            if text.strip() and len(_wrapped(text + piece)) > CUE_LINES:
                yield Segment(_flat(text), start, end)
                text, start = "", from_seconds
            text, end = text + piece, to_seconds
        if text.strip():
            yield Segment(_flat(text), start, end)


def _spread(segment: Segment) -> list[tuple[str, float, float]]:
    """The words of a text, or its characters where it has no spaces, each with its share of the time."""
    parts = segment.text.split()
    pieces = [f" {part}" for part in parts] if len(parts) > 1 else list(segment.text.strip())
    length = max(1, sum(map(len, pieces)))
    rate, read, spread = (segment.end_seconds - segment.start_seconds) / length, 0, []
    for piece in pieces:
        first = segment.start_seconds + rate * read
        read += len(piece)
        spread.append((piece, first, segment.start_seconds + rate * read))
    return spread


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(_flat(text), LINE, break_on_hyphens=False)


def _lines(text: str) -> str:
    return "\n".join(_wrapped(text))


def _flat(text: str) -> str:
    """On one line, without what would end a cue or begin its times."""
    return " ".join(text.split()).replace("-->", "→")


__all__ = ["FORMATS", "as_json", "as_srt", "as_text", "as_tsv", "as_vtt", "check_ending", "write_transcript"]
