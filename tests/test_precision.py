"""Mixed precision is refused where it would fail in the middle of training."""

import pytest

from toolkit import arguments
from toolkit.arguments import RecipeArguments


def test_bf16_on_a_processor_without_it_is_refused_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(arguments, "processor_knows_bf16", lambda: False)
    with pytest.raises(ValueError, match="`bf16` needs a GPU or a processor"):
        RecipeArguments(output_dir=str(tmp_path), bf16=True, use_cpu=True)


def test_bf16_on_a_processor_with_it_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(arguments, "processor_knows_bf16", lambda: True)
    assert RecipeArguments(output_dir=str(tmp_path), bf16=True, use_cpu=True).bf16


def test_float32_is_never_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(arguments, "processor_knows_bf16", lambda: False)
    assert not RecipeArguments(output_dir=str(tmp_path), use_cpu=True).bf16
