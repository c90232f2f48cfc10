"""Annotation files of ELAN (`.eaf`): https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf."""

from collections.abc import Sequence
from pathlib import PurePath
from xml.etree import ElementTree

_SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"


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
