"""Sound to frames, against torchaudio and Whisper's own extractor, and processors that come back as they were saved."""

import numpy
import pytest
import torch
import torchaudio
from transformers import (
    AutoFeatureExtractor,
    AutoProcessor,
    VideoMAEConfig,
    VideoMAEForVideoClassification,
    VideoMAEImageProcessor,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

from tests.models.texts import TARGETS, tokenizer
from toolkit.models import LogMelFeatureExtractor, SpeechSeq2SeqProcessor, load_processor, save_portable
from toolkit.models.processing_speech import QUIET

SOUND = 0.1 * torch.randn(9001, generator=torch.Generator().manual_seed(3))


def processor(**settings: object) -> SpeechSeq2SeqProcessor:
    return SpeechSeq2SeqProcessor(
        LogMelFeatureExtractor(**{"feature_size": 40, "sampling_rate": 8000, **settings}), tokenizer()
    )


@pytest.mark.parametrize(
    ("rate", "bins", "window", "hop", "fft"), [(8000, 40, 200, 80, 256), (16000, 80, 400, 160, 512)]
)
def test_frames_are_those_of_torchaudio(rate, bins, window, hop, fft):
    mel = torchaudio.transforms.MelSpectrogram(
        rate, fft, window, hop, n_mels=bins, pad_mode="constant", norm="slaney", mel_scale="slaney"
    )
    expected = mel(SOUND).clamp(min=QUIET).log().T
    frames = LogMelFeatureExtractor(bins, rate, normalize=False)(SOUND)["input_features"][0]
    assert torch.allclose(frames, expected, atol=1e-4)


def test_a_frame_is_centred_at_its_own_time():
    click = torch.zeros(8000)
    click[4000] = 1.0
    frames = processor(normalize=False)(click)["input_features"][0]
    assert frames.exp().sum(1).argmax() == round(0.5 / processor().seconds_per_frame) == 50


def test_loudness_and_microphone_make_no_difference_once_normalised():
    quiet, loud = (processor()(SOUND * gain)["input_features"][0] for gain in (1.0, 7.0))
    assert torch.allclose(quiet, loud, atol=1e-3)
    assert quiet.mean(0).abs().max() < 1e-4
    assert (quiet.var(0, unbiased=False) - 1).abs().max() < 1e-3


@pytest.mark.parametrize(
    "extractor", [LogMelFeatureExtractor(), WhisperFeatureExtractor()], ids=lambda x: type(x).__name__
)
def test_recordings_are_padded_to_the_longest_and_not_to_thirty_seconds(extractor):
    both = SpeechSeq2SeqProcessor(extractor, tokenizer())
    batch = both([SOUND, SOUND[:4000].numpy()], sampling_rate=16000, return_tensors="pt")
    rows = both([SOUND, SOUND[:4000].numpy()], sampling_rate=16000)
    assert batch["input_features"].shape[::2] == (2, 80)
    assert batch["attention_mask"].sum(1).tolist() == [len(row) for row in rows["input_features"]]
    for row, padded in zip(rows["input_features"], batch["input_features"], strict=True):
        assert torch.equal(padded[: len(row)], row)
        assert not padded[len(row) :].any()
    assert len(rows["input_features"][0]) in (56, 57)


def test_frames_under_a_backbone_are_whispers_own():
    extractor = WhisperFeatureExtractor()
    own = extractor(SOUND.numpy(), sampling_rate=16000, return_tensors="pt")["input_features"][0].T
    frames = SpeechSeq2SeqProcessor(extractor, tokenizer())(SOUND)["input_features"][0]
    assert torch.allclose(frames[:-2], own[: len(frames) - 2], atol=1e-4)  # the last two see where the sound ends


def test_transcripts_become_labels_and_labels_text():
    encoded = processor()(SOUND, text=TARGETS[0])
    assert encoded["labels"] == tokenizer()(TARGETS[0])["input_ids"]
    assert processor().decode(encoded["labels"], skip_special_tokens=True) == TARGETS[0]


@pytest.mark.parametrize("length", [1, 79, 200])
def test_the_shortest_sound_has_a_frame(length):
    for extractor in (LogMelFeatureExtractor(40, 8000), WhisperFeatureExtractor()):
        frames = SpeechSeq2SeqProcessor(extractor, tokenizer())(SOUND[:length])["input_features"][0]
        assert len(frames) >= 1
        assert frames.isfinite().all()


def test_silence_has_finite_frames():
    assert processor()(torch.zeros(8000))["input_features"][0].isfinite().all()


@pytest.mark.parametrize(
    ("sound", "words"),
    [
        ([[]], "is empty. Leave it out"),
        (numpy.zeros((2, 80)), "has the shape .2, 80.. Mix its channels"),
        ([0.0, float("nan")], "has NaN or infinity. Repair"),
    ],
    ids=["empty", "stereo", "nan"],
)
def test_what_is_no_recording_is_refused(sound, words):
    with pytest.raises(ValueError, match=words):
        processor()(sound)


def test_another_rate_and_too_many_bins_are_refused():
    with pytest.raises(ValueError, match="`sampling_rate` must be 8000 for this model, but is 16000. Resample first"):
        processor()(SOUND, sampling_rate=16000)
    with pytest.raises(ValueError, match="`feature_size` must leave each bin something to hear, but is 300 at 8000"):
        processor(feature_size=300)
    with pytest.raises(ValueError, match="`return_tensors` must be 'pt' or none, but is 'tf'"):
        processor()(SOUND, return_tensors="tf")


@pytest.mark.parametrize(
    "extractor",
    [LogMelFeatureExtractor(24, 8000, 0.03, 0.0125, normalize=False), WhisperFeatureExtractor(feature_size=128)],
    ids=lambda x: type(x).__name__,
)
def test_a_processor_is_loaded_as_it_was_saved(extractor, tmp_path):
    saved = SpeechSeq2SeqProcessor(extractor, tokenizer())
    saved.save_pretrained(tmp_path)
    loaded = AutoProcessor.from_pretrained(tmp_path)
    assert type(loaded) is SpeechSeq2SeqProcessor
    assert loaded.feature_extractor.to_dict() == AutoFeatureExtractor.from_pretrained(tmp_path).to_dict()
    assert type(loaded.feature_extractor) is type(extractor)
    assert torch.equal(loaded(SOUND)["input_features"][0], saved(SOUND)["input_features"][0])


def test_models_of_the_library_are_saved_with_their_own_processors(tmp_path):
    sizes = dict(d_model=8, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2)
    tokens = dict(vocab_size=9, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1)
    whisper = WhisperForConditionalGeneration(
        WhisperConfig(**sizes, **tokens, max_source_positions=9, suppress_tokens=None, begin_suppress_tokens=None)
    )
    words = WhisperTokenizer(vocab={"<|endoftext|>": 0, "a": 1}, merges=[])
    video = VideoMAEForVideoClassification(
        VideoMAEConfig(
            **dict(image_size=8, patch_size=8, num_frames=2, hidden_size=8), num_hidden_layers=1, num_attention_heads=2
        )
    )
    for model, kind in (
        (whisper, WhisperProcessor(WhisperFeatureExtractor(), words)),
        (video, VideoMAEImageProcessor()),
    ):
        folder = tmp_path / type(model).__name__
        save_portable(model, kind, folder)
        assert type(load_processor(str(folder))) is type(kind)
        assert not list(folder.glob("*.py"))
