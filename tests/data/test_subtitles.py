import pytest

SRT = """1
00:00:01,000 --> 00:00:02,500
Hello <i>there</i>,
{\\an8}world

2
00:00:03,000 --> 00:00:04,000
a < b &amp; c

"""
VTT = """WEBVTT Kind: captions

NOTE made by hand

STYLE
::cue { color: red }

first
00:01.000 --> 00:02.500 align:start position:0%
<v Bob>Hello <c.loud>there</c>,
world

01:00:03.000 --> 01:00:04.000
a &lt; b &amp;amp; c
"""


@pytest.mark.promise("G1", "F8")
def test_subrip_gives_a_row_per_cue(write, label):
    write("a.mp4")
    assert label(write("a.srt", SRT)) == (
        [
            ("a.mp4", "00:00:01,000", "00:00:02,500", "Hello there, world", "", 2),
            ("a.mp4", "00:00:03,000", "00:00:04,000", "a < b &amp; c", "", 7),
        ],
        [],
    )


def test_webvtt_gives_a_row_per_cue_without_its_notes_and_marks(write, label):
    write("a.mp4")
    assert label(write("a.vtt", VTT)) == (
        [
            ("a.mp4", "00:01.000", "00:02.500", "Hello there, world", "", 9),
            ("a.mp4", "01:00:03.000", "01:00:04.000", "a < b &amp; c", "", 13),
        ],
        [],
    )


@pytest.mark.parametrize("change", [lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t, lambda t: t.rstrip()])
@pytest.mark.parametrize(("name", "text"), [("a.srt", SRT), ("a.vtt", VTT)])
def test_line_ends_and_byte_order_marks_change_nothing(write, label, name, text, change):
    write("a.mp4")
    plain = label(write(name, text))
    assert label(write(name, change(text))) == plain


def test_the_words_go_under_the_column_that_is_wanted(write, read):
    write("a.mp4")
    rows, faults = read(write("a.srt", SRT), ["file_name", "translation"], ["start", "language"], media="file_name")
    assert faults == []
    assert rows[1] == {
        "file_name": "a.mp4",
        "translation": "a < b &amp; c",
        "start": "00:00:03,000",
        "language": "",
        "line": 7,
    }


@pytest.mark.promise("H4")
@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("1\nHello\n\n", ["a.srt:1: starts no cue: times such as"]),
        (SRT.replace("\nworld", "\n\nworld").replace("{\\an8}world", "\nworld"), ["a.srt:5: starts no cue"]),
        (SRT.replace("\n\n2\n", "\n"), ["a.srt:5: starts a cue before the one above it is closed"]),
        (SRT.replace("-->", "->"), ["a.srt:1: starts no cue", "a.srt:6: starts no cue"]),
        (SRT.replace("00:00:01,000", "now"), ["a.srt:1: starts no cue"]),
        (SRT.replace("world", "w\0rld"), ["a.srt:4: character 8 of the line is a NUL"]),
        (SRT.encode("utf-16"), ["a.srt:1: is UTF-16"]),
        (SRT.replace("world", "wörld").encode("latin-1"), ["a.srt:4: byte 8 of the line (0xf6) is not UTF-8"]),
        ("x\n" * (1 << 20), ["a.srt:1: no blank line within 1,048,576 characters"]),
        (b"x" * (3 << 20), ["a.srt:1: is longer than 1,048,576 bytes"]),
        ("\n\n", ["a.srt: is empty"]),
    ],
)
def test_each_fault_is_one_sentence_at_its_line(write, label, text, faults):
    write("a.mp4")
    _, told = label(write("a.srt", text))
    assert len(told) == len(faults)
    assert all(one.startswith(start) for one, start in zip(told, faults, strict=True))


def test_times_before_zero_reach_the_check_as_they_were_written(write, label):
    write("a.mp4")
    rows, faults = label(write("a.srt", SRT.replace("00:00:01,000", "-00:00:01,000")))
    assert faults == [] and rows[0][1] == "-00:00:01,000"


@pytest.mark.promise("G1")
def test_an_audacity_track_gives_a_row_per_label(write, label):
    write("a.wav")
    text = "0.000000\t1.500000\thit\n\\\t100.0\t200.0\n2.25\t2.25\tout of play\n3,5\t4,5\n"
    assert label(write("a.txt", text)) == (
        [
            ("a.wav", "0.000000", "1.500000", "hit", "", 1),
            ("a.wav", "2.25", "2.25", "out of play", "", 3),
            ("a.wav", "3,5", "4,5", "", "", 4),
        ],
        [],
    )


def test_a_line_that_is_no_label_is_a_fault(write, label):
    write("a.wav")
    rows, faults = label(write("a.txt", "0.0\t1.5\thit\n2.0 2.5 out\n3.0\t3.5\tout\n"))
    assert len(rows) == 2
    assert faults == ["a.txt:2: is no label: it must be a start, an end and a text, with tabs between. Correct it."]
