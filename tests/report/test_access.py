"""The page is for everybody: who cannot see it, has no mouse, or reads it in the dark."""

from pathlib import Path
from typing import Any

import pytest

from tests.report.document import figures, jpeg, read, sections, tone, wav
from toolkit.report import Section, page, recording, timeline, write_page

HOSTILE = [
    "<script>document.title='ran'</script>",
    "\"><img src=x onerror=document.title='ran'>",
    "</style></script><svg onload=document.title='ran'>",
    "turned \u202e round",
    "a sign \0 that no page has",
]


@pytest.mark.promise("H8")
@pytest.mark.parametrize("name", figures("plain"))
def test_who_listens_to_a_figure_hears_what_is_in_it(name: str) -> None:
    tree = read(figures("plain")[name])

    for table in tree.all("table"):
        assert table.attributes.get("aria-label") or next(table.all("caption")).text
        assert [head for head in table.all("th") if head.attributes.get("scope") == "col"]
        for row in next(table.all("tbody")).all("tr"):
            assert table.attributes.get("class") == "cases" or next(row.all("th")).attributes["scope"] == "row"
    for drawing in tree.all("svg"):
        assert drawing.attributes.get("aria-hidden") or drawing.attributes["role"] == "img"
        assert drawing.attributes.get("aria-hidden") or drawing.attributes["aria-label"]
    assert all("alt" in picture.attributes for picture in tree.all("img"))
    for control in [*tree.all("button"), *tree.all("audio"), *tree.all("video")]:
        assert control.text or control.attributes.get("title") or control.attributes.get("aria-label")


def test_the_page_has_its_landmarks_and_its_headings_in_order() -> None:
    tree = read(page("run", sections("plain")))

    assert [len(list(tree.all(landmark))) for landmark in ("header", "nav", "main")] == [1, 1, 1]
    headings = [element.tag for element in tree.all() if element.tag in ("h1", "h2", "h3")]
    assert headings == ["h1"] + ["h2"] * len(figures("plain"))
    assert next(tree.all("a")).attributes["href"] == f"#{next(tree.all('main')).attributes['id']}"
    assert next(tree.all("html")).attributes["lang"] == "en"


def test_signs_that_html_has_no_place_for_are_shown_as_their_pictures() -> None:
    tree = read(page("a\0b", [Section("\x1b[31m", figures("a\0b")["facts"])]))

    assert "a␀b" in next(tree.all("title")).text and "␛[31m" in next(tree.all("h2")).text
    assert "a␀b" in tree.of_class("facts")[0].text and "\0" not in tree.text


@pytest.fixture
def reader(chromium: Any, tmp_path: Path) -> Any:
    """Opens a page of every figure, with a player."""

    def at(*labels: str) -> Any:
        given = {"sound": wav(tone()), "mime": "audio/wav", "caption": "caption"}
        bodies = [section for label in labels for section in sections(label)]
        bodies += [Section("Sound", recording(tone(), 8000, [("one", 0.1, 0.5), ("two", 0.5, 0.9)], **given))]
        write_page(tmp_path / "report.html", labels[0], bodies, subtitle=labels[-1])
        chromium.get((tmp_path / "report.html").as_uri())
        chromium.execute_script("document.documentElement.style.scrollBehavior = 'auto'")
        return chromium

    return at


CONTRASTS = """
const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
const pen = canvas.getContext("2d", { willReadFrequently: true });
const light = (colours) => {
  colours.forEach((colour) => { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); });
  const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const found = [];
for (const element of document.body.querySelectorAll("*")) {
  const words = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!words || ["SCRIPT", "STYLE", "TITLE", "title"].includes(element.tagName)) continue;
  const grounds = [];
  for (let at = element; at; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor);
  const style = getComputedStyle(element);
  const ground = light(["#fff", ...grounds]);
  const ink = light(["#fff", ...grounds, element.ownerSVGElement ? style.fill : style.color]);
  found.push([(Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05), element.outerHTML.slice(0, 120)]);
}
return found;
"""


@pytest.mark.browser
def test_every_word_can_be_read_in_both_schemes_that_the_button_changes(reader: Any) -> None:
    browser = reader("label")
    papers = []
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        for _ in range(2):
            contrasts = browser.execute_script(CONTRASTS)
            assert len(contrasts) > 150
            assert min(contrasts)[0] >= 4.5, min(contrasts)
            papers.append(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
            browser.find_element("css selector", ".scheme").click()
        assert (
            browser.find_element("css selector", ".scheme").text == f"{'Light' if scheme == 'dark' else 'Dark'} colours"
        )
        browser.execute_script("delete document.documentElement.dataset.scheme")
    assert papers[0] == papers[3] != papers[1] == papers[2]


@pytest.mark.browser
def test_the_tab_key_reaches_every_control_in_order_and_shows_where_it_is(reader: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser = reader("label")
    wanted = browser.execute_script(
        "return [...document.querySelectorAll('a, button, summary, audio, [tabindex]')]"
        ".filter((one) => one.tabIndex >= 0 && one.checkVisibility()).length"
    )
    reached, places = set(), []
    for _ in range(3 * wanted):  # a player has controls of its own
        ActionChains(browser).send_keys(Keys.TAB).perform()
        element, place, is_seen = browser.execute_script(
            "const at = document.activeElement;"
            "const is_seen = getComputedStyle(at).outlineStyle !== 'none' || at.matches('body, audio, .instant');"
            "return [at, [...document.querySelectorAll('*')].indexOf(at), is_seen]"
        )
        if element.tag_name == "body":
            break
        assert is_seen, element.get_attribute("outerHTML")
        places.append(place)
        reached.add(place)
    assert len(reached) >= wanted, "some controls are never reached"
    assert places == sorted(places)


@pytest.mark.browser
@pytest.mark.promise("H8")
def test_nothing_that_was_given_runs_in_any_section(reader: Any) -> None:
    browser = reader(*HOSTILE)

    assert browser.title == HOSTILE[0]
    assert browser.execute_script("return document.scripts.length") == 1
    assert (
        browser.execute_script("return document.querySelectorAll('img:not([src^=\"data:image\"]), svg[onload]').length")
        == 0
    )
    for label in HOSTILE:
        shown = label.replace("\0", "␀")
        headings = browser.execute_script("return [...document.querySelectorAll('h2')].map((one) => one.textContent)")
        assert sum(shown in heading for heading in headings) == len(figures("plain"))
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")] == []
    assert browser.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)") == []


@pytest.mark.browser
def test_media_beside_the_page_are_played(chromium: Any, tmp_path: Path) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    figure = recording(tone(), 8000, [("one", 0.1, 0.5)], sound=wav(tone()), mime="audio/wav", caption="caption")
    write_page(tmp_path / "report.html", "run", [Section("Sound", figure)], media="beside")
    chromium.get((tmp_path / "report.html").as_uri())

    assert "report_media/" in chromium.find_element("css selector", "audio").get_attribute("src")
    ready = "return document.querySelector('audio').readyState > 0"
    WebDriverWait(chromium, 20).until(lambda browser: browser.execute_script(ready))


def test_attention_stands_over_the_time_of_a_video() -> None:
    rows = [("jump", [0.9, 0.1, 0.0]), ("</bdi><b>", [0.0, 0.2, 0.8])]
    tree = read(timeline(None, [("jump", 0, 1)], seconds=3, video=None, caption="", attention=rows))

    [drawn] = tree.of_class("glances")
    assert [row.text for row in drawn.all("li")] == ["jump", "</bdi><b>"]
    assert (
        "Attention of 2 tokens over the time of the video, largest weight 0.9"
        in next(drawn.all("img")).attributes["alt"]
    )
    assert [track.attributes["aria-label"] for track in tree.of_class("track")] == ["predicted"]


def test_thumbnails_are_named_by_what_they_show() -> None:
    tree = read(
        timeline(None, [], seconds=3, video=None, caption="", thumbnails=[(jpeg(), 1.0, "walk, but it is sit")])
    )

    assert [button.text for button in tree.all("button")] == ["walk, but it is sit"]
