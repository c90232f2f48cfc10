"""The picture on the page of digits shows the logs on that page."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_picture_is_drawn_from_the_logs_on_the_page():
    script = runpy.run_path(str(DOCS / "pictures" / "digits.py"))
    page = (DOCS / "reference" / "digits.md").read_text(encoding="utf-8")
    assert (DOCS / "pictures" / "digits.svg").read_text(encoding="utf-8") == script["drawn"](page), (
        "run `python docs/pictures/digits.py`"
    )
    mel, whisper = (script["points_of"](page, chapter) for chapter, _ in script["LINES"].values())
    assert (len(mel), mel[-1]) == (12, (12.0, 3.67)) and (len(whisper), whisper[1]) == (4, (2.0, 3.67))
