import pytest

from toolkit.data import BadData
from toolkit.data.files import open_source


@pytest.mark.parametrize("path", ["a.txt", "a.xlsx", "a", "a.parquet.gz", "a.txt.gz", ".tsv", "a.en,b.en,c.en"])
def test_an_ending_nobody_knows_is_told_with_those_that_are_known(path):
    with pytest.raises(BadData) as caught:
        open_source(path)
    (fault,) = caught.value.faults
    assert fault.path == path and fault.line is None
    for ending in (".tsv", ".csv", ".jsonl", ".json", ".parquet", ".gz", "a.en,a.de"):
        assert ending in fault.sentence


def test_endings_may_be_written_in_capitals(write, read):
    assert read(write("A.TSV", "en\tko\nx\ty\n"))[0] == [{"en": "x", "ko": "y", "line": 2}]


@pytest.mark.parametrize("path", ["a.tsv", "a.csv.gz", "a.json", "a.parquet"])
def test_a_missing_file_of_any_ending_is_missing(path):
    with pytest.raises(BadData, match="there is no such file"):
        open_source(path)
