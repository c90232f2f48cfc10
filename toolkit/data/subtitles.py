"""Lines with times: subtitles (SubRip, WebVTT) and the label tracks of Audacity."""

import html
import re
from collections.abc import Iterator, Sequence

from toolkit.data.faults import BadData, Fault
from toolkit.data.labels import Labels, Span
from toolkit.data.lines import LONGEST_LINE, Line, read_lines

_TIME = r"-?[\d:.,]+"
_TIMING = re.compile(rf"\s*({_TIME})\s+-->\s+({_TIME})(?:\s.*)?")
_TRACK_ROW = re.compile(rf"\s*({_TIME})\t\s*({_TIME})\s*(?:\t(.*))?")
_VTT_TAG = re.compile(r"<[^<>]*>")  # voices, classes, karaoke times
_SRT_TAG = re.compile(r"</?(?:b|i|u|s|font)\b[^<>]*>|\{\\[^{}]*\}", re.IGNORECASE)  # all that players know of
_NO_CUES = ("WEBVTT", "NOTE", "STYLE", "REGION", "X-TIMESTAMP-MAP")


class Subtitles(Labels):
    """Blocks of a line of times and lines of words, between blank lines, in SubRip or WebVTT.

    Lines of one cue are joined by a space; tags of style and voice are left out.
    """

    def spans(self) -> Iterator[Span | Fault]:
        """One span per block that is a cue."""
        is_vtt = self.path.lower().endswith(".vtt")
        for block in self._blocks():
            faults = [line.fault for line in block if line.fault is not None]
            if faults:
                yield from faults
            elif not (is_vtt and block[0].text.startswith(_NO_CUES)):
                yield self._cue(block, is_vtt=is_vtt)

    def _blocks(self) -> Iterator[list[Line]]:
        block: list[Line] = []
        size = 0
        for line in read_lines(self.path):
            if line.text.strip() or line.fault is not None:
                block.append(line)
                size += len(line.text) + 1
                if size > LONGEST_LINE:
                    sentence = f"no blank line within {LONGEST_LINE:,} characters from here. Put one after each cue."
                    raise BadData([Fault(self.path, block[0].number, sentence)])
            elif block:
                yield block
                block, size = [], 0
        if block:
            yield block

    def _cue(self, block: Sequence[Line], *, is_vtt: bool) -> Span | Fault:
        # What stands above the times is a number in SubRip, and any name in WebVTT.
        place = next((place for place, line in enumerate(block[:2]) if _TIMING.fullmatch(line.text)), None)
        if place is None:
            sentence = "starts no cue: times such as 00:00:01,000 --> 00:00:02,500 must stand here or on the next line."
            return Fault(self.path, block[0].number, f"{sentence} Add them, or remove the blank line above.")
        for line in block[place + 1 :]:
            if _TIMING.fullmatch(line.text):
                sentence = "starts a cue before the one above it is closed. Put a blank line between them."
                return Fault(self.path, line.number, sentence)
        match = _TIMING.fullmatch(block[place].text)
        assert match is not None
        words = " ".join(line.text.strip() for line in block[place + 1 :])
        try:
            words = html.unescape(_VTT_TAG.sub("", words)) if is_vtt else _SRT_TAG.sub("", words)
        except ValueError:  # Python reads no number of more than 4300 digits
            return Fault(self.path, block[place].number, "holds `&#…;` for no character that exists. Correct it.")
        return Span(block[place].number, match[1], match[2], words.strip(), self.own_name)


class LabelTrack(Labels):
    """A label track as Audacity exports it: start, end and label between tabs. A point ends where it starts."""

    def spans(self) -> Iterator[Span | Fault]:
        """One span per line; lines that start with a backslash hold frequencies and are left out."""
        for number, text, fault in read_lines(self.path):
            if fault is not None:
                yield fault
            elif text.strip() and not text.startswith("\\"):
                if match := _TRACK_ROW.fullmatch(text):
                    yield Span(number, match[1], match[2], (match[3] or "").strip(), self.own_name)
                else:
                    sentence = "is no label: it must be a start, an end and a text, with tabs between. Correct it."
                    yield Fault(self.path, number, sentence)


def is_label_track(path: str) -> bool:
    """Whether the first line of a text file is one of a label track."""
    first = next(read_lines(path), None)
    return first is not None and _TRACK_ROW.fullmatch(first.text) is not None
