"""Draws the pictures of README.md from runs that it trains: `python docs/pictures/make.py`.

Numbers in words are translated, and a drawn ball is watched; then a browser looks at both reports and at the demo.
About five minutes on two CPU cores. Needs Chromium and its driver, as the browser tests do, and the extra `demo`.
`--runs` names where the runs are kept; one that is there is not trained again.
"""

import argparse
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageOps
from selenium import webdriver
from selenium.webdriver.support.wait import WebDriverWait

from toolkit import DataArguments, EventLabelling, RecipeArguments, Translation, run

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
MOST_BYTES = 250_000
MARGIN = 16
FRAME = """
document.documentElement.style.scrollBehavior = "auto"
const width = arguments[0].matches(".attention") ? "fit-content" : "46rem"
Object.assign(arguments[0].style, {width, maxWidth: "100%", padding: "16px", margin: 0})
arguments[0].querySelectorAll("details").forEach((fold) => (fold.hidden = true))
arguments[0].scrollIntoView()
"""


def text_run(folder: Path) -> None:
    """English numbers to German ones, which say the last two digits the other way round."""
    ones = dict(
        one="ein", two="zwei", three="drei", four="vier", five="fünf", six="sechs", seven="sieben", eight="acht"
    )
    tens = dict(
        twenty="zwanzig", thirty="dreißig", forty="vierzig", fifty="fünfzig", sixty="sechzig", seventy="siebzig"
    )
    lines = [
        f"{h} hundred {t} {o}\t{ones[h]} hundert {ones[o]} und {tens[t]}" for h in ones for t in tens for o in ones
    ]
    table = folder.with_suffix(".tsv")
    table.write_text("\n".join(["english\tgerman", *lines]), encoding="utf-8")
    arguments = RecipeArguments(str(folder), num_train_epochs=6, per_device_train_batch_size=32, learning_rate=1e-2)
    run(
        Translation(tokenizer="word", embedding_size=64, hidden_size=64),
        DataArguments(train_file=str(table)),
        arguments,
    )


def video_run(folder: Path) -> None:
    """Bounces, hits and outs of a drawn ball."""
    data = folder.with_name("bounces")
    subprocess.run([sys.executable, ROOT / "recipes/video/make_bounces.py", data], check=True)
    files = {f"{split}_file": str(data / f"{split}.csv") for split in ("train", "validation", "test")}
    arguments = RecipeArguments(str(folder), num_train_epochs=25, per_device_train_batch_size=4, learning_rate=2e-3)
    run(EventLabelling(metric="map_1", max_train_seconds=4.0), DataArguments(**files), arguments)


@contextmanager
def browser(*, scheme: str = "light", width: int = 900) -> Iterator[Any]:
    """Headless Chromium that draws twice as fine as it shows."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (
        "headless=new",
        "no-sandbox",
        "force-device-scale-factor=1.5",
        f"window-size={width},1500",
        "mute-audio",
    ):
        options.add_argument(f"--{flag}")
    with webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver"))) as opened:
        chosen = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", chosen)
        yield opened


def figure(report: Path, kind: str, pointed: str, place: int, *, scheme: str = "light") -> bytes:
    """Gives one figure of a report as a PNG, with a part of it pointed at.

    Args:
        report: the page.
        kind: of the figure: attention or timeline.
        pointed: what of it is pointed at, as CSS; of several the one in the middle.
        place: which of its kind, counted from 0.
        scheme: light or dark.
    """
    with browser(scheme=scheme) as opened:
        opened.get(report.resolve().as_uri())
        drawn = opened.find_elements("css selector", f"figure.{kind}")[place]
        opened.execute_script(FRAME, drawn)
        parts = drawn.find_elements("css selector", pointed)
        webdriver.ActionChains(opened).move_to_element(parts[len(parts) // 2]).perform()
        return drawn.screenshot_as_png


def demo(folder: Path, sentence: str) -> bytes:
    """Asks the demo of a run for a sentence, and gives the page as a PNG."""
    command = [sys.executable, "-m", "toolkit.demo", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, browser(width=1000) as opened:
        try:
            address = next(line.split()[1] for line in server.stdout or () if line.startswith("Open "))
            opened.get(address)
            wait = WebDriverWait(opened, 60)
            wait.until(lambda page: page.find_elements("css selector", "textarea"))[0].send_keys(sentence)
            opened.find_element("xpath", "//button[normalize-space()='Translate']").click()
            wait.until(lambda page: page.execute_script("return document.querySelector('iframe')?.style.height"))
            return trimmed(opened.find_element("css selector", "main").screenshot_as_png)
        finally:
            server.send_signal(signal.SIGINT)


def trimmed(picture: bytes) -> bytes:
    """The same PNG without the empty paper around it, but with a margin."""
    whole, out = Image.open(io.BytesIO(picture)).convert("RGB"), io.BytesIO()
    paper = whole.getpixel((whole.width - 1, whole.height - 1))
    drawn = ImageChops.difference(whole, Image.new("RGB", whole.size, paper)).getbbox()
    ImageOps.expand(whole.crop(drawn), MARGIN, paper).save(out, "PNG")
    return out.getvalue()


def main() -> None:
    """Trains what is missing, and draws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/pictures"), help="Where the runs are kept.")
    runs = parser.parse_args().runs
    runs.mkdir(parents=True, exist_ok=True)
    os.environ["HF_HUB_OFFLINE"] = "1"
    for name, train in (("numbers", text_run), ("video", video_run)):
        if not (runs / name / "report.html").exists():
            train(runs / name)
    pictures = {
        "report": lambda: figure(runs / "numbers" / "report.html", "attention", ".map tbody tr th", 2),
        "video": lambda: figure(runs / "video" / "report.html", "timeline", ".track button", 0, scheme="dark"),
        "demo": lambda: demo(runs / "numbers", "three hundred forty seven"),
    }
    for name, draw in pictures.items():
        goal = HERE / f"{name}.png"
        goal.write_bytes(draw())
        size = goal.stat().st_size
        print(f"{goal}: {size:,} bytes")
        if size > MOST_BYTES:
            sys.exit(f"{goal} must have at most {MOST_BYTES:,} bytes, but has {size:,}. Draw it smaller.")


if __name__ == "__main__":
    main()
