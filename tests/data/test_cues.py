import json
import random
from xml.etree import ElementTree

import pytest

from toolkit.data import KINDS, Cue, parse_seconds, write_cues

CUES = [
    Cue(0.5, 2.0, 'Hello, "you" & <b> y\'all'),
    Cue(2.0, 3.25, "안녕, мир --> 你好"),
    Cue(3661.0015, 3662.5, "#1; =2 \\t {x}"),
]
READABLE = {"srt": "srt", "vtt": "vtt", "tsv": "tsv", "csv": "csv", "audacity": "txt", "eaf": "eaf"}


def back(rows):
    return [(parse_seconds(start), parse_seconds(end), text) for _, start, end, text, _, _ in rows]


@pytest.mark.promise("F5", "G9")
@pytest.mark.parametrize("kind", READABLE)
def test_what_is_written_reads_back(write, label, kind):
    write("a.wav")
    rows, faults = label(write(f"a.{READABLE[kind]}", write_cues(CUES, kind, media="a.wav", words="label")))
    arrow = "->" if kind == "srt" else "-->"  # which SubRip cannot escape
    assert faults == [] and [row[0] for row in rows] == ["a.wav"] * 3
    for (start, end, text), cue in zip(back(rows), CUES, strict=True):
        assert abs(start - cue.start_seconds) <= 0.00051 and abs(end - cue.end_seconds) <= 0.00051
        if not (kind == "srt" and "<b>" in cue.text):  # a tag there is a tag
            assert text == cue.text.replace("-->", arrow)


@pytest.mark.parametrize("kind", READABLE)
def test_any_text_keeps_the_number_of_rows_and_the_times(write, label, kind):
    write("a.wav")
    chance = random.Random(1)
    alphabet = "ab 1:,.\t\n\r\v\f\x1c\x85\u2028\0\"'<>&;-{}\\/|=[]#é안\U0001f600\ud800\ufffe"
    cues, now = [], 0.0
    for _ in range(200):
        start = now + chance.choice([0, chance.random()])
        now = start + 0.001 + chance.random()
        cues.append(Cue(start, now, "".join(chance.choices(alphabet, k=chance.randrange(30)))))
    rows, faults = label(write(f"a.{READABLE[kind]}", write_cues(cues, kind, media="a.wav", words="label")))
    assert faults == []
    assert [time for row in back(rows) for time in row[:2]] == pytest.approx(
        [time for cue in cues for time in (cue.start_seconds, cue.end_seconds)], abs=0.0011
    )


def test_json_keeps_everything():
    cues = [Cue(1 / 3, 2 / 3, "a\tb", 0.25), Cue(1.0, 1.0, "c")]
    assert json.loads(write_cues(cues, "json", media="m.mp4", words="label")) == [
        {"file": "m.mp4", "start": 1 / 3, "end": 2 / 3, "label": "a b", "score": 0.25},
        {"file": "m.mp4", "start": 1.0, "end": 1.0, "label": "c", "score": None},
    ]


def test_tables_have_a_score_only_where_there_is_one():
    assert write_cues([Cue(0, 1, "a", 0.5), Cue(1, 2, "b")], "tsv") == (
        "start\tend\ttext\tscore\n0.000\t1.000\ta\t0.500\n1.000\t2.000\tb\t\n"
    )
    assert write_cues([Cue(0, 1, "a")], "csv", media="m.wav") == "file,start,end,text\nm.wav,0.000,1.000,a\n"


@pytest.mark.parametrize(("rate", "written"), [(24.6, "00:01:00:00"), (0.33, "00:01:00:00"), (29.97, "00:00:59:28")])
def test_an_edit_list_counts_at_the_rate_it_is_written_in_but_for_televisions(rate, written):
    assert f" {written} " in write_cues([Cue(60.0, 90.0, "hit")], "edl", media="a.mp4", frames_per_second=rate)


@pytest.mark.promise("G9")
@pytest.mark.parametrize(("rate", "end"), [(25.0, "00:01:01:10"), (29.97, "00:01:01:10"), (50.0, "00:01:01:20")])
def test_an_edit_list_counts_frames(rate, end):
    text = write_cues([Cue(60, 61.4, "goal"), Cue(62, 62, "whistle")], "edl", media="x/m.mp4", frames_per_second=rate)
    lines = text.splitlines()
    assert lines[:2] == ["TITLE: m", "FCM: NON-DROP FRAME"]
    number, reel, track, cut, *times = lines[3].split()
    assert (number, reel, track, cut) == ("001", "AX", "V", "C") and times[:2] == times[2:] and times[1] == end
    assert lines[4:6] == ["* FROM CLIP NAME: m.mp4", "* COMMENT: goal"]
    start, stop = lines[7].split()[4:6]
    assert int(stop.replace(":", "")) == int(start.replace(":", "")) + 1  # an instant lasts a frame


@pytest.mark.promise("G9")
def test_an_elan_document_puts_what_overlaps_into_further_tiers():
    spans = [Cue(0, 2, "a"), Cue(1, 3, "b"), Cue(2, 4, "c"), Cue(2.5, 2.5, "d")]
    root = ElementTree.fromstring(write_cues(spans, "eaf", media="m.mp4", words="label"))
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")}
    tiers = {}
    for tier in root.iter("TIER"):
        annotations = list(tier.iter("ALIGNABLE_ANNOTATION"))
        times = [[slots[annotation.get(f"TIME_SLOT_REF{side}")] for side in (1, 2)] for annotation in annotations]
        assert all(start < end for start, end in times)
        assert all(one[1] <= other[0] for one, other in zip(times, times[1:], strict=False))
        tiers[tier.get("TIER_ID")] = [annotation.find("ANNOTATION_VALUE").text for annotation in annotations]
    assert tiers == {"label": ["a", "c"], "label 2": ["b"], "label 3": ["d"]}
    assert root.find("HEADER/MEDIA_DESCRIPTOR").get("RELATIVE_MEDIA_URL") == "m.mp4"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_write_is_a_file_all_the_same(kind):
    assert isinstance(write_cues([], kind), str)


@pytest.mark.parametrize("times", [(-1, 2), (2, 1), (0, float("inf")), (float("nan"), 1)])
def test_times_that_cannot_be_are_refused(times):
    with pytest.raises(ValueError, match="`start_seconds` and `end_seconds` must be finite and follow each other"):
        Cue(*times, "x")


def test_a_kind_that_is_not_known_is_named_with_those_that_are():
    with pytest.raises(ValueError, match="`kind` must be one of txt, srt, .*, but is 'ass'"):
        write_cues([], "ass")
