import random

import pytest

from toolkit.data import parse_frame, parse_seconds
from toolkit.data.times import clock


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("12.5", 12.5),
        (" 12,5 ", 12.5),
        ("90", 90.0),
        ("0:12.500", 12.5),
        ("1:30", 90.0),
        ("00:00:12,500", 12.5),
        ("01:00:00.25", 3600.25),
        ("123:59:59.999", 123 * 3600 + 3599.999),
        (str(0.1 + 0.2), 0.3),
        ("12.340000000000002", 12.34),
        (f"0:{1 / 3}", 1 / 3),
        ("0.30000001192092896", 0.30000001192092896),
    ],
)
def test_the_ways_of_writing_a_time_mean_the_same(text, seconds):
    assert parse_seconds(text) == pytest.approx(seconds, abs=1e-9)


@pytest.mark.promise("G5", "H4")
@pytest.mark.parametrize(
    "text",
    ["", " ", "-1", "nan", "inf", "1e3", "abc", "1:60", "1:61:00", "1:2:3:4", ":5", "1.2.3", "12s", "٣", "9" * 400],
)
def test_what_is_no_time_is_one_sentence_with_the_way_out(text):
    with pytest.raises(
        ValueError, match=r"^`start` must be a time from 0 on, such as .*, but is .*\. Correct it\.$"
    ) as caught:
        parse_seconds(text, "start")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(("text", "frame"), [("0", 0), (" 7 ", 7), ("112.0", 112)])
def test_frames_are_whole_numbers_as_spreadsheets_write_them(text, frame):
    assert parse_frame(text) == frame


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1e3", "x", "0x10", "9" * 400])
def test_what_is_no_frame_is_one_sentence(text):
    with pytest.raises(ValueError, match=r"^`frame` must be a whole number from 0 on, but is .*\. Correct it\.$"):
        parse_frame(text)


def test_a_clock_reads_back_to_the_millisecond():
    chance = random.Random(0)
    for _ in range(500):
        seconds = chance.uniform(0, 10 ** chance.uniform(0, 5))
        assert abs(parse_seconds(clock(seconds, chance.choice(",."))) - seconds) <= 0.0005 + 1e-9


def test_rounding_carries_into_minutes_and_hours():
    assert clock(59.9996, ",") == "00:01:00,000" and clock(3599.9999, ".") == "01:00:00.000"
