"""What the report of a video run shows of its mistakes."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from tests.media.films import even, film, numbers
from tests.report.document import Element, plain, read
from toolkit import EventLabelling
from toolkit.adapters.video.scoring import Answer
from toolkit.metrics import segments


@pytest.fixture
def mistakes(table):
    """Answers about a film of 100 frames, 4 s, of which 0 to 2 s are `left` and the rest is `right`: its pictures."""
    path = film("a.mp4", even(100))
    rows = [
        {"file": path, "start": "0", "end": "2", "label": "left"},
        {"file": path, "start": "2", "end": "4", "label": "right"},
    ]
    adapter = EventLabelling(frame_height=12, frame_width=16)
    adapter.fit({"train": table(rows)})
    (row,) = adapter.examples(table(rows, name="validation")).dataset

    def make(labels: list[list]) -> list[Element]:
        prediction: Answer = {"labels": labels, "events": [[*span, 1.0] for span in labels]}
        record = {"line": 2, "prediction": json.dumps(prediction), "reference": adapter.expected(row)}
        sections = list(adapter.sections([record], lambda *_: None))
        return read(sections[0].body).of_class("thumbnail")

    return make


def number(thumbnail: Element) -> int:
    """Which frame of the film the picture shows."""
    content = next(thumbnail.all("img")).attributes["src"].partition("base64,")[2]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
    [shown] = numbers(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None])
    return shown


def test_a_long_mistake_is_shown_by_its_middle_frame_with_what_was_said_and_what_it_is(mistakes):
    [thumbnail] = mistakes([["left", 0.0, 0.8], ["right", 0.8, 4.0]])  # wrong from frame 20 up to 50
    assert (number(thumbnail), thumbnail.attributes["data-start"]) == (35, "1.400")
    assert plain(thumbnail.text) == "right, but it is left"


def test_the_six_longest_mistakes_are_shown_in_the_order_of_time(mistakes):
    """Runs of 1 to 8 wrong frames, a right one before each; the two shortest are left out."""
    labels, middles = [], []
    for length in range(1, 9):
        middles.append(len(labels) + 1 + length // 2)
        labels += ["left", *length * ["right"]]
    labels += [*(50 - len(labels)) * ["left"], *50 * ["right"]]
    shown = mistakes([[label, first / 25, last / 25] for label, first, last in segments(labels)])
    assert [number(one) for one in shown] == middles[2:]


def test_without_a_mistake_nothing_is_shown(mistakes):
    assert mistakes([["left", 0.0, 2.0], ["right", 2.0, 4.0]]) == []
