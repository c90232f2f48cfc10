"""Recordings and models as other libraries hold them."""

import json
from pathlib import Path
from types import SimpleNamespace

import datasets
import pytest
import torch
import transformers
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Processor,
)

from tests.adapters.audio.conftest import RATE_HZ, wav
from toolkit import pipeline


def write(name: str, row: dict) -> Path:
    Path(name).write_bytes(row["bytes"])
    return Path(name)


def test_a_column_of_recordings_needs_no_decoder_of_its_own(hear, sound):
    rows = [{"path": f"{seed}.wav", "bytes": wav(sound(1.0, seed))} for seed in range(3)]
    data = datasets.Dataset.from_dict({"audio": rows}).cast_column("audio", datasets.Audio())
    assert list(hear(data)) == [hear(row) for row in rows]
    assert list(hear(data["audio"])) == [hear(row) for row in rows]
    names = datasets.Dataset.from_dict({"file": [str(write(f"{seed}.wav", row)) for seed, row in enumerate(rows)]})
    assert list(hear(names["file"])) == [hear(row) for row in rows]
    stream = data.to_iterable_dataset()
    assert list(hear(stream)) == [hear(row) for row in rows]


def test_a_row_that_somebody_else_decoded_is_a_recording(hear, sound):
    samples = sound(1.0)
    decoder = SimpleNamespace(
        get_all_samples=lambda: SimpleNamespace(data=torch.from_numpy(samples)[None], sample_rate=RATE_HZ)
    )
    assert hear(decoder) == hear(samples)
    assert list(hear([{"audio": decoder}])) == [hear(samples)]


def test_a_recogniser_in_memory_is_served_with_its_processor(sound):
    letters = {letter: place for place, letter in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", "a", "b", "c"])}
    Path("vocab.json").write_text(json.dumps(letters))
    tokenizer = Wav2Vec2CTCTokenizer("vocab.json")
    processor = Wav2Vec2Processor(Wav2Vec2FeatureExtractor(), tokenizer)
    small = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, conv_dim=(8, 8))
    small |= dict(conv_stride=(10, 8), conv_kernel=(10, 8), num_feat_extract_layers=2, num_conv_pos_embeddings=4)
    small |= dict(num_conv_pos_embedding_groups=2, vocab_size=len(letters), pad_token_id=0)
    model = Wav2Vec2ForCTC(Wav2Vec2Config(**small)).eval()
    serve = pipeline("automatic-speech-recognition", model, processor=processor, vad=False, precision="float32")
    expected = transformers.pipeline(
        "automatic-speech-recognition",
        model=model,
        tokenizer=tokenizer,
        feature_extractor=processor.feature_extractor,
    )({"raw": sound(1.0), "sampling_rate": RATE_HZ})
    assert serve(sound(1.0))["text"].strip() == expected["text"].strip()
    with pytest.raises(ValueError, match="`precision` must be one of float32, float16, bfloat16, but is 'int9'"):
        pipeline("automatic-speech-recognition", model, processor=processor, precision="int9")
