"""The page in a real browser: a click answers, nothing that was given runs, and nothing leaves this machine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.adapters.video.drawn import draw
from tests.demo.conftest import Served

pytestmark = pytest.mark.browser

SPEECH = Path(__file__).parents[1] / "adapters" / "audio" / "jfk.mp3"


class Visitor:
    """Someone at the page of a run."""

    def __init__(self, browser: Any, served: Served) -> None:
        self.browser = browser
        browser.get(served.address)
        self.wait("document.querySelector('textarea')")
        self.title = browser.title

    def wait(self, script: str) -> Any:
        from selenium.webdriver.support.wait import WebDriverWait

        return WebDriverWait(self.browser, 120, poll_frequency=0.1).until(
            lambda browser: browser.execute_script(f"return {script}")
        )

    def upload(self, path: Path | str) -> None:
        self.wait("document.querySelector('input[type=file]')")
        self.browser.find_element("css selector", "input[type=file]").send_keys(str(Path(path).absolute()))
        self.wait("!document.querySelector('input[type=file]')")  # it gave its place to a player

    def press(self, words: str) -> None:
        self.browser.find_element("xpath", f"//button[normalize-space()='{words}']").click()

    def enter(self) -> None:
        """Goes into the frame of the answer."""
        self.wait("document.querySelector('iframe')")
        self.browser.switch_to.frame(self.browser.find_element("css selector", "iframe"))
        self.wait("document.querySelector('figure')")

    def one(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def told(self) -> str:
        """The text of the answer."""
        return str(self.wait("[...document.querySelectorAll('textarea')].at(-1).value"))

    def hosts(self) -> set[str]:
        """Whom the browser asked for anything."""
        events = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        asked = [
            event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"
        ]
        return {urlsplit(url).hostname or "" for url in asked if not url.startswith(("data:", "blob:", "about:"))}


@pytest.fixture
def visit(chromium: Any, page_of: Callable[[Path], Served]) -> Any:
    """Opens the page of a run, and looks afterwards whether anything ran or was asked for elsewhere."""
    chromium.get_log("performance")
    visitors = []

    def at(run: Path) -> Visitor:
        visitors.append(Visitor(chromium, page_of(run)))
        return visitors[-1]

    yield at
    chromium.switch_to.default_content()
    for visitor in visitors:
        assert chromium.title == visitor.title != "ran"
        assert visitor.hosts() == {"127.0.0.1"}
    assert [entry for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_a_click_gives_a_translation_with_its_map(visit: Any, translator: Path) -> None:
    visitor = visit(translator)
    assert visitor.title == translator.name
    assert translator.name in visitor.one("h1").text

    visitor.one("textarea").send_keys("two dogs eat an apple")
    visitor.press("Translate")
    visitor.enter()
    assert [head.text.strip("▁") for head in visitor.browser.find_elements("css selector", ".map thead bdi")][:5] == (
        ["two", "dogs", "eat", "an", "apple"]
    )
    visitor.one(".map tbody th").click()
    assert "←" in visitor.one("output").text
    assert visitor.one("details:last-of-type summary").text
    visitor.browser.switch_to.default_content()
    assert visitor.told()
    wanted = "document.querySelector('iframe').contentWindow && document.querySelector('iframe').style.height"
    assert int(visitor.wait(wanted).removesuffix("px")) > 200, "the frame is as high as its figures"


def test_a_mistake_is_told_in_a_sentence(visit: Any, translator: Path) -> None:
    visitor = visit(translator)
    visitor.one("textarea").send_keys("<script>document.title='ran'</script>" * 60)
    visitor.press("Translate")

    assert visitor.wait("document.querySelector('.complaint[role=alert]')?.textContent") == (
        "The text may have 2,000 letters on this page, but has 2,220. Shorten it."
    )


def test_an_upload_gives_a_timeline_whose_events_lead_the_video(visit: Any, detector: Path) -> None:
    draw("film.mp4", ["none", "left", "right"] * 10)
    visitor = visit(detector)
    visitor.upload("film.mp4")
    visitor.press("Find events")
    visitor.enter()

    visitor.wait("document.querySelector('video').readyState > 0")
    event = visitor.browser.find_elements("css selector", ".timed button")[-1]
    start = float(event.get_attribute("data-start"))
    visitor.browser.execute_script("arguments[0].click()", event)
    assert visitor.wait("document.querySelector('video').currentTime") == pytest.approx(start, abs=0.01)
    assert "document.title='ran'" in visitor.one("table").text, "labels are shown"
    visitor.browser.switch_to.default_content()
    assert "events in 3.0 s" in visitor.told()


def test_what_is_no_video_is_refused_by_name(visit: Any, detector: Path) -> None:
    Path("broken.mp4").write_bytes(b"\0\0\0 ftypisom" + bytes(3000))
    visitor = visit(detector)
    visitor.upload("broken.mp4")
    visitor.press("Find events")

    said = visitor.wait("document.querySelector('.complaint[role=alert]')?.textContent")
    assert said.startswith("`broken.mp4` ") and "gradio" not in said


@pytest.mark.promise("H8")
def test_a_recording_gives_a_transcript_whose_words_lead_the_player(visit: Any, recogniser: Path) -> None:
    visitor = visit(recogniser)
    visitor.upload(SPEECH)
    visitor.press("Transcribe")
    visitor.enter()

    visitor.wait("document.querySelector('audio').readyState > 0")
    word = visitor.browser.find_elements("css selector", ".word")[-1]
    visitor.browser.execute_script("arguments[0].click()", word)
    assert visitor.wait("document.querySelector('audio').currentTime") >= float(word.get_attribute("data-start"))
    visitor.browser.switch_to.default_content()
    assert visitor.told().split()
