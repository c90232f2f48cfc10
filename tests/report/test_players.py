"""Players in a real browser: a click leads them to the moment, and what is playing is lit."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.report.document import jpeg, plain, sections, tone, wav
from toolkit.report import Section, confusion_matrix, recording, timeline, write_page

HOSTILE = "<script>document.title='ran'</script>"

pytestmark = [pytest.mark.browser, pytest.mark.promise("H8")]


def film(path: Path, *, seconds: int = 4) -> bytes:
    """A real little video that grows lighter."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for place in range(seconds * 10):
            picture = np.full((48, 64, 3), place * 6, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = place, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path.read_bytes()


class Reader:
    """Someone at a page, with a mouse and a keyboard."""

    def __init__(self, browser: Any, path: Path, *bodies: str) -> None:
        write_page(path, "The run", [Section("Part", body) for body in bodies])
        browser.get(path.as_uri())
        browser.execute_script("document.documentElement.style.scrollBehavior = 'auto'")
        self.browser = browser

    def one(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def runs(self, script: str, *values: object) -> Any:
        return self.browser.execute_script(script, *values)

    def click(self, selector: str, *, share: float | None = None) -> None:
        """Clicks into the middle of an element, or at a share of its width."""
        from selenium.webdriver.common.action_chains import ActionChains

        element = self.one(selector)
        self.runs("arguments[0].scrollIntoView({ block: 'center', inline: 'center' })", element)
        across = 0 if share is None else round(element.rect["width"] * (share - 0.5))
        ActionChains(self.browser).move_to_element_with_offset(element, across, 0).click().perform()

    def press(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.browser).send_keys(*keys).perform()

    def wait(self, script: str) -> Any:
        from selenium.webdriver.support.wait import WebDriverWait

        return WebDriverWait(self.browser, 20, poll_frequency=0.05).until(lambda _: self.runs(f"return {script}"))


@pytest.fixture
def listener(chromium: Any, tmp_path: Path) -> Reader:
    words = [("one", 0.5, 0.9), (HOSTILE, 1.5, 2.8), ("three", 2.8, 4.0)]
    given = {"sound": wav(tone(4)), "mime": "audio/wav", "caption": HOSTILE}
    figures = [recording(tone(4), 8000, words, **given), recording(tone(4), 8000, words[:1], **given)]
    reader = Reader(chromium, tmp_path / "report.html", *figures)
    reader.wait("[...document.querySelectorAll('audio')].every((audio) => audio.readyState > 0)")
    return reader


@pytest.fixture
def watcher(chromium: Any, tmp_path: Path) -> Reader:
    content = film(tmp_path / "beside it.mp4")
    truth = [("walk", 0.5, 1.5), (HOSTILE, 2.0, 3.0), ("bounce", 3.5, 3.5)]
    figures = [
        timeline(truth, [("walk", 1.0, 1.8, 0.9)], seconds=4, video=content, caption=HOSTILE,
                 thumbnails=[(jpeg(), 2.7, "missed")]),
        timeline(truth, [], seconds=4, video="beside it.mp4", caption="beside"),
        timeline(truth, [], seconds=4, video=None, caption="no video"),
    ]  # fmt: skip
    reader = Reader(chromium, tmp_path / "report.html", *figures)
    reader.wait("[...document.querySelectorAll('video')].every((video) => video.readyState > 0)")
    return reader


def test_a_click_on_a_word_plays_from_there_and_lights_what_is_said(listener: Reader) -> None:
    listener.runs(
        "window.lit = []; new MutationObserver((changes) => { for (const { target } of changes)"
        "if (target.ariaCurrent && target.classList.contains('on') && window.lit.at(-1) !== target.textContent)"
        "window.lit.push(target.textContent); }).observe(document.querySelector('.words'),"
        "{ subtree: true, attributeFilter: ['aria-current'] });"
    )
    listener.click(".word:nth-child(2)")

    assert listener.wait("document.querySelector('audio').currentTime") >= 1.5
    listener.wait("document.querySelector('audio').ended")
    assert listener.runs("return window.lit") == [HOSTILE, "three"]


def test_a_click_on_the_spectrogram_leads_there(listener: Reader) -> None:
    listener.click(".pitch img", share=0.25)

    assert listener.wait("document.querySelector('audio').currentTime") >= 0.99
    listener.runs("const audio = document.querySelector('audio'); audio.pause(); audio.currentTime = 3;")
    listener.wait("document.querySelector('.timed').style.getPropertyValue('--now') === '0.75'")
    head, drawing = listener.one(".playhead").rect, listener.one(".pitch").rect
    assert (head["x"] + 1 - drawing["x"]) / drawing["width"] == pytest.approx(0.75, abs=0.01)


def test_words_are_reached_and_played_by_the_keyboard(listener: Reader) -> None:
    from selenium.webdriver.common.keys import Keys

    listener.runs("document.querySelector('.word').focus()")
    listener.press(Keys.ARROW_RIGHT)
    assert listener.runs("return document.activeElement.dataset.start") == "1.500"
    stops = "document.querySelector('.words').querySelectorAll('.word:not([tabindex=\"-1\"])').length"
    assert listener.runs(f"return {stops}") == 1
    listener.press(Keys.ENTER)
    listener.wait("document.querySelector('audio').currentTime >= 1.5")


def test_one_recording_plays_at_a_time(listener: Reader) -> None:
    listener.click(".word")
    listener.wait("!document.querySelectorAll('audio')[0].paused")
    listener.click("section:nth-of-type(2) .word")

    listener.wait("!document.querySelectorAll('audio')[1].paused && document.querySelectorAll('audio')[0].paused")


@pytest.mark.parametrize("figure", [1, 2], ids=["in the page", "beside the page"])
def test_a_click_on_an_event_shows_its_moment(watcher: Reader, figure: int) -> None:
    watcher.click(f"section:nth-of-type({figure}) .segment:nth-child(2)")

    video = f"document.querySelectorAll('video')[{figure - 1}]"
    assert watcher.wait(f"{video}.currentTime") == pytest.approx(2.0, abs=0.001)
    assert watcher.runs(f"return {video}.paused")
    lit = watcher.wait("document.querySelector('.segment.on')?.title")
    assert plain(lit) == f"{HOSTILE}, 2.00 – 3.00 s"

    watcher.wait(f"!{video}.seeking")
    shade = watcher.runs(
        "const canvas = document.createElement('canvas').getContext('2d');"
        f"canvas.drawImage({video}, 0, 0); return canvas.getImageData(9, 9, 1, 1).data[0];"
        if figure == 1
        else "return 120"  # a page on a disk may show a file beside it, but not read its pixels
    )
    assert shade == pytest.approx(120, abs=8), "another frame is shown"


def test_a_click_on_a_thumbnail_an_instant_or_the_axis_leads_there(watcher: Reader) -> None:
    for selector, share, second in ((".thumbnail", None, 2.7), (".instant", None, 3.5), (".axis", 0.3125, 1.25)):
        watcher.click(selector, share=share)
        assert watcher.wait("document.querySelector('video').currentTime") == pytest.approx(second, abs=0.01)
    watcher.wait("document.querySelectorAll('.segment.on').length === 2"), "truth and prediction at 1.25 s"


def test_events_are_read_without_a_video_too(watcher: Reader) -> None:
    watcher.click("section:nth-of-type(3) .segment")

    assert plain(watcher.one("section:nth-of-type(3) output").text) == "walk, 0.50 – 1.50 s"


def test_a_matrix_is_read_with_the_pointer_and_the_keys(chromium: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    reader = Reader(chromium, tmp_path / "a.html", confusion_matrix(["walk", HOSTILE], [[1500, 500], [0, 3]]))
    reading = lambda: plain(reader.one("output").text)  # noqa: E731

    reader.click("tbody tr:first-child td:nth-child(3)")
    assert reading() == f"walk taken for {HOSTILE}: 500 of 2,000 (25.0 %)"
    reader.press(Keys.ARROW_DOWN)
    assert reading() == f"{HOSTILE} taken for {HOSTILE}: 3 of 3 (100.0 %)"
    reader.press(*[Keys.ARROW_LEFT] * 3)
    assert reading() == f"{HOSTILE} taken for walk: 0 of 3 (0.0 %)"


def test_nothing_that_was_given_runs_and_nothing_is_complained_of(listener: Reader) -> None:
    assert listener.browser.title == "The run"
    assert listener.runs("return document.scripts.length") == 1
    assert listener.browser.get_log("browser") == []


CONTRAST = """
const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
const pen = canvas.getContext("2d", { willReadFrequently: true });
const light = (...colours) => {
  colours.forEach((colour) => { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); });
  const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const grounds = (element) => {
  const found = [];
  for (let at = element; at; at = at.parentElement) found.unshift(getComputedStyle(at).backgroundColor);
  return found;
};
document.querySelector(".word").classList.add("on");
return [...document.querySelectorAll(arguments[0])].map((element) => {
  const ground = light("#fff", ...grounds(element)), ink = light(getComputedStyle(element).color);
  return [(Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05), element.className];
});
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_in_both_schemes_and_on_a_phone(chromium: Any, tmp_path: Path, scheme: str) -> None:
    many = [(f"label {place}", place / 2, place / 2 + 0.4) for place in range(18)]
    steps = [[10 - place, place] + [0] * 9 for place in range(11)]
    bodies = [section.body for section in sections("label")]
    bodies += [timeline(many, many, seconds=9, video=None, caption=""), confusion_matrix(list("abcdefghijk"), steps)]
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    phone = {"width": 390, "height": 700, "deviceScaleFactor": 1, "mobile": True}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    reader = Reader(chromium, tmp_path / "a.html", *bodies)

    assert reader.runs("return document.documentElement.scrollWidth") <= 390
    contrasts = reader.runs(CONTRAST, ".segment, .word, .confusion td, .confusion th, .glances span, .compared dd")
    assert len(contrasts) > 150
    assert min(contrasts)[0] >= 4.5, min(contrasts)
