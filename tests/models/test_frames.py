"""What looks at frames: the same vectors in any company, in any blocks, for videos of any length."""

import pytest
import torch
from torch import nn
from transformers import VideoMAEConfig, VideoMAEForVideoClassification, VideoMAEModel
from transformers.models.videomae import modeling_videomae

from tests.models.clips import SIZE, encoder_settings, loud, seen
from toolkit.models import FrameEncoderConfig
from toolkit.models.layers_frames import FrameEncoder, make_frame_encoder, position_table, quick_positions

KINDS = ("cnn", "videomae")


def encoder(kind: str, **settings: object) -> FrameEncoder:
    return loud(make_frame_encoder(encoder_settings(kind, **settings)))


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_padding_and_company_change_nothing(kind):
    model, videos = encoder(kind), seen(21, rows=3)
    mask = torch.ones(3, 21)
    mask[1, 9:] = mask[2, 1:] = 0
    together, steps = model(videos, mask)
    for row, length in enumerate((21, 9, 1)):
        alone, _ = model(videos[row : row + 1, :length])
        assert torch.equal(together[row, : alone.shape[1]], alone[0])
        assert steps[row].sum() == alone.shape[1] == -(-length // model.frames_per_step)
        assert not together[row, alone.shape[1] :].any()
    noisy = torch.where(mask[..., None, None, None] > 0, videos, 1e3)
    assert torch.equal(model(noisy, mask)[0], together)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_it_does_not_matter_in_what_blocks_a_video_comes(kind):
    model = encoder(kind)
    for length in (1, 2, 7, 8, 9, 12, 17, 40, 61):
        frames = seen(length)
        whole = model(frames)[0][0]
        for size in (1, 3, 50):
            blocks = torch.cat(list(model.stream(frames[0].split(size))))
            assert torch.allclose(blocks, whole, atol=1e-12)


@torch.no_grad()
def test_what_follows_changes_no_step_but_those_that_share_a_window_with_it():
    model, frames = encoder("videomae"), seen(48)
    whole = model(frames)[0]
    for length in range(8, 48):
        part = model(frames[:, :length])[0]
        settled = ((length - 8) // 4 + 1) * 4 // 2  # steps before the first window that is not yet full
        assert torch.allclose(part[:, :settled], whole[:, :settled], atol=1e-12)
        assert part.shape[1] == -(-length // 2)


@torch.no_grad()
@pytest.mark.promise("G10")
def test_windows_are_blended_as_a_loop_over_them_blends():
    model, frames = encoder("videomae"), seen(19)[0]
    padded = torch.cat([frames, frames[-1:].expand(1, -1, -1, -1)])
    sums, weights = torch.zeros(10, 8, dtype=torch.float64), torch.zeros(10, 1, dtype=torch.float64)
    for start in (0, 4, 8, 12):
        patches = model.videomae(padded[None, start : start + 8]).last_hidden_state[0]
        for step in range(4):
            vector = nn.functional.layer_norm(patches[step * 6 : step * 6 + 6].mean(0), (8,))
            sums[start // 2 + step] += min(step + 1, 4 - step) * vector
            weights[start // 2 + step] += min(step + 1, 4 - step)
    assert torch.allclose(model(frames[None])[0][0], sums / weights, atol=1e-12)


@pytest.mark.parametrize("stride", [2, 4, 6, 8])
@torch.no_grad()
def test_every_stride_gives_every_step_a_vector(stride):
    model = encoder("videomae", stride=stride)
    for length in range(1, 33):
        vectors, _ = model(seen(length))
        assert vectors.shape == (1, -(-length // 2), 8)
        assert vectors.isfinite().all()


@torch.no_grad()
def test_no_window_is_looked_at_twice(monkeypatch):
    model = encoder("videomae")
    looked = []
    monkeypatch.setattr(model, "_look", lambda windows, look=model._look: looked.append(len(windows)) or look(windows))
    list(model.stream(seen(200)[0].split(7)))
    assert sum(looked) == (200 - 8) // 4 + 1
    assert max(looked) <= model.config.windows_per_pass


def test_a_frame_sees_what_changed_only_if_asked():
    frames = seen(6)
    other = frames.clone()
    other[:, 2] += 1
    for sees, touched in ((True, [2, 3]), (False, [2])):
        model = encoder("cnn", sees_change=sees)
        differs = (model(frames)[0] - model(other)[0]).abs().sum(-1)[0] > 1e-9
        assert differs.nonzero().flatten().tolist() == touched


def test_places_are_kept():
    """A vector that were a mean over the whole frame could not tell left from right."""
    model, frame = encoder("cnn"), torch.zeros(1, 1, 1, *SIZE, dtype=torch.float64)
    left, right = frame.clone(), frame.clone()
    left[..., 2:6, 1:4], right[..., 2:6, 8:11] = 1.0, 1.0
    assert (model(left)[0] - model(right)[0]).abs().max() > 0.01


def test_the_quick_position_table_is_the_librarys():
    theirs = modeling_videomae.get_sinusoid_encoding_table
    assert torch.equal(position_table(60, 24), theirs(60, 24))
    with quick_positions():
        assert modeling_videomae.get_sinusoid_encoding_table is position_table
    assert modeling_videomae.get_sinusoid_encoding_table is theirs


def test_colour_and_pretrained_weights_are_taken(tmp_path):
    sizes = encoder_settings("videomae").videomae.to_dict() | {"num_channels": 3, "num_labels": 4}
    for kind in (VideoMAEModel, VideoMAEForVideoClassification):
        given = kind(VideoMAEConfig(**sizes))
        given.save_pretrained(tmp_path / kind.__name__)
        model = make_frame_encoder(FrameEncoderConfig(kind="videomae", videomae=VideoMAEConfig(**sizes)))
        model.load_pretrained(str(tmp_path / kind.__name__))
        weights = getattr(given, "videomae", given).state_dict()
        assert all(torch.equal(model.videomae.state_dict()[name], weight) for name, weight in weights.items())
        assert model(torch.randn(1, 5, 3, *SIZE))[0].shape == (1, 3, 8)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(kind="transformer"), "`kind` must be one of cnn, videomae, but is 'transformer'"),
        (dict(kind="cnn", hidden_size=0), "`hidden_size` must be at least 1, but is 0"),
        (dict(kind="videomae", videomae=VideoMAEConfig(num_frames=7)), "`videomae.num_frames` must be a multiple of"),
        (dict(kind="videomae", stride=3), "`stride` must be a multiple of `tubelet_size`"),
        (dict(kind="videomae", stride=18), "at most the window"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        FrameEncoderConfig(**settings)


def test_a_video_without_frames_is_refused():
    with pytest.raises(ValueError, match="at least one real frame"):
        encoder("cnn")(seen(3, rows=2), torch.tensor([[1, 1, 1], [0, 0, 0]]))
