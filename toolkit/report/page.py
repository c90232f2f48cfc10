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
from toolkit.report.media import MOST_BYTES, Media, beside, remove_others, write_files

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
    script run (by its hash) and nothing be fetched but a sound or video that lies beside the page. Nothing is left out
    for size; `write_page` puts media beside a page that would be too large.
    """
    anchors = _anchors([section.title for section in sections])
    contents = "".join(
        f'<li><a href="#{anchor}">{text(section.title)}</a></li>'
        for anchor, section in zip(anchors, sections, strict=True)
    )
    body = "\n".join(_section(anchor, section) for anchor, section in zip(anchors, sections, strict=True))
    return _document(
        title,
        f"""<body>
<a class="skip" href="#content">Skip to the content</a>
<header><h1 dir="auto">{text(title)}</h1>{said("p", subtitle, kind="subtitle")}
<button type="button" class="scheme" hidden></button></header>
<nav aria-label="Contents"><ol>{contents}</ol></nav>
<main id="content" tabindex="-1">
{body or empty("This page has no sections.")}
</main>""",
    )


def framed(title: str, body: str) -> str:
    """Returns figures as a frame for somebody else's page: with their own style and script, and with no way out of it.

    The frame tells the page around it how high it would like to be, in a message `{reportHeight: pixels}`.

    Args:
        title: what the frame shows, for who listens to the page.
        body: HTML as the figure functions return it.
    """
    inner = _document(title, f'<body class="framed"><main aria-label="{text(title)}">{body}</main>')
    return f'<iframe title="{text(title)}" sandbox="allow-scripts" srcdoc="{text(inner)}"></iframe>'


def write_page(
    path: str | os.PathLike[str],
    title: str,
    sections: Sequence[Section],
    *,
    subtitle: str = "",
    media: Media = "auto",
) -> None:
    """Writes a page in one step: whoever opens `path` sees the old page or the whole new one, never half of it.

    Args:
        path: of the page.
        title: of the page.
        sections: its parts.
        subtitle: a line under the title.
        media: where sound and videos go: "embed" into the page, "beside" it into the folder `<name>_media`, or "auto",
            beside it only when the page would be larger than 3 MB.

    Raises:
        OSError: the disk refuses; the sentence names the page, which stays as it was.
    """
    path = Path(path)
    folder = path.with_name(f"{path.stem}_media")
    whole, files = page(title, sections, subtitle=subtitle), dict[str, bytes]()
    if media == "beside" or (media == "auto" and len(whole.encode(errors="backslashreplace")) > MOST_BYTES):
        whole, files = beside(whole, folder.name)
    write_files(folder, files)
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        # A broken tokenizer can hand us half of a surrogate pair: shown as its escape, it costs nobody the report.
        aside.write_text(whole, encoding="utf-8", errors="backslashreplace", newline="\n")
        os.replace(aside, path)
    except OSError as error:
        raise OSError(f"{path} could not be written ({error.strerror}). Make room, then run again.") from error
    finally:
        aside.unlink(missing_ok=True)
    remove_others(folder, files)


def _document(title: str, body: str) -> str:
    """Puts a body, from its opening tag on, into a document with style, script and content policy."""
    style, script = ("".join(map(_resource, names)) for names in (STYLES, SCRIPTS))
    script_hash = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # A browser may not count a file as part of its own folder: `file:` admits the video beside a page on a disk.
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{script_hash}'; img-src data:; "
        "media-src data: 'self' file:"
    )
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
{body}
<script>{script}</script>
</body>
</html>
"""


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
