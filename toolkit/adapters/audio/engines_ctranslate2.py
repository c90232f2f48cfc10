"""Whisper computed by CTranslate2, in int8, float32 or float16: the engine inside faster-whisper."""

import hashlib
import importlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import constants, snapshot_download
from transformers import WhisperFeatureExtractor, WhisperTokenizer

from toolkit.adapters.audio.alignment import heads_in
from toolkit.adapters.audio.engines import Request, weights_version
from toolkit.adapters.audio.engines_whisper import WhisperEngine
from toolkit.adapters.audio.languages import language_ids
from toolkit.adapters.audio.written import Encoded, Written
from toolkit.media.values import Waveform

PRECISIONS = ("int8", "float32", "float16")
ARGUMENTS = {
    "num_beams": "beam_size",
    "length_penalty": "length_penalty",
    "repetition_penalty": "repetition_penalty",
    "no_repeat_ngram_size": "no_repeat_ngram_size",
    "suppress_tokens": "suppress_tokens",
    "top_k": "sampling_topk",
    "patience": "patience",
}
"""Names of `generate` and what CTranslate2 calls them. Beside these it takes `max_new_tokens`, `max_length` and
`prompt_ids`."""
FORM = 2
"""Of what is kept in the cache; another one than before, and nothing that was converted earlier is used."""
COPIED = ("tokenizer.json", "preprocessor_config.json", "generation_config.json")


class CTranslate2Engine(WhisperEngine):
    """A converted Whisper.

    Args:
        folder: with `model.bin` and `tokenizer.json`.
        precision: one of `PRECISIONS`; not every device computes in "float16".
        device: "cpu" or "cuda".
        device_index: which one of several.
        threads: of the processor, 0: what OMP_NUM_THREADS says.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        precision: str = "int8",
        device: str = "cpu",
        device_index: int = 0,
        threads: int = 0,
    ) -> None:
        folder = Path(folder)
        self.library, self._name = load_library(), f"ctranslate2 {folder} {precision} {weights_version(folder)}"
        kept = _json(folder / "generation_config.json")
        extractor = _json(folder / "preprocessor_config.json")
        self.model = self.library.models.Whisper(
            str(folder), device=device, device_index=device_index, compute_type=precision, intra_threads=threads
        )
        chunk = extractor.get("chunk_length", 30)
        self.extractor = WhisperFeatureExtractor(feature_size=self.model.n_mels, chunk_length=chunk)
        super().__init__(
            WhisperTokenizer.from_pretrained(folder),
            multilingual=kept.get("is_multilingual", self.model.is_multilingual),
            language=kept.get("language"),
            task=kept.get("task"),
            longest_seconds=float(chunk),
            positions=int(kept.get("max_length") or 448),
        )
        saved = {own: kept.get(name) for name, own in ARGUMENTS.items() if name in ("num_beams", "length_penalty")}
        self.saved = {own: value for own, value in saved.items() if value is not None}

    @property
    def name(self) -> str:
        """See `Engine.name`."""
        return self._name

    def encode(self, windows: Sequence[Waveform]) -> Encoded:
        """States (B, S, D) in the library's own memory."""
        sounds = [window.samples.numpy() for window in windows]
        features = self.extractor(sounds, sampling_rate=self.sample_rate_hz, return_tensors="np").input_features
        view = self.library.StorageView.from_array(np.ascontiguousarray(features, dtype=np.float32))
        return Encoded(windows, self.model.encode(view, to_cpu=True))

    def take(self, encoded: Encoded, row: int) -> Encoded:
        """One window of a batch."""
        states = np.array(np.asarray(encoded.states)[row : row + 1])  # a view first, so that no other row is copied
        return Encoded(encoded.windows[row : row + 1], self.library.StorageView.from_array(states))

    def detect(self, encoded: Encoded) -> list[int]:
        """The likeliest language token after the start token."""
        return [self.token(likely[0][0]) for likely in self.model.detect_language(encoded.states)]

    def write(self, encoded: Encoded, prompts: list[list[int]], temperature: float, request: Request) -> list[Written]:
        """The library's own search over states and prompts, or draws that are the same for each window."""
        given = dict(request.generation)
        for own in ("prompt_ids", "max_new_tokens", "max_length"):
            given.pop(own, None)
        settings: dict[str, Any] = {"beam_size": 1, "sampling_topk": 0 if temperature > 0 else 1, **self.saved}
        limit = self.room(prompts[0], request)
        settings["max_length"] = max(
            2 * limit, len(prompts[0]) + limit
        )  # the library allows half of it, less the prompt
        settings |= {ARGUMENTS[name]: value for name, value in given.items()}
        if temperature > 0:
            settings |= {"beam_size": 1, "sampling_temperature": temperature}
            self.library.set_random_seed(0)
        results = self.model.generate(
            encoded.states,
            prompts,
            return_scores=True,
            return_no_speech_prob=True,
            **settings,
        )
        power = settings.get("length_penalty", 1.0)
        written = []
        for result in results:
            tokens = list(result.sequences_ids[0])
            total = result.scores[0] * len(tokens) ** power  # of the tokens and the end, undoing the library's mean
            mean = total / (len(tokens) + 1)
            written.append(Written(tokens, mean, result.no_speech_prob, finished=len(tokens) < limit))
        return written

    def align(self, one: Encoded, opening: list[int], tokens: list[int], steps: int) -> list[int]:
        """The library's own alignment."""
        (result,) = self.model.align(one.states, opening, [tokens], 2 * steps)
        begins = dict[int, int]()
        for place, step in result.alignments:
            begins.setdefault(place, step)
        return [begins[place] for place in range(len(tokens) + 1)]

    def known_arguments(self) -> Callable[[str], bool]:
        """Those that the library has."""
        return {*ARGUMENTS, "max_new_tokens", "max_length", "prompt_ids"}.__contains__


def load_library() -> Any:
    """CTranslate2.

    Raises:
        ImportError: it is not installed.
    """
    try:
        return importlib.import_module("ctranslate2")
    except ImportError as error:
        raise ImportError(
            '`engine="ctranslate2"` needs the library of that name, which is not installed. '
            "In the clone, run: pip install -e '.[ctranslate2]'"
        ) from error


def converted(name_or_path: str, *, precision: str, revision: str | None = None) -> Path:
    """The folder of a checkpoint for CTranslate2: itself where it is one, else converted once into the cache.

    Args:
        name_or_path: folder or Hub id.
        precision: one of `PRECISIONS`.
        revision: branch, tag or commit on the Hub.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"`precision` must be one of {', '.join(PRECISIONS)}, but is {precision!r}. Choose one of them."
        )
    load_library()
    source = Path(name_or_path)
    if not source.is_dir():
        source = Path(snapshot_download(name_or_path, revision=revision))
    if (source / "model.bin").exists() and "model_type" not in _json(source / "config.json"):
        return source
    goal = Path(constants.HF_HOME) / "ctranslate2" / f"{source.name}-{_fingerprint(source)}-{precision}"
    if not goal.exists():
        convert(source, goal, precision=precision)
    return goal


def convert(source: Path, goal: Path, *, precision: str) -> None:
    """Converts a checkpoint beside its goal, which appears whole or not at all."""
    load_library()
    converters = importlib.import_module("ctranslate2.converters")
    goal.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=goal.parent, prefix=".converting-"))
    try:
        copied = [name for name in COPIED if (source / name).exists()]
        converter = converters.TransformersConverter(str(source), copy_files=copied)
        converter.convert(str(aside / "model"), quantization=precision)
        if not (aside / "model" / "preprocessor_config.json").exists():
            WhisperFeatureExtractor.from_pretrained(source).save_pretrained(aside / "model")
        if not (aside / "model" / "tokenizer.json").exists():  # but its parts, as the library once saved it
            WhisperTokenizer.from_pretrained(source).save_pretrained(aside / "model")
        _complete(aside / "model" / "config.json", source)
        try:
            os.rename(aside / "model", goal)
        except OSError:
            if not goal.exists():  # another process was faster
                raise
    finally:
        shutil.rmtree(aside)


def _complete(config: Path, source: Path) -> None:
    """Adds what the library does not find: tokens of languages, where an older checkpoint does not name them.

    Heads for alignment, where a distilled model names those of its teacher, who had more layers.
    """
    settings, model = _json(config), _json(source / "config.json")
    if not settings.get("lang_ids"):
        settings["lang_ids"] = sorted(language_ids(WhisperTokenizer.from_pretrained(source)).values())
    if listed := settings.get("alignment_heads"):
        layers, heads = model["decoder_layers"], model["decoder_attention_heads"]
        settings["alignment_heads"] = heads_in(listed, layers, heads)
    config.write_text(json.dumps(settings, indent=2), encoding="utf-8")


def _fingerprint(folder: Path) -> str:
    """Tells checkpoints and their versions apart."""
    return hashlib.sha256(json.dumps([FORM, str(folder.resolve()), weights_version(folder)]).encode()).hexdigest()[:12]


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


__all__ = ["CTranslate2Engine", "convert", "converted", "load_library"]
