"""The project's own Python files, as the house rules read them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
FOLDERS = ("toolkit", "recipes", "samples", "tests")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the project's root, and its text."""

    path: PurePosixPath
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed text."""
        return ast.parse(self.text, str(self.path))

    @cached_property
    def module(self) -> str:
        """The dotted name under which the file is imported: `toolkit.adapters.text` for that folder's `__init__.py`."""
        return ".".join(self.path.with_suffix("").parts).removesuffix(".__init__")

    @property
    def package(self) -> str:
        """The dotted name that a leading dot in an import stands for."""
        return self.module if self.path.name == "__init__.py" else self.module.rpartition(".")[0]

    def nodes(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        """All nodes of these kinds, those inside functions too."""
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))

    def at(self, node: ast.AST | None, sentence: str) -> str:
        """A complaint that names the line it is about, or the file alone."""
        return f"{self.path}:{node.lineno}: {sentence}" if node else f"{self.path}: {sentence}"


@cache
def sources(*folders: str) -> list[Source]:
    """Every Python file under these folders of the project, or under all of them."""
    paths = [path for folder in folders or FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [Source(PurePosixPath(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in paths]
