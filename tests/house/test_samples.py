"""The embedded sample is what its SOURCE.md says."""

import runpy

import pytest

from tests.house.source import ROOT

FOLDER = ROOT / "samples" / "tatoeba_en_ko"
ROWS = {"train": 5149, "validation": 300, "test": 300}


def read(name: str) -> list[list[str]]:
    """The rows of one file, without its header."""
    header, *lines = (FOLDER / f"{name}.tsv").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    assert header == "en\tko\tattribution"
    return [line.split("\t") for line in lines]


@pytest.mark.parametrize("name", ROWS)
def test_every_row_has_both_sentences_and_their_authors(name):
    rows = read(name)
    assert len(rows) == ROWS[name]
    for row in rows:
        english, korean, attribution = row
        assert english.strip() and korean.strip()
        assert attribution.startswith("CC-BY 2.0 (France) Attribution: tatoeba.org #")


def test_no_english_sentence_stands_in_two_files():
    english = [{row[0] for row in read(name)} for name in ROWS]
    assert len(set.union(*english)) == sum(map(len, english))


def test_the_script_deals_the_rows_out_as_they_are_whatever_their_order():
    split = runpy.run_path(str(ROOT / "samples" / "split_tatoeba.py"))["split"]
    lines = ["\t".join(row) for name in reversed(ROWS) for row in read(name)]
    dealt = split([*lines, lines[0]])
    assert {name: sorted(rows) for name, rows in dealt.items()} == {
        name: sorted("\t".join(row) for row in read(name)) for name in ROWS
    }
