"""The page itself: sections with a contents list, style and script inside, nothing fetched from anywhere."""

import base64
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from toolkit.report.markup import empty, said, text

STYLES, SCRIPTS = ("page.css", "confusion.css", "timed.css"), ("page.js", "confusion.js", "timed.js")


@dataclass(frozen=True)
class Section:
    """One titled part of a page.

    Args:
        title: plain text; also the entry in the contents list.
        body: HTML as the figure functions return it. Several figures are joined with `+`.
        note: plain text under the title, saying how to read what follows.
    """

    title: str
    body: str
    note: str = ""


def page(title: str, sections: Sequence[Section], *, subtitle: str = "") -> str:
    """Returns a whole HTML document that needs no other file and no network.

    Two locks keep it so: figures escape what they are given, and the content policy in the head lets only this very
    script run (by its hash) and nothing be fetched but a video that lies beside the page.

    Nothing is left out for size: who puts sound, videos and pictures into a page keeps it below 3 MB, as the docstrings
    of `recording` and `timeline` say.
    """
    style, script = ("".join(map(_resource, names)) for names in (STYLES, SCRIPTS))
    script_hash = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # A browser may not count a file as part of its own folder: `file:` admits the video beside a page on a disk.
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{script_hash}'; img-src data:; "
        "media-src data: 'self' file:"
    )
    anchors = _anchors([section.title for section in sections])
    contents = "".join(
        f'<li><a href="#{anchor}">{text(section.title)}</a></li>'
        for anchor, section in zip(anchors, sections, strict=True)
    )
    body = "\n".join(_section(anchor, section) for anchor, section in zip(anchors, sections, strict=True))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{text(title)}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header><h1 dir="auto">{text(title)}</h1>{said("p", subtitle, kind="subtitle")}</header>
<nav aria-label="Contents"><ol>{contents}</ol></nav>
<main id="content">
{body or empty("This page has no sections.")}
</main>
<script>{script}</script>
</body>
</html>
"""


def write_page(path: str | os.PathLike[str], title: str, sections: Sequence[Section], *, subtitle: str = "") -> None:
    """Writes a page in one step: whoever opens `path` sees the old page or the whole new one, never half of it."""
    whole, path = page(title, sections, subtitle=subtitle), Path(path)
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        # A broken tokenizer can hand us half of a surrogate pair: shown as its escape, it costs nobody the report.
        aside.write_text(whole, encoding="utf-8", errors="backslashreplace", newline="\n")
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _section(anchor: str, section: Section) -> str:
    note = said("p", section.note, kind="note")
    body = section.body or empty("There is nothing to show here.")
    return f'<section id="{anchor}"><h2 dir="auto">{text(section.title)}</h2>{note}{body}</section>'


def _anchors(titles: Sequence[str]) -> list[str]:
    """Names each section for links: the letters and digits of its title, told apart by its place in the page."""
    words = (re.sub(r"\W+", "-", title.lower()).strip("-") for title in titles)
    return [f"{place}-{word}" if word else str(place) for place, word in enumerate(words, start=1)]


def _resource(name: str) -> str:
    return files("toolkit.report").joinpath(name).read_text(encoding="utf-8")
