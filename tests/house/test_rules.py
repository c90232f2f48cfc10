"""The project keeps its house rules, and each rule can tell a breach from good manners."""

from pathlib import PurePosixPath

import pytest

from tests.house import imports, writing
from tests.house.source import Source, sources

RULES = imports.RULES + writing.RULES
LONG_FUNCTION = "def long():\n" + "    x = 1\n" * 50
WIDE_CLASS = "class Wide{bases}:\n    def __init__(self, a, b, c, d, e, f, g, *, h, i=0): ...\n"

# rule, path, text that breaks it, words of the complaint
BREACHES = [
    (
        imports.flow_down,
        "toolkit/adapters/base.py",
        "from toolkit.recipe import run",
        "base.py:1: `toolkit.adapters.base`",
    ),
    (imports.flow_down, "toolkit/adapters/text/rows.py", "from toolkit import pipeline", "`toolkit.pipeline` (core)"),
    (imports.flow_down, "toolkit/metrics/text.py", "def f():\n    import toolkit.adapters.text", "text.py:2:"),
    (imports.flow_down, "toolkit/models/heads.py", "from ..recipe import run", "`toolkit.recipe.run` (core)"),
    (imports.flow_down, "toolkit/metrics/__init__.py", "from ..adapters.base import x", "toolkit.adapters.base.x"),
    (imports.flow_down, "toolkit/card.py", "import recipes.text.demo", "recipes.text.demo"),
    (imports.flow_down, "recipes/text/demo.py", "from tests.house import source", "tests.house.source"),
    (imports.leaves_stand_alone, "toolkit/report/page.py", "from toolkit import metrics", "`toolkit.metrics`"),
    (imports.leaves_stand_alone, "toolkit/collate.py", "from .data.rows import Split", "`toolkit.data.rows.Split`"),
    (
        imports.adapters_stand_alone,
        "toolkit/adapters/film/a.py",
        "from ..song import Song",
        "toolkit.adapters.song.Song",
    ),
    (imports.adapters_stand_alone, "toolkit/adapters/base.py", "import toolkit.adapters.song.notes", "song.notes"),
    (imports.models_travel, "toolkit/models/deep/er.py", "", "a folder in toolkit/models"),
    (imports.models_travel, "toolkit/models/heads.py", "from . import layers", "from . import layers"),
    (imports.models_travel, "toolkit/models/heads.py", "from ..metrics import bleu", "from ..metrics import bleu"),
    (
        imports.models_travel,
        "toolkit/models/heads.py",
        "from toolkit.models.layers import x",
        "`toolkit.models.layers`",
    ),
    (imports.models_travel, "toolkit/models/heads.py", "def f():\n    import numpy", "heads.py:2: `numpy`"),
    (writing.files_are_short, "toolkit/data/rows.py", "x = 1\n" * 301, "301 lines, the limit is 300"),
    (writing.files_are_short, "recipes/text/demo.py", "x = 1\n" * 41, "41 lines, the limit is 40"),
    (writing.files_are_short, "recipes/text/make_data.py", "x = 1\n" * 301, "301 lines, the limit is 300"),
    (writing.functions_are_short, "toolkit/data/rows.py", LONG_FUNCTION, "`long` has 51 lines of code"),
    (writing.constructors_are_narrow, "toolkit/data/rows.py", WIDE_CLASS.format(bases="(Base)"), "`Wide` takes 9"),
    (writing.modules_are_nouns, "toolkit/data/utils.py", "", "`utils` says nothing"),
    (writing.modules_are_nouns, "tests/helpers/__init__.py", "", "`helpers` says nothing"),
    (writing.modules_are_nouns, "toolkit/text_common.py", "", "`common` says nothing"),
    (writing.exports_are_few, "toolkit/__init__.py", f"__all__ = {list('abcdefghijklmnop')}", "has 16 names"),
    (writing.exports_are_few, "toolkit/__init__.py", "__all__ += names", "one plain list"),
    (writing.the_public_is_explained, "toolkit/data/rows.py", "async def read(): ...", "`read` is public"),
    (
        writing.the_public_is_explained,
        "toolkit/data/rows.py",
        "class Row:\n    x = 1",
        "`Row` is public",
    ),
    (writing.nothing_asks_for_the_modality, "toolkit/recipe.py", "if kind == 'video': ...", "`kind == 'video'`"),
    (
        writing.nothing_asks_for_the_modality,
        "toolkit/pipeline.py",
        "x = task in ('a', 'translation')",
        "asks for a modality",
    ),
    (
        writing.nothing_asks_for_the_modality,
        "toolkit/recipe.py",
        "if adapter.modality != other: ...",
        "adapter.modality",
    ),
    (writing.nothing_asks_for_the_modality, "toolkit/recipe.py", "match kind:\n    case 'text': ...", "`'text'`"),
]

# rule, path, text that looks like a breach and is none
MANNERS = [
    (
        imports.flow_down,
        "toolkit/recipe.py",
        "from toolkit.adapters.text import Translation\nimport torch, toolkit.metrics",
    ),
    (imports.flow_down, "toolkit/__init__.py", "from toolkit.recipe import run"),
    (imports.leaves_stand_alone, "toolkit/metrics/text.py", "from toolkit.metrics.intervals import bootstrap"),
    (imports.leaves_stand_alone, "toolkit/adapters/base.py", "from toolkit import data, metrics"),
    (imports.adapters_stand_alone, "toolkit/adapters/film/a.py", "from ..base import Adapter\nfrom .cuts import Cut"),
    (imports.models_travel, "toolkit/models/heads.py", "import math\nfrom torch import nn\nfrom .layers import x"),
    (imports.models_travel, "toolkit/models/heads.py", "from huggingface_hub.dataclasses import strict"),
    (imports.models_travel, "toolkit/models/__init__.py", "from . import heads"),
    (writing.files_are_short, "toolkit/data/rows.py", "x = 1\n" * 300),
    (
        writing.functions_are_short,
        "toolkit/data/rows.py",
        LONG_FUNCTION.replace("    x = 1\n", "    '''Why\n\n    so.'''\n    # c\n\n", 1),
    ),
    (writing.constructors_are_narrow, "toolkit/data/rows.py", WIDE_CLASS.format(bases="(PretrainedConfig)")),
    (writing.modules_are_nouns, "toolkit/commons.py", ""),
    (writing.exports_are_few, "toolkit/__init__.py", f"__all__ = {list('abcdefghijklmno')}"),
    (writing.exports_are_few, "toolkit/metrics/__init__.py", f"__all__ = {list('abcdefghijklmnop')}"),
    (writing.the_public_is_explained, "toolkit/data/rows.py", "def _read(): ...\ndef f():\n    'Explained.'"),
    (writing.the_public_is_explained, "tests/test_rows.py", "def test_a(): ..."),
    (writing.nothing_asks_for_the_modality, "toolkit/pipeline.py", "TASKS = {'translation': 1}\nx = task in TASKS"),
    (writing.nothing_asks_for_the_modality, "toolkit/adapters/text/a.py", "if task == 'translation': ..."),
]


def complaints(rule, path: str, text: str) -> list[str]:
    """What one rule says about one made-up file."""
    return list(rule(Source(PurePosixPath(path), text)))


@pytest.mark.parametrize("rule", RULES, ids=[rule.__name__ for rule in RULES])
def test_the_project_keeps_the_rule(rule):
    found = [complaint for source in sources() for complaint in rule(source)]
    assert not found, "\n".join([rule.__doc__, *found])


@pytest.mark.parametrize(("rule", "path", "text", "words"), BREACHES, ids=[case[0].__name__ for case in BREACHES])
def test_a_breach_is_named(rule, path, text, words):
    found = complaints(rule, path, text)
    assert len(found) == 1
    assert found[0].startswith(path)
    assert words in found[0]


@pytest.mark.parametrize(("rule", "path", "text"), MANNERS, ids=[case[0].__name__ for case in MANNERS])
def test_good_manners_are_left_alone(rule, path, text):
    assert complaints(rule, path, text) == []


@pytest.mark.parametrize("table", [BREACHES, MANNERS])
def test_every_rule_is_tried(table):
    assert {case[0] for case in table} == set(RULES)


def test_the_rules_read_the_real_files():
    assert "toolkit/__init__.py" in {str(source.path) for source in sources("toolkit")}
