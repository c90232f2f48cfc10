"""Sounds that are drawn, and a Whisper so small that it is built on the spot: its windows last two seconds."""

import io
import wave
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from transformers import (
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

from toolkit.adapters.audio.serving import transcriber
from toolkit.adapters.audio.transcriber import Transcriber

RATE_HZ = 16000
WINDOW_SECONDS = 2
LANGUAGES = ("en", "de", "ko")
SPECIAL = [
    "<|endoftext|>",
    "<|startoftranscript|>",
    *(f"<|{language}|>" for language in LANGUAGES),
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
]
TIMES = [f"<|{step * 0.02:.2f}|>" for step in range(WINDOW_SECONDS * 50 + 1)]
LETTERS = ["Ġ", *"abcdefghijklmnopqrstuvwxyz.,'-"]
END, START = len(LETTERS), len(LETTERS) + 1


@cache
def processor() -> WhisperProcessor:
    """One token for each letter, then the special ones, then the times."""
    tokenizer = WhisperTokenizer(vocab={letter: place for place, letter in enumerate(LETTERS)}, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL})
    tokenizer.add_tokens(TIMES)
    return WhisperProcessor(WhisperFeatureExtractor(chunk_length=WINDOW_SECONDS), tokenizer)


def tiny_whisper(*, multilingual: bool = False, seed: int = 0) -> WhisperForConditionalGeneration:
    """Two layers with random weights large enough to make sounds differ."""
    ids = processor().tokenizer.convert_tokens_to_ids
    config = WhisperConfig(
        vocab_size=len(processor().tokenizer),
        d_model=16,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_source_positions=WINDOW_SECONDS * 50,
        max_target_positions=64,
        pad_token_id=END,
        bos_token_id=END,
        eos_token_id=END,
        decoder_start_token_id=START,
    )
    model = WhisperForConditionalGeneration(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad and weight.dim() > 1:
                weight.normal_(0.0, 0.6, generator=generator)
    settings = model.generation_config
    settings._from_model_config = False  # as a published one: what the library does not know of it is kept
    never = [ids("a"), *(ids(token) for token in SPECIAL[1:])]
    settings.update(max_length=64, suppress_tokens=never, begin_suppress_tokens=[ids("Ġ"), END])
    settings.no_timestamps_token_id, settings.is_multilingual = ids("<|notimestamps|>"), multilingual
    settings.alignment_heads, settings.return_timestamps = [[1, 0], [1, 1]], False
    settings.max_initial_timestamp_index = 50
    if multilingual:
        settings.lang_to_id = {f"<|{language}|>": ids(f"<|{language}|>") for language in LANGUAGES}
        settings.task_to_id = {task: ids(f"<|{task}|>") for task in ("transcribe", "translate")}
    return model


@pytest.fixture(scope="session")
def english() -> tuple[WhisperForConditionalGeneration, WhisperProcessor]:
    """A model of one language."""
    return tiny_whisper(), processor()


@pytest.fixture(scope="session")
def multilingual() -> tuple[WhisperForConditionalGeneration, WhisperProcessor]:
    """A model of three languages and two tasks."""
    return tiny_whisper(multilingual=True), processor()


@pytest.fixture
def folder(tmp_path) -> str:
    """A checkpoint of three languages whose window lasts two seconds."""
    tiny_whisper(multilingual=True).save_pretrained(tmp_path / "tiny")
    processor().save_pretrained(tmp_path / "tiny")
    return str(tmp_path / "tiny")


@pytest.fixture
def sound() -> Callable[..., np.ndarray]:
    """Draws noise that swells and fades, so that no two windows are alike."""

    def draw(seconds: float, seed: int = 0) -> np.ndarray:
        count = round(seconds * RATE_HZ)
        swell = np.sin(np.arange(count) / RATE_HZ * (1.3 + seed)) ** 2
        return (np.random.default_rng(seed).normal(0, 0.2, count) * swell).astype(np.float32)

    return draw


# The detector knows human voices only, and none are drawn here; a model that knows nothing always repeats itself.
BARE = {"vad": False, "temperature": 0.0, "compression_ratio_threshold": None, "max_new_tokens": 8}


@pytest.fixture(scope="module")
def hear(english) -> Transcriber:
    """Over the English model."""
    model, processor = english
    return transcriber(model, processor=processor, **BARE)


def wav(samples: np.ndarray, rate_hz: int = RATE_HZ) -> bytes:
    """A file of 16 bits."""
    held = io.BytesIO()
    with wave.open(held, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return held.getvalue()
