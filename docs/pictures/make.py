"""Draws the picture of README.md from a run's report.

`python docs/pictures/make.py runs/numbers --map 3`. Needs Chromium and its driver, as the browser tests do.
"""

import argparse
import shutil
from pathlib import Path

from selenium import webdriver

GOAL = Path(__file__).with_name("report.png")
FRAME = """
document.documentElement.style.scrollBehavior = "auto"
Object.assign(arguments[0].style, {width: "fit-content", padding: "16px", margin: 0})
arguments[0].querySelector("details").hidden = true
arguments[0].scrollIntoView()
"""


def picture(report: Path, place: int) -> bytes:
    """Gives one attention map of a report as a PNG, in the light scheme, with the row in its middle pointed at.

    Args:
        report: the page.
        place: which of its maps, counted from 1.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("headless=new", "no-sandbox", "force-device-scale-factor=2", "window-size=900,1400"):
        options.add_argument(f"--{flag}")
    with webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver"))) as browser:
        light = {"features": [{"name": "prefers-color-scheme", "value": "light"}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", light)
        browser.get(report.resolve().as_uri())
        figure = browser.find_elements("css selector", "figure.attention")[place - 1]
        browser.execute_script(FRAME, figure)
        rows = figure.find_elements("css selector", ".map tbody tr th")
        webdriver.ActionChains(browser).move_to_element(rows[len(rows) // 2]).perform()
        return figure.screenshot_as_png


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="Folder with a report.html.")
    parser.add_argument("--map", type=int, default=1, help="Which attention map, counted from 1.")
    asked = parser.parse_args()
    GOAL.write_bytes(picture(asked.run / "report.html", asked.map))
    print(f"{GOAL}: {GOAL.stat().st_size:,} bytes")
