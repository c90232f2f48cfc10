"""A video on a page: truth and prediction stand above each other where they happened."""

import re

import pytest

from tests.report.document import Element, jpeg, plain, read
from toolkit.report import timeline
from toolkit.report.clock import moment, told

TRUTH = [("walk", 0, 4), ("fall", 5, 5.5), ("bounce", 8, 8)]
PREDICTED = [("walk", 1, 4, 0.91), ("sit", 5, 6, 0.5)]


def figure(truth=TRUTH, predicted=PREDICTED, **changes) -> Element:
    return read(timeline(truth, predicted, **({"seconds": 10, "video": None, "caption": "a.mp4"} | changes)))


def tracks(tree: Element) -> dict[str, list[Element]]:
    return {track.attributes["aria-label"]: list(track.all("button")) for track in tree.of_class("track")}


def box(button: Element) -> tuple[float, float, int]:
    """Left edge and width in percent, and the lane."""
    left, width, lane = re.fullmatch(
        r"left:([\d.]+)%;width:([\d.]+)%;--lane:(\d+)", button.attributes["style"]
    ).groups()
    return float(left), float(width), int(lane)


@pytest.mark.promise("H8")
def test_truth_stands_above_the_prediction_and_each_event_at_its_time() -> None:
    drawn = tracks(figure())

    assert list(drawn) == ["truth", "predicted"]
    assert [box(event) for event in drawn["truth"]] == [(0, 40, 0), (50, 5, 0), (80, 0, 0)]
    assert [box(event) for event in drawn["predicted"]] == [(10, 30, 0), (50, 10, 0)]
    assert plain(drawn["predicted"][0].attributes["title"]) == "walk, 1.00 – 4.00 s, score 0.91"


def test_several_models_are_drawn_under_each_other() -> None:
    assert list(tracks(figure(predicted={"lips": PREDICTED, "sound": []}))) == ["truth", "lips", "sound"]


def test_a_label_has_one_colour_in_every_track_and_in_the_legend() -> None:
    tree = figure(probabilities={"walk": [(0, 0.5)], "lie": [(0, 0.1)]})

    def colour(element: Element) -> str:
        return " ".join(re.findall(r"(?:series|style)-\d", element.attributes["class"]))

    legend = {entry.text: colour(entry) for entry in tree.of_class("legend")[0].all("li")}
    assert list(legend) == ["walk", "fall", "bounce", "sit", "lie"]
    assert len(set(legend.values())) == 5
    for event in (event for track in tracks(tree).values() for event in track):
        assert colour(event) == legend[plain(event.attributes["title"]).split(",")[0]]
    curves = [path for path in tree.of_class("probabilities")[0].all("path") if path.attributes["class"] != "grid"]
    assert [colour(curve) for curve in curves] == [legend["walk"], legend["lie"]]


def test_eighteen_labels_can_be_told_apart() -> None:
    tree = figure([(f"label {place}", place / 2, place / 2 + 0.4) for place in range(18)])

    assert len({entry.attributes["class"] for entry in tree.of_class("legend")[0].all("li")}) == 18


def test_events_that_overlap_are_drawn_in_lanes_and_those_that_touch_are_not() -> None:
    overlapping = [("a", 0, 4), ("b", 2, 6), ("c", 4, 8), ("d", 3, 5)]

    lanes = {plain(event.attributes["title"])[0]: box(event)[2] for event in tracks(figure(overlapping))["truth"]}

    assert lanes == {"a": 0, "b": 1, "c": 0, "d": 2}


def test_probabilities_are_drawn_over_the_same_time() -> None:
    tree = figure(probabilities={"walk": [(0, 0), (5, 0.5), (10, 1)]})

    assert tree.of_class("probabilities")[0].attributes["viewbox"] == "0 0 1000 100"
    assert "M0.0,99.0L500.0,50.0L1000.0,1.0" in {
        path.attributes["d"] for path in tree.of_class("probabilities")[0].all("path")
    }


def test_what_lies_past_the_end_is_drawn_at_the_end_and_told_as_it_is() -> None:
    [event] = tracks(figure([("late", 12, 14)]))["truth"]

    assert box(event)[0] == 100
    assert plain(event.attributes["title"]) == "late, 12.00 – 14.00 s"


def test_thumbnails_lead_to_their_second() -> None:
    [thumbnail] = figure(thumbnails=[(jpeg(), 5.2, "fall was missed")]).of_class("thumbnail")

    assert thumbnail.attributes["data-start"] == "5.200"
    assert thumbnail.text == "fall was missed"
    assert next(thumbnail.all("img")).attributes["src"].startswith("data:image/jpeg;base64,")


def test_a_thumbnail_that_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="`thumbnails` must hold PNG or JPEG pictures, but one begins with b'GIF89a'"):
        figure(thumbnails=[(b"GIF89a", 0, "")])


@pytest.mark.parametrize("name", ["a b#c.mp4", "clips/ü?.mp4", '"><script>.mp4'])
def test_a_video_beside_the_page_is_named_safely(name: str) -> None:
    [video] = figure(video=name).all("video")

    assert re.fullmatch(r"[\w./%-]+", video.attributes["src"])


@pytest.mark.parametrize("name", ["http://a.b/c.mp4", "//a.b/c.mp4", "/etc/c.mp4", "javascript:alert(1)", "C:\\c.mp4"])
def test_a_video_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="`video` must be bytes or the name of a file beside the page"):
        figure(video=name)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_video_without_a_length_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="`seconds` must be a length above 0"):
        figure(seconds=seconds)


def test_an_event_that_ends_before_it_starts_is_refused_by_its_track() -> None:
    with pytest.raises(ValueError, match=r"`lips\[1\]` must start before it ends.* `b` is from 2 to 1"):
        figure(predicted={"lips": [("a", 0, 1), ("b", 2, 1)]})


@pytest.mark.parametrize("point", [(0, 1.5), (0, -0.1), (0, float("nan")), (float("nan"), 0.5)])
def test_a_probability_that_is_none_is_refused(point: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="`probabilities` must be from 0 to 1 at seconds from 0, but `walk` has"):
        figure(probabilities={"walk": [point]})


def test_a_video_without_events_says_so() -> None:
    tree = figure([], [])

    assert [empty.text for empty in tree.of_class("empty")] == ["No events.", "No events."]
    assert not list(tree.all("details"))


@pytest.mark.parametrize(
    ("second", "written"),
    [(0, "0.00"), (59.996, "1:00.00"), (61.504, "1:01.50"), (3599.999, "1:00:00.00"), (7265.25, "2:01:05.25")],
)
def test_times_are_written_as_players_do(second: float, written: str) -> None:
    assert moment(second) == written


def test_an_event_is_told_with_its_times() -> None:
    assert plain(told(("out", 61.5, 61.5, 0.987654))) == "out, 1:01.50, score 0.988"
