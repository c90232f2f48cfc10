"""`docs/papers.md` has each paper that the code names, and each paper there says where it is used."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "papers.md"
NAME = r"[A-ZÀ-Þ][\w-]+"
CITATION = re.compile(rf"(?P<first>{NAME})(?: et al\.?| and {NAME}|'s [\w -]+?)?,? \(?(?P<year>(?:19|20)\d\d)\b")
USED = re.compile(r"`(?P<path>toolkit/[\w/.]+)`")


def citations(text: str) -> set[tuple[str, str]]:
    """First author and year of each paper that a text names."""
    return {(match["first"], match["year"]) for match in CITATION.finditer(" ".join(text.split()))}


def test_every_paper_that_the_code_names_is_listed():
    page = citations(PAGE.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "toolkit").rglob("*.py")):
        missing = citations(path.read_text(encoding="utf-8")) - page
        assert not missing, f"{path.relative_to(ROOT)} names {missing}, which docs/papers.md has not"


def test_every_listed_paper_is_named_in_the_file_that_uses_it():
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if citations(line)]
    assert rows
    for row in rows:
        paths = [ROOT / match["path"] for match in USED.finditer(row)]
        assert paths and all(path.exists() for path in paths), row
        for path in paths:
            assert citations(row) <= citations(path.read_text(encoding="utf-8")), f"{path} does not name: {row}"


def test_citations_are_read_in_every_form_that_the_code_uses():
    text = "(Press and Wolf, 2017) Bahdanau et al., 2015; Popović 2015) Koehn\n(2004): Hyyrö's rows (2004), torch 2024"
    found = {("Press", "2017"), ("Bahdanau", "2015"), ("Popović", "2015"), ("Koehn", "2004"), ("Hyyrö", "2004")}
    assert citations(text) == found
