"""Reads a page as a browser would: as a tree. And builds the page of every figure that the tests read."""

import base64
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from toolkit.report import (
    Section,
    attention_map,
    bars,
    class_counts,
    confusion_matrix,
    confusions,
    curves,
    edits,
    facts,
    intervals_by_group,
    recording,
    score_table,
    text_block,
    timeline,
    worst_cases,
)

VOID = {"meta", "link", "br", "img", "input", "hr"}


@dataclass
class Element:
    """An element of a page with what it holds."""

    tag: str
    attributes: dict[str, str]
    children: list["Element | str"] = field(default_factory=list)

    def all(self, tag: str = "") -> Iterator["Element"]:
        """Every element below this one, or every one of a tag, in the order of the page."""
        for child in self.children:
            if isinstance(child, Element):
                if tag in ("", child.tag):
                    yield child
                yield from child.all(tag)

    def of_class(self, name: str) -> list["Element"]:
        return [element for element in self.all() if name in element.attributes.get("class", "").split()]

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


class Reader(HTMLParser):
    """Builds the tree and refuses a tag that is closed out of turn."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"<{tag}> repeats an attribute: {attrs}"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def plain(words: str) -> str:
    """Words without the marks that keep a label's writing direction to itself."""
    return words.replace("\u2068", "").replace("\u2069", "")


def read(markup: str) -> Element:
    """Returns the tree of a page or of a piece of one, after checking that every tag is closed in its turn."""
    reader = Reader()
    reader.feed(markup)
    reader.close()
    assert len(reader.open) == 1, f"never closed: {[element.tag for element in reader.open[1:]]}"
    return reader.open[0]


def tone(seconds: float = 1.0, *, hertz: float = 440.0, sample_rate_hz: int = 8000) -> npt.NDArray[np.float64]:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz)


def wav(samples: npt.NDArray[np.float64], sample_rate_hz: int = 8000) -> bytes:
    """One channel of sound as a real file."""
    content = BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate_hz)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return content.getvalue()


def jpeg(shade: int = 128) -> bytes:
    content = BytesIO()
    Image.new("RGB", (16, 12), (shade, shade, shade)).save(content, "JPEG")
    return content.getvalue()


def pixels(element: Element) -> npt.NDArray[np.uint8]:
    """The picture of an `<img>` as another library reads it: (Y, X, 4)."""
    content = base64.b64decode(element.attributes["src"].partition(",")[2], validate=True)
    return np.asarray(Image.open(BytesIO(content)).convert("RGBA"))


def figures(label: str) -> dict[str, str]:
    """Every figure of the package by its name, with `label` in every place that takes a text."""
    return {
        "scores": score_table(
            [{"name": label, "value": 31.4159, "low": 29.8, "high": 33, "explanation": label, "signature": label}]
        ),
        "curves": curves({label: [(0, 5), (10, 3), (20, 2.5)], "b": [(0, 6), (20, 4)]}, x_label=label, y_label=label),
        "groups": intervals_by_group([(label, 31, 29, 33, 120)], x_label=label, y_label=label),
        "compared": intervals_by_group(
            {label: [(label, 31, 29, 33, 120)], "b": [(label, 20, 15, 25, 120)]}, x_label=label, y_label=label
        ),
        "cases": worst_cases(
            [{"reference": f"{label} was", "prediction": f"{label} is", label: label, "score": 0.5}],
            columns=["reference", "prediction", label, "score"],
        ),
        "attention": attention_map(
            [label, "b", "c"], ["x", label], [[0.421, 0.5, 0.079], [0, 0.25, 0.75]], caption=label
        ),
        "facts": facts({label: label, "nested": {label: [label]}}),
        "bars": bars([(label, 30), ("b", 10)]),
        "text": text_block(label),
        "recording": recording(
            tone(),
            8000,
            [(label, 0.1, 0.4), ("b", 0.5, 0.8)],
            sound=wav(tone()),
            mime="audio/wav",
            caption=label,
            reference=f"{label} c",
            attention=[(label, [0.5, 0.5, 0]), ("b", [0, 0.2, 0.8])],
        ),
        "timeline": timeline(
            [(label, 0, 1), ("b", 2, 2)],
            {label: [(label, 0.5, 1, 0.9)]},
            seconds=4,
            video=None,
            caption=label,
            thumbnails=[(jpeg(), 2.5, label)],
            probabilities={label: [(0, 0.5), (4, 1)]},
        ),
        "confusion": confusion_matrix([label, "b"], [[3, 1], [0, 6]], caption=label),
        "labels": class_counts({label: 4, "b": 6, f"{label} too": 0}),
        "edits": edits({"hits": 90, "substitutions": 6, "deletions": 4, "insertions": 2}) + text_block(label),
        "confused": confusions([(label, "b", 3), ("", label, 1)]),
    }


def sections(label: str) -> list[Section]:
    return [Section(f"{name} {label}", body, note=label) for name, body in figures(label).items()]
