"""What was taken for what, in labels and in words: every count is shown, and shares are of the right whole."""

import pytest

from tests.report.document import Element, read
from toolkit.report import class_counts, confusion_matrix, confusions, edits, worst_cases

LABELS = ["walk", "sit", "fall"]
COUNTS = [[90, 10, 0], [1, 3, 0], [0, 0, 0]]


def cells(tree: Element) -> list[list[Element]]:
    rows = next(tree.all("tbody")).all("tr")
    return [[cell for cell in row.all("td") if "tabindex" in cell.attributes] for row in rows]


def test_every_count_stands_in_its_cell_and_every_row_has_its_sum() -> None:
    tree = read(confusion_matrix(LABELS, COUNTS))

    assert [[int(cell.text or 0) for cell in row] for row in cells(tree)] == COUNTS
    assert [total.text for total in tree.of_class("number")] == ["100", "4", "0"]


def test_a_cell_is_as_dark_as_its_share_of_its_row() -> None:
    shades = [
        [int(cell.attributes["class"].split()[0].removeprefix("shade-")) for cell in row]
        for row in cells(read(confusion_matrix(LABELS, COUNTS)))
    ]

    assert shades == [[9, 1, 0], [2, 8, 0], [0, 0, 0]]


def test_the_diagonal_is_marked_and_the_story_is_told() -> None:
    tree = read(confusion_matrix(LABELS, COUNTS))

    assert [cell.text for cell in tree.of_class("right")] == ["90", "3", ""]
    assert next(tree.all("table")).attributes["aria-label"] == (
        "93 of 104 have the right label. Most often walk was taken for sit: 10 times."
    )


def test_only_one_cell_stops_the_tab_key() -> None:
    stops = [cell.attributes["tabindex"] for row in cells(read(confusion_matrix(LABELS, COUNTS))) for cell in row]

    assert stops == ["0"] + ["-1"] * 8


def test_a_matrix_of_sixty_labels_keeps_the_size_that_is_promised() -> None:
    labels = [f"label {place}" for place in range(60)]

    assert len(confusion_matrix(labels, [[123] * 60] * 60)) < 200_000  # bytes


@pytest.mark.parametrize(
    ("counts", "complaint"),
    [
        ([[1, 2], [3, 4]], r"one row and one column for each of the 3 labels, but has 2 rows with \[2\] columns"),
        ([[1, 2, 3], [3, 4], [0, 0, 0]], r"but has 3 rows with \[2, 3\] columns"),
        ([[1, 2, 3], [3, -4, 0], [0, 0, 0]], "whole numbers from 0, but `sit` has -4"),
        ([[1, 2, 0.5], [3, 4, 0], [0, 0, 0]], "whole numbers from 0, but `walk` has 0.5"),
        ([[1, 2, float("nan")], [3, 4, 0], [0, 0, 0]], "whole numbers from 0, but `walk` has nan"),
    ],
)
def test_counts_that_are_none_are_refused(counts, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        confusion_matrix(LABELS, counts)


def test_the_imbalance_of_labels_is_said() -> None:
    tree = read(class_counts({"fall": 4, "walk": 100, "sit": 0}))

    assert [label.text for label in next(tree.all("tbody")).all("th")] == ["walk", "fall", "sit"]
    said = tree.of_class("note")[0].text.replace("\u2068", "").replace("\u2069", "")
    assert said == "walk has 25 times as many as fall. Without an example: sit."


@pytest.mark.promise("F7")
def test_edits_are_listed_with_their_shares_of_the_expected_words() -> None:
    tree = read(edits({"hits": 90, "substitutions": 6, "deletions": 4, "insertions": 2}))

    assert tree.of_class("note")[0].text == "12 edits for 100 expected words: 12.0%."
    assert [cell.text for cell in tree.of_class("number")] == ["90", "90.0%", "6", "6.0%", "4", "4.0%", "2", "2.0%"]


@pytest.mark.parametrize(
    "counts",
    [
        {"hits": 1},
        {"hits": 1, "substitutions": 0, "deletions": 0, "inserts": 0},
        {"hits": 1, "substitutions": 0, "deletions": 0, "insertions": -1},
    ],
)
def test_edits_of_another_kind_are_refused(counts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="`counts` must have hits, substitutions, deletions, insertions"):
        edits(counts)


def test_confused_words_are_listed_and_an_empty_word_is_nothing() -> None:
    rows = [row.text for row in next(read(confusions([("four", "for", 12), ("", "uh", 3)])).all("tbody")).all("tr")]

    assert rows == ["fourfor12", "nothinguh3"]


def test_figures_without_rows_say_so() -> None:
    for markup in (
        confusion_matrix([], []),
        class_counts({}),
        confusions([]),
        edits(dict.fromkeys(("hits", "substitutions", "deletions", "insertions"), 0)),
    ):
        assert read(markup).text.startswith("There are no ")


def test_a_case_that_holds_sound_is_refused_and_one_that_lacks_an_entry_is_not() -> None:
    with pytest.raises(TypeError, match="`rows` must hold texts and numbers, but `source` is a dict"):
        worst_cases([{"source": {"bytes": b"RIFF"}}], columns=["source"])

    assert [cell.text for cell in read(worst_cases([{"source": None}], columns=["source"])).all("td")] == [""]
