"""What the recipe asks of every adapter, asked of every adapter."""

import inspect
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
import torch
from transformers import HfArgumentParser

import toolkit
from toolkit import Adapter
from toolkit.adapters.video import VideoClassification
from toolkit.data import Split
from toolkit.models import PIPELINES
from toolkit.pipeline import BUILDERS

ADAPTERS = [
    adapter
    for adapter in [*vars(toolkit).values(), VideoClassification]
    if inspect.isclass(adapter) and issubclass(adapter, Adapter) and adapter is not Adapter
]
PAIRS = [
    *(("ein Hund läuft", "a dog runs"), ("zwei Hunde", "two dogs"), ("나는 학교에 간다", "I go to school")),
    *((f"Haus {number}", f"house {number}") for number in range(20)),
]


@pytest.fixture(params=ADAPTERS, ids=lambda adapter: adapter.__name__)
def kind(request) -> type[Adapter]:
    return request.param


@pytest.fixture
def columns(kind) -> tuple[str, str]:
    return tuple(kind().columns or ("source", "target"))


@pytest.fixture
def pairs(kind, request) -> list[tuple[str, str]]:
    if kind().media_column is None:
        return PAIRS
    return request.getfixturevalue("labelled_films" if kind.task.startswith("video") else "recordings")


@pytest.fixture
def train(pairs, columns, split) -> Split:
    return split(pairs, columns=columns)


@pytest.fixture
def adapter(kind, train) -> Adapter:
    tiny = {"tokenizer": "word", "hidden_size": 8, "embedding_size": 8, "frame_height": 12, "frame_width": 16}
    adapter = kind(**{field.name: tiny[field.name] for field in fields(kind) if field.name in tiny})
    adapter.fit({"train": train})
    return adapter


@pytest.fixture
def rows(train) -> list[dict]:
    return list(train.dataset)


def test_there_are_adapters():
    assert len(ADAPTERS) >= 4
    assert all(is_dataclass(adapter) for adapter in ADAPTERS)
    assert {adapter.task for adapter in ADAPTERS} <= {*PIPELINES, *BUILDERS}


def test_every_field_is_a_flag_with_help_and_a_default(kind):
    (parsed,) = HfArgumentParser(kind).parse_args_into_dataclasses([])
    assert parsed == kind()
    assert [field.name for field in fields(kind) if not field.metadata.get("help")] == []


def test_a_row_becomes_numbers_and_comes_back_as_text(adapter, rows, columns):
    for row in rows:
        encoded = adapter.encode(row)
        first = next(iter(adapter.inputs(row).values()))
        assert encoded["source_length"] == pytest.approx(len(first), abs=0 if adapter.stores_inputs else 2)
        assert encoded["target_length"] == len(adapter.labels(row))
        assert adapter.row_score(adapter.decode(encoded["labels"]), adapter.expected(row)) == pytest.approx(100)
        assert row[columns[1]] in adapter.expected(row)
        assert adapter.shown(row) == row[columns[0]]


def test_variations_follow_from_the_generator_alone(adapter, rows):
    for row in rows[:3]:
        one, other = (adapter.varied_inputs(row, np.random.default_rng(5)) for _ in range(2))
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_labels_end_once(adapter, rows):
    if not adapter.generates:
        pytest.skip("what is labelled in one pass has no end")
    model = adapter.model()
    for row in rows:
        assert adapter.labels(row).count(model.config.eos_token_id) == 1
        assert adapter.labels(row)[-1] == model.config.eos_token_id


def test_a_padded_batch_is_what_the_model_reads(adapter, rows):
    torch.manual_seed(0)
    model = adapter.model().eval()
    batch = adapter.pad([adapter.encode(row) for row in rows])
    assert set(batch) <= set(inspect.signature(model.forward).parameters)
    alone = adapter.pad([adapter.encode(rows[1])])
    with torch.no_grad():
        together, single = model(**batch).logits, model(**alone).logits
    assert torch.allclose(together[1, : single.shape[1]], single[0], atol=1e-5)


def test_the_source_alone_can_be_encoded(adapter, pairs, columns, split):
    assert adapter.processor
    adapter.fit({"test": split([pair[:1] for pair in pairs], name="test", columns=columns[:1])})
    alone = {columns[0]: pairs[0][0], "line": 2}
    encoded = adapter.encode(alone)
    assert adapter.expected(alone) is None
    assert "labels" not in encoded and "source_length" in encoded


def test_perfect_outputs_score_best_and_others_worse(adapter, rows):
    expected = [adapter.expected(row) for row in rows]
    perfect, wrong = adapter.score(expected, expected), adapter.score(["x"] * len(expected), expected)
    assert adapter.metric in perfect
    assert adapter.score(expected, expected, only=adapter.metric).keys() == {adapter.metric}
    for name, score in perfect.items():
        assert score.low <= score.value <= score.high
        if name != "length_ratio":
            assert (score.value > wrong[name].value) is score.higher_is_better
    assert adapter.row_score(expected[0], expected[0]) > adapter.row_score("x", expected[0])


def test_outputs_are_scored_alike_by_who_has_read_no_rows(adapter, rows):
    """A comparison scores runs that were finished yesterday."""
    expected, fresh = [adapter.expected(row) for row in rows], replace(adapter)
    for predicted in (expected, expected[::-1], ["x"] * len(expected)):
        assert fresh.score(predicted, expected) == adapter.score(predicted, expected)
        assert fresh.for_parts_of(expected).score(predicted, expected) == adapter.score(predicted, expected)
        for pair in zip(predicted, expected, strict=True):
            assert fresh.row_score(*pair) == adapter.row_score(*pair)


def test_each_score_can_select_checkpoints(adapter, kind):
    for name in adapter.score([""], [""]):
        if name == "length_ratio":
            continue  # which is best near 1
        score = kind(metric=name).score([""], [""], only=name)[name]
        assert isinstance(score.higher_is_better, bool)


def test_sound_rows_pass_and_blank_ones_are_told(adapter, rows, pairs, train, columns, split):
    assert [adapter.check_row(row) for row in rows] == [None] * len(rows)
    assert list(adapter.check({"train": train})) == []
    (fault,) = adapter.check({"train": split([*pairs, (pairs[0][0], " \t")], path="x.tsv", columns=columns)})
    assert str(fault).startswith(f"x.tsv:{len(pairs) + 2}: `{columns[1]}` is blank")


def test_generation_settings_are_known_to_the_model(adapter):
    if not adapter.generates:
        pytest.skip("what is labelled in one pass is not searched")
    config = adapter.model().generation_config
    unknown = config.update(**adapter.generation)
    assert unknown == {}
    config.validate(strict=True)


def test_what_is_saved_encodes_the_same(adapter, rows, tmp_path):
    from toolkit.models import load_processor, save_portable

    save_portable(adapter.model(), adapter.processor, tmp_path)
    again = type(adapter)(model_name_or_path=str(tmp_path))
    again.fit({"train": adapter._train})
    for row in rows:
        one, other = again.encode(row), adapter.encode(row)
        assert one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)
    assert type(load_processor(str(tmp_path))) is type(adapter.processor)
