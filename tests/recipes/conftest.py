"""Recipes as people run them: a script and its flags in, an exit code, a run folder and some lines out."""

import runpy
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import datasets
import pytest
import transformers

from toolkit import DataArguments, RecipeArguments, Translation, run

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "tatoeba_en_ko"
CORE = {"hidden_size": 16, "embedding_size": 16}
"""A model that trains in no time, and knows nothing afterwards."""


@dataclass(frozen=True)
class Said:
    """How a recipe ended and what it wrote."""

    code: int
    out: str
    err: str


def flags(**values: object) -> list[str]:
    """A command line: `True` is a bare flag, everything else follows its name."""
    return [
        word
        for name, value in values.items()
        for word in ([f"--{name}"] if value is True else [f"--{name}", f"{value}"])
    ]


@pytest.fixture
def recipe(monkeypatch, capfd) -> Callable[..., Said]:
    """Runs the script `recipes/text/NAME.py` in this process, or the one at another path below `recipes`."""

    def call(name: str, *words: str, **values: object) -> Said:
        script = str(ROOT / "recipes" / (f"{name}.py" if "/" in name else f"text/{name}.py"))
        monkeypatch.setattr(sys, "argv", [script, *words, *flags(**values)])
        capfd.readouterr()
        code = 0
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as end:
            code = int(end.code or 0)
        return Said(code, *capfd.readouterr())

    return call


@pytest.fixture(autouse=True)
def loudness() -> Iterator[None]:
    """A recipe quiets the libraries for its whole process; a test has neighbours."""
    level = transformers.logging.get_verbosity()
    yield
    transformers.logging.set_verbosity(level)
    transformers.logging.enable_progress_bar()
    datasets.enable_progress_bars()


def first_rows(split: str, count: int, folder: Path) -> str:
    """The header and the first rows of a split of the embedded sample, as a file."""
    path = folder / f"{split}.tsv"
    with (SAMPLE / f"{split}.tsv").open(encoding="utf-8") as lines:
        path.write_text("".join(line for line, _ in zip(lines, range(count + 1), strict=False)), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> dict[str, str]:
    """A few hundred rows of the embedded sample, by flag."""
    folder = tmp_path_factory.mktemp("rows")
    return {f"{split}_file": first_rows(split, 300 if split == "train" else 40, folder) for split in SPLITS}


SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="session")
def trained(data, tmp_path_factory) -> Path:
    """A finished run on these rows that has learnt some of them by heart; look at it, but leave it as it is."""
    folder = tmp_path_factory.mktemp("runs") / "en-ko"
    arguments = RecipeArguments(
        output_dir=str(folder),
        num_train_epochs=12,
        per_device_train_batch_size=16,
        logging_steps=5,
        learning_rate=0.02,
        load_best_model_at_end=False,
    )
    core = {"hidden_size": 32, "embedding_size": 32, "dropout": 0.0, "output_dropout": 0.0}
    run(Translation(**core, vocab_size=150, num_beams=2), DataArguments(**data), arguments)
    return folder
