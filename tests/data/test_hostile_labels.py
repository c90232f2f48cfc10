"""Files that nobody meant, some made at random, cost sentences and never anything else."""

import json
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
