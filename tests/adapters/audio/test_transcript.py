"""Files of transcripts hold what was said and when, whatever was said."""

import html
import json
import re
from pathlib import Path

import pytest

from toolkit.adapters.audio.transcript import Segment, Skipped, Transcript, Word
from toolkit.adapters.audio.transcript_formats import as_srt, as_text, as_tsv, as_vtt, write_transcript

NASTY = [
    " 1 < 2 & 3 --> 4",
    " line\nbreak\n\n00:00:01,000 --> 00:00:02,000",
    " tab\there",
    " 안녕하세요 여러분",
    ' "q" ',
]
TALK = Transcript(
    tuple(Segment(text, 3600.0 * place + 0.25, 3600.0 * place + 1.5) for place, text in enumerate(NASTY)),
    (Skipped(1.5, 3600.25, "no speech"),),
    "en",
    5 * 3600.0,
)
LONG = " and so it was that the long sentence went on and on until no screen of any size could have held it all at once"


def flat(text: str) -> str:
    """What must survive: the words."""
    return " ".join(text.split()).replace("-->", "→")


def cues(written: str, point: str) -> list[tuple[float, float, list[str]]]:
    """Subtitles as a player reads them: blocks between blank lines, of which the line with the arrow has the times."""
    found = []
    for block in re.split(r"\n\n+", written.strip()):
        lines = block.split("\n")
        place = next((place for place, line in enumerate(lines) if " --> " in line), None)
        if place is None:
            continue
        times = []
        for clock in lines[place].split(" --> "):
            hours, minutes, seconds = clock.replace(point, ".").split(":")
            assert re.fullmatch(r"\d\d\.\d\d\d", seconds)
            times.append(int(hours) * 3600 + int(minutes) * 60 + float(seconds))
        found.append((*times, lines[place + 1 :]))
    return found


@pytest.mark.promise("F5")
@pytest.mark.parametrize(("write", "point"), [(as_srt, ","), (as_vtt, ".")])
def test_subtitles_give_back_words_and_times(write, point):
    read = cues(write(TALK), point)
    plain = html.unescape if write is as_vtt else str
    assert [plain(" ".join(lines)) for _, _, lines in read] == [flat(text) for text in NASTY]
    assert [(start, end) for start, end, _ in read] == [(s.start_seconds, s.end_seconds) for s in TALK.segments]


def test_webvtt_has_its_header_and_no_markup_of_ours():
    written = as_vtt(TALK)
    assert written.startswith("WEBVTT\n\n")
    assert "1 &lt; 2 &amp; 3 → 4" in written


def test_subrip_numbers_its_cues_from_one():
    assert re.findall(r"^\d+$", as_srt(TALK), re.MULTILINE) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("words", [True, False])
def test_long_segments_are_divided_where_words_are_spoken(words):
    pieces = LONG.split()
    spoken = tuple(Word(f" {word}", place * 1.0, place + 0.5) for place, word in enumerate(pieces)) if words else ()
    read = cues(as_srt(Transcript((Segment(LONG, 0.0, float(len(pieces)), spoken),), seconds=99.0)), ",")
    assert len(read) == 2
    assert all(len(lines) <= 2 and max(map(len, lines)) <= 42 for _, _, lines in read)
    assert " ".join(" ".join(lines) for _, _, lines in read) == LONG.strip()
    (_, first_end, first), (second_start, second_end, _) = read
    assert first_end <= second_start
    if words:
        said = len(" ".join(first).split())
        assert (first_end, second_start) == (said - 0.5, float(said))
    else:
        assert second_end == pytest.approx(len(pieces))


def test_texts_without_spaces_are_divided_too():
    text = "今日は良い天気ですね" * 20
    read = cues(as_srt(Transcript((Segment(text, 0.0, 20.0),), seconds=20.0)), ",")
    assert len(read) > 1
    assert "".join("".join(lines) for _, _, lines in read) == text


@pytest.mark.promise("F5")
def test_tab_separated_times_are_whole_milliseconds():
    header, *rows = as_tsv(TALK).splitlines()
    assert header == "start\tend\ttext"
    read = [row.split("\t") for row in rows]
    assert [(int(start), int(end)) for start, end, _ in read][:2] == [(250, 1500), (3600250, 3601500)]
    assert [text for _, _, text in read] == [flat(text) for text in NASTY]


@pytest.mark.promise("F5")
def test_json_gives_back_everything(tmp_path):
    talk = Transcript(
        (Segment(" a b", 0.0, 1.0, (Word(" a", 0.0, 0.5), Word(" b", 0.5, 1.0))),), TALK.skipped, "ko", 2.0
    )
    write_transcript(talk, tmp_path / "talk.json")
    held = json.loads((tmp_path / "talk.json").read_text(encoding="utf-8"))
    assert Transcript.from_json(held) == talk
    assert held["text"] == " a b"


def test_text_has_a_line_for_each_segment():
    assert as_text(TALK).splitlines() == [flat(text) for text in NASTY]


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r"`output` must end in one of .txt, .srt, .vtt, .tsv, .json, but is 'talk.doc'"
    ):
        write_transcript(TALK, Path("talk.doc"))


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "talk.srt"
    path.write_text("old")
    monkeypatch.setattr("os.replace", lambda *paths: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_transcript(TALK, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["talk.srt"]
    assert path.read_text() == "old"


@pytest.mark.promise("F5")
def test_times_rise_and_stay_inside_whatever_a_model_says():
    words = (Word(" a", 5.0, 4.0), Word(" b", 3.0, 99.0))
    wild = Transcript(
        (Segment(" a b", 4.0, 3.0, words), Segment(" c", 1.0, 99.0), Segment(" d", 120.0, 130.0)), seconds=10.0
    )
    calm = wild.inside()
    times = [time for segment in calm.segments for time in (segment.start_seconds, segment.end_seconds)]
    assert times == sorted(times) and times[0] >= 0 and times[-1] <= 10
    for segment in calm.segments:
        inner = [time for word in segment.words for time in (word.start_seconds, word.end_seconds)]
        assert [segment.start_seconds, *inner, segment.end_seconds] == sorted(
            [segment.start_seconds, *inner, segment.end_seconds]
        )


@pytest.mark.parametrize("timestamps", [True, "word"])
def test_rounded_times_stay_inside_too(timestamps):
    talk = Transcript(
        (Segment(" a", 0.0, 11.006, (Word(" a", 0.004, 11.006),)),), (Skipped(11.005, 11.006, "lost"),), None, 11.006
    )
    answer = talk.answer(timestamps=timestamps)
    assert answer["chunks"][0]["timestamp"] == (0.0, 11.006)
    assert answer["skipped"][0]["end"] == 11.006


def test_the_dictionary_is_that_of_transformers_with_what_was_skipped():
    given = Transcript((Segment(" a", 0.123, 1.0),), (Skipped(1.0, 2.0, "no speech"),), None, 2.0)
    assert given.answer() == {"text": " a", "skipped": [{"start": 1.0, "end": 2.0, "reason": "no speech"}]}
    assert given.answer(timestamps=True)["chunks"] == [{"text": " a", "timestamp": (0.12, 1.0)}]
    assert Transcript((), language="en").answer(timestamps="word") == {"text": "", "chunks": [], "language": "en"}
