import pytest


def fault_of(read, write, line):
    rows, faults = read(write("a.jsonl", '{"en": "dog", "ko": "개"}\n' + line + '\n{"en": "cat", "ko": "고양이"}\n'))
    assert [row["line"] for row in rows] == [1, 3]
    (fault,) = faults
    assert fault.startswith("a.jsonl:2: ")
    return fault


def test_broken_json_is_placed_at_its_column(write, read):
    fault = fault_of(read, write, '{"en": "dog" "ko": "개"}')
    assert "is not valid JSON at column 14: Expecting ',' delimiter. Write one whole object per line." in fault


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('"dog"', "holds a JSON value that is no object"),
        ("17", "holds a JSON value that is no object"),
        ('["dog", "개"]', "holds a JSON array that is no object"),
        ('{"en": "dog", "ko": null}', "`ko` is null"),
        ('{"en": true, "ko": "개"}', "`en` holds a bool"),
        ('{"en": ["dog"], "ko": "개"}', "`en` holds a list"),
        ('{"en": {"text": "dog"}, "ko": "개"}', "`en` holds a dict"),
        ('{"en": "dog", "Ko": "개"}', "has no `ko`; it has `en`, `Ko`. Did you mean `Ko`?"),
        ("{}", "has no `en`; it has nothing."),
        ('{"en": NaN, "ko": "개"}', "NaN is no JSON number"),
        (r'{"en": "a\ud83e", "ko": "개"}', "`en` has half a surrogate pair as character 2"),
        (r'{"en": "dog\u0000", "ko": "개"}', "`en` has a NUL as character 4"),
        ('{"en": ' * 100_000, "is not valid JSON"),
    ],
)
def test_a_line_without_two_texts_is_a_fault(write, read, line, complaint):
    assert complaint in fault_of(read, write, line)


def test_numbers_keep_the_text_they_were_written_as(write, read):
    rows, faults = read(write("a.jsonl", '{"a": 1.10, "b": 12345678901234567890123}\n'))
    assert rows == [{"a": "1.10", "b": "12345678901234567890123", "line": 1}] and faults == []


def test_escaped_pairs_are_one_character(write, read):
    assert read(write("a.jsonl", r'{"a": "\ud83e\udd86", "b": "\n"}'))[0] == [{"a": "🦆", "b": "\n", "line": 1}]


def test_one_array_is_told_how_to_become_lines(write, read):
    rows, faults = read(write("a.json", '[\n{"en": "dog"},\n{"en": "cat"}\n]\n'))
    assert rows == []
    assert faults == [
        "a.json:1: is one JSON array. Write one object per line, without brackets and commas around them."
    ]


def test_the_first_good_object_says_which_columns_there_are(write, read):
    rows, faults = read(write("a.jsonl", '{"broken\n{"en": "dog", "ko": "개"}\n'))
    assert rows == [{"en": "dog", "ko": "개", "line": 2}]
    assert len(faults) == 1 and faults[0].startswith("a.jsonl:1: is not valid JSON at column 2")


def test_a_file_of_which_no_line_is_an_object_gives_all_its_faults(write, read):
    rows, faults = read(write("a.jsonl", '{\n  "en": "dog"\n}\n'))
    assert rows == [] and [fault.split(":")[1] for fault in faults] == ["1", "2", "3"]
