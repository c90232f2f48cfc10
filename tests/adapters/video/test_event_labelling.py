"""Videos and labels as examples: joined by file, cut into stretches, varied in training only."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.adapters.video.drawn import TINY, draw
from toolkit import EventLabelling
from toolkit.metrics import segments
from toolkit.models import save_portable

KINDS = ("frames", "events")


@pytest.fixture
def adapter(table, films):
    def make(**flags: object) -> EventLabelling:
        made = EventLabelling(**{**TINY, **flags})
        made.fit({"train": table(films)})
        return made

    return make


def test_the_rows_of_a_video_are_one_example(adapter, table, films):
    made = adapter()
    examples = list(made.examples(table(films)).dataset)
    assert [(row["file"], row["line"]) for row in examples] == [("0.mp4", 2), ("1.mp4", 4), ("2.mp4", 6)]
    names = [made.processor.labels[label] for label in made.labels(examples[0])]
    assert names == [
        *5 * ["background"], *8 * ["left"], *4 * ["background"], *8 * ["right"], *5 * ["background"]
    ]  # fmt: skip


def test_transitions_are_counted_in_the_frames_that_are_seen(adapter):
    """Per film 5 frames of nothing, 8 left, 4 nothing, 8 right, 5 nothing, at the film's rate and at half of it."""
    seen = {name: dict(row) for name, row in adapter().label_transitions.items()}
    assert seen == {
        "background": {"background": 3 * (4 + 3 + 4), "left": 3, "right": 3},
        "left": {"left": 3 * 7, "background": 3},
        "right": {"right": 3 * 7, "background": 3},
    }
    halved = adapter(frames_per_second=5.0).label_transitions
    assert halved["left"] == {"left": 9, "background": 3} and halved["background"]["right"] == 3
    assert adapter(use_transitions=False).label_transitions is None


def test_transitions_are_of_neighbours_alone(adapter):
    """Between two labels that nothing is said about, none followed the other."""
    seen = adapter(unlabelled="ignored").label_transitions
    assert seen == {"left": {"left": 21}, "right": {"right": 21}}


def test_a_trained_model_keeps_its_transitions(adapter, table, films):
    made = adapter()
    save_portable(made.model(), made.processor, "run")
    again = EventLabelling(**{**TINY, "model_name_or_path": "run"})
    again.fit({"train": table(films[:1])})
    assert again.label_transitions == made.label_transitions
    assert adapter(decoder="events").model().config.to_dict().get("transitions") is None


@pytest.mark.parametrize("kind", KINDS)
def test_stretches_cover_every_frame_once(kind, adapter, table, films):
    made = adapter(decoder=kind, max_train_seconds=0.7)
    examples = list(made.examples(table(films)).dataset)
    covered = [place for row in examples if row["file"] == "1.mp4" for place in range(*made._part(row))]
    assert covered == list(range(30))
    assert len(list(made.examples(table(films, name="validation")).dataset)) == (
        3 if kind == "frames" else len(examples)
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", [30.0, 0.7])
def test_labels_say_what_is_expected(kind, seconds, adapter, table, films):
    made = adapter(decoder=kind, max_train_seconds=seconds)
    split = table(films, name="validation")
    rows = list(made.examples(split).dataset)
    predicted = [made.decode(made.labels(row)) for row in rows]
    expected = [made.expected(row) for row in rows]
    scores = made.score(predicted, expected)
    assert scores["frame_accuracy"].value == scores["f1_50"].value == scores["edit"].value == 100
    assert scores["map_0"].value == 100


def test_a_stretch_scores_by_its_own_frames(adapter, table, films):
    """The second of 3 s: 3 frames left, 4 nothing, 3 right."""
    made = adapter(decoder="events", max_train_seconds=1.0)
    rows = list(made.examples(table(films, name="validation")).dataset)
    assert made.row_score(made.decode([]), made.expected(rows[1])) == pytest.approx(40)
    assert made.row_score(made.decode(made.labels(rows[1])), made.expected(rows[1])) == 100


def test_a_rate_below_that_of_the_file_still_labels_all_its_frames(adapter, table, films):
    made = adapter(frames_per_second=3.0)
    rows = list(made.examples(table(films, name="validation")).dataset)
    (video,) = made.watched([made.decode(made.labels(rows[0]))], [made.expected(rows[0])])
    assert len(video.predicted) == len(video.expected) == 30
    assert sum(map(str.__eq__, video.predicted, video.expected)) >= 24


def test_a_varied_stretch_keeps_its_labels_with_its_frames(adapter, table, films):
    made = adapter(max_train_seconds=1.0, augment=False)
    whole = made.labels({"file": "0.mp4", "line": 2, **{k: films[0][k] for k in ("start", "end", "label")}})
    assert len(whole) == 30
    row = made.examples(table(films)).dataset[1]
    frames = made.films["0.mp4"].seen(made.processor)
    labels = torch.tensor(made.labels({**row, "start_seen": 0, "end_seen": 30}))
    starts = set()
    for seed in range(20):
        varied = made.varied_inputs(row, np.random.default_rng(seed))
        places = [at for at in range(21) if torch.equal(frames[at : at + 10], varied["frames"])]
        assert any(labels[at : at + 10].tolist() == varied["labels"] for at in places)
        starts.add(places[0])
    assert len(starts) > 3


def test_variations_follow_from_the_generator_and_change_the_picture(adapter, table, films):
    made = adapter(flips="both")
    row = made.examples(table(films)).dataset[0]
    one, again, other = (made.varied_inputs(row, np.random.default_rng(seed))["frames"] for seed in (1, 1, 2))
    plain = made.inputs(row)["frames"]
    assert torch.equal(one, again) and not torch.equal(one, other) and not torch.equal(one, plain)
    assert one.shape == plain.shape


def test_weights_cost_a_frame_one_on_average_and_rare_labels_more(adapter, table):
    draw("long.mp4", [*90 * ["none"], *10 * ["left"]])
    rows = [{"file": "long.mp4", "start": "9.0", "end": "10.0", "label": "left"}]
    made = adapter()
    made.fit({"train": table(rows)})
    assert made.label_weights is not None
    weights = dict(zip(made.processor.labels, made.label_weights, strict=True))
    assert made.label_frames == {"background": 90, "left": 10}
    assert (90 * weights["background"] + 10 * weights["left"]) / 100 == pytest.approx(1)
    assert weights["left"] / weights["background"] == pytest.approx(3)
    plain = adapter(class_weights="none")
    assert plain.label_weights is None


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_counted_by_label_whatever_is_written(kind, adapter):
    assert adapter(decoder=kind).label_frames == {"background": 42, "left": 24, "right": 24}


def test_frames_about_which_nothing_is_said_can_be_left_out(adapter, table, films):
    made = adapter(unlabelled="ignored")
    row = made.examples(table(films, name="validation")).dataset[0]
    labels = made.labels(row)
    assert made.processor.labels == ["left", "right"] and made.processor.background is None
    assert labels == [-100] * 5 + [0] * 8 + [-100] * 4 + [1] * 8 + [-100] * 5
    (video,) = made.watched([made.decode(labels)], [made.expected(row)])
    assert video.expected.count(None) == 14 and len(video.predicted) == 30
    assert made.row_score(made.decode(labels), made.expected(row)) == 100
    assert made.label_frames == {"left": 24, "right": 24}


def test_instants_are_found_in_the_table(adapter, table, films):
    made = adapter()
    assert not made.has_instants
    made.fit({"train": table([dict(row, end=row["start"]) for row in films])})
    assert made.has_instants and made.model().config.tells_instants
    row = made.examples(table([dict(row, end=row["start"]) for row in films], name="validation")).dataset[0]
    assert json.loads(made.decode(made.labels(row)))["events"] == [["left", 0.5, 0.5, 1.0], ["right", 1.7, 1.7, 1.0]]


@pytest.mark.parametrize("kind", KINDS)
def test_videos_in_which_nothing_happens_do_not_count_against_instants(kind, table, films):
    instants = [dict(row, end=row["start"]) for row in films[:2]]
    empty = [{"file": draw(f"empty{n}.mp4", 9 * ["none"]), "label": "background"} for n in range(4)]
    split = table([*instants, *empty])
    made = EventLabelling(**{**TINY, "decoder": kind})
    made.fit({"train": split, "validation": replace(split, name="validation")})
    assert made.has_instants and made.label_names == ["background", "left", "right"]
    assert made.label_frames == {"background": 28 + 4 * 9, "left": 1, "right": 1}
    rows = list(made.examples(replace(split, name="validation")).dataset)
    assert len(rows) == 5
    assert json.loads(made.expected(rows[1]))["events"] == json.loads(made.decode(made.labels(rows[1])))["events"] == []


def watched_alone(rows, kind, table):
    """What has learnt from the rows of one video, its example, and what this says beside what it should say."""
    made = EventLabelling(**{**TINY, "decoder": kind})
    made.fit({"train": table(rows)})
    (row,) = made.examples(table(rows, name="validation")).dataset
    (video,) = made.watched([made.decode(made.labels(row))], [made.expected(row)])
    return made, row, video


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_that_ends_before_its_video_leaves_the_last_frames_to_nobody(kind, table):
    path = draw("a.mp4", [*100 * ["left"], *100 * ["right"]])
    spans = [("left", 0, 100), ("right", 100, 197), ("left", 197, 198)]
    rows = [{"file": path, "label": name, "start_frame": f"{a}", "end_frame": f"{b}"} for name, a, b in spans]
    made, row, video = watched_alone(rows, kind, table)
    assert video.expected == [*100 * ["left"], *97 * ["right"], "left", None, None]
    assert made.label_frames == {"left": 101, "right": 97}
    if kind == "frames":
        assert made.labels(row)[-3:] == [made.processor.labels.index("left"), -100, -100]


def test_an_instant_within_a_longer_event_is_not_lost(table):
    path = draw("a.mp4", ["left"] * 30)
    spans = [("rally", "0", "3"), ("hit", "0.5", "0.5"), ("hit", "1.5", "1.5"), ("serve", "2.0", "2.4")]
    rows = [{"file": path, "label": name, "start": a, "end": b, "track": name} for name, a, b in spans]
    made, row, video = watched_alone(rows, "events", table)
    assert video.predicted == video.expected
    assert [label for label, *_ in segments(video.predicted)] == [
        *("rally", "hit", "rally", "hit", "rally", "serve", "rally")
    ]
    assert made.score([made.decode(made.labels(row))], [made.expected(row)])["edit"].value == 100


@pytest.mark.parametrize("kind", KINDS)
def test_labels_after_the_last_frame_are_about_nothing(kind, table):
    path = draw("a.mp4", [*100 * ["left"], *100 * ["right"]])
    spans = [("left", 0, 100), ("right", 100, 200), ("left", 200, 202)]
    rows = [{"file": path, "label": name, "start_frame": f"{a}", "end_frame": f"{b}"} for name, a, b in spans]
    made, row, video = watched_alone(rows, kind, table)
    assert video.predicted == video.expected == [*100 * ["left"], *100 * ["right"]]
    assert video.due == [one[:2] for one in video.found] == [("left", 0), ("right", 100)]
    assert made.varied_inputs(row, np.random.default_rng(1))["labels"] == made.labels(row)
    slower = EventLabelling(**{**TINY, "decoder": kind, "frames_per_second": 2.99})  # its last tick is not quite over
    slower.fit({"train": table(rows)})
    told = json.loads(slower.decode(slower.labels(row)))["events"]
    assert [label for label, *_ in told] == ["left", "right"]


def test_videos_without_labels_can_be_looked_at(adapter, films):
    made = adapter()
    row = {"file": "0.mp4", "line": 2}
    assert made.expected(row) is None and "labels" not in made.encode(row)


def test_a_frozen_encoder_looks_at_each_video_once(table, films, tiny_videomae, monkeypatch):
    made = EventLabelling(encoder=tiny_videomae, frames_per_second=10.0, hidden_size=8, max_train_seconds=1.0)
    made.fit({"train": table(films)})
    row = made.examples(table(films)).dataset[1]
    encoder = made._learner.frozen
    with torch.no_grad():
        seen = made.films["0.mp4"].seen(made.processor)
        expected = torch.cat(list(encoder.stream([seen])))
    assert torch.allclose(made.inputs(row)["frame_features"], expected[5:10], atol=1e-5)
    monkeypatch.setattr(type(encoder), "stream", None)
    again = EventLabelling(encoder=tiny_videomae, frames_per_second=10.0, hidden_size=8, max_train_seconds=1.0)
    again.fit({"train": table(films)})
    assert torch.equal(again.inputs(row)["frame_features"], made.inputs(row)["frame_features"])
    batch = made.pad([{**made.encode(row)}, {**made.encode(row)}])
    model = made.model()
    assert model(**batch).loss.isfinite()
    assert not any(weight.requires_grad for weight in model.frame_encoder.parameters())


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"metric": "bleu"}, "`metric` must be one of frame_accuracy"),
        ({"decoder": "words"}, "`decoder` must be one of frames, events"),
        ({"frames_per_second": 0.0}, "`frames_per_second` must be above 0"),
        ({"encoder": "nowhere"}, "`encoder` must be cnn, videomae or name a VideoMAE, but nowhere cannot be loaded"),
        ({"model_name_or_path": "nowhere"}, "`model_name_or_path` must name a model, but nowhere cannot be loaded"),
    ],
)
def test_flags_that_cannot_be_meant_are_refused(flags, sentence):
    with pytest.raises(ValueError, match="but") as caught:
        EventLabelling(**flags)
    assert sentence in str(caught.value)


def test_streams_are_refused(table, films):
    split = table(films)
    stream = type(split)("train", "t.csv", split.dataset.to_iterable_dataset())
    with pytest.raises(ValueError, match="`streaming` cannot be used with labels of videos"):
        EventLabelling().fit({"train": stream})
