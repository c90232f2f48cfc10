"""Each figure: the numbers that went in are the numbers that are drawn and told."""

import math
import random
import re
import unicodedata

import pytest

from tests.report.document import Element, read
from toolkit.report import bars, curves, facts, intervals_by_group, score_table, text_block, worst_cases
from toolkit.report.attention import attention_map

NAN, INFINITY = float("nan"), float("inf")


def corners(path: Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+),([\d.]+)", path.attributes["d"])]


def lines(markup: str) -> list[Element]:
    return [path for path in read(markup).all("path") if "data-values" in path.attributes]


@pytest.mark.parametrize(
    "empty",
    [
        score_table([]),
        curves({}, x_label="step", y_label="loss"),
        curves({"training": []}, x_label="step", y_label="loss"),
        curves({"training": [(1, NAN)]}, x_label="step", y_label="loss"),
        intervals_by_group([], x_label="length", y_label="BLEU"),
        intervals_by_group({"with": []}, x_label="length", y_label="BLEU"),
        worst_cases([], columns=["source"]),
        attention_map([], ["a"], [[]]),
        attention_map(["a"], [], []),
        facts({}),
        bars([]),
        text_block(" \n"),
    ],
)
def test_a_figure_without_rows_says_so(empty: str) -> None:
    assert re.fullmatch(r"There (is|are) no .*\.", read(empty).text)


def test_a_score_shows_its_value_its_interval_and_how_it_was_computed() -> None:
    row = {"name": "BLEU", "value": 50.0, "low": 25.0, "high": 100.0, "explanation": "Words.", "signature": "tok:13a"}
    tree = read(score_table([row]))

    assert [cell.text for cell in tree.of_class("number")] == ["50", "25 – 100"]
    assert "BLEUWords.tok:13a" in tree.text
    track, drawn, value = (tree.of_class(name)[0].attributes["d"] for name in ("track", "range", "value"))
    assert (track, drawn, value) == ("M34 10h220", "M89.0 10H254.0", "M144.0 3v14")


@pytest.mark.parametrize("value", [0.31, 31.0, 310.0, -3.1])
def test_the_drawing_of_a_score_begins_at_zero_unless_it_is_negative(value: float) -> None:
    drawing = read(score_table([{"name": "score", "value": value, "low": value - 0.1, "high": value + 0.1}]))
    first, last = (float(text.text.replace(",", "")) for text in drawing.all("text"))

    assert (first, last) == {0.31: (0, 1), 31.0: (0, 100), 310.0: (0, 400), -3.1: (-4, 0)}[value]


def test_a_score_without_an_interval_or_without_a_number_still_has_its_row() -> None:
    tree = read(score_table([{"name": "a", "value": 6.7}, {"name": "b", "value": NAN, "low": NAN, "high": NAN}]))

    assert "6.7" in tree.text
    assert "not a number" in tree.text
    assert not list(tree.all("svg"))


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"value": 1.0}, r"`rows\[0\]` must have `name` and `value`.* lacks \['name'\]"),
        ({"name": "BLEU", "value": 1.0, "lower": 0.5}, r"has \['lower'\]"),
        ({"name": "BLEU", "value": 1.0, "low": 2.0, "high": 1.0}, "`low` must not be above `high`, but BLEU"),
    ],
)
def test_a_score_row_with_a_wrong_entry_is_refused_by_name(row: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        score_table([row])


def test_curves_stand_where_their_values_are() -> None:
    [line] = lines(curves({"loss": [(0, 8), (50, 2), (100, 0)]}, x_label="step", y_label="loss"))
    (left, top), (middle, low), (right, bottom) = corners(line)

    assert middle - left == pytest.approx(right - middle, abs=0.11)
    assert (bottom - low) / (bottom - top) == pytest.approx(0.25, abs=0.001)
    assert line.attributes["data-values"] == "8 at 0|2 at 50|0 at 100"


def test_points_that_are_not_numbers_break_the_line_and_are_counted() -> None:
    points = [(3, 2.0), (1, 5.0), (2, NAN), (4, 1.0), (5, INFINITY), (6, 1.0)]
    markup = curves({"loss": points}, x_label="step", y_label="loss")
    [line] = lines(markup)

    assert line.attributes["d"].count("M") == 3
    assert line.attributes["data-values"] == "5 at 1|2 at 3|1 at 4|1 at 6"
    assert "not numbers: 2." in read(markup).text
    assert "nan" not in markup


def test_a_curve_of_one_point_is_seen() -> None:
    tree = read(curves({"dev": [(10, 3.0)]}, x_label="step", y_label="loss"))

    assert len(tree.of_class("lone")) == 1
    assert lines(curves({"dev": [(10, 3.0)]}, x_label="step", y_label="loss"))[0].attributes["d"].endswith("h0")


def test_a_long_curve_is_drawn_with_few_points_and_its_extremes() -> None:
    points = [(step, 1 + step / 1e6) for step in range(50_000)]
    points[31_415] = (31_415, 77.0)
    markup = curves({"loss": points}, x_label="step", y_label="loss")

    assert len(corners(lines(markup)[0])) <= 400
    assert "77 at 31,415" in lines(markup)[0].attributes["data-values"]
    assert "50,000" in read(markup).text


def test_a_chart_tells_its_story_to_those_who_cannot_see_it() -> None:
    drawing = next(read(curves({"dev": [(0, 5), (9, 2), (10, 3)]}, x_label="step", y_label="loss")).all("svg"))

    assert drawing.attributes["role"] == "img"
    assert (
        drawing.attributes["aria-label"]
        == "loss over step. \u2068dev\u2069: from 5 at 0 to 3 at 10, lowest 2 at 9, highest 5 at 0."
    )


def test_many_series_stay_apart_by_colour_or_by_dash() -> None:
    tree = read(curves({f"run {place}": [(0, place), (1, place)] for place in range(18)}, x_label="x", y_label="y"))

    assert len({element.attributes["class"] for element in tree.all("g")}) == 18


def test_groups_of_two_series_share_their_place_and_show_interval_and_count() -> None:
    markup = intervals_by_group(
        {"with": [("1–5", 30, 20, 40, 12), ("6–9", 10, 5, 20, 3)], "without": [("6–9", 40, 40, 40, 3)]},
        x_label="length",
        y_label="BLEU",
    )
    first, second, other = (
        {key: float(element.attributes[key]) for key in ("cx", "cy")} for element in read(markup).all("circle")
    )

    assert first["cx"] < second["cx"] < other["cx"]
    assert other["cx"] - second["cx"] < (second["cx"] - first["cx"]) / 4
    assert second["cy"] - first["cy"] == pytest.approx(first["cy"] * 2 - other["cy"] * 2, abs=0.21)
    assert [count.text for count in read(markup).of_class("count")] == ["n = 12", "n = 3"]
    assert "with, 1–5: 30 (20 – 40), n = 12." in next(read(markup).all("svg")).attributes["aria-label"]


def test_groups_of_one_series_that_share_a_label_are_not_drawn_over_each_other() -> None:
    markup = intervals_by_group([("4–4", 30, 20, 40, 12), ("4–4", 30, 20, 40, 11)], x_label="x", y_label="y")
    first, second = (float(circle.attributes["cx"]) for circle in read(markup).all("circle"))

    assert second - first > 100
    assert [count.text for count in read(markup).of_class("count")] == ["n = 12", "n = 11"]


def test_long_group_names_lean_and_are_cut_on_the_drawing_but_whole_in_the_numbers() -> None:
    names = [f"a rather long name of group {place}" for place in range(12)]
    tree = read(intervals_by_group([(name, 1, 0, 2, 5) for name in names], x_label="x", y_label="y"))

    assert [text.text for text in tree.all("text") if text.text.endswith("…")] == ["a rather long…"] * 12
    assert [name.text for name in next(tree.all("tbody")).all("th")] == names


def test_a_group_without_a_score_keeps_its_place_and_its_count() -> None:
    tree = read(intervals_by_group([("1–5", 30, 20, 40, 9), ("6–9", NAN, NAN, NAN, 0)], x_label="x", y_label="y"))

    assert len(list(tree.all("circle"))) == 1
    assert [count.text for count in tree.of_class("count")] == ["n = 9", "n = 0"]


def test_bars_show_amounts_and_shares_of_the_whole() -> None:
    tree = read(bars([("encoder", 3_000_000), ("decoder", 1_000_000), ("none", 0)]))

    assert [cell.text for cell in tree.of_class("number")] == ["3,000,000", "75.0%", "1,000,000", "25.0%", "0", "0.0%"]
    assert [bar.attributes["style"] for bar in tree.all("i")] == ["--share:1.0000", "--share:0.3333", "--share:0.0000"]
    assert "0.0%" in bars([("nothing", 0)])


@pytest.mark.parametrize("amount", [-1, NAN, INFINITY])
def test_bars_refuse_what_has_no_share(amount: float) -> None:
    with pytest.raises(ValueError, match="`rows` of bars must be finite and at least 0, but `decoder` is"):
        bars([("encoder", 1), ("decoder", amount)])


def test_facts_are_exact_so_that_they_can_be_copied() -> None:
    tree = read(facts({"learning_rate": 0.000123456789, "seed": 20260101, "push": None, "betas": {"a": (0.9, 0.999)}}))

    assert [cell.text for cell in tree.all("td")] == ["0.000123456789", "20260101", "None", '{"a": [0.9, 0.999]}']


def test_long_lists_of_facts_are_folded_away() -> None:
    assert not list(read(facts({f"name{place}": 1 for place in range(12)})).all("details"))
    assert "All 13 entries" in next(read(facts({f"name{place}": 1 for place in range(13)})).all("details")).text


@pytest.mark.parametrize(
    ("reference", "prediction", "lost", "gained"),
    [
        ("du kannst so gut", "Sie können so gut", ["du", "kannst"], ["Sie", "können"]),
        ("the cat", "the cat", [], []),
        ("猫はテーブルの上", "犬はテーブルの上", ["猫"], ["犬"]),
        ("", "new words", [], ["new words"]),
        ("قطة على الطاولة", "كلب على الطاولة", ["قطة"], ["كلب"]),
    ],
)
def test_words_that_differ_are_marked_and_nothing_is_lost(
    reference: str, prediction: str, lost: list[str], gained: list[str]
) -> None:
    tree = read(worst_cases([{"reference": reference, "prediction": prediction}], columns=["reference", "prediction"]))

    assert [cell.text for cell in tree.all("td")] == [reference, prediction]
    assert [mark.text for mark in tree.all("del")] == lost
    assert [mark.text for mark in tree.all("ins")] == gained


@pytest.mark.parametrize(
    ("reference", "prediction"),
    [
        ("मैं स्कूल जाता हूँ", "मैं स्कूली जाती हूं"),
        ("ผมไปที่นี่", "ผมไปที่นั้น"),
        ("👍🏽 👨\u200d👩\u200d👧", "👍🏿 👨\u200d👩\u200d👦"),
        ("x\u0301 on", "x\u0300 on"),
    ],
)
def test_what_stands_above_below_or_inside_another_sign_is_never_marked_without_it(
    reference: str, prediction: str
) -> None:
    cells = list(
        read(
            worst_cases([{"reference": reference, "prediction": prediction}], columns=["reference", "prediction"])
        ).all("td")
    )
    assert [cell.text for cell in cells] == [reference, prediction]
    pieces = [child if isinstance(child, str) else child.text for cell in cells for child in cell.children]
    assert len(pieces) > 2
    for piece in pieces:
        assert not unicodedata.category(piece[0]).startswith("M") and not "\U0001f3fb" <= piece[0] <= "\U0001f3ff"
        assert "\u200d" not in (piece[0], piece[-1])


def test_the_same_letters_of_other_code_points_are_not_marked() -> None:
    tree = read(worst_cases([{"reference": "Cafe\u0301", "prediction": "Café"}], columns=["reference", "prediction"]))

    assert not list(tree.all("ins")) and not list(tree.all("del"))


def test_outside_the_marks_prediction_and_reference_agree() -> None:
    draw = random.Random(0)
    for _ in range(200):
        wanted, came = (" ".join(draw.choices("abcd", k=draw.randint(0, 8))) for _ in range(2))
        cells = list(
            read(worst_cases([{"reference": wanted, "prediction": came}], columns=["reference", "prediction"])).all(
                "td"
            )
        )
        kept = ["".join(child for child in cell.children if isinstance(child, str)) for cell in cells]

        assert [cell.text for cell in cells] == [wanted, came]
        assert kept[0] == kept[1]


def test_a_case_shows_the_columns_asked_for_in_their_order_and_rounds_its_numbers() -> None:
    tree = read(worst_cases([{"score": 1 / 3, "source": "a"}, {"source": "b"}], columns=["source", "score"]))

    assert [cell.text for cell in tree.all("td")] == ["a", "0.3333", "b", ""]
    assert not list(tree.all("ins"))


def test_numbers_of_every_figure_are_finite_on_the_drawing() -> None:
    for markup in (
        curves({"a": [(0, 1e-9), (1, 2e-9)], "b": [(5, 1e9)]}, x_label="x", y_label="y"),
        intervals_by_group([("one", 1, NAN, 2, 1)], x_label="x", y_label="y"),
        score_table([{"name": "a", "value": 1.0, "low": -INFINITY, "high": 2.0}]),
    ):
        for element in read(markup).all():
            for key in ("d", "cx", "cy", "x", "y"):
                places = re.findall(r"[a-z]{3}|-?\d+\.?\d*", element.attributes.get(key, ""))
                assert all(math.isfinite(float(place)) for place in places)
