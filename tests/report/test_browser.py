"""The page in a real browser: it draws, it answers the pointer and the keys, and it runs nothing that it was given."""

from pathlib import Path
from typing import Any

import pytest

from tests.report.document import sections
from toolkit.report import write_page

HOSTILE = "\"><script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">"

pytestmark = pytest.mark.browser


@pytest.fixture
def browser(chromium: Any, tmp_path: Path) -> Any:
    """Headless Chromium with the page of every figure open, all its labels hostile."""
    write_page(tmp_path / "report.html", "The run", sections(HOSTILE))
    chromium.get((tmp_path / "report.html").as_uri())
    return chromium


def test_the_page_of_every_figure_can_be_read_in_a_browser(browser: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    def one(selector: str) -> Any:
        return browser.find_element("css selector", selector)

    def reading() -> str:
        return one(".attention output").text.replace("\u2068", "").replace("\u2069", "")

    def numbers() -> list[str]:
        return [element.text for element in browser.find_elements("css selector", ".map thead b")]

    browser.execute_script("document.documentElement.style.scrollBehavior = 'auto'")

    ActionChains(browser).move_to_element(one(".map tbody tr:first-child th")).perform()
    assert reading() == f"x ← b 0.50 · {HOSTILE} 0.42 · c 0.08"
    assert numbers() == [".42", ".50", ".08"]

    ActionChains(browser).move_to_element(one(".map tbody tr:last-child td")).perform()
    assert reading() == f"{HOSTILE} ← b 0.25"

    browser.execute_script("arguments[0].focus()", one(".map tbody tr:first-child th"))
    ActionChains(browser).send_keys(Keys.ARROW_DOWN, *[Keys.ARROW_RIGHT] * 3).perform()
    assert reading() == f"{HOSTILE} ← c 0.75"
    ActionChains(browser).send_keys(Keys.ESCAPE).perform()
    assert reading().startswith("Point at a token")
    assert numbers() == ["", "", ""]

    browser.execute_script("arguments[0].focus()", one(".curves .scroll"))
    ActionChains(browser).send_keys(*[Keys.ARROW_RIGHT] * 2).perform()
    assert one(".curves output").text == "3 at 10"

    assert browser.title == "The run"
    assert browser.execute_script("return document.scripts.length") == 1
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert browser.get_log("browser") == []


def test_the_page_fits_a_phone_and_follows_the_colour_scheme(browser: Any) -> None:
    phone = {"width": 360, "height": 700, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360

    papers = set()
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        papers.add(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert len(papers) == 2


def test_a_touched_cell_stays_readable_after_the_finger_is_lifted(browser: Any) -> None:
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    left, top = browser.execute_script(
        "document.documentElement.style.scrollBehavior = 'auto';"
        "const row = document.querySelector('.map tbody tr:first-child td');"
        "row.scrollIntoView({ block: 'center' });"
        "const box = row.getBoundingClientRect();"
        "return [box.left + 26, box.top + 10];"
    )
    for kind, points in (("touchStart", [{"x": left, "y": top}]), ("touchEnd", [])):
        browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    output = browser.find_element("css selector", ".attention output").text
    assert output.endswith("0.42")
