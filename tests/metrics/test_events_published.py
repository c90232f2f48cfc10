"""Scores of events are those that the scripts published with their definitions give.

`published.json` holds random videos and what two scripts printed about them: `eval.py` of MS-TCN, with the labels of
frames as letters and `.` as the background, and `util/score.py` of E2E-Spot, with (label, frame, score) predicted and
(label, frame) expected. The repositories and commits stand beside the figures, their code nowhere.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from toolkit.metrics import Score, edit_score, frame_accuracy, mean_average_precision, segment_f1

PUBLISHED = json.loads(Path(__file__).with_name("published.json").read_text())
SEGMENTS, INSTANTS = PUBLISHED["segments"], PUBLISHED["instants"]
PRINTED = 0.5e-4
"""How far figures with four decimals may be rounded."""
SCORES: dict[str, Callable[..., Score]] = {
    "frame_accuracy": frame_accuracy,
    "edit": partial(edit_score, background=["."]),
    **{f"f1_{share}": partial(segment_f1, overlap_percent=share, background=["."]) for share in (10, 25, 50)},
    **{f"map_{frames}": partial(mean_average_precision, tolerance=frames) for frames in (0, 1, 2, 4)},
}


def scored(name: str, videos: list[list[Any]]) -> float:
    """Our score of videos, each (predicted, expected)."""
    columns = ([[tuple(one) if isinstance(one, list) else one for one in side] for side in pair] for pair in videos)
    return SCORES[name](*map(list, zip(*columns, strict=True))).value


@pytest.mark.promise("G8")
@pytest.mark.parametrize("case", range(len(SEGMENTS["cases"])))
def test_frames_and_segments_score_as_the_script_of_ms_tcn_says(case):
    videos, figures = SEGMENTS["cases"][case].values()
    assert figures.keys() == {"frame_accuracy", "edit", "f1_10", "f1_25", "f1_50"}
    for name, figure in figures.items():
        assert scored(name, videos) == pytest.approx(figure, abs=PRINTED), name


@pytest.mark.promise("G8")
@pytest.mark.parametrize("case", range(len(INSTANTS["cases"])))
def test_instants_score_as_the_script_of_e2e_spot_says(case):
    videos, figures = INSTANTS["cases"][case].values()
    assert figures.keys() == {"map_0", "map_1", "map_2", "map_4"}
    for name, figure in figures.items():
        assert scored(name, videos) == pytest.approx(figure, abs=1e-6), name


def test_the_cases_tell_wrong_definitions_apart():
    for part, names in ((SEGMENTS, ("edit", "f1_10", "f1_25", "f1_50")), (INSTANTS, ("map_0", "map_1", "map_4"))):
        assert len(part["cases"]) == 30
        for name in names:
            assert len({case["figures"][name] for case in part["cases"]}) > 10, name


def test_we_have_an_answer_where_the_script_of_ms_tcn_has_none():
    odd = SEGMENTS["odd"]
    for name, figure in odd["nothing_found"]["figures"].items():
        assert scored(name, odd["nothing_found"]["videos"]) == pytest.approx(figure, abs=PRINTED), name
    # Where nothing is found and nothing is there, it divides 0 by 0; we count the video as right.
    assert odd["nothing_anywhere"]["figures"]["edit"] is None
    assert scored("edit", odd["nothing_anywhere"]["videos"]) == 100
    assert scored("f1_10", odd["nothing_anywhere"]["videos"]) == odd["nothing_anywhere"]["figures"]["f1_10"]
    # Where something is found and nothing is there, it looks for the best of no segments, and breaks off.
    assert odd["nothing_there"]["figures"] == {"fails": "ValueError"}
    assert scored("edit", odd["nothing_there"]["videos"]) == 50
    assert scored("f1_10", odd["nothing_there"]["videos"]) == pytest.approx(200 * 2 / (4 + 2))


def test_what_the_script_of_e2e_spot_leaves_to_chance_we_do_not():
    # Its answer to predictions of one score depends on their order in the file; ours is the same.
    figures = [case["figures"]["map_1"] for case in INSTANTS["odd"]["equal_scores"]]
    assert figures == [100, 50]
    assert [scored("map_1", case["videos"]) for case in INSTANTS["odd"]["equal_scores"]] == [50, 50]
    # Of two instants of one label on one frame, it can find only one. (The check of data refuses such rows.)
    twice = INSTANTS["odd"]["twice_on_one_frame"]
    assert (twice["figures"]["map_1"], scored("map_1", twice["videos"])) == (50, 100)
