"""Annotation files of ELAN (`.eaf`): https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import PurePath
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.parsers import expat

from toolkit.data.faults import BadData, Fault
from toolkit.data.labels import Labels, Span
from toolkit.data.lines import LONGEST_LINE, check_file

MOST_BYTES = 1 << 25
_MILLISECONDS = re.compile(r"\d{1,15}", re.ASCII)
_ENCODINGS = ("utf-8", "utf-16", "iso-8859-1", "us-ascii")  # those of expat itself; Python's codecs raise as they like
_SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"


class ElanTiers(Labels):
    """All annotations of an ELAN document that have times of their own; `track` is the name of their tier.

    Annotations that only refer to others have no times and are left out. The document says which recording it is
    about; where that one has moved, it is looked for beside the document.
    """

    def spans(self) -> Iterator[Span | Fault]:
        """One span per annotation with times, tier after tier."""
        check_file(self.path)
        if os.path.getsize(self.path) > MOST_BYTES:
            raise BadData([Fault(self.path, None, f"is larger than {MOST_BYTES:,} bytes. Split the document.")])
        parser = _Parser(self.path)
        recording = ""
        try:
            with open(self.path, "rb") as file:
                while chunk := file.read(1 << 16):
                    parser.expat.Parse(chunk)
                    # expat before 2.6 reads an unfinished tag from its start again with every chunk.
                    if file.tell() - parser.expat.CurrentByteIndex > LONGEST_LINE:
                        parser.refuse(f"has a tag of more than {LONGEST_LINE:,} bytes. Save the document again.")
                    for item in parser.take():
                        recording = recording or self._recording(parser.media)
                        yield item._replace(recording=recording) if isinstance(item, Span) else item
            parser.expat.Parse(b"", True)
        except expat.ExpatError as error:
            sentence = f"is not valid XML from here on ({expat.ErrorString(error.code)}). Save the document again."
            raise BadData([Fault(self.path, error.lineno, sentence)]) from error

    def _recording(self, media: str) -> str:
        beside = os.path.dirname(self.own_name)
        named = os.path.normpath(os.path.join(beside, media.removeprefix("file://")))
        for name in (named, os.path.join(beside, os.path.basename(named))):
            with suppress(LookupError):
                self.recordings.find(name)
                return name
        return self.own_name


class _Parser:
    """Collects spans while expat reads; refuses declarations, with which a small file could become a huge one."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.expat = expat.ParserCreate()
        self.expat.buffer_text = True
        self.expat.XmlDeclHandler = self._declaration
        self.expat.StartDoctypeDeclHandler = self._refuse_doctype
        self.expat.StartElementHandler = self._start
        self.expat.EndElementHandler = self._end
        self.expat.CharacterDataHandler = self._text
        self.media, self._origin = "", 0
        self._slots: dict[str, str] = {}
        self._depth, self._tier = 0, ""
        self._aligned: tuple[int, str, str] | None = None  # the annotation that is open: its line and its times
        self._words: list[str] | None = None
        self._found: list[Span | Fault] = []

    def take(self) -> list[Span | Fault]:
        """What was found since the last call."""
        found, self._found = self._found, []
        return found

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            self.refuse(f"has the encoding {encoding[:40]!r}. Save the document as UTF-8.")

    def _refuse_doctype(self, *_: object) -> None:
        self.refuse("declares a document type, which ELAN does not write. Remove the declaration.")

    def refuse(self, sentence: str) -> None:
        """Raises what makes the rest unreadable, at the line that is being read."""
        raise BadData([Fault(self.path, self.expat.CurrentLineNumber, sentence)])

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and name != "ANNOTATION_DOCUMENT":
            self.refuse(f"is no ELAN document: it starts with <{name}>. Export it as .eaf.")
        match name:
            case "HEADER" if attributes.get("TIME_UNITS", "milliseconds") != "milliseconds":
                self.refuse(f"counts in {attributes['TIME_UNITS']}. Save the document with milliseconds.")
            case "MEDIA_DESCRIPTOR" if not self.media:
                self.media = unquote(attributes.get("RELATIVE_MEDIA_URL") or attributes.get("MEDIA_URL", ""))
                origin = attributes.get("TIME_ORIGIN", "0")
                if not _MILLISECONDS.fullmatch(origin):
                    self.refuse("has a `TIME_ORIGIN` that is no number of milliseconds. Correct it.")
                self._origin = int(origin)
            case "TIME_SLOT":
                self._slots[attributes.get("TIME_SLOT_ID", "")] = attributes.get("TIME_VALUE", "")
            case "TIER":
                self._tier = attributes.get("TIER_ID", "")
            case "ALIGNABLE_ANNOTATION":
                times = (attributes.get(f"TIME_SLOT_REF{side}", "") for side in (1, 2))
                self._aligned = (self.expat.CurrentLineNumber, *times)  # type: ignore[assignment]
            case "ANNOTATION_VALUE" if self._aligned is not None:
                self._words = []

    def _text(self, text: str) -> None:
        if self._words is not None:
            self._words.append(text)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == "ALIGNABLE_ANNOTATION" and self._aligned is not None:
            line, *slots = self._aligned
            times = [self._slots.get(slot, "") for slot in slots]
            if all(map(_MILLISECONDS.fullmatch, times)):
                start, end = (f"{(int(time) + self._origin) / 1000:.3f}" for time in times)
                self._found.append(Span(line, start, end, "".join(self._words or ()).strip(), "", self._tier))
            else:
                self._found.append(Fault(self.path, line, "is an annotation without times. Align it in ELAN."))
            self._aligned = self._words = None


def elan_document(spans: Sequence[tuple[float, float, str]], media: str, tier: str) -> str:
    """An annotation document with these spans.

    Annotations of one tier may neither overlap nor be empty, so what overlaps goes into further tiers (`label 2`), and
    an instant lasts a millisecond.

    Args:
        spans: start and end in seconds, and the text.
        media: the recording, relative to where the document will lie.
        tier: the name of the first tier.
    """
    root = ElementTree.Element(
        "ANNOTATION_DOCUMENT",
        {
            **{"AUTHOR": "", "DATE": "1970-01-01T00:00:00+00:00", "FORMAT": "3.0", "VERSION": "3.0"},
            "xmlns:xsi": _SCHEMA,
            "xsi:noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
        },
    )
    header = ElementTree.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if media:
        url = {"MEDIA_URL": media, "RELATIVE_MEDIA_URL": media, "MIME_TYPE": _mime_type(media)}
        ElementTree.SubElement(header, "MEDIA_DESCRIPTOR", url)
    order = ElementTree.SubElement(root, "TIME_ORDER")
    tiers: list[tuple[ElementTree.Element, int]] = []  # each with the millisecond at which its last annotation ends
    for number, (start_seconds, end_seconds, text) in enumerate(spans, 1):
        start = round(start_seconds * 1000)
        end = max(round(end_seconds * 1000), start + 1)
        place = next((place for place, (_, free) in enumerate(tiers) if free <= start), len(tiers))
        if place == len(tiers):
            name = tier if not tiers else f"{tier} {place + 1}"
            element = ElementTree.SubElement(root, "TIER", {"TIER_ID": name, "LINGUISTIC_TYPE_REF": "default-lt"})
            tiers.append((element, end))
        tiers[place] = (tiers[place][0], end)
        slots = {f"TIME_SLOT_REF{side}": f"ts{2 * number - 2 + side}" for side in (1, 2)}
        for slot, time in zip(slots.values(), (start, end), strict=True):
            ElementTree.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": slot, "TIME_VALUE": str(time)})
        annotation = ElementTree.SubElement(tiers[place][0], "ANNOTATION")
        aligned = ElementTree.SubElement(annotation, "ALIGNABLE_ANNOTATION", {"ANNOTATION_ID": f"a{number}", **slots})
        ElementTree.SubElement(aligned, "ANNOTATION_VALUE").text = text
    kind = {"LINGUISTIC_TYPE_ID": "default-lt", "TIME_ALIGNABLE": "true", "GRAPHIC_REFERENCES": "false"}
    ElementTree.SubElement(root, "LINGUISTIC_TYPE", kind)
    ElementTree.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _mime_type(media: str) -> str:
    return {".wav": "audio/x-wav", ".mp4": "video/mp4"}.get(PurePath(media).suffix.lower(), "unknown")
