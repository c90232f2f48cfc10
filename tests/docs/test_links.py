"""Links between the documents lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?P<goal>[^)\s]+)\)")


def dead_links(page: Path) -> list[str]:
    """Goals of links that are no file of the project and no heading of a page."""
    goals = (match["goal"] for match in LINK.finditer(page.read_text(encoding="utf-8")))
    return [goal for goal in goals if "://" not in goal and not _leads(page, goal)]


def _leads(page: Path, goal: str) -> bool:
    path, _, anchor = goal.partition("#")
    there = page.parent / path if path else page
    return there.exists() and (not anchor or anchor in _anchors(there))


def _anchors(page: Path) -> list[str]:
    """Headings as their addresses are made of them: small letters, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    assert dead_links(page) == []


def test_a_link_into_the_void_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Here, now\n[a](gone.md) [b](#here-now) [c](page.md#there) [d](https://example.org)\n")
    assert dead_links(page) == ["gone.md", "page.md#there"]
