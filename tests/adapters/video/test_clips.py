"""Labels of whole videos: all frames count, at the rate that is asked for."""

import pytest
import torch
from transformers import VideoMAEConfig, VideoMAEForVideoClassification, VideoMAEImageProcessor

from tests.adapters.video.drawn import draw
from toolkit import pipeline
from toolkit.media.video import VideoFile
from toolkit.models.layers_frames import quick_positions


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
    VideoMAEImageProcessor(size={"shortest_edge": 16}, crop_size=16).save_pretrained("classifier")
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
        ({"whole": False, "frame_sampling_rate": 3}, [[0, 3, 6, 9]]),
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


def test_a_rate_below_one_is_refused(folder):
    with pytest.raises(ValueError, match="`frame_sampling_rate` must be at least 1, but is 0"):
        pipeline("video-classification", folder)(draw("a.mp4", ["left"] * 6), frame_sampling_rate=0)
