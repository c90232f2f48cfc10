"""The attention map: the weights that went in are the weights that can be read, whatever the tokens."""

import random
import re

import pytest

from tests.report.document import Element, read
from toolkit.report import attention_map
from toolkit.report.attention import LEVELS


def rows(markup: str) -> list[Element]:
    return [row for row in read(markup).all("tr") if "data-weights" in row.attributes]


def stored(markup: str) -> list[list[int]]:
    return [[int(weight or 0) for weight in row.attributes["data-weights"].split(",")] for row in rows(markup)]


def shades(row: Element, columns: int) -> list[int]:
    """Reads the drawing of a row back, cell by cell."""
    found = [0] * columns
    for path in row.all("path"):
        for start, length in re.findall(r"M(\d+) 0h(\d+)", path.attributes["d"]):
            for column in range(int(start), int(start) + int(length)):
                assert found[column] == 0, "a cell is drawn twice"
                found[column] = int(path.attributes["class"].removeprefix("shade-"))
    return found


def test_weights_are_stored_in_thousandths() -> None:
    assert stored(attention_map(["a", "b", "c"], ["x", "y"], [[0.4214, 0.0004, 0.5], [0, 0, 1]])) == [
        [421, 0, 500],
        [0, 0, 1000],
    ]


def test_each_cell_has_the_shade_of_its_weight_against_the_largest() -> None:
    draw = random.Random(0)
    columns, targets = [str(place) for place in range(23)], [str(place) for place in range(17)]
    weights = [[draw.random() ** 4 * 0.6 for _ in columns] for _ in targets]
    drawn = rows(attention_map(columns, targets, weights))
    largest = max(map(max, weights))

    for row, wanted in zip(drawn, weights, strict=True):
        for shade, weight in zip(shades(row, len(columns)), wanted, strict=True):
            assert shade == pytest.approx(weight / largest * LEVELS, abs=0.52)


def test_the_key_names_the_weight_of_the_darkest_shade() -> None:
    tree = read(attention_map(["a", "b"], ["x"], [[0.125, 0.25]]))

    assert tree.of_class("key")[0].text.split() == ["0", "0.25"]
    assert len(list(tree.of_class("key")[0].all("i"))) == LEVELS


def test_a_map_without_any_weight_is_blank() -> None:
    markup = attention_map(["a", "b"], ["x"], [[0, 0]])

    assert stored(markup) == [[0, 0]]
    assert not list(read(markup).all("path"))


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -float("inf"), -0.01, 1.01])
def test_a_weight_that_is_no_share_is_refused_with_its_place(weight: float) -> None:
    with pytest.raises(ValueError, match=r"`weights\[1\]` must be finite and from 0 to 1, but holds"):
        attention_map(["a", "b"], ["x", "y"], [[0.5, 0.5], [0.5, weight]])


def test_a_weight_that_half_precision_rounded_past_one_is_one() -> None:
    assert stored(attention_map(["a", "b"], ["x"], [[1.0005, -0.0005]])) == [[1000, 0]]


def test_weights_of_another_shape_than_the_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one row per target token \(2\), but has 1"):
        attention_map(["a"], ["x", "y"], [[1.0]])
    with pytest.raises(ValueError, match=r"`weights\[0\]` must have one weight per source token \(2\), but has 3"):
        attention_map(["a", "b"], ["x"], [[0.2, 0.3, 0.5]])


def test_the_strongest_links_are_told_in_words() -> None:
    tree = read(attention_map(["the", "house", "is", "red"], ["rot"], [[0.05, 0.1, 0.03, 0.82]]))

    assert "red\u2069 0.82 · \u2068house\u2069 0.1 · \u2068the\u2069 0.05" in next(tree.all("details")).text
    assert (
        "The surest is \u2068rot\u2069, which looks at: \u2068red" in next(tree.all("table")).attributes["aria-label"]
    )


def test_tokens_of_every_script_keep_their_own_direction() -> None:
    tree = read(attention_map(["قطة", "猫", "고양이"], ["שלום", "cat"], [[0.2, 0.3, 0.5]] * 2))
    tokens = [isolated.text for header in next(tree.all("table")).all("th") for isolated in header.all("bdi")]

    assert tokens == ["قطة", "猫", "고양이", "שלום", "cat"]


def test_a_blank_token_has_something_to_see() -> None:
    assert [
        header.text for header in next(read(attention_map([" ", ""], ["\n"], [[1, 0]])).all("table")).all("th")
    ] == ["␣"] * 3


@pytest.mark.parametrize(
    ("token", "columns", "room"),
    [
        ("short", 12, "large level"),
        ("Geschwindigkeit", 12, "large tilted"),
        ("한국어", 12, "large level"),
        ("한국어로", 12, "large tilted"),
        ("short", 20, "medium tilted"),
        ("a", 80, "small level"),
        ("short", 80, "small tilted"),
    ],
)
def test_labels_lean_where_they_would_touch(token: str, columns: int, room: str) -> None:
    figure = next(read(attention_map([token] * columns, ["x"], [[0.01] * columns])).all("figure"))

    assert figure.attributes["class"] == f"attention {room}"


def test_only_one_token_of_a_map_stops_the_tab_key() -> None:
    tree = read(attention_map(["a"], ["x", "y", "z"], [[1.0]] * 3))

    assert [element.attributes["tabindex"] for element in tree.all("th") if "tabindex" in element.attributes] == ["0"]


def test_a_map_of_eighty_by_eighty_noisy_weights_stays_small() -> None:
    draw = random.Random(0)
    tokens = [f"token{place}" for place in range(80)]

    assert len(attention_map(tokens, tokens, [[draw.random() for _ in tokens] for _ in tokens])) < 130_000  # bytes
