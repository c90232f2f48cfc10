"""Reads a page as a browser would: as a tree. And builds the page of every figure that the tests read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from toolkit.report import (
    Section,
    attention_map,
    bars,
    curves,
    facts,
    intervals_by_group,
    score_table,
    text_block,
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


def read(markup: str) -> Element:
    """Returns the tree of a page or of a piece of one, after checking that every tag is closed in its turn."""
    reader = Reader()
    reader.feed(markup)
    reader.close()
    assert len(reader.open) == 1, f"never closed: {[element.tag for element in reader.open[1:]]}"
    return reader.open[0]


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
    }


def sections(label: str) -> list[Section]:
    return [Section(f"{name} {label}", body, note=label) for name, body in figures(label).items()]
