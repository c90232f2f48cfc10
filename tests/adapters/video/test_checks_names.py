"""A file that is named in other letters than it has is told so, and each fault is followed up once."""

from unicodedata import normalize

import pytest

from tests.adapters.video.drawn import TINY, draw
from toolkit import EventLabelling
from toolkit.adapters.video.checks import VideoChecks


def faults(split) -> list[str]:
    """What is told of a training table."""
    adapter = EventLabelling(**TINY)
    adapter.fit({"train": split})
    return [str(fault) for fault in adapter.check({"train": split})]


@pytest.mark.promise("H4")
def test_a_file_whose_name_only_looks_the_same_is_told_apart_from_one_that_is_missing(table, films):
    draw(normalize("NFD", "탁구.mp4"), ["left"] * 5)
    wrong = {"file": normalize("NFC", "탁구.mp4"), "start": "0.1", "end": "0.2", "label": "left"}
    [told] = faults(table([*films, wrong]))
    assert "does not exist; a file whose name only looks the same does. " in told
    [told] = faults(table([*films, {**wrong, "file": "축구.mp4"}]))
    assert "does not exist. Paths count" in told
    assert faults(table([*films, {**wrong, "file": normalize("NFD", "탁구.mp4")}])) == []


def test_what_is_left_out_is_worked_out_once_where_no_label_is_lost(table, films, monkeypatch):
    looked, whole = [], VideoChecks.left_out
    monkeypatch.setattr(VideoChecks, "left_out", lambda *given: looked.append(given) or whole(*given))
    assert faults(table([*films, {"file": "0.mp4", "start": "2", "end": "1", "label": "left"}]))
    assert len(looked) == 1
