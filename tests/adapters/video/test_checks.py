"""Each mistake in labels of videos is one sentence with file, line and the way out."""

from pathlib import Path

import numpy as np
import pytest

from tests.adapters.video.drawn import TINY, draw
from tests.media.sounds import write_sound
from toolkit import EventLabelling


def faults(*splits) -> list[str]:
    adapter = EventLabelling(**TINY)
    by_name = {split.name: split for split in splits}
    adapter.fit(by_name)
    return [str(fault) for fault in adapter.check(by_name)]


def test_sound_tables_have_no_fault(table, films):
    assert faults(table(films[:4]), table(films[4:], name="validation")) == []


@pytest.mark.promise("G5", "H4")
@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"start": "1", "end": "12.40"}, "end 12.40 s is past the end of 0.mp4 (3.00 s). "),
        ({"start": "7.5", "end": "8"}, "start 7.50 s is past the end of 0.mp4 (3.00 s). "),
        ({"start_frame": "3", "end_frame": "90"}, "end_frame 90 is past the end of 0.mp4 (30 frames). "),
        ({"start_frame": "30", "end_frame": "31"}, "start_frame 30 is past the end of 0.mp4 (30 frames). "),
        ({"start": "2", "end": "1"}, "`end` (1 s) lies before `start` (2 s). "),
        ({"start": "-2", "end": "1"}, "`start` must be a time from 0 on"),
        ({"start": "1.0", "end": "2.0"}, "`left` overlaps `left` of line 2 by "),
        ({"start": "0.1", "end": "0.2", "label": " "}, "`label` is blank"),
        ({"start": "0.1", "end": "0.2", "file": "gone.mp4"}, "`file` leads to gone.mp4, which does not exist. "),
        ({"start": "0.1", "end": "0.2", "label": "jump"}, "`jump` has 1 example, too few to learn. "),
    ],
)
def test_each_wrong_row_is_told_at_its_line(cells, sentence, table, films):
    wrong = {"file": "0.mp4", "label": "left", **cells}
    told = faults(table([*films, wrong]))
    at_line = [fault for fault in told if fault.startswith(("train.csv:8: ", "train.csv:3: "))]
    assert len(told) == len(at_line) >= 1
    assert any(sentence in fault for fault in told), told
    assert all(fault.endswith(".") for fault in told)


def test_a_frame_too_much_and_a_short_overlap_are_rounding(table, films):
    late = {"file": "0.mp4", "start": "2.4", "end": "3.04", "label": "left"}
    assert faults(table([*films, late])) == []


def test_labels_of_different_tracks_may_overlap(table, films):
    other = {"file": "0.mp4", "start": "0.6", "end": "2.0", "label": "left", "track": "second player"}
    assert faults(table([*films, other])) == []


@pytest.mark.promise("H4")
def test_a_label_that_only_validation_knows_is_told(table, films):
    held_out = [dict(films[4], label="jump"), films[5]]
    (told,) = faults(table(films[:4]), table(held_out, name="validation"))
    assert told.startswith("validation.csv:2: `jump` is no label of the training data (background, left, right). ")


@pytest.mark.promise("H4")
def test_a_video_of_two_splits_is_told_however_its_path_is_written(table, films):
    Path("folder").mkdir()
    shared = [dict(row, file=f"folder/../{row['file']}") for row in films[:2]]
    (told,) = faults(table(films), table(shared, name="validation"))
    assert told.startswith(
        "validation.csv:2: folder/../0.mp4 also stands in train.csv:2; the score would be flattered."
    )


@pytest.mark.promise("H7")
def test_videos_that_cannot_be_decoded_cost_one_line_each(table, films):
    whole = Path(draw("cut.mp4", ["left"] * 50)).read_bytes()
    Path("cut.mp4").write_bytes(whole[: len(whole) // 2])
    Path("text.mp4").write_text("I am no video.")
    Path("empty.mp4").write_bytes(b"")
    write_sound(Path("sound.mp4"), np.zeros(16000, dtype=np.float32), 16000, codec="aac")
    names = ["cut.mp4", "text.mp4", "empty.mp4", "sound.mp4"]
    broken = [{"file": name, "start": start, "end": "0.9", "label": "left"} for name in names for start in ("0", "0.5")]
    split = table([*films, *broken])
    told = faults(split)
    assert [fault.split(": ")[0] for fault in told] == ["train.csv:8", "train.csv:10", "train.csv:12", "train.csv:14"]
    for name, fault in zip(names, told, strict=True):
        assert name in fault and "All 2 labels of it are of no use." in fault
    adapter = EventLabelling(**TINY)
    adapter.fit({"train": split})
    list(adapter.check({"train": split}))
    assert {row["file"] for row in adapter.examples(split).dataset} == {"0.mp4", "1.mp4", "2.mp4"}
