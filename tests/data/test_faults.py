import pickle

import pytest

from toolkit.data import BadData, Fault


def test_a_fault_names_file_and_line_where_there_is_one():
    assert str(Fault("data/train.tsv", 418, "is blank.")) == "data/train.tsv:418: is blank."
    assert str(Fault("data/train.tsv", None, "is empty.")) == "data/train.tsv: is empty."


def test_a_fault_is_one_line_whatever_it_quotes():
    assert str(Fault("a.csv", 1, "has `one\ntwo\u2028three`.")).splitlines() == ["a.csv:1: has `one two three`."]


@pytest.mark.parametrize(
    ("count", "shown", "last"), [(1, 1, "a:1: x"), (20, 20, "a:20: x"), (1021, 21, "… and 1,001 more")]
)
def test_at_most_twenty_faults_are_shown_and_the_rest_is_counted(count, shown, last):
    lines = str(BadData(Fault("a", number, "x") for number in range(1, count + 1))).splitlines()
    assert len(lines) == shown and lines[-1] == last


def test_bad_data_keeps_its_faults_from_process_to_process():
    error = BadData([Fault("a", 1, "x"), Fault("b", None, "y")])
    again = pickle.loads(pickle.dumps(error))
    assert again.faults == error.faults and str(again) == str(error)
