"""A damaged or hostile model folder costs one sentence that names it."""

import json

import pytest

from tests.models.texts import ours, processor, tokenizer
from toolkit import pipeline
from toolkit.models import save_portable


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    save_portable(ours(), processor(), folder)
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(saved, tmp_path):
    for name, content in saved.items():
        (tmp_path / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / name).write_bytes(content)
    return tmp_path / "model"


def refusal(folder) -> str:
    with pytest.raises((ValueError, OSError)) as told:
        pipeline("translation", str(folder))
    assert str(folder) in str(told.value)
    return str(told.value)


@pytest.mark.promise("H7")
@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        (
            "config.json",
            {"num_hidden_layers": 100_000},
            "`num_hidden_layers` is 100,000, but there are only",
        ),
        ("config.json", {"vocab_size": 10**18}, "`vocab_size` is 1,000,000,000,000,000,000, but there are only"),
        ("config.json", {"cell_type": None}, "Field 'cell_type' expected str"),
        ("config.json", {"dtype": "float7"}, "float7"),
        ("config.json", {"hidden_size": 64}, "cannot be loaded"),
        ("tokenizer.json", {"model": None}, "did not match any variant"),
        ("tokenizer.json", {"added_tokens": [{"id": 10**18}]}, "expected u32"),
        ("processor_config.json", {"rate": 10**9}, "`rate` is 1000000000, beyond anything that a model reads"),
    ],
)
def test_settings_that_cannot_be_cost_one_sentence(folder, name, settings, words):
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**content, **settings}))
    assert words in refusal(folder)


@pytest.mark.promise("H7")
@pytest.mark.parametrize("content", [b"[" * 100_000, b"[1]", b"\xff\xfe", b"", b'{"a": ' + b"9" * 5000 + b"}"])
def test_a_configuration_that_is_no_object_is_named(folder, content):
    (folder / "config.json").write_bytes(content)
    assert f"`{folder}/config.json` cannot be used: it " in refusal(folder)


@pytest.mark.promise("H7")
@pytest.mark.parametrize("content", [b"", (1 << 62).to_bytes(8, "little"), (20).to_bytes(8, "little") + b'{"a":{}}'])
def test_weights_without_a_header_are_named(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    assert f"`{folder}/model.safetensors` cannot be used: its weights cannot be read" in refusal(folder)


def test_what_the_caller_got_wrong_is_not_blamed_on_the_folder(folder):
    with pytest.raises(ValueError, match="^`engine` must be one of"):
        pipeline("automatic-speech-recognition", str(folder), engine="steam")
    assert pipeline("translation", str(folder), tokenizer=tokenizer())
