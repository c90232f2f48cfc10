"""Each mistake in labels of videos is one sentence with file, line and the way out."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.adapters.video.drawn import TINY, draw
from tests.media.films import hollow
from tests.media.sounds import write_sound
from toolkit import EventLabelling
from toolkit.data import BadData, DataArguments
from toolkit.metrics import segments
from toolkit.models import save_portable
from toolkit.rows import load_rows


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
        ({"start": "0.5", "end": "1.3"}, "`left` overlaps `left` of line 2 by 0.80 s. "),
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


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"label": "left", "start": "0.52", "end": "0.52"}, True),  # the same frame
        ({"label": "right", "start": "0.5", "end": "0.5"}, False),  # a ball may be hit when it bounces
        ({"label": "left", "start": "0.5", "end": "0.5", "track": "second player"}, False),
        ({"label": "right", "start": "0.52", "end": "0.52"}, False),
        ({"label": "left", "start": "0.6", "end": "0.6"}, False),
    ],
)
def test_an_instant_stands_on_a_frame_once(other, told, table, films):
    rows = [dict(row, end=row["start"]) for row in films]
    found = faults(table([*rows, {"file": "0.mp4", **other}]))
    assert len(found) == told
    sentence = f"train.csv:8: `{other['label']}` stands on the frame of `left` of line 2. A frame has one label: "
    assert all(fault.startswith(sentence) for fault in found)


@pytest.mark.parametrize(
    ("lines", "faulty"),
    [
        ([*200 * ["left"], *103 * ["right"]], 0),
        ([*200 * ["left"], *104 * ["right"]], 1),
        ([*200 * ["left"], *98 * ["right"]], 0),
        ([*150 * ["left"], *50 * ["right"], *2 * ["left"]], 0),  # the last ones have no frame
        ([*150 * ["left"], *51 * ["right"], "left"], 1),
    ],
)
def test_a_label_for_each_frame_may_go_a_little_beyond_its_video(lines, faulty, table):
    count = 300 if len(lines) > 250 else 200
    rows = [
        {
            "file": draw(f"{name}.mp4", count * ["left"]),
            "label": label,
            "start_frame": f"{start}",
            "end_frame": f"{end}",
        }
        for name in "ab"
        for label, start, end in segments(lines)
    ]
    told = faults(table(rows))
    assert len(told) == 2 * faulty and all("is past the end of" in fault for fault in told)


def test_a_label_that_the_model_to_go_on_from_does_not_know_is_told(table, films):
    before = EventLabelling(**TINY)
    before.fit({"train": table(films)})
    save_portable(before.model(), before.processor, "run")
    rows = [*films[:2], *(dict(row, label="jump") for row in films[2:4])]
    splits = {"train": table(rows), "validation": table([dict(films[4], label="fall")], name="validation")}
    adapter = EventLabelling(model_name_or_path="run")
    adapter.fit(splits)
    way_out = "Correct it, or train a model anew, without `model_name_or_path`."
    assert [str(fault) for fault in adapter.check(splits) if "example" not in fault.sentence] == [
        f"train.csv:4: `jump` is no label of run (background, left, right). {way_out}",
        f"train.csv:5: `jump` is no label of run (background, left, right). {way_out}",
        f"validation.csv:2: `fall` is no label of run (background, left, right). {way_out}",
    ]


def test_nothing_as_a_label_of_validation_alone_is_told_where_nothing_is_no_label(table, films):
    splits = {"train": table(films[:4]), "validation": table([dict(films[4], label="background")], name="validation")}
    told = {}
    for kind in ("background", "ignored"):
        adapter = EventLabelling(**{**TINY, "unlabelled": kind})
        adapter.fit(splits)
        told[kind] = [str(fault) for fault in adapter.check(splits)]
    assert told["background"] == []
    assert len(told["ignored"]) == 1 and told["ignored"][0].startswith(
        "validation.csv:2: `background` is no label of the training data (left, right). "
    )


def test_a_folder_that_cannot_be_used_is_no_fault_of_the_videos(table, films):
    adapter = EventLabelling(**TINY, frames_folder="0.mp4")
    adapter.fit({"train": table(films)})
    with pytest.raises(OSError, match="^`frames_folder` must have room"):
        list(adapter.check({"train": table(films)}))


def test_a_faulty_row_costs_its_whole_video(table, films):
    wrong = {"file": "0.mp4", "label": "jump", "start": "2", "end": "1"}
    split, held_out = table([*films, wrong, wrong]), table([*films[2:4], films[4]], name="validation")
    adapter = EventLabelling(**TINY)
    adapter.fit({"train": split, "validation": held_out})
    told = [str(fault) for fault in adapter.check({"train": split, "validation": held_out})]
    assert [fault.split(": ")[0] for fault in told] == [
        "train.csv:8", "train.csv:9", "validation.csv:2", "validation.csv:4"
    ]  # fmt: skip
    assert [fault.endswith(" `skip_bad` leaves out all rows of 0.mp4.") for fault in told] == [True, True, False, False]
    assert told[2].endswith(" `skip_bad` leaves out all rows of 1.mp4.")
    assert "`skip_bad`" not in told[3], "it is the only row of its video"
    adapter.fit({"train": split, "validation": held_out})
    assert adapter.label_names == ["background", "left", "right"]
    assert adapter.label_frames == {"background": 28, "left": 16, "right": 16}
    assert {row["file"] for row in adapter.examples(split).dataset} == {"1.mp4", "2.mp4"}
    with pytest.raises(BadData, match="^validation.csv: has no video left without a faulty row. Correct the rows.$"):
        adapter.examples(held_out)


def test_rows_that_are_left_out_take_their_video_along_from_table_to_examples():
    names = [draw(f"{name}.mp4", [*10 * ["left"], *10 * ["none"]]) for name in "abcd"]
    lines = [f"{name},{start},{start + 0.4},left" for name in names for start in (0.0, 0.5)]
    Path("train.csv").write_text("\n".join(["file,start,end,label", *lines[:-2], "a.mp4,3.0,9.0,left"]) + "\n")
    Path("other.csv").write_text("\n".join(["file,start,end,label", *lines[-2:]]) + "\n")
    adapter = EventLabelling(**TINY)
    data = DataArguments(train_file="train.csv", validation_file="other.csv", skip_bad=True)
    rows = load_rows(adapter, data)
    assert [str(fault).split(" `skip_bad`")[1] for fault in rows.skipped] == [" leaves out all rows of a.mp4."]
    assert [row["file"] for row in adapter.examples(rows.splits["train"]).dataset] == ["b.mp4", "c.mp4"]


@pytest.mark.parametrize(
    ("order", "broken", "lost"),
    [
        ("aabbcc", 1, "a.mp4"),  # the row is between two of one video
        ("aabbcc", 2, "a.mp4 or b.mp4"),  # or between two videos
        ("aabbcc", 6, "c.mp4"),  # or at the end
        ("abacbc", 1, "a.mp4 or b.mp4 and of 1 others"),  # or anywhere
    ],
)
def test_a_row_that_cannot_be_read_costs_the_videos_it_may_be_about(order, broken, lost):
    names = [draw(f"{name}.mp4", [*10 * ["left"], *10 * ["none"]]) for name in "abcd"]
    lines = [f"{name}.mp4,{place / 10},{place / 10 + 0.1},left" for place, name in enumerate(order)]
    lines.insert(broken, "who knows,1.0")
    Path("train.csv").write_text("\n".join(["file,start,end,label", *lines]) + "\n")
    Path("other.csv").write_text("file,start,end,label\nd.mp4,0,0.4,left\nd.mp4,0.5,0.9,left\n")
    adapter = EventLabelling(**TINY)
    data = DataArguments(train_file="train.csv", validation_file="other.csv", skip_bad=True)
    if order == "abacbc":
        with pytest.raises(BadData, match="has no sound row left"):  # whose label is learnt
            load_rows(adapter, data)
        return
    rows = load_rows(adapter, data)
    few, spoilt = map(str, rows.skipped)
    assert few.startswith(f"train.csv:{broken + 2}: has too few cells")
    assert spoilt == f"train.csv:{broken + 2}: may be about {lost}: `skip_bad` leaves out all rows of them."
    kept = [name for name in names[:3] if name not in lost]
    assert [row["file"] for row in adapter.examples(rows.splits["train"]).dataset] == kept


def test_a_blank_line_says_nothing_of_its_neighbours():
    names = [draw(f"{name}.mp4", [*10 * ["left"], *10 * ["none"]]) for name in "ab"]
    lines = [f"{name},{start},{start + 0.4},left" for name in names for start in (0.0, 0.5)]
    Path("train.csv").write_text("\n".join(["file,start,end,label", lines[0], "", *lines[1:]]) + "\n")
    rows = load_rows(EventLabelling(**TINY), DataArguments(train_file="train.csv", check_only=True, skip_bad=True))
    assert [fault.line for fault in rows.skipped] == [3]


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


def test_a_video_that_is_written_in_two_ways_is_told(table, films):
    Path("folder").mkdir()
    other = {"file": f"folder/../{films[2]['file']}", "start": "2.6", "end": "2.8", "label": "left"}
    (told,) = faults(table([*films, other]))
    assert told.startswith(
        "train.csv:8: folder/../1.mp4 is the video of train.csv:4. Write its path alike in all rows."
    )


def test_a_label_whose_last_examples_are_left_out_is_known_no_more(table, films):
    rare = [{"file": f"{number}.mp4", "start": "2.6", "end": "2.8", "label": "jump"} for number in (0, 1)]
    wrong = {"file": "0.mp4", "start": "1.0", "end": "9.0", "label": "left"}
    more = [draw(f"{name}.mp4", [*5 * ["none"], *8 * ["left"], *17 * ["none"]]) for name in ("e", "f")]
    others = [
        {"file": path, "start": start, "end": f"{float(start) + 0.2}", "label": label}
        for path in more
        for start, label in (("0.5", "left"), ("1.0", "right"))
    ]
    split = table([*films, *rare, wrong, *others])
    path = draw("d.mp4", [*5 * ["none"], *8 * ["left"], *17 * ["none"]])
    held_out = table([{"file": path, "start": "0.5", "end": "0.9", "label": name} for name in ("jump",)], name="other")
    adapter = EventLabelling(**TINY)
    adapter.fit({"train": split, "other": held_out})
    told = [str(fault) for fault in adapter.check({"train": split, "other": held_out})]
    assert [fault.split(": ")[0] for fault in told] == ["train.csv:10", "train.csv:9", "other.csv:2"]
    assert "`jump` has 1 example, too few to learn." in told[1]
    assert "`jump` is no label of the training data (background, left, right)." in told[2]


def test_an_event_that_cannot_be_costs_its_own_video_alone():
    videos = []
    for name in "abc":
        draw(f"{name}.mp4", [*10 * ["left"], *10 * ["none"]])
        events = [{"frame": frame, "label": "left"} for frame in ((1, 99) if name == "b" else (1, 5))]
        videos.append({"video": name, "num_frames": 20, "fps": 10, "events": events})
    Path("train.json").write_text(json.dumps(videos))
    adapter = EventLabelling(**TINY)
    rows = load_rows(adapter, DataArguments(train_file="train.json", validation_share=0.01, skip_bad=True))
    kept = [row["file"] for split in rows.splits.values() for row in adapter.examples(split).dataset]
    assert sorted(kept) == ["a.mp4", "c.mp4"] and len(rows.skipped) == 1


@pytest.mark.promise("H7")
def test_videos_that_cannot_be_decoded_cost_one_line_each(table, films):
    whole = Path(draw("cut.mp4", ["left"] * 50)).read_bytes()
    Path("cut.mp4").write_bytes(whole[: len(whole) // 2])
    Path("text.mp4").write_text("I am no video.")
    Path("empty.mp4").write_bytes(b"")
    write_sound(Path("sound.mp4"), np.zeros(16000, dtype=np.float32), 16000, codec="aac")
    hollow("hollow.avi")
    names = ["cut.mp4", "text.mp4", "empty.mp4", "sound.mp4", "hollow.avi"]
    broken = [{"file": name, "start": start, "end": "0.9", "label": "left"} for name in names for start in ("0", "0.5")]
    split = table([*films, *broken])
    told = faults(split)
    assert [fault.split(": ")[0] for fault in told] == [f"train.csv:{line}" for line in (8, 10, 12, 14, 16)]
    for name, fault in zip(names, told, strict=True):
        assert name in fault and "All 2 labels of it are of no use." in fault
    adapter = EventLabelling(**TINY)
    adapter.fit({"train": split})
    list(adapter.check({"train": split}))
    assert {row["file"] for row in adapter.examples(split).dataset} == {"0.mp4", "1.mp4", "2.mp4"}
