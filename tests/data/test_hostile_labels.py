"""Files that nobody meant, some made at random, cost sentences and never anything else."""

import json
import os
import random

import pytest

from toolkit.data import Cue, write_cues

HEADER = "file,start,end,label\n"
FILES = {
    "a.srt": write_cues([Cue(1, 2, "x"), Cue(2, 3, "y")], "srt"),
    "a.vtt": write_cues([Cue(1, 2, "x"), Cue(2, 3, "y")], "vtt"),
    "a.txt": write_cues([Cue(1, 2, "x"), Cue(2, 3, "y")], "audacity"),
    "a.eaf": write_cues([Cue(1, 2, "x"), Cue(2, 3, "y")], "eaf", media="a.wav"),
    "t.csv": HEADER + "a.wav,1,2,x\na.wav,2,3,y\n",
    "t.json": json.dumps([{"video": "a", "events": [{"frame": 1, "label": "x"}]}]),
    "boris.csv": "Observation id,Media file,Subject,Behavior,Behavior type,Time\no,a.wav,s,x,POINT,1\n",
    "groundTruth/a.txt": "x\nx\ny\n",
    "list.trans.txt": "a X Y\n",
    "set.bundle": "a.txt\n",
}


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The same with a piece cut, doubled, overwritten or moved."""
    for _ in range(chance.randrange(1, 4)):
        start, end = sorted(chance.randrange(len(content) + 1) for _ in range(2))
        piece = content[start:end]
        content = chance.choice(
            [
                content[:start] + content[end:],
                content[:end] + piece + content[end:],
                content[:start] + chance.randbytes(len(piece) % 20) + content[end:],
                content[:start]
                + chance.choice([b"\0", b"\n\n", b"\t", b"-->", b'"', b"<", b"[", b"\xff\xfe", b"-1"])
                + content[start:],
                content[end:] + content[:start],
            ]
        )
    return content


@pytest.mark.promise("H7")
@pytest.mark.parametrize("name", FILES)
def test_damage_costs_sentences_at_their_places(write, label, name):
    write("a.wav")
    write("groundTruth/a.txt", FILES["groundTruth/a.txt"])
    chance = random.Random(name)
    for _ in range(60):
        content = damaged(FILES[name].encode(), chance)
        rows, faults = label(write(name, content))
        assert rows or faults, content
        for fault in faults:
            assert len(fault.splitlines()) == 1 and ": " in fault and fault.endswith((".", "?")), (content, fault)
        assert all(isinstance(cell, str) for row in rows for cell in row[:-1])


@pytest.mark.promise("H7")
@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.vtt", FILES["a.vtt"].replace("x", f"&#{'9' * 5000};"), "a.vtt:3: holds `&#…;` for no character"),
        ("t.json", FILES["t.json"].replace('"x"', r'"\ud800"'), "t.json:1: `label` has half a surrogate pair"),
        ("t.json", FILES["t.json"].replace('"x"', r'"a\u0000"'), "t.json:1: `label` has a NUL as character 2"),
        (
            "t.json",
            FILES["t.json"].replace(": 1", f": {'9' * 4300}"),
            "t.json:1: this event, of a, needs a whole number",
        ),
    ],
    ids=["reference", "surrogate", "NUL", "digits"],
)
def test_a_label_that_is_no_text_is_told(write, label, name, content, fault):
    write("a.wav")
    _, faults = label(write(name, content))
    assert len(faults) == 1 and faults[0].startswith(fault)


@pytest.mark.promise("H7")
def test_a_recording_whose_name_is_no_text_is_told(write, read, label):
    for name in (b"jump/a\xff.wav", b"jump/b.wav"):
        write(os.fsdecode(b"set/" + name))
    rows, faults = read("set", ["file", "label"], media="file")
    assert [row["file"] for row in rows] == ["set/jump/b.wav"]
    assert faults == ["set/jump/a\\udcff.wav: has a name that is not UTF-8. Rename it."]
    rows, faults = label(write(os.fsdecode(b"set/jump/a\xff.srt"), FILES["a.srt"]))
    assert rows == [] and faults[0].startswith("set/jump/a\\udcff.srt:2: `file` has half a surrogate pair")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "content", ["", "\n", "\ufeff", "\0", "\r\n\r\n"], ids=["empty", "line", "mark", "NUL", "lines"]
)
def test_a_file_of_nothing_is_told(write, label, name, content):
    write("a.wav")
    rows, faults = label(write(name, content))
    if name == "list.trans.txt" or not rows:
        assert 1 <= len(faults) <= max(1, content.count("\n"))
    else:  # the transcript of a silent recording, which the check of the rows is asked about
        assert name == "a.txt" and [row[3] for row in rows] == [""]
