"""Recordings in, what was said in them out: one at a time or many, short or hours long, by any engine."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Audio, Column
from torch import Tensor

from toolkit.adapters.audio.engines import Engine
from toolkit.adapters.audio.job import Claims, Job
from toolkit.adapters.audio.settings import Settings
from toolkit.adapters.audio.transcript import Transcript
from toolkit.media.values import Waveform


class Transcriber:
    """Answers "automatic-speech-recognition": a function from recordings to dictionaries, as transformers has it.

    Args:
        engine: what reads windows.
        **settings: defaults for each call, by the names of `Settings`, of `Request`, or of `generate`.

    Attributes:
        engine: what reads windows.
        settings: the defaults.
    """

    task = "automatic-speech-recognition"

    def __init__(self, engine: Engine, **settings: Any) -> None:
        self.engine = engine
        self.settings = Settings().changed(**settings)
        engine.check(self.settings.request)

    def __call__(self, inputs: Any, **settings: Any) -> Any:
        """Transcribes.

        Args:
            inputs: a recording as `toolkit.media.audio.read_audio` takes it, or many: a list, a generator, a dataset,
                whose rows may be recordings or hold one under `audio`.
            **settings: for this call, by the names of `Settings`, of `Request`, or of `generate`.

        Returns:
            For a recording a dictionary: `text`; `chunks` with `return_timestamps`; `language` where the model knows
            languages; `skipped` where something gave no text. For a list a list, for everything else a generator.

        Raises:
            MediaError: a recording cannot be read.
            TypeError: this is no recording, and none can be taken from it.
            ValueError: two recordings would write one file; of a list it is told before any is read.
        """
        wanted = self.settings.changed(**settings)
        self.engine.check(wanted.request)
        inputs = _undecoded(inputs)
        if is_one(inputs):
            (answer,) = self._answers([inputs], wanted)
            return answer
        if not isinstance(inputs, Iterable) and not hasattr(inputs, "__getitem__"):
            raise TypeError(
                f"`inputs` must be a recording or many, but is of type {type(inputs).__name__}. "
                "Pass a path, bytes, an array or a list of them."
            )
        if any("*" not in path.name for path in wanted.outputs):
            raise ValueError(
                f"`output` must have a * for the names of several recordings, but is {str(wanted.output)!r}. "
                "Write for example subtitles/*.srt."
            )
        answers = self._answers(inputs, wanted)
        return list(answers) if isinstance(inputs, list | tuple) else answers

    def transcripts(self, inputs: Iterable[Any], settings: Settings) -> Iterator[Transcript]:
        """What was said in each recording, in order; windows of several recordings are read together.

        Args:
            inputs: the recordings.
            settings: of the call.
        """
        if isinstance(inputs, list | tuple):
            _claim_all(inputs, settings)
        recordings, journals, claims = deque[Job](), list[Path](), Claims(settings.outputs)
        batch: list[tuple[Job, Waveform]] = []
        try:
            for number, source in enumerate(inputs, start=1):
                claims.add(source, number)
                recording = Job(source, self.engine, settings, number)
                recordings.append(recording)
                for window in recording.windows():
                    batch.append((recording, window))
                    if len(batch) == settings.batch_size:
                        self._read(batch, settings)
                        batch = []
                while recordings and recordings[0].is_done:
                    yield _finished(recordings.popleft(), journals)
            self._read(batch, settings)
            while recordings:
                yield _finished(recordings.popleft(), journals)
        finally:
            for recording in recordings:
                recording.close()
        for path in journals:  # only now, so that a list that was stopped need not begin anew
            path.unlink(missing_ok=True)

    def _answers(self, inputs: Iterable[Any], settings: Settings) -> Iterator[dict[str, Any]]:
        for transcript in self.transcripts(inputs, settings):
            yield transcript.answer(timestamps=settings.return_timestamps)

    def _read(self, batch: Sequence[tuple[Job, Waveform]], settings: Settings) -> None:
        """Reads some windows; the first one of a recording tells its language, unless each is asked."""
        if not batch:
            return
        encoded = self.engine.encode([window for _, window in batch])
        if settings.request.language is None and (
            settings.language_per_window or any(recording.language is None for recording, _ in batch)
        ):
            found = self.engine.languages(encoded)
        else:
            found = [recording.language for recording, _ in batch]
        languages = []
        for (recording, _), language in zip(batch, found, strict=True):
            recording.language = recording.language or language
            languages.append(language if settings.language_per_window else recording.language)
        readings = self.engine.read(encoded, languages, settings.request)
        for (recording, window), reading in zip(batch, readings, strict=True):
            recording.take(window, reading)


def _undecoded(inputs: Any) -> Any:
    """A dataset, or a column of one, whose recordings are not decoded by its own decoder, which need not be there."""
    if isinstance(inputs, Column) and isinstance(inputs.features, Audio):
        return _undecoded(inputs.source)[inputs.column_name]
    features = getattr(inputs, "features", None)
    for name, kind in features.items() if isinstance(features, Mapping) else ():
        if isinstance(kind, Audio):
            inputs = inputs.cast_column(name, Audio(decode=False))
    return inputs


def _claim_all(inputs: Sequence[Any], settings: Settings) -> None:
    claims = Claims(settings.outputs)
    for number, source in enumerate(inputs, start=1):
        claims.add(source, number)


def _finished(recording: Job, journals: list[Path]) -> Transcript:
    """The transcript; of the recording only the place of its journal is kept."""
    if recording.journal is not None:
        journals.append(recording.journal.path)
    return recording.finish()


def is_one(inputs: Any) -> bool:
    """Whether this is a recording, not many."""
    return (
        isinstance(inputs, str | Path | bytes | bytearray | memoryview | Mapping | np.ndarray | Tensor)
        or hasattr(inputs, "read")
        or hasattr(inputs, "get_all_samples")
    )


__all__ = ["Transcriber"]
