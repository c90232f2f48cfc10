"""A label for every frame of a video, learnt and given the same way in any company."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForTokenClassification, VideoMAEConfig

from tests.models.clips import LABELS, SIZE, encoder_settings, labeller, seen
from toolkit.models import FrameEncoderConfig, FrameLabellerConfig, RecurrentFrameLabeller

KINDS = ("cnn", "videomae")


@pytest.mark.promise("G3")
@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_every_frame_has_scores_whatever_the_length(kind):
    model, frames = labeller(kind), seen(40)
    for length in range(1, 41):
        assert model(frames=frames[:, :length]).logits.shape == (1, length, len(LABELS))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
@torch.no_grad()
def test_padding_changes_neither_scores_nor_loss(kind, cell_type):
    model, frames = labeller(kind, cell_type=cell_type, num_hidden_layers=2, smoothing=0.3), seen(21, rows=3)
    lengths = (21, 9, 2)
    mask = torch.stack([(torch.arange(21) < length).long() for length in lengths])
    labels = torch.randint(0, 3, (3, 21)).masked_fill(mask == 0, -100)
    together = model(frames=frames, attention_mask=mask, labels=labels)
    total = 0.0
    for row, length in enumerate(lengths):
        alone = model(frames=frames[row : row + 1, :length], labels=labels[row : row + 1, :length])
        assert torch.allclose(together.logits[row, :length], alone.logits[0], atol=1e-12)
        total += alone.loss.item() * length
    assert together.loss.item() == pytest.approx(total / sum(lengths))
    noisy = torch.where(mask[..., None, None, None] > 0, frames, 1e3)
    assert torch.equal(model(frames=noisy, attention_mask=mask, labels=labels).loss, together.loss)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_vectors_computed_once_stand_for_the_frames(kind):
    model, frames = labeller(kind), seen(21, rows=2)
    mask = (torch.arange(21) < torch.tensor([[21], [9]])).long()
    whole = model(frames=frames, attention_mask=mask).logits
    again = model(frame_features=model.frame_features(frames, mask), attention_mask=mask).logits
    assert torch.equal(whole, again)
    streamed = model.stream_features(frames[0].split(6))
    mask = torch.ones(1, 21)
    assert torch.allclose(model(frame_features=streamed, attention_mask=mask).logits[0], whole[0], atol=1e-12)


def without_dtype(config: dict) -> dict:
    """Loading notes the precision in the parts of a configuration too."""
    kept = {name: without_dtype(value) if isinstance(value, dict) else value for name, value in config.items()}
    return {name: value for name, value in kept.items() if name != "dtype"}


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_it_is_loaded_as_it_was_saved(kind, tmp_path):
    model = labeller(kind, class_weights=[1.0, 2.0, 3.0])
    model.save_pretrained(tmp_path)
    loaded, report = AutoModelForTokenClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert type(loaded) is RecurrentFrameLabeller
    assert not any(report.values())
    assert loaded.config.class_weights == [1.0, 2.0, 3.0]
    given, found = (one.config.frame_encoder.to_diff_dict() for one in (model, loaded))
    assert without_dtype(found) == without_dtype(given)
    assert type(loaded.config.frame_encoder) is FrameEncoderConfig
    assert torch.allclose(loaded(frames=seen(17)).logits, model(frames=seen(17)).logits, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_encoder_has_neither_gradients_nor_dropout_after_it_was_loaded_either(kind, tmp_path):
    labeller(kind, freeze_encoder=True).save_pretrained(tmp_path)
    model = AutoModelForTokenClassification.from_pretrained(tmp_path).train()
    assert model.config.freeze_encoder and model.training and not model.frame_encoder.training
    model(frames=seen(9), labels=torch.zeros(1, 9, dtype=torch.long)).loss.backward()
    with_gradients = {name.partition(".")[0] for name, weight in model.named_parameters() if weight.grad is not None}
    assert with_gradients == {"encoder", "classifier"}
    again = AutoModelForTokenClassification.from_pretrained(tmp_path, freeze_encoder=False).train()
    assert again.frame_encoder.training and all(weight.requires_grad for weight in again.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_missing_weights_start_afresh(kind, tmp_path):
    model = labeller(kind)
    kept = {name: weight for name, weight in model.state_dict().items() if not name.startswith("frame_encoder")}
    model.save_pretrained(tmp_path, state_dict=dict(kept))
    loaded = AutoModelForTokenClassification.from_pretrained(tmp_path)
    assert all(weight.isfinite().all() for weight in loaded.state_dict().values())
    for name, weight in loaded.named_parameters():
        if name.endswith("weight") and weight.dim() == 1:  # norms
            assert name in kept or (weight == 1).all()
    assert all(torch.equal(loaded.state_dict()[name], weight) for name, weight in kept.items())
    assert loaded(frames=seen(9)).logits.isfinite().all()


def test_a_frame_knows_what_comes_later_and_what_came_before():
    model, frames = labeller("cnn"), seen(12)
    other = frames.clone()
    other[:, 6] += 1
    differs = (model(frames=frames).logits - model(frames=other).logits).abs().sum(-1)[0] > 1e-12
    assert differs.all()


def test_the_loss_is_that_of_the_papers():
    """Cross-entropy with weights, and equation 8 to 10 of Farha and Gall (2019), each written out."""
    model = labeller("cnn", class_weights=[0.5, 1.0, 4.0], smoothing=0.15, smoothing_limit=0.2)
    labels = torch.tensor([[0, 1, 2, -100, 2, 1, 0]])
    output = model(frames=seen(7), labels=labels)
    scores = output.logits[0].log_softmax(-1)
    expected = sum(
        -model.config.class_weights[label] * scores[frame, label] for frame, label in enumerate(labels[0]) if label >= 0
    )
    for frame in range(1, 7):
        for label in range(3):
            change = (scores[frame, label] - scores[frame - 1, label]).abs()
            expected = expected + 0.15 / 3 * min(change, torch.tensor(0.2).double()) ** 2
    assert output.loss.item() == pytest.approx(expected.item() / 6)
    assert model(frames=seen(7), labels=labels, num_items_in_batch=12).loss.item() == pytest.approx(
        output.loss.item() / 2
    )


def test_only_the_later_of_two_frames_follows_the_smoothing():
    """The gradient does not reach the frame before (Farha and Gall, 2019, 3.2)."""
    model = labeller("cnn", smoothing=1.0)
    logits = torch.tensor([[[3.0, 0.0, 0.0], [0.0, 0.0, 3.0]]], requires_grad=True)
    model._loss(logits, torch.full((1, 2), -100), torch.ones(1, 2), None).backward()
    assert not logits.grad[0, 0].any()
    assert logits.grad[0, 1].any()


def test_a_frozen_encoder_gets_no_gradient():
    model = labeller("videomae")
    model.frame_encoder.requires_grad_(False)
    model(frames=seen(9), labels=torch.zeros(1, 9, dtype=torch.long)).loss.backward()
    assert all(weight.grad is None for weight in model.frame_encoder.parameters())
    assert all(weight.grad is not None for weight in model.encoder.parameters())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(class_weights=[1.0]), "`class_weights` must have one number for each of the 3 labels, but has 1"),
        (dict(smoothing=-1.0), "`smoothing` must be at least 0"),
        (dict(cell_type="rnn"), "`cell_type` must be one of lstm, gru"),
        (dict(hidden_size=7), "`hidden_size` must be even"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        FrameLabellerConfig(num_labels=3, **settings)


def test_nothing_to_look_at_is_refused():
    with pytest.raises(ValueError, match="`frames` or `frame_features` must be given"):
        labeller("cnn")()


def test_the_auto_classes_know_the_model():
    config = AutoConfig.for_model("frame_labeller", num_labels=4)
    assert isinstance(AutoModelForTokenClassification.from_config(config), RecurrentFrameLabeller)


def moving_square(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A square goes left, waits, or goes right, for some frames each: only its motion tells."""
    frames, labels = torch.zeros(rows, 24, 1, *SIZE), torch.zeros(rows, 24, dtype=torch.long)
    for row in range(rows):
        place = torch.randint(0, 12, ()).item()
        for frame, move in enumerate(torch.randint(0, 3, (4,)).repeat_interleave(6).tolist()):
            place = (place + move - 1) % 12
            frames[row, frame, 0, 3:6, [place, (place + 1) % 12]] = 1.0
            labels[row, frame] = move
    labels[:, 0] = -100  # nothing has moved yet
    return frames, labels


def jumping_square(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A square trembles on the left, in the middle or on the right, for some frames each."""
    frames, labels = torch.zeros(rows, 24, 1, *SIZE), torch.zeros(rows, 24, dtype=torch.long)
    for row in range(rows):
        for frame, place in enumerate(torch.randint(0, 3, (4,)).repeat_interleave(6).tolist()):
            left = 4 * place + frame % 3
            frames[row, frame, 0, 2:6, left : left + 2] = 1.0
            labels[row, frame] = place
    return frames, labels


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "task"), [("cnn", moving_square), ("videomae", jumping_square)])
def test_what_happens_in_a_video_is_learnt(kind, task):
    videomae = VideoMAEConfig(
        image_size=SIZE,
        patch_size=4,
        num_channels=1,
        num_frames=8,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        initializer_range=0.2,
    )
    sizes = dict(hidden_size=32, channels=(16, 16), grid=(4, 6)) if kind == "cnn" else dict(videomae=videomae)
    model = RecurrentFrameLabeller(
        FrameLabellerConfig(
            num_labels=3,
            frame_encoder=encoder_settings(kind, **sizes),
            embedding_size=16,
            hidden_size=16,
            dropout=0.0,
        )
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(80):
        frames, labels = task(8)
        model(frames=frames, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    frames, labels = task(30)
    with torch.no_grad():
        named = model.eval()(frames=frames).logits.argmax(-1)
    assert (named == labels)[labels >= 0].double().mean() > 0.95
