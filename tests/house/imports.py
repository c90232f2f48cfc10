"""Rules about who may import whom.

    recipes → recipe, pipeline, card, hub → adapters.* → models | media | metrics | data | report | collate

Each rule takes one source and yields its complaints.
"""

import ast
import sys
from collections.abc import Iterator

from tests.house.source import ROOT, Source

LEAVES = {"models", "media", "metrics", "data", "report", "collate"}
LEVELS = ("leaf", "adapter", "core", "recipe", "test")
PORTABLE = sys.stdlib_module_names | {"torch", "transformers"}


def imported(source: Source) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    """Each import statement with the full dotted name of each thing it brings in."""
    for node in source.nodes(ast.Import, ast.ImportFrom):
        base = ""
        if isinstance(node, ast.ImportFrom):
            above = source.package.split(".")
            above = above[: len(above) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])]) + "."
        for alias in node.names:
            yield node, base + alias.name


def level(module: str) -> str | None:
    """Where a module stands on the map, or None when it is somebody else's."""
    match module.split("."):
        case ["recipes", *_]:
            return "recipe"
        case ["tests" | "conftest", *_]:
            return "test"
        case ["toolkit", name, *_] if name in LEAVES:
            return "leaf"
        case ["toolkit", "adapters", *_]:
            return "adapter"
        case ["toolkit", *_]:
            return "core"
    return None


def flow_down(source: Source) -> Iterator[str]:
    """Imports follow the arrows: nothing knows what stands above it."""
    own = level(source.module)
    for node, name in imported(source):
        other = level(name)
        if own and other and LEVELS.index(other) > LEVELS.index(own):
            yield source.at(node, f"`{source.module}` ({own}) imports `{name}` ({other}), which stands above it")


def leaves_stand_alone(source: Source) -> Iterator[str]:
    """No leaf knows another."""
    if level(source.module) == "leaf":
        for node, name in imported(source):
            if level(name) == "leaf" and name.split(".")[1] != source.module.split(".")[1]:
                yield source.at(
                    node, f"the leaf `{source.module}` imports the leaf `{name}`; let the adapter join them"
                )


def adapters_stand_alone(source: Source) -> Iterator[str]:
    """A folder under `adapters/` knows itself and the files beside the folders; these know no folder."""
    if level(source.module) == "adapter":
        own = source.path.parts[2]
        for node, name in imported(source):
            other = name.split(".")[2:3]
            shared = {"base", *(path.stem for path in (ROOT / "toolkit/adapters").glob("*.py"))}
            if level(name) == "adapter" and not shared.union([own]).issuperset(other):
                yield source.at(
                    node, f"`{source.module}` imports `{name}`; adapters share `toolkit.adapters.base` only"
                )


def models_travel(source: Source) -> Iterator[str]:
    """A file of `toolkit/models/` works when copied to the Hub: flat, over torch, transformers and its siblings."""
    if not source.module.startswith("toolkit.models."):
        return
    if len(source.path.parts) > 3:
        yield source.at(None, "a folder in toolkit/models does not travel to the Hub; move the file up")
    for node in source.nodes(ast.Import, ast.ImportFrom):
        if isinstance(node, ast.ImportFrom) and node.level:
            if node.level > 1 or not node.module or "." in node.module:
                yield source.at(node, f"`{ast.unparse(node)}` breaks on the Hub; write `from .sibling import name`")
            continue
        names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        for name in names:
            if name != "huggingface_hub.dataclasses" and name.split(".")[0] not in PORTABLE:
                yield source.at(node, f"`{name}` may be missing where the model is loaded; use torch and transformers")


RULES = (flow_down, leaves_stand_alone, adapters_stand_alone, models_travel)
