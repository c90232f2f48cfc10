"""Videos in any form in, an answer for every frame out, and files for players and editors."""

import csv
import json
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.adapters.video.drawn import TINY, draw
from toolkit import EventLabelling, pipeline
from toolkit.media.video import VideoFile
from toolkit.models import save_portable

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


@pytest.mark.promise("G9")
def test_the_timeline_is_written_for_players_and_editors(detect):
    path = draw("a.mp4", [*9 * ["left"], *9 * ["right"]])
    kinds = ("json", "csv", "tsv", "vtt", "srt", "edl", "eaf")
    answer = detect(path, output=[f"out/*.{kind}" for kind in kinds])
    assert sorted(path.name for path in Path("out").iterdir()) == sorted(f"a.{kind}" for kind in kinds)
    kept = json.loads(Path("out/a.json").read_text())
    assert kept["events"] == answer["events"] and len(kept["frames"]) == 18 and kept["file"] == "a.mp4"
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


@pytest.mark.parametrize(("kind", "rate"), [("frames", 4.0), ("events", 10.0)])
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


@pytest.mark.parametrize(
    ("output", "sentence"),
    [("a.docx", "`output` must end in .json, .csv"), ("one.vtt", "`output` must have a `*` for the names of 2 videos")],
)
def test_files_that_cannot_be_written_are_refused_before_any_work(detect, output, sentence):
    with pytest.raises(ValueError, match="`output`") as caught:
        detect(["a.mp4", "b.mp4"], output=output)
    assert sentence in str(caught.value)


def test_a_model_of_another_kind_is_refused(tiny_videomae):
    with pytest.raises(ValueError, match="must be an event model of this toolkit, but pretrained is a videomae model"):
        pipeline("video-event-detection", tiny_videomae)
