import pytest


def pair(write, first, second, names=("a.en", "a.de")):
    return ",".join([write(names[0], first), write(names[1], second)])


def test_line_n_belongs_to_line_n_and_blank_lines_are_empty_texts(write, read):
    rows, faults = read(pair(write, "dog\n\nthe cat\n", 'Hund\nx\n"die Katze"\r\n'))
    assert faults == []
    assert rows == [
        {"en": "dog", "de": "Hund", "line": 1},
        {"en": "", "de": "x", "line": 2},
        {"en": "the cat", "de": '"die Katze"', "line": 3},
    ]


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (("a.en.gz", "a.de.gz"), ["en", "de"]),
        (("a.en", "a.de.gz"), ["en", "de"]),
        (("source.txt", "target.txt"), ["source", "target"]),
        (("source", "target"), ["source", "target"]),
    ],
)
def test_columns_are_called_as_the_endings_say(write, read, names, columns):
    rows, faults = read(pair(write, "dog\n", "Hund\n", names))
    assert rows == [{columns[0]: "dog", columns[1]: "Hund", "line": 1}] and faults == []


def test_wanted_names_name_the_files_in_their_order(write, read):
    rows, _ = read(pair(write, "dog\n", "Hund\n"), ["english", "german"])
    assert rows == [{"english": "dog", "german": "Hund", "line": 1}]


def test_one_of_the_endings_may_be_wanted_alone(write, read):
    rows, _ = read(pair(write, "dog\n", "Hund\n"), ["de"])
    assert rows == [{"de": "Hund", "line": 1}]


def test_wanted_names_that_are_the_endings_mean_the_endings(write, read):
    rows, _ = read(pair(write, "dog\n", "Hund\n"), ["de", "en"])
    assert rows == [{"de": "Hund", "en": "dog", "line": 1}]


def test_more_than_two_columns_are_not_to_be_had_from_two_files(write, read):
    _, (fault,) = read(pair(write, "dog\n", "Hund\n"), ["a", "b", "c"])
    assert fault == "a.en,a.de: two parallel files have two columns, but 3 are wanted. Give one table instead."


@pytest.mark.parametrize(
    ("first", "second", "place", "counts"),
    [
        ("1\n2\n3\n4\n5\n", "1\n2\n3\n", "a.en:4", "a.en has 5 lines, a.de has 3"),
        ("1\n2\n3\n", "1\n2\n3\n\n", "a.de:4", "a.de has 4 lines, a.en has 3"),
        ("1\n2\n3\n", "1\n2", "a.en:3", "a.en has 3 lines, a.de has 2"),
    ],
)
def test_files_of_unequal_length_are_refused_at_the_first_line_without_partner(
    write, read, first, second, place, counts
):
    _, (fault,) = read(pair(write, first, second))
    assert fault.startswith(f"{place}: has no partner: {counts}.")
    assert "`skip_bad` does not help" in fault


def test_a_bad_line_costs_its_pair_and_is_placed_in_its_own_file(write, read):
    rows, faults = read(pair(write, b"dog\nc\xffat\nbird\nco\0w\n", b"Hund\nKatze\nVogel\nKuh\n"))
    assert [row["line"] for row in rows] == [1, 3]
    assert faults[0].startswith("a.en:2: byte 2 of the line (0xff)") and faults[1].startswith("a.en:4: character 3")
    assert len(faults) == 2


def test_both_files_may_be_missing_and_both_are_named(read):
    _, faults = read("a.en,a.de")
    assert [fault.split(". ")[0] for fault in faults] == ["a.en: there is no such file", "a.de: there is no such file"]


def test_a_file_without_a_byte_is_empty(write, read):
    assert read(pair(write, "", "Hund\n"))[1] == ["a.en: is empty. Give a file with at least one row."]


def test_one_table_may_have_a_comma_in_its_name(write, read):
    path = write("a,b.tsv", "en\tko\nx\ty\n")
    assert read(path)[0] == [{"en": "x", "ko": "y", "line": 2}]
