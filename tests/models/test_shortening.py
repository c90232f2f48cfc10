"""What stands before the recurrent encoder where it reads vectors: stacking, pyramid, a pretrained encoder."""

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForSeq2SeqLM, WhisperConfig, WhisperForConditionalGeneration, WhisperModel

from tests.models.tiny import targets, tiny_core
from toolkit.models import RecurrentSeq2SeqConfig, RecurrentSeq2SeqForConditionalGeneration
from toolkit.models.layers_features import stack_frames

WIDTH, POSITIONS = 4, 15
WHISPER = WhisperConfig(
    **dict(d_model=8, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=8, num_mel_bins=WIDTH),
    **dict(decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=8, max_source_positions=POSITIONS),
    **dict(vocab_size=9, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, dropout=0.5),
    **dict(suppress_tokens=None, begin_suppress_tokens=None),
)
FRONTS = {
    "stacking": dict(input_feature_size=WIDTH, frame_stacking=3),
    "pyramid": dict(input_feature_size=WIDTH, pyramid=True, num_encoder_layers=3),
    "backbone": dict(backbone_config=WHISPER.to_diff_dict()),
    "all": dict(
        backbone_config=WHISPER.to_diff_dict(),
        freeze_backbone=False,
        frame_stacking=2,
        pyramid=True,
        num_encoder_layers=2,
    ),
}
LENGTHS = (23, 12, 5, 1)
STEPS = {"stacking": (8, 4, 2, 1), "pyramid": (6, 3, 2, 1), "backbone": (12, 6, 3, 1), "all": (3, 2, 1, 1)}
FEATURES = torch.randn(4, 23, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
MASK = torch.arange(23).expand(4, -1).lt(torch.tensor(LENGTHS)[:, None]).long()
BATCH = {"input_features": FEATURES, "attention_mask": MASK}
LABELS = targets(5, 3, 1, 1)


@pytest.fixture(params=FRONTS)
def front(request):
    return request.param


@pytest.fixture(params=["lstm", "gru"])
def listener(request, front):
    """A small model of each kind in turn; location looks at its own past, so it is the one with most to get wrong."""
    return small(front, cell_type=request.param)


def small(front: str, **settings: object) -> nn.Module:
    return tiny_core(source_vocab_size=None, attention_type="location", **{**FRONTS[front], **settings})


def alone(row: int) -> dict[str, Tensor]:
    return {"input_features": FEATURES[row : row + 1, : LENGTHS[row]]}


@torch.no_grad()
def test_every_row_is_as_long_as_its_own_length_says(listener, front):
    encoded = listener.encode(**BATCH)
    assert tuple(encoded.attention_mask.sum(1).tolist()) == STEPS[front]
    assert encoded.last_hidden_state.shape[1] == STEPS[front][0]
    assert listener.encoder.frames_per_step == {"stacking": 3, "pyramid": 4, "backbone": 2, "all": 8}[front]


@pytest.mark.promise("B3", "F2")
@torch.no_grad()
def test_a_recording_is_encoded_alike_alone_and_in_a_padded_batch(listener):
    together = listener.encode(**BATCH)
    loud = listener.encode(input_features=torch.where(MASK[..., None] > 0, FEATURES, 1e3), attention_mask=MASK)
    for row in range(len(LENGTHS)):
        single = listener.encode(**alone(row))
        steps = single.last_hidden_state.shape[1]
        for name in ("last_hidden_state", "keys"):
            assert torch.allclose(together[name][row, :steps], single[name][0], atol=1e-10)
        assert torch.allclose(together.context[row], single.context[0], atol=1e-10)
    for name in ("last_hidden_state", "context"):
        assert torch.allclose(loud[name], together[name], atol=1e-10)


@pytest.mark.promise("C4", "F2")
@pytest.mark.parametrize("search", [dict(), dict(num_beams=3)], ids=["greedy", "beam"])
@torch.no_grad()
def test_a_recording_is_written_alike_alone_and_batched_cached_and_uncached(listener, search):
    together = listener.generate(**BATCH, **search, max_new_tokens=6)
    assert torch.equal(together, listener.generate(**BATCH, **search, max_new_tokens=6, use_cache=False))
    for row in range(len(LENGTHS)):
        single = listener.generate(**alone(row), **search, max_new_tokens=6)[0]
        assert torch.equal(together[row, : len(single)], single)


@torch.no_grad()
def test_a_listener_is_loaded_as_it_was_saved(listener, tmp_path):
    listener.save_pretrained(tmp_path)
    loaded, report = AutoModelForSeq2SeqLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values())
    assert torch.allclose(loaded(**BATCH, labels=LABELS).logits, listener(**BATCH, labels=LABELS).logits, atol=1e-12)
    assert trained(loaded) == trained(listener)


def trained(model: nn.Module) -> set[str]:
    """Names of the weights that learn; Whisper's position table never does, fresh, and is left out."""
    return {name for name, weight in model.named_parameters() if weight.requires_grad and "embed_pos" not in name}


def test_stacked_frames_stand_side_by_side_and_padding_is_zero():
    frames, mask = torch.arange(1.0, 6).reshape(1, 5, 1), torch.tensor([[True, True, True, False, False]])
    stacked, shorter = stack_frames(frames, mask, 2)
    assert stacked.tolist() == [[[1, 2], [3, 0], [0, 0]]]
    assert shorter.tolist() == [[True, True, False]]


@torch.no_grad()
def test_each_layer_of_the_pyramid_reads_pairs_of_the_one_below():
    encoder = small("pyramid").encoder
    lower = encoder.reader.project(FEATURES[:1])
    for index, layer in enumerate(encoder.layers):
        if index:
            lower = torch.cat([lower, lower.new_zeros(1, lower.shape[1] % 2, lower.shape[2])], 1)
            lower = torch.cat([lower[:, ::2], lower[:, 1::2]], -1)
        lower = layer(lower)[0]
    assert torch.allclose(encoder(input_features=FEATURES[:1]).last_hidden_state, lower, atol=1e-12)


@pytest.mark.promise("F2")
@torch.no_grad()
def test_a_whole_window_gives_whispers_own_vectors(tmp_path):
    WhisperForConditionalGeneration(WHISPER).save_pretrained(tmp_path)
    config = RecurrentSeq2SeqConfig(vocab_size=12, embedding_size=8, hidden_size=8)
    model = RecurrentSeq2SeqForConditionalGeneration.with_backbone(config, str(tmp_path))
    window = torch.randn(2, 2 * POSITIONS, WIDTH)
    whisper = WhisperModel.from_pretrained(tmp_path).encoder
    states = whisper(window.transpose(1, 2)).last_hidden_state
    assert torch.equal(model.backbone_features(window)["encoder_features"], states)


@pytest.mark.promise("F2")
@torch.no_grad()
def test_vectors_that_were_kept_stand_for_the_recording(front):
    model = small(front)
    kept = model.backbone_features(**BATCH)
    assert torch.equal(model(**kept, labels=LABELS).logits, model(**BATCH, labels=LABELS).logits)
    assert torch.equal(model.encode(**kept).keys, model.encode(**BATCH).keys)
    for search in (dict(), dict(num_beams=3)):
        assert torch.equal(
            model.generate(**kept, **search, max_new_tokens=6), model.generate(**BATCH, **search, max_new_tokens=6)
        )


@pytest.mark.promise("F2")
@pytest.mark.parametrize("frozen", [True, False])
def test_a_backbone_learns_only_if_it_may(frozen):
    model = small("backbone", freeze_backbone=frozen).train()
    reader = model.encoder.reader
    model(**BATCH, labels=LABELS).loss.backward()
    learns = [weight.grad is not None for weight in reader.backbone.layers.parameters()]
    assert set(learns) == {not frozen}
    assert reader.backbone.training == (not frozen)
    assert reader.project.weight.grad is not None
    again = model.backbone_features(**BATCH)["encoder_features"]
    assert torch.equal(again, model.backbone_features(**BATCH)["encoder_features"]) == frozen  # dropout is off, or on
    assert again.requires_grad == (not frozen)


def test_a_recording_longer_than_the_backbone_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match="at most 30 frames.*but has 31. Cut the recording"):
        small("backbone").encode(input_features=torch.zeros(1, 31, WIDTH, dtype=torch.float64))


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="`frame_stacking` .2. and `pyramid` .False. shorten vectors"):
        RecurrentSeq2SeqConfig(frame_stacking=2)
    with pytest.raises(ValueError, match="`source_vocab_size` .9. and `backbone_config`"):
        RecurrentSeq2SeqConfig(source_vocab_size=9, backbone_config=WHISPER.to_diff_dict())
    with pytest.raises(ValueError, match="`frame_stacking` must be at least 1, but is 0"):
        RecurrentSeq2SeqConfig(input_feature_size=4, frame_stacking=0)
    with pytest.raises(ValueError, match="`model_type` is 'bert'"):
        tiny_core(source_vocab_size=None, backbone_config={"model_type": "bert"})
    with pytest.raises(ValueError, match="`input_features` must be given"):
        small("stacking").encode()


@pytest.mark.promise("B5")
@torch.no_grad()
def test_location_attention_writes_alike_alone_and_batched_over_many_steps():
    model = tiny_core(source_vocab_size=None, input_feature_size=WIDTH, attention_type="location")
    frames = torch.randn(2, 1500, WIDTH, dtype=torch.float64)
    mask = torch.ones(2, 1500)
    mask[1, 700:] = 0
    together = model.generate(input_features=frames, attention_mask=mask, num_beams=3, max_new_tokens=8)
    for row, length in enumerate((1500, 700)):
        single = model.generate(input_features=frames[row : row + 1, :length], num_beams=3, max_new_tokens=8)[0]
        assert torch.equal(together[row, : len(single)], single)
