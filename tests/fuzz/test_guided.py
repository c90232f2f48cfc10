"""The search that follows coverage ends at what is no sentence; `tests/fuzz/guided.py` runs it."""

import pytest

pytest.importorskip("atheris", reason="Atheris is built for Linux on x86_64 alone")


@pytest.mark.promise("H7")
def test_what_is_no_sentence_ends_the_search(tmp_path, monkeypatch):
    from tests.fuzz import guided

    def careless(*_, **__):
        raise KeyError("label")

    monkeypatch.chdir(tmp_path)
    guided.read(guided.texts()[0], b"a\tb\n\xff\tx\n")
    monkeypatch.setattr(guided, "open_source", careless)
    with pytest.raises(KeyError):
        guided.read(guided.texts()[0], b"a\tb\n1\tx\n")
