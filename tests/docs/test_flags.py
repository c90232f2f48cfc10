"""`docs/reference/flags.md` lists each flag once, with the default and the meaning that the code gives it."""

import re
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path

import pytest

from toolkit import DataArguments, Dialogue, RecipeArguments, Summarization, TextToText, Transcription, Translation
from toolkit.adapters.core import RecurrentCore
from toolkit.adapters.video import VideoClassification
from toolkit.adapters.video.settings import VideoSettings

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "flags.md"
CHAPTERS = {
    "Data": DataArguments,
    "Text": TextToText,
    "Translation": Translation,
    "Summarization": Summarization,
    "Dialogue": Dialogue,
    "Speech": Transcription,
    "Video": VideoSettings,
    "Clips": VideoClassification,
    "The recurrent core": RecurrentCore,
    "Training": RecipeArguments,
}


def own_fields(owner: type) -> list[Field]:
    """The flags that a class brings itself, or gives another default than the class above it."""
    by_name = {flag.name: flag for flag in fields(owner)}
    return [by_name[name] for name in owner.__dict__.get("__annotations__", {}) if name in by_name]


def row(flag: Field) -> str:
    """How the page tells a flag."""
    assert flag.default is not MISSING, f"`{flag.name}` has no default"
    meaning = flag.metadata["help"]
    if choices := flag.metadata.get("choices"):
        meaning += f" One of {', '.join(choices)}."
    return f"| `--{flag.name}` | {'none' if flag.default is None else flag.default} | {meaning} |"


def rows_of(page: str) -> dict[str, list[str]]:
    """The table rows about flags, by chapter."""
    chapters = re.split(r"^## (.+)$", page, flags=re.MULTILINE)[1:]
    tables = zip(chapters[::2], chapters[1::2], strict=True)
    return {title: re.findall(r"^\| `--.*$", text, re.MULTILINE) for title, text in tables}


@pytest.mark.parametrize(("title", "owner"), CHAPTERS.items())
def test_each_flag_has_its_row_with_its_default_and_meaning(title, owner):
    expected = [row(flag) for flag in own_fields(owner)]
    found = rows_of(PAGE.read_text(encoding="utf-8")).get(title, [])
    assert found == expected, f"docs/reference/flags.md needs these rows under {title}:\n" + "\n".join(expected)


def test_no_other_chapter_lists_flags():
    listed = {title for title, rows in rows_of(PAGE.read_text(encoding="utf-8")).items() if rows}
    assert listed == {title for title, owner in CHAPTERS.items() if own_fields(owner)}


def test_a_changed_default_changes_the_row():
    @dataclass
    class Owner:
        colour: str = field(default="red", metadata={"help": "What it looks like.", "choices": ["red", "blue"]})
        size: int | None = field(default=None, metadata={"help": "How large it is."})

    assert [row(flag) for flag in own_fields(Owner)] == [
        "| `--colour` | red | What it looks like. One of red, blue. |",
        "| `--size` | none | How large it is. |",
    ]
