"""Draws digits.svg from the logs in docs/reference/digits.md: `python docs/pictures/digits.py`.

Word error rates on the same 300 validation recordings by epoch, on a log scale: the core on log-mel frames and the core
on Whisper's encoder.
"""

import math
import re
from pathlib import Path

PAGE, PICTURE = Path(__file__).parents[1] / "reference/digits.md", Path(__file__).parent / "digits.svg"
LINES = {
    "on log-mel frames": ("Log of the core", "#2a6f97"),
    "on Whisper's encoder": ("Log of the core on Whisper's encoder", "#b5541c"),
}
"""The chapter whose last log is drawn, and the colour."""
LEFT, RIGHT, TOP, BOTTOM = 64, 470, 20, 300
TICKS = (1, 3, 10, 30, 100, 300, 1000)
EPOCHS = 12


def points_of(page: str, chapter: str) -> list[tuple[float, float]]:
    """(epoch, word error rate) of the last log of a chapter."""
    (text,) = re.findall(rf"^## {re.escape(chapter)}$(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL)
    log = re.findall(r"```\n(.*?)```", text, re.DOTALL)[-1]
    return [(float(epoch), float(rate)) for epoch, rate in re.findall(r"epoch ([\d.]+) .* wer ([\d.]+)", log)]


def place(epoch: float, rate: float) -> tuple[int, int]:
    """Where on the picture."""
    height = math.log10(rate) / math.log10(TICKS[-1])
    return round(LEFT + (epoch - 1) / (EPOCHS - 1) * (RIGHT - LEFT)), round(BOTTOM - height * (BOTTOM - TOP))


def drawn(page: str) -> str:
    """The picture."""
    parts = []
    for rate in TICKS:
        _, y = place(1, rate)
        parts.append(f'<path d="M{LEFT} {y}H{RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{rate}</text>')
    for epoch in range(1, EPOCHS + 1):
        x, _ = place(epoch, 1)
        parts.append(f'<text x="{x}" y="{BOTTOM + 20}" text-anchor="middle">{epoch}</text>')
    parts.append(f'<text x="{(LEFT + RIGHT) // 2}" y="{BOTTOM + 42}" text-anchor="middle">epoch</text>')
    parts.append(
        f'<text transform="translate(18 {(TOP + BOTTOM) // 2}) rotate(-90)" text-anchor="middle">'
        "word error rate, log scale</text>"
    )
    for name, (chapter, colour) in LINES.items():
        spots = [place(*point) for point in points_of(page, chapter)]
        parts.append(f'<path d="M{" ".join(f"{x} {y}" for x, y in spots)}" fill="none" stroke="{colour}"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in spots]
        x, y = spots[-1]
        parts.append(f'<text x="{x + 8}" y="{y + 20}" fill="{colour}">{name}</text>')
    title = "Word error rate on validation recordings by epoch, of the core on log-mel frames and on Whisper's encoder"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 620 {BOTTOM + 56}" role="img" font-family="sans-serif"'
        f' font-size="13" stroke-width="2" fill="#444">\n<title>{title}</title>\n'
        f'<rect width="620" height="{BOTTOM + 56}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


if __name__ == "__main__":
    PICTURE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
