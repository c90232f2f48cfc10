"""Labels of whole videos: all frames count, at the rate that is asked for."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from datasets import Dataset
from transformers import (
    VideoMAEConfig,
    VideoMAEForVideoClassification,
    VideoMAEImageProcessor,
    VideoMAEVideoProcessor,
)
from transformers.pipelines.pt_utils import KeyDataset

from tests.adapters.video.drawn import draw
from tests.media.films import even, film
from toolkit import pipeline
from toolkit.media.faults import MediaError
from toolkit.media.video import VideoFile
from toolkit.models.layers_frames import quick_positions

EYES = {"size": {"shortest_edge": 16}, "crop_size": 16}


@pytest.fixture
def folder() -> str:
    """A classifier with three labels that sees windows of four frames."""
    torch.manual_seed(0)
    sizes = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    labels = {0: "serve", 1: "smash", 2: "nothing"}
    settings = VideoMAEConfig(
        image_size=16, patch_size=8, num_frames=4, id2label=labels, initializer_range=1.0, **sizes
    )
    with quick_positions():
        VideoMAEForVideoClassification(settings).save_pretrained("classifier")
    VideoMAEImageProcessor(**EYES).save_pretrained("classifier")
    return "classifier"


def directly(folder: str, windows: list[list[int]], path: str) -> torch.Tensor:
    """The mean of the probabilities that the model itself gives to windows of frames."""
    model = VideoMAEForVideoClassification.from_pretrained(folder).eval()
    processor = VideoMAEImageProcessor.from_pretrained(folder)
    video = VideoFile(path)
    clips = [[video.frame(place).frames[0].numpy() for place in window] for window in windows]
    with torch.no_grad():
        return model(processor(clips, return_tensors="pt")["pixel_values"]).logits.softmax(-1).mean(0)


@pytest.mark.promise("G7")
@pytest.mark.parametrize(
    ("settings", "windows"),
    [
        ({}, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 9, 9]]),
        ({"frame_sampling_rate": 2}, [[0, 2, 4, 6], [8, 8, 8, 8]]),
        ({"whole": False}, [[0, 1, 2, 3]]),
        ({"whole": False, "frame_sampling_rate": 2}, [[0, 2, 4, 7]]),
        ({"whole": False, "frame_sampling_rate": 3}, [[0, 3, 7, 7]]),
    ],
)
def test_all_of_the_file_counts_at_the_rate_asked_for(folder, settings, windows):
    path = draw("a.mp4", [*5 * ["left"], *5 * ["right"]])
    answer = pipeline("video-classification", folder)(path, **settings)
    expected = directly(folder, windows, path)
    assert [one["score"] for one in answer] == pytest.approx(sorted(expected.tolist(), reverse=True), abs=1e-5)
    names = ["serve", "smash", "nothing"]
    assert answer[0]["label"] == names[int(expected.argmax())]


def test_several_videos_and_the_best_label_alone(folder):
    paths = [draw("a.mp4", ["left"] * 6), draw("b.mp4", ["right"] * 3)]
    classify = pipeline("video-classification", folder, top_k=1)
    assert [len(answer) for answer in classify(paths)] == [1, 1]
    assert classify(paths)[1] == classify(paths[1])


def test_a_video_answers_the_same_in_any_form(folder):
    path, classify = draw("a.mp4", [*5 * ["left"], *5 * ["right"]]), pipeline("video-classification", folder)
    [clip] = VideoFile(path).frames(batch_frames=99)
    frames = clip.frames.permute(0, 2, 3, 1)
    for settings in ({}, {"frame_sampling_rate": 2}, {"whole": False}):
        expected = classify(path, **settings)
        forms = [Path(path), Path(path).read_bytes(), {"path": path}, frames, frames.numpy(), clip.frames]
        assert [classify(form, **settings) for form in forms] == len(forms) * [expected]


def test_several_videos_are_answered_one_by_one_whatever_holds_them(folder):
    paths = [draw("a.mp4", ["left"] * 6), draw("b.mp4", ["right"] * 3)]
    classify = pipeline("video-classification", folder)
    expected = [classify(path) for path in paths]
    rows = Dataset.from_dict({"file": paths})
    assert classify(tuple(paths)) == expected and classify([]) == []
    for several in (KeyDataset(rows, "file"), rows["file"], (path for path in paths)):
        answers = classify(several)
        assert not isinstance(answers, list)
        assert list(answers) == expected


@pytest.mark.parametrize("size", [2, 3, 9])
def test_windows_that_go_through_the_model_together_are_answered_as_each_alone(folder, size, monkeypatch):
    path, classify = draw("a.mp4", [*7 * ["left"], *7 * ["right"]]), pipeline("video-classification", folder)
    batches, forward = [], classify.model.forward
    monkeypatch.setattr(classify.model, "forward", lambda pixels: batches.append(len(pixels)) or forward(pixels))
    alone, together = classify(path), classify(path, batch_size=size)
    assert [one["label"] for one in together] == [one["label"] for one in alone]
    assert [one["score"] for one in together] == pytest.approx([one["score"] for one in alone], abs=1e-6)
    assert batches == [1, 1, 1, 1, *{2: [2, 2], 3: [3, 1], 9: [4]}[size]]


@pytest.mark.parametrize("function", [None, "softmax", "sigmoid", "none"])
@pytest.mark.parametrize("problem", [None, "regression", "multi_label_classification"])
@pytest.mark.parametrize("top_k", [None, 2, 99])
def test_scores_are_made_as_the_library_makes_them(folder, function, problem, top_k):
    model = VideoMAEForVideoClassification.from_pretrained(folder)
    model.config.problem_type = problem
    processor, theirs = VideoMAEImageProcessor.from_pretrained(folder), VideoMAEVideoProcessor(**EYES)
    frames = torch.randint(0, 255, (4, 16, 16, 3)).byte().numpy()
    asked = {"function_to_apply": function, "top_k": top_k}
    expected = transformers.pipeline("video-classification", model, video_processor=theirs)(frames, **asked)
    answer = pipeline("video-classification", model, processor=processor)(frames, **asked)
    assert answer == [{**one, "score": pytest.approx(one["score"], abs=1e-5)} for one in expected]


@pytest.mark.parametrize("rate", [None, 1, 3])
@pytest.mark.parametrize("length", [4, 12])
@pytest.mark.parametrize("kind", ["image_processor", "video_processor"])
def test_asked_about_less_than_the_whole_it_sees_what_the_library_sees(kind, length, rate, folder, monkeypatch):
    """An image processor gets a file, a video processor an array: the library decodes files for the first alone."""
    with quick_positions():
        model = VideoMAEForVideoClassification(VideoMAEConfig.from_pretrained(folder, num_frames=length)).eval()
    seen, forward = [], model.forward
    monkeypatch.setattr(model, "forward", lambda pixel_values: seen.append(pixel_values) or forward(pixel_values))
    source, eyes = film("a.mp4", even(40), size=(48, 48)), VideoMAEImageProcessor(**EYES)
    if kind == "video_processor":
        [clip] = VideoFile(source).frames(batch_frames=40)
        source, eyes = clip.frames.permute(0, 2, 3, 1).numpy(), VideoMAEVideoProcessor(**EYES)
    expected = transformers.pipeline("video-classification", model, **{kind: eyes})(source, frame_sampling_rate=rate)
    answer = pipeline("video-classification", model, processor=eyes)(source, whole=False, frame_sampling_rate=rate)
    assert answer == [{**one, "score": pytest.approx(one["score"], abs=1e-5)} for one in expected]
    assert torch.allclose(*seen, atol=1e-5)


def test_what_is_none_leaves_what_the_pipeline_was_built_with(folder):
    classify, path = pipeline("video-classification", folder, top_k=2), draw("a.mp4", ["left"] * 6)
    assert len(classify(path, top_k=None)) == len(classify(path)) == 2


def test_a_file_that_breaks_off_is_refused_or_taken_as_far_as_it_goes(folder):
    whole = Path(film("whole.mkv", even(100), size=(96, 160))).read_bytes()
    Path("short.mkv").write_bytes(whole[: len(whole) * 6 // 10])
    classify = pipeline("video-classification", folder)
    with pytest.raises(MediaError, match="a pipeline takes what is there with `partial=True`"):
        classify("short.mkv")
    assert len(classify("short.mkv", partial=True)) == 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"frame_sampling_rate": 0}, "`frame_sampling_rate` must be at least 1, but is 0"),
        ({"top_k": 0}, "`top_k` must be at least 1, but is 0"),
        ({"batch_size": 0}, "`batch_size` must be at least 1, but is 0"),
        ({"function_to_apply": "tanh"}, "`function_to_apply` must be one of softmax, sigmoid, none, but is 'tanh'"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(folder, settings, words):
    with pytest.raises(ValueError, match=words):
        pipeline("video-classification", folder, **settings)
    with pytest.raises(ValueError, match=words):
        pipeline("video-classification", folder)((path for path in ["a.mp4"]), **settings)


def test_what_the_model_cannot_do_is_refused_by_name(folder):
    path = draw("a.mp4", ["left"] * 9)
    with pytest.raises(ValueError, match="`num_frames` must be 4, as this model was made, but is 7"):
        pipeline("video-classification", folder)(path, num_frames=7)
    with pytest.raises(TypeError, match="`topk` is no argument of this pipeline. These are: top_k, num_frames, "):
        pipeline("video-classification", folder)(path, topk=1)
    with pytest.raises(TypeError, match="`topk` is no argument"):
        pipeline("video-classification", folder, topk=1)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (np.zeros((0, 16, 16, 3), dtype=np.uint8), "at least one frame"),
        (np.zeros((4, 16, 16, 3)), "must be bytes"),
    ],
)
def test_what_is_no_video_is_refused(folder, frames, words):
    with pytest.raises(ValueError, match=words):
        pipeline("video-classification", folder)(frames)
