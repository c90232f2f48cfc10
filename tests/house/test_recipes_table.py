"""`recipes/README.md` and the scripts beside it name each other."""

import re
from collections import Counter
from collections.abc import Collection

from tests.house.source import ROOT

TABLE_ROW = re.compile(r"^\|.*?(?:recipes/)?(?P<script>[\w/]+\.py)\b.*$", re.MULTILINE)


def disagreements(page: str, scripts: Collection[str]) -> list[str]:
    """What a page of recipes leaves out, repeats or makes up; a table row is about the first script that it names."""
    rows = Counter(row["script"] for row in TABLE_ROW.finditer(page))
    return [
        *(f"`{script}` has no row in the table" for script in sorted(set(scripts) - set(rows))),
        *(f"`{script}` stands in the table, but not in the folder" for script in sorted(set(rows) - set(scripts))),
        *(f"`{script}` has {count} rows" for script, count in rows.items() if count > 1),
        *(["there is no recipe at all"] if not rows else []),
    ]


def test_every_recipe_has_its_row():
    folder = ROOT / "recipes"
    scripts = [str(path.relative_to(folder)) for path in folder.rglob("*.py")]
    wrong = disagreements((folder / "README.md").read_text(encoding="utf-8"), scripts)
    assert not wrong, "\n".join(wrong)


def test_a_table_and_a_folder_that_agree_are_left_alone():
    page = "Run `old.py`.\n\n| recipe |\n|---|\n| [`text/a.py`](text/a.py) replaces `c.py` |\n| `recipes/lab/b.py` |\n"
    assert disagreements(page, ["text/a.py", "lab/b.py"]) == []


def test_what_is_missing_made_up_or_repeated_is_named():
    page = "| `text/a.py` | x |\n| `text/a.py` | y |\n| `text/gone.py` | z |\n"
    assert disagreements(page, ["text/a.py", "text/new.py"]) == [
        "`text/new.py` has no row in the table",
        "`text/gone.py` stands in the table, but not in the folder",
        "`text/a.py` has 2 rows",
    ]


def test_an_empty_table_is_refused():
    assert disagreements("# Recipes\n", []) == ["there is no recipe at all"]
