"""`docs/promises.md` and the marks in the tests say the same: which test shows which promise."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from tests.house.source import ROOT, Definition, Source, sources

PAGE = ROOT / "docs" / "promises.md"
ROW = re.compile(r"^\| (?P<id>[A-Z]\d+) \| (?P<promise>.+?) \| (?P<tests>.+?) \|$", re.MULTILINE)
PROMISES_PER_CHAPTER = {"A": 13, "B": 5, "C": 6, "D": 2, "E": 6, "F": 8, "G": 10, "H": 8}
NOT_YET = "not yet"


def promised(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The ids in every `pytest.mark.promise(...)` below these nodes."""
    for node in nodes:
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("mark.promise"):
                yield from (argument.value for argument in call.args)


def marks(source: Source) -> Iterator[tuple[str, str]]:
    """Each promise that a test file shows, with the test, class or file that carries the mark."""
    for node in source.nodes(Definition):
        yield from ((id, f"{source.path}::{node.name}") for id in promised(node.decorator_list))
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            yield from ((id, str(source.path)) for id in promised([node]))


def corrections(page: str, marked: Iterable[tuple[str, str]]) -> list[str]:
    """The rows as they should stand, for each row of the page that the marks contradict."""
    shown: dict[str, set[str]] = {}
    for id, test in marked:
        shown.setdefault(id, set()).add(test)
    rows = []
    for row in ROW.finditer(page):
        tests = "<br>".join(f"`{test}`" for test in sorted(shown.pop(row["id"], ()))) or NOT_YET
        if tests != row["tests"]:
            rows.append(f"| {row['id']} | {row['promise']} | {tests} |")
    return rows + [f"no row {id} for {', '.join(sorted(tests))}" for id, tests in shown.items()]


def test_the_page_names_the_tests_that_show_each_promise():
    wrong = corrections(PAGE.read_text(encoding="utf-8"), [mark for s in sources("tests") for mark in marks(s)])
    assert not wrong, "docs/promises.md needs these rows:\n" + "\n".join(wrong)


def test_the_page_has_every_promise_once():
    ids = [row["id"] for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))]
    assert len(set(ids)) == len(ids)
    assert Counter(id[0] for id in ids) == PROMISES_PER_CHAPTER


def test_marks_are_found_wherever_pytest_allows_them(tmp_path):
    text = """
import pytest
pytestmark = pytest.mark.promise("A1")

@pytest.mark.promise("B1", "B2")
class TestMap:
    @pytest.mark.parametrize("kind", [pytest.param("dot", marks=pytest.mark.promise("B5"))])
    def test_kind(self, kind): ...

def test_without(): ...
"""
    assert sorted(marks(Source(tmp_path / "test_map.py", text))) == [
        ("A1", f"{tmp_path}/test_map.py"),
        ("B1", f"{tmp_path}/test_map.py::TestMap"),
        ("B2", f"{tmp_path}/test_map.py::TestMap"),
        ("B5", f"{tmp_path}/test_map.py::test_kind"),
    ]


def test_a_page_that_says_too_much_too_little_or_knows_no_such_promise_is_corrected():
    page = "| A1 | trains | not yet |\n| A2 | shares nothing | `t::gone` |\n| A3 | any length | `t::b`<br>`t::c` |\n"
    assert corrections(page, [("A1", "t::a"), ("A3", "t::c"), ("A3", "t::b"), ("Z9", "t::z")]) == [
        "| A1 | trains | `t::a` |",
        "| A2 | shares nothing | not yet |",
        "no row Z9 for t::z",
    ]
