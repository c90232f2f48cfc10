"""Rules about sizes, names, docstrings and questions that must not be asked.

Each rule takes one source and yields its complaints.
"""

import ast
from collections.abc import Iterator

from tests.house.imports import level
from tests.house.source import Definition, Function, Source

FILE_LINES, FUNCTION_LINES, RECIPE_LINES = 300, 50, 40
CONSTRUCTOR_ARGUMENTS, EXPORTED_NAMES = 8, 15
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "common", "misc"}
MODALITIES_AND_TASKS = {
    *("text", "audio", "speech", "image", "video"),
    *("translation", "summarization", "dialogue", "text2text-generation"),
    *("transcription", "automatic-speech-recognition", "speech-translation"),
    *("classification", "video-classification", "event_labelling", "video-event-detection"),
}


def files_are_short(source: Source) -> Iterator[str]:
    """A file fits into one reading."""
    lines = len(source.text.splitlines())
    is_run = level(source.module) == "recipe" and not source.module.rpartition(".")[2].startswith("make_")
    limit = RECIPE_LINES if is_run else FILE_LINES  # what makes data is a script, and runs nothing
    if lines > limit:
        yield source.at(None, f"{lines} lines, the limit is {limit}; split it by its nouns")


def code_lines(source: Source, node: ast.AST) -> int:
    """How many lines of a definition do something: blank lines, comments and docstrings do not."""
    explained = {
        line
        for part in ast.walk(node)
        if isinstance(part, Definition) and ast.get_docstring(part) is not None
        for line in range(part.body[0].lineno, part.body[0].end_lineno + 1)
    }
    lines = source.text.splitlines()
    numbers = set(range(node.lineno, node.end_lineno + 1)) - explained
    return sum(not lines[number - 1].strip().startswith("#") and lines[number - 1].strip() != "" for number in numbers)


def functions_are_short(source: Source) -> Iterator[str]:
    """A function does one thing."""
    for node in source.nodes(Function):
        if (lines := code_lines(source, node)) > FUNCTION_LINES:
            yield source.at(node, f"`{node.name}` has {lines} lines of code, the limit is {FUNCTION_LINES}")


def constructors_are_narrow(source: Source) -> Iterator[str]:
    """An object needs few things to exist; only dataclasses and configs carry a long list of fields."""
    for node in source.nodes(ast.ClassDef):
        if any(name.endswith("Config") for name in [node.name, *map(ast.unparse, node.bases)]):
            continue
        for method in node.body:
            if isinstance(method, Function) and method.name == "__init__":
                count = sum(map(len, (method.args.posonlyargs, method.args.args, method.args.kwonlyargs))) - 1
                if count > CONSTRUCTOR_ARGUMENTS:
                    yield source.at(method, f"`{node.name}` takes {count} arguments, at most {CONSTRUCTOR_ARGUMENTS}")


def modules_are_nouns(source: Source) -> Iterator[str]:
    """A file is named for what is in it, not for being useful."""
    for part in source.path.with_suffix("").parts:
        for word in EMPTY_NAMES.intersection(part.lower().split("_")):
            yield source.at(None, f"`{word}` says nothing; name the noun that the functions serve")


def exports_are_few(source: Source) -> Iterator[str]:
    """A user meets few names: `toolkit.__all__` is one plain, short list."""
    if source.module != "toolkit":
        return
    for node in source.nodes(ast.Assign, ast.AnnAssign, ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if "__all__" in map(ast.unparse, targets):
            if not isinstance(node.value, ast.List | ast.Tuple) or isinstance(node, ast.AugAssign):
                yield source.at(node, "`__all__` is written as one plain list")
            elif len(node.value.elts) > EXPORTED_NAMES:
                yield source.at(node, f"`__all__` has {len(node.value.elts)} names, the limit is {EXPORTED_NAMES}")


def the_public_is_explained(source: Source) -> Iterator[str]:
    """Every public class and function of the package has a docstring; ruff looks after the methods (D102)."""
    if source.path.parts[0] == "toolkit":
        for node in source.tree.body:
            if isinstance(node, Definition) and not node.name.startswith("_") and not ast.get_docstring(node):
                yield source.at(node, f"`{node.name}` is public and has no docstring")


def names_a_modality(node: ast.AST) -> bool:
    """Whether it is the name of a modality or task, or something called `modality`."""
    match node:
        case ast.Constant(value=str(word)):
            return word in MODALITIES_AND_TASKS
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name == "modality"
    return False


def nothing_asks_for_the_modality(source: Source) -> Iterator[str]:
    """Recipe and pipeline compare nothing with the name of a modality or a task; the adapter answers instead."""
    if level(source.module) == "core":
        for node in source.nodes(ast.Compare, ast.MatchValue):
            if any(map(names_a_modality, ast.walk(node))):
                yield source.at(node, f"`{ast.unparse(node)}` asks for a modality; give the adapter a member for it")


RULES = (
    files_are_short,
    functions_are_short,
    constructors_are_narrow,
    modules_are_nouns,
    exports_are_few,
    the_public_is_explained,
    nothing_asks_for_the_modality,
)
