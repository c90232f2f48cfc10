"""Frames in, a label for each and events out: for every length, rate and form of video, from both kinds of model."""

from itertools import pairwise

import pytest
import torch

from tests.models.clips import LABELS, film, frame_processor, labeller, teller
from toolkit.models.pipeline_video import VideoEventDetectionPipeline

KINDS = ("cnn", "videomae")
MODELS = ("cnn", "videomae", "written")


def detector(kind: str, **settings: object) -> VideoEventDetectionPipeline:
    processor = frame_processor(**settings)
    model = teller("videomae", processor) if kind == "written" else labeller(kind)
    limit = dict(max_new_tokens=13) if kind == "written" else {}
    return VideoEventDetectionPipeline(model=model, processor=processor, task="video-event-detection", **limit)


@pytest.fixture(scope="module", params=MODELS)
def pipe(request):
    return detector(request.param)


@pytest.mark.promise("G3", "G7")
@pytest.mark.parametrize("rate", [5.0, 25.0, 60.0])
def test_every_source_frame_appears_once(pipe, rate):
    for count in (1, 2, 15, 16, 17, 200):
        answer = pipe({"frames": film(count), "frames_per_second": rate})
        assert [frame["frame"] for frame in answer["frames"]] == list(range(count))
        assert [frame["seconds"] for frame in answer["frames"]] == pytest.approx(
            [frame / rate for frame in range(count)]
        )
        assert all(frame["label"] in LABELS and 0 < frame["score"] <= 1 for frame in answer["frames"])
        header = answer["video"]
        assert header["frames"] == count
        assert header["seen"] == (count if rate <= 25 else int((count - 1 + 1e-6) / rate * 25) + 1)
        assert header["frames_per_second"] == rate


@pytest.mark.promise("G3", "G4")
def test_events_lie_inside_the_video_and_agree_with_the_frames(pipe):
    answer = pipe({"frames": film(150), "frames_per_second": 25.0})
    for event in answer["events"]:
        assert 0 <= event["start_frame"] <= event["end_frame"] <= 150
        assert event["start"] == pytest.approx(event["start_frame"] / 25)
        assert event["end"] == pytest.approx(event["end_frame"] / 25)
        assert event["label"] in LABELS[1:]
    starts = [event["start"] for event in answer["events"]]
    assert starts == sorted(starts)
    if not pipe.model.can_generate():
        inside = {frame for event in answer["events"] for frame in range(event["start_frame"], event["end_frame"])}
        assert inside == {frame["frame"] for frame in answer["frames"] if frame["label"] != "nothing"}


@pytest.mark.parametrize("rate", [10.0, 25.0])
def test_which_label_follows_which_counts_in_frames_and_events(rate):
    video = {"frames": film(150), "frames_per_second": 25.0}
    free, bound = detector("cnn", frames_per_second=rate), detector("cnn", frames_per_second=rate)
    bound.model.config.transitions = {one: {one: 10**6} for one in LABELS}
    loose, stiff = ([frame["label"] for frame in pipe(video)["frames"]] for pipe in (free, bound))
    changes = [sum(one != other for one, other in pairwise(labels)) for labels in (loose, stiff)]
    assert changes[1] < changes[0]
    answer = bound(video)
    inside = {frame for event in answer["events"] for frame in range(event["start_frame"], event["end_frame"])}
    assert inside == {frame["frame"] for frame in answer["frames"] if frame["label"] != "nothing"}


@pytest.mark.promise("G10")
@pytest.mark.parametrize(("kind", "window", "stride", "step"), [("cnn", 1, 1, 1), ("videomae", 8, 4, 2)])
def test_the_header_states_the_real_resolution(kind, window, stride, step):
    header = detector(kind, frames_per_second=10.0)({"frames": film(50), "frames_per_second": 25.0})["video"]
    assert (header["window"], header["stride"]) == (window, stride)
    assert header["resolution_seconds"] == step / 10
    assert header["seen_frames_per_second"] == 10.0
    assert header["seen"] == 20


def test_all_forms_of_one_video_are_answered_alike(pipe):
    frames = film(60)
    expected = pipe(frames.numpy())
    seconds = torch.arange(60, dtype=torch.float64) / 25
    blocks = [(frames[start : start + 7].permute(0, 3, 1, 2), seconds[start : start + 7]) for start in range(0, 60, 7)]
    for form in (
        frames,
        {"frames": frames.numpy()},
        {"frames": frames, "frames_per_second": 25.0},
        {"frames": frames, "seconds": seconds.tolist(), "frames_per_second": 25.0},
        {"blocks": iter(blocks), "frames_per_second": 25.0},
    ):
        answer = pipe(form)
        assert answer["video"] == expected["video"]
        for one, other in zip(answer["frames"], expected["frames"], strict=True):
            assert one == {**other, "score": pytest.approx(other["score"]), "seconds": pytest.approx(other["seconds"])}
        assert [event["start_frame"] for event in answer["events"]] == [
            event["start_frame"] for event in expected["events"]
        ]


def test_frames_that_the_model_would_not_look_at_can_be_left_out(pipe):
    """A reader that decodes only what is seen says when all frames are."""
    frames, seconds = film(100), torch.arange(100, dtype=torch.float64) / 60
    chosen = pipe.processor.seen(seconds)
    expected = pipe({"frames": frames, "seconds": seconds})
    blocks = [(frames[some], seconds[some]) for some in chosen.split(9)]
    assert pipe({"blocks": blocks, "seconds": seconds}) == {
        **expected,
        "frames": [{**frame, "score": pytest.approx(frame["score"])} for frame in expected["frames"]],
        "events": [{**event, "score": pytest.approx(event["score"])} for event in expected["events"]],
    }


def test_many_videos_are_answered_as_each_alone(pipe):
    videos = [{"frames": film(count), "frames_per_second": 25.0} for count in (3, 40, 17)]
    alone = [pipe(video) for video in videos]
    assert pipe(videos, batch_size=2) == alone
    assert list(pipe(video for video in videos)) == alone
    assert pipe([]) == []


def test_frames_keep_the_times_they_came_with(pipe):
    seconds = [10.0, 10.04, 10.4, 10.44, 11.0]
    answer = pipe({"frames": film(5), "seconds": seconds})
    assert [frame["seconds"] for frame in answer["frames"]] == seconds
    assert answer["video"]["seen"] == 5
    assert answer["video"]["frames_per_second"] == pytest.approx(4.0)
    assert all(10.0 <= event["start"] <= event["end"] <= 11.25 for event in answer["events"])


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_shape_the_events_and_leave_the_frames_alone(kind):
    pipe, video = detector(kind), {"frames": film(200), "frames_per_second": 25.0}
    plain = pipe(video)
    long = pipe(video, minimum_seconds=0.2, merge_seconds=0.1)
    sure = pipe(video, threshold=0.999)
    points = pipe(video, points=True, threshold=0.3, apart_seconds=0.4)
    assert plain["frames"] == long["frames"] == sure["frames"] == points["frames"]
    assert all(event["end"] - event["start"] >= 0.2 - 1e-9 for event in long["events"])
    assert len(long["events"]) < len(plain["events"])
    assert all(event["score"] >= 0.999 for event in sure["events"])
    assert points["events"]
    for label in LABELS[1:]:
        starts = [event["start"] for event in points["events"] if event["label"] == label]
        assert all(later - earlier >= 0.4 - 1e-9 for earlier, later in zip(starts[:-1], starts[1:], strict=True))
    assert all(event["start_frame"] == event["end_frame"] for event in points["events"])


def test_generation_arguments_reach_the_model_that_writes():
    pipe, video = detector("written"), {"frames": film(60), "frames_per_second": 25.0}
    assert pipe(video, max_new_tokens=2)["events"] == []
    assert pipe(video, num_beams=3)["frames"]
    for unknown in ({"num_beams": 3}, {"return_attentions": True}):
        with pytest.raises(TypeError, match=f"`{next(iter(unknown))}` is no argument"):
            detector("cnn")(video, **unknown)


@pytest.mark.promise("G4", "B1")
@pytest.mark.parametrize("beams", [1, 3])
def test_where_the_decoder_looked_is_told_for_each_event(beams):
    pipe, seconds = detector("written"), 10 + torch.arange(60, dtype=torch.float64) / 25
    plain = pipe({"frames": film(60), "seconds": seconds}, num_beams=beams)
    answer = pipe({"frames": film(60), "seconds": seconds}, num_beams=beams, return_attentions=True)
    assert {name: answer[name] for name in plain} == plain
    stretches = answer["attention"]
    assert len(stretches) == 5 and any(stretch["events"] for stretch in stretches)  # 30 steps, 10 at once, 5 apart
    for number, stretch in enumerate(stretches):
        assert stretch["seconds"] == pytest.approx([10 + 0.08 * (5 * number + step) for step in range(10)])
        assert len(stretch["weights"]) == len(stretch["events"])
        for weights in stretch["weights"]:
            assert len(weights) == 10 and sum(weights) == pytest.approx(1)
        for event in stretch["events"]:
            assert stretch["seconds"][0] <= event["start"] <= event["end"] <= stretch["seconds"][-1] + 0.0801
    blind = detector("written")
    blind.model.config.attention_type = "none"
    with pytest.raises(ValueError, match="`return_attentions` reads where the decoder looked"):
        blind({"frames": film(60)}, return_attentions=True)


def test_a_model_of_instants_finds_instants_without_being_asked():
    pipe, video = detector("cnn"), {"frames": film(200), "frames_per_second": 25.0}
    segments, points = pipe(video, points=False), pipe(video, points=True)
    assert segments["events"] != points["events"]
    assert pipe(video) == segments
    pipe.model.config.tells_instants = True
    assert pipe(video) == points
    assert pipe(video, points=False) == segments


@pytest.mark.parametrize(
    ("video", "fault", "words"),
    [
        ("match.mp4", TypeError, "`inputs` must be an array of frames .* one is a str"),
        ({"frame": film(2)}, ValueError, "must have `frames` or `blocks`.* one has 'frame'"),
        ({"frames": film(2), "blocks": []}, ValueError, "must have `frames` or `blocks`"),
        ({"frames": film(2), "rate": 3}, ValueError, "'rate'"),
        ({"frames": film(2), "seconds": [0.0]}, ValueError, "a time for each of the 2 frames"),
        ({"frames": film(2), "frames_per_second": 0}, ValueError, "must be above 0, but is 0"),
        ({"frames": film(2), "frames_per_second": float("nan")}, ValueError, "must be above 0, but is nan"),
        ({"frames": film(0)}, ValueError, "at least one frame"),
        ({"blocks": []}, ValueError, "at least one frame"),
    ],
)
def test_what_is_no_video_is_refused(video, fault, words):
    with pytest.raises(fault, match=words):
        detector("cnn")(video)
