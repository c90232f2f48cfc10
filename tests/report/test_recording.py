"""A recording on a page: the picture shows the sound, and every word stands at its time."""

import re
from itertools import combinations

import numpy as np
import pytest

from tests.report.document import Element, pixels, read, tone, wav
from toolkit.report import recording
from toolkit.report.pictures import INK, drawn
from toolkit.report.spectrogram import COLUMNS, ROWS, pitches, spectrogram

WORDS = [("so", 0.25, 0.5), ("my", 0.5, 0.75), ("fellow", 1.5, 1.5)]


def figure(words=WORDS, *, seconds=2.0, **changes) -> Element:
    given = {"sound": wav(tone()), "mime": "audio/wav", "caption": "line 3"} | changes
    return read(recording(tone(seconds), 8000, words, **given))


def places(tree: Element) -> list[tuple[float, float, int]]:
    """Left edge and least width of each word in percent, and its lane."""
    styles = [word.attributes["style"] for word in tree.of_class("word")]
    return [
        tuple(map(float, re.fullmatch(r"left:([\d.]+)%;min-width:([\d.]+)%;--lane:(\d+)", style).groups()))
        for style in styles
    ]


def test_another_library_reads_the_picture_that_was_drawn() -> None:
    values = np.random.default_rng(0).random((7, 13))

    seen = pixels(read(f'<img src="{drawn(values)}">').children[0])

    assert np.abs(seen[..., 3] / 255 - values).max() < 0.5 / 31 + 0.5 / 255
    assert (seen[..., :3] == list(INK)).all()


@pytest.mark.parametrize("sample_rate_hz", [8000, 16000, 44100, 96000])
@pytest.mark.parametrize("hertz", [150, 1000, 3000])
def test_a_tone_is_a_line_at_its_pitch(hertz: int, sample_rate_hz: int) -> None:
    picture = spectrogram(tone(1, hertz=hertz, sample_rate_hz=sample_rate_hz), sample_rate_hz)
    heard = pitches(sample_rate_hz)[::-1]

    assert picture.shape[0] == ROWS
    assert abs(heard[picture.mean(1).argmax()] - hertz) <= max(25, np.diff(pitches(sample_rate_hz)).max() / 2)


def test_a_click_is_a_line_at_its_time() -> None:
    samples = np.zeros(16000 * 4)
    samples[16000] = 1.0

    loudest = spectrogram(samples, 16000).mean(0).argmax()

    assert loudest / COLUMNS == pytest.approx(0.25, abs=0.01)


def test_the_picture_does_not_depend_on_the_volume_and_silence_is_blank() -> None:
    samples = np.random.default_rng(0).standard_normal(16000)

    assert np.allclose(spectrogram(samples, 16000), spectrogram(samples * 0.01, 16000))
    assert not spectrogram(np.zeros(16000), 16000).any()


@pytest.mark.parametrize("samples", [1, 7, 200, 16000, 16000 * 300])
def test_recordings_of_every_length_have_a_picture_of_bounded_size(samples: int) -> None:
    height, width = spectrogram(np.ones(samples), 16000).shape

    assert height == ROWS
    assert 1 <= width <= COLUMNS


@pytest.mark.promise("H8")
def test_every_word_stands_at_its_time_and_leads_there() -> None:
    tree = figure()

    assert [place[:2] for place in places(tree)] == [(12.5, 12.5), (25, 12.5), (75, 0)]
    assert [(word.attributes["data-start"], word.attributes["data-end"]) for word in tree.of_class("word")] == [
        ("0.250", "0.500"),
        ("0.500", "0.750"),
        ("1.500", "1.500"),
    ]
    assert [cell.text for cell in next(tree.all("tbody")).all("td")] == ["0.25", "0.50", "0.50", "0.75", "1.50", "1.50"]
    assert [next(tree.all(tag)).tag for tag in ("audio", "img")] == ["audio", "img"]


def test_no_word_covers_another_even_when_all_begin_at_once() -> None:
    words = [(word, start, start + 0.1) for start in (0.2, 0.25, 1.0) for word in ("extraordinary", "a", "고양이")]
    tree = figure(words, seconds=8)
    width = int(re.search(r"--width:(\d+)px", tree.of_class("timed")[0].attributes["style"])[1])
    boxes = [
        (lane, left / 100 * width, left / 100 * width + 7 * len(word.text.encode("euc-kr")))
        for (left, _, lane), word in zip(places(tree), tree.of_class("word"), strict=True)
    ]

    assert max(lane for lane, *_ in boxes) < len(words)
    for one, other in combinations(boxes, 2):
        assert one[0] != other[0] or one[2] <= other[1] or other[2] <= one[1]


def test_a_word_that_the_end_would_cut_off_leans_against_it() -> None:
    [word] = figure([("extraordinary", 1.98, 2.0)]).of_class("word")

    assert word.attributes["style"].startswith("right:0;")
    assert word.attributes["data-start"] == "1.980"


def test_a_word_past_the_end_and_words_out_of_order_are_shown_in_their_order() -> None:
    tree = figure([("later", 5.0, 6.0), ("first", 0.0, 0.1)])

    assert [word.text for word in tree.of_class("word")] == ["first", "later"]


def test_the_tab_key_stops_once_at_the_words() -> None:
    assert ["tabindex" in word.attributes for word in figure().of_class("word")] == [False, True, True]


@pytest.mark.parametrize(
    ("words", "reference", "lost", "gained"),
    [
        (["so", "my", "fellow"], "so my fellows", ["fellows"], ["fellow"]),
        ([" so", " my", " fellow"], "so my fellow", [], []),
        (["猫", "が"], "猫が", [], []),
        (["猫", "cat"], "猫 cat", [], []),
        ([], "so", ["so"], []),
    ],
)
def test_what_was_expected_and_what_was_written_are_compared(words, reference, lost, gained) -> None:
    tree = figure([(word, place / 4, place / 4 + 0.2) for place, word in enumerate(words)], reference=reference)

    assert tree.of_class("compared")[0].text.startswith(f"reference{reference}written")
    assert [mark.text for mark in tree.all("del")] == lost
    assert [mark.text for mark in tree.all("ins")] == gained


def test_the_attention_is_drawn_over_the_same_time_one_row_for_each_token() -> None:
    weights = [[0.1, 0.4, 0.0], [0.0, 0.05, 0.2]]
    tree = figure(attention=[("a", weights[0]), (" ", weights[1])])
    [listened] = tree.of_class("glances")

    assert np.abs(pixels(next(listened.all("img")))[..., 3] / 255 - np.array(weights) / 0.4).max() < 0.02
    assert [name.text for name in listened.all("li")] == ["a", "␣"]


@pytest.mark.parametrize(
    ("weights", "complaint"),
    [
        ([[0.5, 0.5], [1.0]], r"one weight per step for every token, but rows have \[1, 2\]"),
        ([[0.5, float("nan")], [0, 1]], r"`attention\[0\]` must be finite"),
        ([[0.5, 0.5], [0, 3]], "`attention` must hold weights from 0 to 1, but they are from 0 to 3"),
        ([[], []], r"rows have \[0\] weights"),
    ],
)
def test_attention_that_cannot_be_drawn_is_refused(weights, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        figure(attention=list(zip("ab", weights, strict=True)))


@pytest.mark.parametrize(
    ("samples", "complaint"),
    [
        ([0.0, float("nan")], "`samples` must be finite"),
        ([[0.0, 0.1]], r"`samples` must be one channel, but has the shape \(1, 2\)"),
    ],
)
def test_sound_that_cannot_be_drawn_is_refused(samples, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        recording(samples, 8000, [], sound=b"", mime="audio/wav", caption="")


@pytest.mark.parametrize("times", [(0.5, 0.4), (float("nan"), 1.0), (0.0, float("inf"))])
def test_a_word_without_times_is_refused_by_name(times: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"`words\[1\]` must start before it ends.* `my` is from"):
        figure([("so", 0.0, 0.1), ("my", *times)])


def test_an_empty_recording_and_one_without_words_say_so() -> None:
    assert "the recording is empty" in recording([], 8000, [], sound=b"", mime="audio/wav", caption="")
    assert "No words were written." in figure([]).text


def test_a_recording_without_its_sound_is_drawn_without_a_player() -> None:
    assert not list(figure(sound=b"").all("audio"))


@pytest.mark.parametrize("mime", ["wav", "text/html", 'audio/wav"><script>', "audio/wav;x"])
def test_only_sound_and_video_are_played(mime: str) -> None:
    with pytest.raises(ValueError, match="`mime` must be like audio/mpeg"):
        figure(mime=mime)
