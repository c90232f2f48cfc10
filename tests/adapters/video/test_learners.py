"""Frozen encoders: what they make of videos is kept, and they stay frozen."""

import pytest
import torch
from transformers import VideoMAEConfig, VideoMAEImageProcessor

from tests.adapters.video.conftest import write_videomae
from tests.adapters.video.drawn import TINY
from toolkit import EventLabelling
from toolkit.adapters.video import learners
from toolkit.media.video import VideoFile
from toolkit.models import save_portable

KINDS = ("frames", "events")


def frozen(encoder: str) -> EventLabelling:
    return EventLabelling(encoder=encoder, frames_per_second=10.0, hidden_size=8, max_train_seconds=1.0)


def test_a_frozen_encoder_reads_the_kept_frames_and_its_weights_are_read_once(table, films, tiny_videomae, monkeypatch):
    made, split = frozen(tiny_videomae), table(films)
    made.fit({"train": split})
    rows = list(made.examples(split).dataset)
    read = []
    monkeypatch.setattr(learners, "fingerprint", lambda model: read.append(model) or "weights")
    monkeypatch.setattr(VideoFile, "select", None)
    for row in rows:
        made.inputs(row)
    assert len(rows) == 9 and len(read) == 1


@pytest.mark.parametrize("change", ["mean", "window"])
def test_vectors_of_a_frozen_encoder_are_made_anew_where_it_sees_otherwise(change, table, films, tiny_videomae):
    found = []
    for place in range(2):
        made = frozen(tiny_videomae)
        made.fit({"train": table(films)})
        found.append(made.inputs(made.examples(table(films)).dataset[0])["frame_features"])
        if place == 0 and change == "mean":
            VideoMAEImageProcessor(
                size={"shortest_edge": 16}, crop_size=16, image_mean=3 * [0.1], image_std=3 * [0.1]
            ).save_pretrained(tiny_videomae)
        elif place == 0:
            VideoMAEConfig.from_pretrained(tiny_videomae, num_frames=8).save_pretrained(tiny_videomae)
    assert found[0].shape == found[1].shape and not torch.equal(*found)


@pytest.mark.parametrize("kind", KINDS)
def test_stretches_begin_where_a_vector_does_however_many_frames_share_one(kind, table, films):
    """30 frames, 4 of which share a vector; what goes on from such a run cuts alike."""
    tall = write_videomae("pretrained", num_frames=8, tubelet_size=4)
    made = EventLabelling(encoder=tall, decoder=kind, frames_per_second=10.0, hidden_size=8, max_train_seconds=1.0)
    made.fit({"train": table(films)})
    rows = list(made.examples(table(films[:2])).dataset)
    places = [(row["start_seen"], row["end_seen"]) for row in rows]
    assert places == [(0, 8), (8, 16), (16, 24), (24, 30)]
    seen = made.films["0.mp4"].seen(made.processor)
    with torch.no_grad():
        whole = torch.cat(list(made._learner.frozen.stream([seen])))
    for row, (start, end) in zip(rows, places, strict=True):
        vectors = made.inputs(row)[made._learner.names[1]]
        assert torch.allclose(vectors, whole[start // 4 : -(-end // 4)], atol=1e-5)
    batch = made.pad([made.encode(row) for row in rows])
    assert made.model()(**batch).loss.isfinite()
    assert made.processor.event_steps == {"step_seconds": 0.4, "steps": 2}
    save_portable(made.model(), made.processor, "run")
    again = EventLabelling(model_name_or_path="run", max_train_seconds=1.0)
    again.fit({"train": table(films)})
    assert again.step_frames == 4 and again.examples(table(films[:2])).dataset["start_seen"][:] == [0, 8, 16, 24]


@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_encoder_stays_frozen_where_a_run_is_gone_on_from(kind, table, films, tiny_videomae):
    def is_trained(made: EventLabelling) -> bool:
        made.fit({"train": table(films)})
        model = made.model().train()
        encoder = model.frame_encoder if kind == "frames" else model.encoder.reader.backbone
        assert any(weight.requires_grad for weight in model.parameters())
        return any(
            weight.requires_grad or module.training for module in encoder.modules() for weight in module.parameters()
        )

    first = EventLabelling(encoder=tiny_videomae, decoder=kind, frames_per_second=10.0, hidden_size=8)
    assert not is_trained(first)
    save_portable(first.model(), first.processor, "run")
    assert not is_trained(EventLabelling(model_name_or_path="run"))
    assert is_trained(EventLabelling(model_name_or_path="run", freeze_encoder=False))
    fresh = EventLabelling(**{**TINY, "decoder": kind})
    assert is_trained(fresh)
    save_portable(fresh.model(), fresh.processor, "fresh")
    assert is_trained(EventLabelling(model_name_or_path="fresh"))
