"""One recording on its way to a transcript: which windows are still to be read, and what the others said."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from toolkit.adapters.audio.engines import Engine, Reading
from toolkit.adapters.audio.journal import Journal, fingerprint
from toolkit.adapters.audio.settings import Settings
from toolkit.adapters.audio.transcript import Skipped, Transcript
from toolkit.adapters.audio.transcript_formats import write_transcript
from toolkit.adapters.audio.windows import BLOCK_SECONDS, cut_windows
from toolkit.media.audio import audio_seconds, stream_audio
from toolkit.media.faults import MediaError
from toolkit.media.values import Waveform

LONG_SECONDS = 60.0


class Job:
    """A recording that is being read.

    Args:
        source: as `toolkit.media.audio.read_audio` takes it, or a row that holds one under `audio`.
        engine: what reads it.
        settings: of the call.
        number: which one of the call it is, from 1; names recordings that have no name.

    Attributes:
        language: what it is in, once that is known.
    """

    def __init__(self, source: Any, engine: Engine, settings: Settings, number: int) -> None:
        self.source, self.engine, self.settings = recording_of(source), engine, settings
        self.language = settings.request.language
        self.readings: dict[float, Reading] = {}
        self.skipped: list[Skipped] = []
        self.seconds, self.waiting, self.is_cut = 0.0, 0, False
        self.outputs = outputs_of(source, number, settings.outputs)
        for path in self.outputs:
            path.parent.mkdir(parents=True, exist_ok=True)
        self.journal = self._journal()
        self.bar, self.started_seconds = tqdm(disable=True), time.monotonic()

    @property
    def is_done(self) -> bool:
        """Whether everything was cut and read."""
        return self.is_cut and not self.waiting

    def windows(self) -> Iterator[Waveform]:
        """What must be read, while the recording is decoded; what was read before is taken from the journal."""
        if self.journal is not None and self.journal.transcript is not None:
            self.is_cut = True
            return
        longest = min(self.settings.chunk_length_s or self.engine.longest_seconds, self.engine.longest_seconds)
        self._open_bar()
        for part in cut_windows(self._blocks(), self.settings.find_speech, longest_seconds=longest):
            if isinstance(part, Skipped):
                self.skipped.append(part)
            elif self.journal is not None and (known := self.journal.known(part)) is not None:
                self.language = self.language or known[1]
                self.readings[part.start_seconds] = known[0]
            else:
                self.waiting += 1
                yield part
        self.is_cut = True

    def take(self, window: Waveform, reading: Reading) -> None:
        """Keeps what a window said."""
        self.waiting -= 1
        self.readings[window.start_seconds] = reading
        if self.journal is not None:
            self.journal.add(window, reading, self.language)
        passed = max(1e-9, time.monotonic() - self.started_seconds)
        self.bar.set_postfix({"real-time factor": f"{passed / max(1e-9, window.end_seconds):.3f}"}, refresh=False)
        self.bar.update(round(window.end_seconds - self.bar.n, 1))

    def finish(self) -> Transcript:
        """The whole transcript, written where it was asked for."""
        if self.journal is not None and self.journal.transcript is not None:
            transcript = self.journal.transcript
        else:
            readings = [self.readings[start] for start in sorted(self.readings)]
            skipped = [*self.skipped, *(skipped for reading in readings for skipped in reading.skipped)]
            segments = [segment for reading in readings for segment in reading.segments]
            if segments and not self.engine.begins_with_space:
                segments[0] = segments[0].without_space()
            transcript = Transcript(
                tuple(segments),
                tuple(sorted(skipped, key=lambda skipped: skipped.start_seconds)),
                self.language,
                self.seconds,
            ).inside()
            if self.journal is not None:
                self.journal.finish(transcript)
        self.bar.update(max(0.0, round(self.seconds - self.bar.n, 1)))
        self.bar.close()
        for path in self.outputs:
            write_transcript(transcript, path)
        return transcript

    def close(self) -> None:
        """Lets go of the journal and the bar, wherever the work stands."""
        self.bar.close()
        if self.journal is not None:
            self.journal.close()

    def _blocks(self) -> Iterator[Waveform]:
        """The sound, to its end or, if that may be, to where it cannot be decoded any more."""
        try:
            rate_hz = self.engine.sample_rate_hz
            for block in stream_audio(self.source, sample_rate_hz=rate_hz, block_seconds=BLOCK_SECONDS):
                self.seconds = block.end_seconds
                yield block
        except MediaError as error:
            if not self.settings.skip_bad:
                raise
            self.skipped.append(Skipped(self.seconds, self.seconds, str(error)))

    def _open_bar(self) -> None:
        if self.settings.progress is False or not isinstance(self.source, str | Path):
            return
        if self.settings.progress is None and not sys.stderr.isatty():  # a length may have to be decoded
            return
        try:
            total = audio_seconds(self.source) if Path(self.source).is_file() else None
        except MediaError:  # told when it is read
            total = None
        if self.settings.progress or (total or 0) > LONG_SECONDS:
            self.bar = tqdm(
                total=total and round(total, 1),
                desc=Path(self.source).name,
                unit="s",
                disable=None if self.settings.progress is None else False,
            )

    def _journal(self) -> Journal | None:
        mark = fingerprint(self.source) if self.outputs else None
        if mark is None:
            return None
        about = {
            "recording": mark,
            "engine": self.engine.name,
            "request": {name: repr(value) for name, value in sorted(asdict(self.settings.request).items())},
            "windows": [repr(self.settings.vad), self.settings.chunk_length_s, self.settings.language_per_window],
        }
        first = self.outputs[0]
        return Journal(first.with_name(f".{first.name}.journal"), about)


def recording_of(source: Any) -> Any:
    """The recording that a row holds under `audio`, or what is none of these rows."""
    return source["audio"] if isinstance(source, Mapping) and source.get("audio") is not None else source


def outputs_of(source: Any, number: int, outputs: Sequence[Path]) -> list[Path]:
    """The files of one recording: `*` stands for its name without the ending, or for its number.

    >>> [str(outputs_of(source, 2, [Path("subs/*.srt")])[0]) for source in ("talks/monday.mp3", b"...")]
    ['subs/monday.srt', 'subs/2.srt']
    """
    path = _path(source)
    name = str(number) if path is None else Path(path).stem
    return [output.with_name(output.name.replace("*", name)) for output in outputs]


class Claims:
    """Which recording writes which file, so that none takes that of another.

    Args:
        outputs: of the call.
    """

    def __init__(self, outputs: Sequence[Path]) -> None:
        self.outputs = outputs
        self.taken: dict[Path, str] = {}

    def add(self, source: Any, number: int) -> None:
        """Notes the files of a recording.

        Raises:
            ValueError: a recording before it has one of them.
        """
        name = str(_path(source) or f"recording {number}")
        for path in dict.fromkeys(outputs_of(source, number, self.outputs)):
            if path in self.taken:
                raise ValueError(
                    f"`output` must give each recording a file of its own, but {self.taken[path]} and {name} would "
                    f"both be written to {path}. Rename one of them, or transcribe it in another call."
                )
            self.taken[path] = name


def _path(source: Any) -> str | Path | None:
    held = recording_of(source)
    path = held.get("path") if isinstance(held, Mapping) else held
    return path if isinstance(path, str | Path) else None


__all__ = ["Claims", "Job"]
