"""Words with times, written in the formats that players, editors and annotation programs read.

SubRip (`srt`) and Audacity have no specification but their programs. WebVTT: https://www.w3.org/TR/webvtt1. Edit
decision lists: CMX 3600 (SMPTE 258M). ELAN (`eaf`): `toolkit.data.elan`. All but `edl`, `json`
and `txt` can be read again.
"""

import csv
import html
import io
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from toolkit.data.elan import elan_document
from toolkit.data.times import clock

KINDS = ("txt", "srt", "vtt", "tsv", "csv", "json", "audacity", "edl", "eaf")
# What would end a line, or may not stand in XML at all.
_BREAKS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff\\ufffe\\uffff]+")


@dataclass(frozen=True)
class Cue:
    """Words, or the label of an event, with their place in a recording.

    Args:
        start_seconds: when it begins, counted from the start of the recording.
        end_seconds: when it ends; an instant ends where it begins.
        text: what is said, or what happens; a line break is written as a space.
        score: how sure the model is, from 0 to 1, if it says so.
    """

    start_seconds: float
    end_seconds: float
    text: str
    score: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start_seconds <= self.end_seconds < math.inf:
            raise ValueError(
                f"`start_seconds` and `end_seconds` must be finite and follow each other from 0 on, but are "
                f"{self.start_seconds} and {self.end_seconds}. Correct them."
            )


def write_cues(
    cues: Iterable[Cue], kind: str, *, media: str = "", words: str = "text", frames_per_second: float = 25.0
) -> str:
    """The contents of a file in one of the `KINDS`, in the order of the cues.

    Times are kept to the millisecond (`audacity`: microsecond, `json`: as they are, `edl`: frame). Scores are kept by
    `tsv`, `csv` and `json`, in which cues without one leave it empty.

    Args:
        cues: what to write.
        kind: one of `KINDS`.
        media: the recording, as a reader of the file finds it; tables then have a column `file`.
        words: what tables call the text: "text" or "label".
        frames_per_second: what `edl` counts in; fractional rates are counted without dropped frames.

    Raises:
        ValueError: a kind that is not known.

    >>> print(write_cues([Cue(0.5, 2.0, "Hello & good day"), Cue(2.0, 3.25, "Bye")], "vtt"))
    WEBVTT
    <BLANKLINE>
    00:00:00.500 --> 00:00:02.000
    Hello &amp; good day
    <BLANKLINE>
    00:00:02.000 --> 00:00:03.250
    Bye
    <BLANKLINE>
    """
    lined = [Cue(cue.start_seconds, cue.end_seconds, _one_line(cue.text), cue.score) for cue in cues]
    match kind:
        case "txt":
            return "".join(f"{cue.text}\n" for cue in lined)
        case "srt":
            return _srt(lined)
        case "vtt":
            return _vtt(lined)
        case "tsv" | "csv":
            return _table(lined, "\t" if kind == "tsv" else ",", media, words)
        case "json":
            return json.dumps(_records(lined, media, words), ensure_ascii=False, indent=1) + "\n"
        case "audacity":
            return "".join(f"{cue.start_seconds:.6f}\t{cue.end_seconds:.6f}\t{cue.text}\n" for cue in lined)
        case "edl":
            return _edl(lined, media, frames_per_second)
        case "eaf":
            return elan_document([(cue.start_seconds, cue.end_seconds, cue.text) for cue in lined], media, words)
    raise ValueError(f"`kind` must be one of {', '.join(KINDS)}, but is {kind!r}. Choose one of them.")


def _one_line(text: str) -> str:
    return _BREAKS.sub(" ", text).strip()


def _srt(cues: Sequence[Cue]) -> str:
    """Numbered blocks. There is no way to escape an arrow, so it is shortened, as others do."""
    blocks = []
    for number, cue in enumerate(cues, 1):
        times = f"{clock(cue.start_seconds, ',')} --> {clock(cue.end_seconds, ',')}"
        blocks.append(f"{number}\n{times}\n{cue.text.replace('-->', '->')}\n")
    return "\n".join(blocks)


def _vtt(cues: Sequence[Cue]) -> str:
    blocks = [
        f"{clock(cue.start_seconds, '.')} --> {clock(cue.end_seconds, '.')}\n{html.escape(cue.text, quote=False)}\n"
        for cue in cues
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def _records(cues: Sequence[Cue], media: str, words: str) -> list[dict[str, str | float | None]]:
    """One object per cue; all have the same names."""
    file = {"file": media} if media else {}
    scored = any(cue.score is not None for cue in cues)
    return [
        {
            **file,
            **{"start": cue.start_seconds, "end": cue.end_seconds, words: cue.text},
            **({"score": cue.score} if scored else {}),
        }
        for cue in cues
    ]


def _table(cues: Sequence[Cue], separator: str, media: str, words: str) -> str:
    """Columns `[file,]start,end,text[,score]`; quotes stand where the tables that we read know them."""
    records = _records(cues, media, words)
    rows = [[_cell(value) for value in record.values()] for record in records]
    names = list(records[0]) if records else [*(["file"] if media else []), "start", "end", words]
    if separator == "\t":
        return "".join("\t".join(row) + "\n" for row in [names, *rows])
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([names, *rows])
    return file.getvalue()


def _cell(value: str | float | None) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.3f}"


def _edl(cues: Sequence[Cue], media: str, frames_per_second: float) -> str:
    """One cut per cue, at the same place in the source and in the record, with the words as a comment.

    Editors lay such a list over the clip as markers. An instant lasts one frame, because a cut cannot be empty.
    """
    base = max(1, round(frames_per_second))
    # Only the rates of television count at another rate than they are written in; a mean rate is no rate of frames.
    rate = frames_per_second if abs(frames_per_second - base) < 0.002 * base else base
    lines = [f"TITLE: {_one_line(PurePath(media).stem) or 'timeline'}", "FCM: NON-DROP FRAME", ""]
    for number, cue in enumerate(cues, 1):
        start = round(cue.start_seconds * rate)
        end = max(round(cue.end_seconds * rate), start + 1)
        times = " ".join(_timecode(frame, base) for frame in (start, end))
        lines.append(f"{number:03}  AX       V     C        {times} {times}")
        if media:
            lines.append(f"* FROM CLIP NAME: {_one_line(PurePath(media).name)}")
        lines += [f"* COMMENT: {cue.text}", ""]
    return "\n".join(lines) + "\n"


def _timecode(frame: int, rate: int) -> str:
    seconds, left = divmod(frame, rate)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{left:02}"
