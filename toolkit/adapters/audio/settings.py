"""What a call of the transcriber may say beside the recordings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from toolkit.adapters.audio.engines import Request
from toolkit.adapters.audio.languages import code
from toolkit.adapters.audio.transcript_formats import check_ending
from toolkit.adapters.audio.windows import SpeechFinder
from toolkit.media.audio import read_audio
from toolkit.media.values import Waveform
from toolkit.media.voice import speech_spans

SPEECH = {"threshold": 0.4, "min_speech_seconds": 0.1, "min_silence_seconds": 0.3, "pad_seconds": 0.2}
"""How speech is found unless `vad` says otherwise: rather too much of it than too little. Shorter pauses would fill the
windows better, a tenth of the time less, but cut sentences where Whisper then repeats itself: with times, 8.1 to 9.2
words of a hundred were wrong instead of 5.4 to 6.0 (32 sentences read aloud, `benchmarks/speech.py`)."""
DETECTOR_HZ = 16000
"""The rate at which speech is found, whatever the model hears at."""


@dataclass(frozen=True)
class Settings:
    """What a call may say beside the recordings; `Request` explains those about reading.

    Args:
        batch_size: windows that are read at once, of one recording or of several.
        return_timestamps: adds `chunks`: segments for `True`, words for "word".
        language_per_window: finds the language of each window anew, not once for a recording.
        vad: finds speech first, so that nothing else is read; a mapping changes how (`threshold`, ...).
        chunk_length_s: the most seconds in a window, below what the model takes.
        output: file to write, by its ending; several; with `*` for the recording's name. A folder that is missing is
            made. What a job that was stopped had done, it need not do again.
        progress: shows a bar; none: for recordings above a minute, where a person can see it.
        skip_bad: gives what could be read of a broken recording, and tells the rest, instead of stopping.
    """

    request: Request = Request()
    batch_size: int = 8
    return_timestamps: bool | str = False
    language_per_window: bool = False
    vad: bool | Mapping[str, float] = True
    chunk_length_s: float | None = None
    output: str | Path | Sequence[str | Path] | None = None
    progress: bool | None = None
    skip_bad: bool = False

    def changed(self, **given: Any) -> "Settings":
        """The same with other values; unknown names are arguments of `generate`."""
        given |= given.pop("generate_kwargs", None) or {}  # as transformers' own pipeline takes them
        if given.get("condition_on_prev_tokens") is False:
            given.pop("condition_on_prev_tokens")  # nothing here does
        own = {name: given.pop(name) for name in OWN if name in given}
        asked = {name: given.pop(name) for name in ASKED if name in given}
        if isinstance(asked.get("temperature"), int | float):
            asked["temperature"] = (float(asked["temperature"]),)
        if asked.get("language") is not None:
            asked["language"] = code(asked["language"])
        generation = {**self.request.generation, **given}
        settings = replace(self, **own)
        timestamps = settings.return_timestamps or settings.output is not None
        return replace(
            settings, request=replace(self.request, **asked, timestamps=timestamps, generation=generation)
        ).checked()

    def checked(self) -> "Settings":
        """Itself, if every value can be meant."""
        if self.batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1, but is {self.batch_size}. Choose a number of windows.")
        if self.return_timestamps not in (True, False, None, "word"):
            raise ValueError(
                f'`return_timestamps` must be True, False or "word", but is {self.return_timestamps!r}. Choose one.'
            )
        if self.chunk_length_s is not None and self.chunk_length_s <= 0:
            raise ValueError(
                f"`chunk_length_s` must be above 0, but is {self.chunk_length_s}. Leave it away for the model's own."
            )
        if isinstance(self.vad, Mapping) and (unknown := self.vad.keys() - SPEECH.keys()):
            raise TypeError(
                f"`vad` must name {', '.join(SPEECH)} only, but has {', '.join(sorted(unknown))}. Check it."
            )
        if not self.request.temperature or min(self.request.temperature) < 0:
            raise ValueError(
                f"`temperature` must be 0 or above, one or several, but is {self.request.temperature}. Correct it."
            )
        ratio = self.request.compression_ratio_threshold
        if ratio is not None and ratio < 2:
            raise ValueError(
                f"`compression_ratio_threshold` compares texts, which may shrink by half, but is {ratio}. Take 2.4 "
                "where `generate` of transformers, which compares tokens, takes 1.35; or none."
            )
        for path in self.outputs:
            check_ending(path)
        return self

    @property
    def outputs(self) -> list[Path]:
        """The files to write."""
        if self.output is None:
            return []
        return [Path(path) for path in ([self.output] if isinstance(self.output, str | Path) else self.output)]

    @property
    def find_speech(self) -> SpeechFinder | None:
        """What finds speech, if anything should."""
        if not self.vad:
            return None
        options = {**SPEECH, **(self.vad if isinstance(self.vad, Mapping) else {})}
        return lambda blocks: speech_spans(_for_detector(blocks), **options)


def _for_detector(blocks: Iterable[Waveform]) -> list[Waveform]:
    """Consecutive blocks at the detector's rate; as one where they have another, so that no border is heard."""
    held = list(blocks)
    if not held or held[0].sample_rate_hz == DETECTOR_HZ:
        return held
    raw = {"raw": torch.cat([block.samples for block in held]), "sampling_rate": held[0].sample_rate_hz}
    return [Waveform(read_audio(raw, sample_rate_hz=DETECTOR_HZ).samples, DETECTOR_HZ, held[0].start_seconds)]


OWN = {entry.name for entry in fields(Settings)} - {"request"}
ASKED = {entry.name for entry in fields(Request)} - {"timestamps", "generation"}

__all__ = ["Settings"]
