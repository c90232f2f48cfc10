"""Whole recordings and model folders, small enough to be read hundreds of times."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tests.media.films import even, film
from tests.media.sounds import chirp, write_sound
from tests.models.clips import frame_processor, labeller
from tests.models.texts import ours, processor, tokenizer
from tests.models.tiny import EOS, tiny_core
from toolkit.models import LogMelFeatureExtractor, SpeechSeq2SeqProcessor, save_portable

SOUNDS = {
    "sound.wav": {},
    "float.wav": {"codec": "pcm_f32le"},
    "sound.flac": {},
    "sound.mp3": {},
    "sound.m4a": {},
    "sound.ogg": {},
    "sound.webm": {},
    "sound.aac": {},
    "sound.aiff": {},
}
"""Recordings, and how each is encoded where its ending does not say it."""

FILMS: dict[str, dict[str, Any]] = {
    "film.mp4": {"movflags": "faststart"},
    "film.mkv": {},
    "film.avi": {"codec": "mpeg4"},
    "film.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "film.ts": {},
    "film.mov": {"codec": "mjpeg", "pixels": "yuvj420p"},
}

MODELS = {
    ("text", "translation"): (
        *("config.json", "generation_config.json", "processor_config.json", "tokenizer.json"),
        *("tokenizer_config.json", "model.safetensors", "source_tokenizer/tokenizer.json"),
    ),
    ("speech", "automatic-speech-recognition"): ("config.json", "processor_config.json", "model.safetensors"),
    ("film", "video-event-detection"): ("config.json", "processor_config.json", "model.safetensors"),
}
"""Kinds of model folders with the task they serve, and which of their files are damaged."""


def _written(write: Callable[[Path], object]) -> dict[str, bytes]:
    """The files that something writes into a folder."""
    with TemporaryDirectory() as folder:
        write(Path(folder))
        files = (path for path in Path(folder).rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@cache
def sound_bytes(name: str) -> bytes:
    """A third of a second of a rising tone."""
    rate = 16_000 if name.endswith(("wav", "aiff", "flac")) else 48_000
    samples = np.stack([chirp(0.3, rate)] * 2)
    return _written(lambda folder: write_sound(folder / name, samples, rate, **SOUNDS[name]))[name]


@cache
def film_bytes(name: str) -> bytes:
    """Thirty small frames."""
    return _written(lambda folder: film(str(folder / name), even(30), **FILMS[name]))[name]


@cache
def model_files(kind: str) -> dict[str, bytes]:
    """The folder of an untrained model, in a folder called as its kind."""
    if kind == "text":
        made: tuple[Any, Any] = ours(), processor()
    elif kind == "speech":
        sizes = dict(vocab_size=len(tokenizer()), source_vocab_size=None, input_feature_size=40)
        model = tiny_core(attention_type="location", frame_stacking=3, **sizes).float()
        model.lm_head.bias.data[EOS] = 0.0
        made = model, SpeechSeq2SeqProcessor(LogMelFeatureExtractor(40, 8_000), tokenizer())
    else:
        made = labeller("cnn").float(), frame_processor()
    files = _written(lambda folder: save_portable(*made, folder))
    others = {"film.mp4": film_bytes("film.mp4")} if kind == "film" else {}
    return {**{f"{kind}/{name}": content for name, content in files.items()}, **others}
