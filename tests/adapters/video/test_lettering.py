"""Labels in any script are burnt into pictures as letters, or refused before any work; never as empty boxes."""

from pathlib import Path

import pytest
from PIL import ImageFont

from tests.adapters.video.drawn import TINY, draw
from toolkit import EventLabelling, pipeline
from toolkit.adapters.video import lettering
from toolkit.media.video import VideoFile

KOREAN = ["왼쪽", "오른쪽"]


@pytest.fixture
def latin() -> str:
    """Pillow's own font, as a file."""
    Path("latin.ttf").write_bytes(ImageFont.load_default(20).font_bytes)
    return "latin.ttf"


@pytest.fixture
def detect(table):
    """A model with Korean labels behind the pipeline."""
    adapter = EventLabelling(**TINY)
    path = draw("a.mp4", 8 * ["left"])
    adapter.fit({"train": table([{"file": path, "start": "0.1", "end": "0.5", "label": name} for name in KOREAN])})
    return pipeline("video-event-detection", adapter.model(), processor=adapter.processor)


@pytest.mark.promise("G9")
def test_labels_that_no_font_can_write_are_refused_before_any_work(detect, monkeypatch):
    monkeypatch.setattr(lettering, "FONTS", ("nowhere.ttf",))
    monkeypatch.setattr(VideoFile, "timestamps", None)
    with pytest.raises(ValueError, match="`font_file` must lead to a font with the letters 른오왼쪽, which none"):
        detect("a.mp4", output=["a.vtt", "labels.mp4"])
    assert not Path("a.vtt").exists()


def test_the_fonts_of_the_machine_are_asked_only_for_letters_that_pillows_own_lacks(monkeypatch, latin):
    monkeypatch.setattr(lettering, "FONTS", (latin,))
    assert lettering.font_for(["table tennis", "100 %"]) is None
    with pytest.raises(ValueError, match="which none of the fonts found here has"):
        lettering.font_for(KOREAN)  # a font that is there but has no such letters is passed over
    monkeypatch.setattr(lettering, "_missing", lambda letters, font: [] if font.path == latin else sorted(letters))
    monkeypatch.setattr(lettering, "FONTS", ("nowhere.ttf", latin))
    assert lettering.font_for(KOREAN) == latin


def test_a_font_that_the_user_names_is_taken_as_it_is(detect, latin):
    answer = detect("a.mp4", output="labels.mp4", font_file=latin)
    assert VideoFile("labels.mp4").header.frames == len(answer["frames"])
    with pytest.raises(ValueError, match="`font_file` must lead to a TrueType font, but a.mp4 is none"):
        detect("a.mp4", output="more.mp4", font_file="a.mp4")


def test_files_of_text_need_no_font(detect, monkeypatch):
    monkeypatch.setattr(lettering, "FONTS", ())
    detect("a.mp4", output=["a.vtt", "a.json"])
    assert "label" in Path("a.json").read_text()
