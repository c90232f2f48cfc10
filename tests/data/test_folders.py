import pytest

SRT = "1\n00:00:01,000 --> 00:00:02,500\n{}\n"


@pytest.fixture
def speech(read):
    """Rows of speech as (recording, start, end, text, place), and the faults."""

    def speech(path: str) -> tuple[list[tuple], list[str]]:
        rows, faults = read(path, ["file_name", "text"], ["start", "end"], media="file_name")
        return [
            (row["file_name"], row["start"], row["end"], row["text"], f"{row.get('listed_in', path)}:{row['line']}")
            for row in rows
        ], faults

    return speech


@pytest.mark.promise("F1")
@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl", "transcripts.tsv"])
def test_a_table_in_the_folder_says_it_all(write, speech, name):
    content = {
        "csv": 'file_name,text\nwavs/a.wav,"one, two"\n',
        "jsonl": '{"file_name": "wavs/a.wav", "text": "one, two", "speaker": 7}\n',
        "tsv": "id\tfile\ttext\n1\twavs/a.wav\tone, two\n",
    }[name.split(".")[1]]
    write(f"set/{name}", content)
    ((recording, start, end, text, _),), faults = speech("set")
    assert (recording, start, end, text, faults) == ("set/wavs/a.wav", "", "", "one, two", [])


@pytest.mark.promise("F1")
def test_a_list_per_folder_as_librispeech_has_it(write, speech):
    write("dev/84/121/84-121-0000.flac"), write("dev/84/121/84-121-0001.flac")
    write("dev/84/121/84-121.trans.txt", "84-121-0000 GO DO YOU HEAR\n84-121-0001 BUT IN LESS\n84-121-0002 THAN FIVE\n")
    rows, faults = speech("dev")
    assert rows == [
        ("dev/84/121/84-121-0000.flac", "", "", "GO DO YOU HEAR", "dev/84/121/84-121.trans.txt:1"),
        ("dev/84/121/84-121-0001.flac", "", "", "BUT IN LESS", "dev/84/121/84-121.trans.txt:2"),
    ]
    assert len(faults) == 1
    assert faults[0].startswith("dev/84/121/84-121.trans.txt:3: has no recording `84-121-0002` with an ending such as")


@pytest.mark.promise("F1", "F8")
def test_texts_and_subtitles_beside_recordings(write, speech):
    for name in ["a.wav", "b.mp3", "sub/c.m4a", "d.mp4"]:
        write(f"set/{name}")
    write("set/a.txt", "what is\r\nsaid in a\r\n")
    write("set/b.srt", SRT.format("in b"))
    write("set/sub/c.en.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nin c\n")
    write("set/d.txt", "0.5\t1.5\tin d\n")
    write("set/README.txt", "about")
    write("set/.hidden.srt", "x")
    assert speech("set") == (
        [
            ("set/a.wav", "", "", "what is said in a", "set/a.txt:1"),
            ("set/b.mp3", "00:00:01,000", "00:00:02,500", "in b", "set/b.srt:2"),
            ("set/d.mp4", "0.5", "1.5", "in d", "set/d.txt:1"),
            ("set/sub/c.m4a", "00:01.000", "00:02.000", "in c", "set/sub/c.en.vtt:3"),
        ],
        [],
    )


@pytest.mark.promise("H4")
def test_what_lacks_its_other_half_is_told_and_the_rest_is_read(write, speech):
    for name in ["a.wav", "b.wav", "both.wav", "both.mp3"]:
        write(f"set/{name}")
    for name in ["a", "both", "lost"]:
        write(f"set/{name}.txt", "hello")
    write("set/broken.srt", "1\nnothing\n"), write("set/broken.mp4")
    rows, faults = speech("set")
    assert [row[0] for row in rows] == ["set/a.wav"]
    assert [fault.split(". ")[0] for fault in faults] == [
        "set/both.txt:1: belongs to several recordings: both.mp3 and both.wav",
        "set/broken.srt:1: starts no cue: times such as 00:00:01,000 --> 00:00:02,500 must stand here or on the "
        "next line",
        "set/lost.txt:1: has no recording `lost` with an ending such as .wav or .mp4 in set",
        "set/b.wav: has no text or labels beside it (.txt, .srt, .vtt or .eaf)",
        "set/both.mp3: has no text or labels beside it (.txt, .srt, .vtt or .eaf)",
        "set/both.wav: has no text or labels beside it (.txt, .srt, .vtt or .eaf)",
    ]


@pytest.mark.promise("G1")
def test_folders_called_as_their_class_label_clips(write, label):
    for name in ["jump/a.mp4", "jump/deep/b.mp4", "run/a.mp4", "lost.mp4", "run/notes.md"]:
        write(f"set/{name}")
    rows, faults = label("set")
    assert [(row[0], row[3]) for row in rows] == [
        ("set/jump/a.mp4", "jump"),
        ("set/jump/deep/b.mp4", "jump"),
        ("set/run/a.mp4", "run"),
    ]
    assert faults == ["set/lost.mp4: lies in no folder that names its class. Move it into one."]


def test_where_no_words_are_wanted_every_recording_is_a_row(write, read):
    for name in ["b.wav", "sub/a.mp4", "c.txt"]:
        write(f"set/{name}")
    rows, faults = read("set", ["file"], ["start"], media="file")
    assert faults == []
    assert rows == [{"file": "set/b.wav", "start": "", "line": 1}, {"file": "set/sub/a.mp4", "start": "", "line": 2}]


@pytest.mark.promise("H4")
@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["a.wav", "spk/b.wav"], "set: holds 2 recordings, but nothing that labels them. Put in a table (metadata,"),
        (["notes.md"], "set: holds no recordings and nothing that labels them. Put in a table"),
        (["train/a.wav", "test/b.wav"], "set: holds splits: test, train. Name one: set/test."),
        (["a.wav", "train.csv", "test.csv"], "set: holds tables: test.csv, train.csv. Name the one that is meant"),
        (["metadata.csv", "labels.tsv"], "set: holds tables: labels.tsv, metadata.csv. Name the one that is meant"),
        (["groundTruth/notes.md"], "set: names no file of set/groundTruth. Give at least one."),
    ],
)
def test_a_folder_without_anything_usable_is_told_what_would_be(write, speech, names, sentence):
    for name in names:
        write(f"set/{name}")
    rows, (fault,) = speech("set")
    assert rows == [] and fault.startswith(sentence)


def test_recordings_in_a_mere_folder_of_videos_have_no_class(write, label):
    write("set/video/a.mp4")
    rows, (fault,) = label("set")
    assert rows == [] and fault.startswith("set: holds 1 recordings, but nothing that labels them")


def test_a_folder_is_refused_where_texts_are_read(write, read):
    write("set/a.txt", "hello")
    rows, (fault,) = read("set", ["en", "ko"])
    assert rows == [] and fault.startswith("set: no reader is known for a name without an ending. Use .tsv, .csv,")


def test_more_than_one_text_per_span_needs_a_table(write, read):
    write("set/a.wav"), write("set/a.txt", "hello")
    rows, (fault,) = read("set", ["file", "text", "translation"], media="file")
    assert rows == []
    assert fault.startswith("set: holds one text per span, but several are wanted: `text`, `translation`. Give a table")
