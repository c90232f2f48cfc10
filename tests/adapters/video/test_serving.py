"""Videos in any form in, an answer for every frame out, and files for players and editors."""

import csv
import json
from itertools import pairwise
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers.pipelines.pt_utils import KeyDataset

from tests.adapters.video.drawn import TINY, draw
from tests.media.films import even, film
from toolkit import EventLabelling, pipeline
from toolkit.adapters.video.scoring import watched
from toolkit.media.faults import MediaError
from toolkit.media.video import VideoFile
from toolkit.models import FrameProcessor, save_portable

UNEVEN = np.cumsum(np.tile([0.05, 0.15], 15)).tolist()


@pytest.fixture(params=["frames", "events"])
def detect(request, table, films):
    """An untrained model behind the pipeline."""
    adapter = EventLabelling(**{**TINY, "decoder": request.param, "max_train_seconds": 1.0})
    adapter.fit({"train": table(films)})
    torch.manual_seed(0)
    limit = {"max_new_tokens": 13} if adapter.generates else {}
    return pipeline("video-event-detection", adapter.model(), processor=adapter.processor, **limit)


@pytest.mark.promise("G2", "G3", "G7")
@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 120])
def test_every_frame_of_the_file_appears_once_with_its_time(detect, count):
    seconds = np.cumsum(np.random.default_rng(count).choice([0.04, 0.1], count)).tolist()
    answer = detect(draw("a.mp4", ["left"] * count, seconds=seconds))
    assert [frame["frame"] for frame in answer["frames"]] == list(range(count))
    assert [frame["seconds"] for frame in answer["frames"]] == pytest.approx(seconds, abs=1e-3)
    assert answer["video"]["frames"] == count


@pytest.mark.promise("G2")
def test_what_goes_on_to_the_end_ends_when_the_file_does(detect):
    path = film("gap.mkv", [*even(20), *[7.3 + time for time in even(20)]])
    header = VideoFile(path).header
    assert header.end_seconds == pytest.approx(8.1) and header.frames_per_second < 6  # the average says 8.3
    events = detect(path, threshold=0.0)["events"]
    ends = [event["end"] for event in events if event["end_frame"] == header.frames]
    assert all(event["end"] <= header.end_seconds for event in events)
    assert all(end == header.end_seconds for end in ends)
    assert ends or detect.model.can_generate()


def test_a_file_answers_the_same_in_any_form(detect):
    path = draw("a.mp4", [*9 * ["left"], *9 * ["right"]], seconds=UNEVEN[:18])
    expected = detect(path)
    whole = Path(path).read_bytes()
    [clip] = VideoFile(path).frames(size=(12, 16), batch_frames=99)
    forms = [Path(path), whole, {"path": path}, {"bytes": whole}, {"frames": clip.frames, "seconds": clip.seconds}]
    for form in forms:
        assert detect(form)["frames"] == expected["frames"], type(form)
    with open(path, "rb") as stream:
        assert detect(stream)["events"] == expected["events"]
    assert [one["frames"] for one in detect([path, path])] == 2 * [expected["frames"]]
    assert next(detect(iter([path])))["frames"] == expected["frames"]
    assert len(detect(np.zeros((7, 12, 16, 3), dtype=np.uint8))["frames"]) == 7


def test_several_videos_are_answered_one_by_one_whatever_holds_them(detect):
    paths = [draw("a.mp4", ["left"] * 6), draw("b.mp4", ["right"] * 4)]
    expected = [detect(path) for path in paths]
    rows = Dataset.from_dict({"file": paths})
    assert detect(tuple(paths), batch_size=2) == expected
    for several in (KeyDataset(rows, "file"), rows["file"], (path for path in paths)):
        answers = detect(several)
        assert not isinstance(answers, list)
        assert list(answers) == expected


def test_a_file_that_breaks_off_is_refused_or_taken_as_far_as_it_goes(detect):
    whole = Path(film("whole.mkv", even(100), size=(96, 160))).read_bytes()
    Path("short.mkv").write_bytes(whole[: len(whole) * 6 // 10])
    with pytest.raises(MediaError, match="a pipeline takes what is there with `partial=True`"):
        detect("short.mkv")
    assert 10 < len(detect("short.mkv", partial=True)["frames"]) < 100


@pytest.mark.promise("G9")
def test_the_timeline_is_written_for_players_and_editors(detect):
    path = draw("a.mp4", [*9 * ["left"], *9 * ["right"]])
    kinds = ("json", "csv", "tsv", "vtt", "srt", "edl", "eaf")
    answer = detect(path, output=[f"out/*.{kind}" for kind in kinds])
    assert sorted(path.name for path in Path("out").iterdir()) == sorted(f"a.{kind}" for kind in kinds)
    kept = json.loads(Path("out/a.json").read_text())
    assert kept["events"] == answer["events"] and len(kept["frames"]) == 18 and kept["file"] == "../a.mp4"
    rows = list(csv.DictReader(Path("out/a.csv").read_text().splitlines()))
    assert [row["label"] for row in rows] == [event["label"] for event in answer["events"]]
    assert Path("out/a.vtt").read_text().startswith("WEBVTT\n") and "TITLE: a" in Path("out/a.edl").read_text()


@pytest.mark.promise("G9")
def test_labels_are_burnt_into_every_frame(detect):
    path = draw("a.mp4", [*9 * ["left"], *9 * ["right"]])
    detect(path, output="burnt.mp4")
    assert VideoFile("burnt.mp4").header.frames == 18
    assert VideoFile("burnt.mp4").timestamps().tolist() == pytest.approx(
        VideoFile(path).timestamps().tolist(), abs=1e-3
    )


@pytest.mark.promise("H1")
@pytest.mark.parametrize("kind", ["frames", "events"])
def test_a_saved_model_answers_as_it_did(kind, table, films):
    adapter = EventLabelling(**{**TINY, "decoder": kind})
    adapter.fit({"train": table([dict(row, end=row["start"]) for row in films])})
    model = adapter.model()
    before = pipeline("video-event-detection", model, processor=adapter.processor)("0.mp4")
    save_portable(model, adapter.processor, "saved")
    assert pipeline("video-event-detection", "saved")("0.mp4") == before
    assert all(event["start"] == event["end"] for event in before["events"] if kind == "frames")
    again = EventLabelling(model_name_or_path="saved")
    again.fit({"train": table(films)})
    assert (again.decoder, again.has_instants, again.processor.labels) == (kind, True, adapter.processor.labels)


@pytest.mark.parametrize(("kind", "rate"), [("frames", 4.0), ("frames", 5.0), ("frames", 3.0), ("events", 10.0)])
def test_the_evaluation_and_the_pipeline_say_the_same(kind, rate, table, films):
    adapter = EventLabelling(**{**TINY, "frames_per_second": rate, "decoder": kind})
    adapter.fit({"train": table(films)})
    torch.manual_seed(3)
    model = adapter.model().eval()
    if kind == "events":  # many of them
        model.generation_config.max_new_tokens = 13
        torch.nn.init.constant_(model.lm_head.bias[model.config.eos_token_id], -9.0)
    row = adapter.examples(table(films, name="validation")).dataset[0]
    with torch.no_grad():
        (output,) = adapter.write(model, adapter.pad([adapter.inputs(row)]))
    (video,) = adapter.watched([adapter.decode(output)], [adapter.expected(row)])
    answer = pipeline("video-event-detection", model, processor=adapter.processor)("0.mp4")
    assert video.predicted == [frame["label"] for frame in answer["frames"]]
    found = [(label, score) for label, _, score in sorted(video.found, key=itemgetter(1))]
    said = [(event["label"], pytest.approx(event["score"], abs=1e-4)) for event in answer["events"]]
    assert found == said and (kind == "frames" or 0 < min(found)[1] < 1)


@pytest.mark.parametrize(("rate", "seen_rate"), [(25.0, 12.5), (25.0, 3.0), (24000 / 1001, 25.0), (30.0, 15.0)])
@pytest.mark.parametrize("digits", [3, 9])
def test_the_evaluation_gives_each_frame_the_seen_one_that_the_pipeline_gives_it(rate, seen_rate, digits):
    seconds = (np.arange(200) / rate).round(digits)
    processor = FrameProcessor(frames_per_second=seen_rate)
    borders = [round(max(0.0, (seen - 0.5) / seen_rate), 4) for seen in range(len(processor.seen(seconds)) + 1)]
    spans = [[str(seen), start, end] for seen, (start, end) in enumerate(pairwise(borders))]
    due = {"labels": spans, "events": [], "file": "a.mp4", "start": 0.0, "end": 99.0}
    (video,) = watched([json.dumps(due)], [json.dumps(due)], lambda _: seconds, "-")
    assert video.predicted == [str(place) for place in processor.places(seconds).tolist()]


@pytest.mark.parametrize(
    ("output", "sentence"),
    [("a.docx", "`output` must end in .json, .csv"), ("one.vtt", "`output` must have a `*` for the names of 2 videos")],
)
def test_files_that_cannot_be_written_are_refused_before_any_work(detect, output, sentence):
    with pytest.raises(ValueError, match="`output`") as caught:
        detect(["a.mp4", "b.mp4"], output=output)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("videos", "output"),
    [
        ("a.mp4", "a.mp4"),
        ("a.mp4", ["a.vtt", "folder/../a.mp4"]),
        (Path("a.mp4").absolute, "*.mp4"),
        ("link.mp4", "a.mp4"),
        ({"path": "a.mp4"}, "link.mp4"),
        (["a.mp4", "a-new.mp4"], "*-new.mp4"),
        (lambda: iter(["a.mp4"]), "*.mp4"),
    ],
)
def test_a_video_that_is_read_is_never_written_over(detect, videos, output):
    for path in ("a.mp4", "a-new.mp4"):
        draw(path, ["left"] * 5)
    Path("folder").mkdir()
    Path("link.mp4").symlink_to("a.mp4")
    before = {path.name: path.read_bytes() for path in Path().glob("*.*")}
    with pytest.raises(ValueError, match="`output` must not be a video that is read, but .*mp4 is one. Write .*-lab"):
        list(detect(videos() if callable(videos) else videos, output=output))
    assert {path.name: path.read_bytes() for path in Path().glob("*.*")} == before


def test_no_two_videos_are_written_to_one_file(detect):
    for folder in ("a", "b"):
        Path(folder).mkdir()
        draw(f"{folder}/1.mp4", ["left"] * 5)
    words = "`output` must be another file for each video, but out/1.vtt is that of a/1.mp4 and of b/1.mp4"
    with pytest.raises(ValueError, match=words):
        detect(["a/1.mp4", "b/1.mp4"], output="out/*.vtt")
    assert not Path("out").exists()
    answers = detect((f"{folder}/1.mp4" for folder in "ab"), output="out/*.vtt")
    next(answers)
    written = Path("out/1.vtt").read_bytes()
    Path("out/1.vtt").write_bytes(b"marked")
    with pytest.raises(ValueError, match=words):
        next(answers)
    assert written and Path("out/1.vtt").read_bytes() == b"marked"
    with pytest.raises(ValueError, match="`output` must have a `\\*` for the names of several videos, but is one.vtt"):
        detect((path for path in ["a/1.mp4"]), output="one.vtt")
    with pytest.raises(ValueError, match="`output` needs a video file, but frames came"):
        detect(["a/1.mp4", np.zeros((7, 12, 16, 3), dtype=np.uint8)], output="out/*.json")
    assert [path.name for path in Path("out").iterdir()] == ["1.vtt"]


def test_a_model_of_another_kind_is_refused(tiny_videomae):
    with pytest.raises(ValueError, match="must be an event model of this toolkit, but pretrained is a videomae model"):
        pipeline("video-event-detection", tiny_videomae)
