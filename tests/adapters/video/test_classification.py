"""Clips and their one label: windows at random in training, all of them in evaluation, as in service."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.adapters.video.drawn import draw
from toolkit import pipeline
from toolkit.adapters.video import VideoClassification
from toolkit.data import BadData
from toolkit.evaluation import evaluate
from toolkit.metrics import accuracy, macro_f1
from toolkit.models import save_portable
from toolkit.rows import encode

SMALL = {"num_frames": 4, "frame_height": 16, "frame_width": 16, "hidden_size": 8, "num_hidden_layers": 1}


@pytest.fixture
def clips() -> list[dict[str, str]]:
    """A file in parts, and three whole files."""
    parts = draw("parts.mp4", [*9 * ["left"], *5 * ["right"], *10 * ["left"]])
    whole = [(draw(f"{label}.mp4", 6 * [label]), label) for label in ("left", "right")]
    return [
        {"file": parts, "start": "0", "end": "0.9", "label": "left"},
        {"file": parts, "start_frame": "9", "end_frame": "14", "label": "right"},
        *({"file": file, "label": label} for file, label in whole),
    ]


@pytest.fixture
def adapter(table, clips):
    def make(**flags: object) -> VideoClassification:
        made = VideoClassification(**{**SMALL, **flags})
        made.fit({"train": table(clips)})
        return made

    return make


def looked_at(made: VideoClassification, monkeypatch) -> list[list[int]]:
    """Notes which frames of a file are decoded for each window."""
    noted: list[list[int]] = []
    window = type(made.reels["parts.mp4"]).window

    def noting(reel, start, end, **sampling):
        noted.append(list(range(start, end, sampling["step"])[: sampling["length"]]))
        return window(reel, start, end, **sampling)

    monkeypatch.setattr(type(made.reels["parts.mp4"]), "window", noting)
    return noted


@pytest.mark.parametrize(
    ("rate", "windows"),
    [
        (1, [[0, 1, 2, 3], [4, 5, 6, 7], [8], [9, 10, 11, 12], [13], [0, 1, 2, 3], [4, 5], [0, 1, 2, 3], [4, 5]]),
        (2, [[0, 2, 4, 6], [8], [9, 11, 13], [0, 2, 4], [0, 2, 4]]),
    ],
)
def test_evaluation_sees_each_clip_from_its_first_frame_to_its_last(rate, windows, adapter, table, clips, monkeypatch):
    made = adapter(frame_sampling_rate=rate)
    noted = looked_at(made, monkeypatch)
    rows = list(made.examples(table(clips, name="validation")).dataset)
    assert [made.inputs(row)["pixel_values"].shape for row in rows] == len(rows) * [(4, 3, 16, 16)]
    assert noted == windows


def test_training_sees_a_window_anywhere_in_the_clip_and_nowhere_else(adapter, table, clips, monkeypatch):
    made = adapter(frame_sampling_rate=2, augment=False)
    noted = looked_at(made, monkeypatch)
    rows = list(made.examples(table(clips)).dataset)
    assert len(rows) == len(clips)
    for seed in range(30):
        made.varied_inputs(rows[0], np.random.default_rng(seed))
    assert {tuple(window) for window in noted} == {(0, 2, 4, 6), (1, 3, 5, 7), (2, 4, 6, 8)}


def test_variations_change_the_picture_in_training_alone(adapter, table, clips):
    made = adapter(num_frames=6, flips="horizontal")
    row = made.examples(table(clips)).dataset[2]
    one, again, other = (made.varied_inputs(row, np.random.default_rng(seed))["pixel_values"] for seed in (1, 1, 2))
    assert (
        torch.equal(one, again)
        and not torch.equal(one, other)
        and not torch.equal(one, made.inputs(row)["pixel_values"])
    )


@pytest.mark.promise("G7")
@pytest.mark.parametrize("rate", [1, 3])
def test_the_evaluation_of_a_file_is_what_the_saved_pipeline_answers(rate, adapter, table, clips, tmp_path):
    made = adapter(frame_sampling_rate=rate)
    torch.manual_seed(3)
    model = made.model()
    torch.nn.init.normal_(model.classifier.weight)
    save_portable(model, made.processor, "saved")
    whole = table([{"file": "parts.mp4", "label": "left"}], name="validation")
    outcome = evaluate(model.eval(), made, encode(made, whole), tmp_path / "rows.jsonl", batch_size=2)
    windows = [json.loads(row["prediction"])["labels"] for row in outcome.records]
    answer = {one["label"]: one["score"] for one in pipeline("video-classification", "saved")("parts.mp4")}
    for label in ("left", "right"):
        assert np.mean([window[label] for window in windows]) == pytest.approx(answer[label], abs=1e-4)
    assert set(outcome.scores) == {"accuracy", "macro_f1"} and np.isfinite(outcome.loss)
    again = VideoClassification(model_name_or_path="saved")
    assert again.label_names == ["left", "right"] and again._sampling == {"length": 4, "step": rate}


def test_the_librarys_own_pipeline_answers_to_frames(adapter):
    import transformers

    made = adapter()
    save_portable(made.model(), made.processor, "saved")
    frames = made.reels["left.mp4"].window(0, 6, length=4, step=1).permute(0, 2, 3, 1).numpy()
    theirs = transformers.pipeline("video-classification", "saved")(frames)
    ours = pipeline("video-classification", "saved")("left.mp4", whole=False)
    assert [(one["label"], pytest.approx(one["score"], abs=1e-5)) for one in theirs] == [
        (one["label"], one["score"]) for one in ours
    ]


def test_a_pretrained_model_brings_its_eyes_and_gets_a_head_for_other_labels(tiny_videomae, table, clips):
    made = VideoClassification(model_name_or_path=tiny_videomae, frame_sampling_rate=2)
    made.fit({"train": table(clips)})
    model = made.model()
    assert (model.config.num_labels, model.config.frame_sampling_rate) == (2, 2)
    row = made.examples(table(clips)).dataset[0]
    batch = made.pad([{**made.encode(row)}, {**made.encode(row)}])
    assert model(**batch).loss.isfinite()
    save_portable(model, made.processor, "tuned")
    kept = VideoClassification(model_name_or_path="tuned")
    kept.fit({"train": table(clips[:1])})
    assert kept.label_names == ["left", "right"]
    assert torch.equal(kept.model().classifier.weight, model.classifier.weight)
    kept.fit({"train": table([dict(clip, label="up") for clip in clips])})
    assert kept.label_names == ["up"] and kept.model().classifier.weight.shape[0] == 1


def test_without_labels_nothing_can_be_predicted(tiny_videomae):
    with pytest.raises(ValueError, match="must name a classifier to predict with, but pretrained has no labels"):
        VideoClassification(model_name_or_path=tiny_videomae).model()


def test_clips_of_one_video_are_drawn_together_and_rare_labels_count_as_much():
    due = [["a"] * 8 + ["b"] * 2, ["a"] * 9 + ["c"]]
    given = [["a"] * 10, ["a"] * 8 + ["c", "c"]]
    assert accuracy(given, due).value == 85
    f1 = {"a": 2 * 16 / (2 * 16 + 2 + 1), "b": 0.0, "c": 2 / (2 + 1)}
    assert macro_f1(given, due).value == pytest.approx(100 * sum(f1.values()) / 3)
    assert (accuracy(given, due).low, accuracy(given, due).high) == (80, 90)
    assert macro_f1(due, due).low == 100


def test_a_clip_that_stands_in_two_rows_is_told(table, clips):
    again = [
        {"file": "parts.mp4", "start_frame": "0", "end_frame": "9", "label": "left"},
        {"file": "parts.mp4", "start": "0.1", "end": "0.9", "label": "left"},
        {"file": "left.mp4", "label": "left"},
    ]
    split = table([*clips, *again])
    made = VideoClassification(**SMALL)
    made.fit({"train": split})
    told = [str(fault) for fault in made.check({"train": split}) if "too few" not in str(fault)]
    assert told == [
        "train.csv:6: parts.mp4 stands in line 2 as well, the same part of it. Keep one of the rows.",
        "train.csv:8: left.mp4 stands in line 4 as well, the same part of it. Keep one of the rows.",
    ]


def test_no_clip_of_a_video_of_two_splits_is_left(table, clips):
    parts = [
        {"file": "parts.mp4", "start": f"{start}", "end": f"{start + 0.2:.1f}", "label": "left"} for start in (1.2, 1.5)
    ]
    splits = {"train": table(clips), "validation": table(parts, name="validation")}
    made = VideoClassification(**SMALL)
    made.fit(splits)
    told = [str(fault) for fault in made.check(splits) if "flattered" in str(fault)]
    assert [fault.split(": ")[0] for fault in told] == ["validation.csv:2", "validation.csv:3"]


def test_without_a_video_that_can_be_read_the_run_ends_in_one_sentence(table):
    Path("torn.mp4").write_bytes(b"no video")
    rows = [
        {"file": "torn.mp4", "start": start, "end": end, "label": "left"} for start, end in (("0", "1"), ("1", "2"))
    ]
    made = VideoClassification(**SMALL)
    made.fit({"train": table(rows)})
    assert list(made.check({"train": table(rows)}))
    with pytest.raises(BadData, match="^train.csv: has no video left that can be read. Correct the rows.$"):
        made.examples(table(rows))


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"metric": "bleu"}, "`metric` must be one of accuracy, macro_f1, but is 'bleu'"),
        ({"frame_sampling_rate": 0}, "`frame_sampling_rate` must be at least 1, but is 0"),
        ({"model_name_or_path": "nowhere"}, "`model_name_or_path` must name a VideoMAE, but nowhere cannot be loaded"),
    ],
)
def test_flags_that_cannot_be_meant_are_refused(flags, sentence):
    with pytest.raises(ValueError, match="but") as caught:
        VideoClassification(**flags)
    assert sentence in str(caught.value)
