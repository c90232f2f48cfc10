"""Whatever a label or a name holds, what is written reads back as the same, or says that it cannot."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.data import BadData, Cue, DataArguments, load_splits, parse_seconds, write_cues

READABLE = {"srt": "a.srt", "vtt": "a.vtt", "tsv": "t.tsv", "csv": "t.csv", "audacity": "a.txt", "eaf": "a.eaf"}
PIECES = (
    "\n",
    "\r",
    "\t",
    '"',
    "'",
    "-->",
    "<b>",
    "</b>",
    "{\\an8}",
    "&amp;",
    "&#0;",
    "&",
    "<",
    ">",
    "]]>",
    "<!--",
    ",",
)
PIECES += ("\0", "\x0b", "\x1c", "\x85", "\u2028", "\ud800", "\ufffe", "\ufeff", "1\n", "00:00:01,000 --> 00:00:02,000")
PIECES += ("NOTE", "WEBVTT", "* COMMENT: x", "=1+1", "\\", "한", "\U0001f600", " ", "  ", "a", "b c")
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=6).map("".join)
cues = st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 10**5), texts), min_size=1, max_size=4).map(
    lambda found: [Cue(at / 1000, (at + lasts) / 1000, text) for at, lasts, text in found]
)
EXAMPLES = pytest.mark.parametrize("examples", [40, pytest.param(300, marks=pytest.mark.slow)])


def one_line(text: str) -> str:
    """What `write_cues` promises to keep: the text on one line, without what XML may not hold."""
    [cue] = json.loads(write_cues([Cue(0, 1, text)], "json"))
    return cue["text"]


def read(path: str) -> tuple[list[tuple[float, float, str]], list[str]]:
    """Rows as (start, end, label), and faults."""
    arguments = DataArguments(train_file=path, validation_file=path, skip_bad=True)
    try:
        split = load_splits(arguments, ["file", "label"], ["start", "end", "track"], media="file")["validation"]
    except BadData as error:
        return [], [str(fault) for fault in error.faults]
    rows = [(parse_seconds(row["start"]), parse_seconds(row["end"]), row["label"]) for row in split.dataset]
    return rows, [str(fault) for fault in split.faults]


@pytest.mark.promise("F5", "G9", "H7")
@pytest.mark.parametrize("kind", READABLE)
@EXAMPLES
def test_any_text_reads_back(kind, examples):
    Path("a.wav").touch()

    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(cues)
    def holds(written: list[Cue]) -> None:
        content = write_cues(written, kind, media="a.wav", words="label")
        Path(READABLE[kind]).write_text(content, encoding="utf-8", newline="")
        rows, faults = read(READABLE[kind])
        assert faults == []
        expected = sorted((cue.start_seconds, cue.end_seconds, one_line(cue.text)) for cue in written)
        assert [row[:2] for row in sorted(rows)] == [pytest.approx(row[:2]) for row in expected]
        if kind == "srt":  # has no way to write an arrow, nor a tag that is none
            return
        assert sorted(row[2] for row in rows) == sorted(row[2] for row in expected)

    holds()


@pytest.mark.promise("G9", "H7")
@EXAMPLES
def test_any_text_stays_in_its_line_of_an_edit_list(examples):
    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(cues, texts)
    def holds(written: list[Cue], media: str) -> None:
        lines = write_cues(written, "edl", media=media).split("\n")
        assert [line.removeprefix("* COMMENT: ") for line in lines if line.startswith("* COMMENT: ")] == [
            one_line(cue.text) for cue in written
        ]
        assert sum(line.endswith(":") or line[:3].isdigit() for line in lines) >= len(written)
        assert len(lines) == 4 + len(written) * (4 if media else 3)

    holds()


@pytest.mark.promise("G9", "H7")
@EXAMPLES
def test_any_name_of_a_recording_reads_back(examples):
    names = texts.filter(lambda text: text.isprintable() and not set(text) & set("/\0") and len(text.encode()) < 200)

    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(names.map(lambda text: f"n{text}.wav"))
    def holds(name: str) -> None:
        Path(name).touch()
        for kind in ("tsv", "csv"):
            Path(f"t.{kind}").write_text(write_cues([Cue(0, 1, "x")], kind, media=name), encoding="utf-8", newline="")
            split = load_splits(
                DataArguments(validation_file=f"t.{kind}", check_only=True), ["file", "text"], media="file"
            )["validation"]
            assert split.dataset["file"] == [name]
        os.unlink(name)

    holds()
