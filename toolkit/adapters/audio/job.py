"""One recording on its way to a transcript: which windows are still to be read, and what the others said."""

import time
from collections.abc import Iterator, Mapping
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
        held = source["audio"] if isinstance(source, Mapping) and source.get("audio") is not None else source
        self.source, self.engine, self.settings = held, engine, settings
        self.language = settings.request.language
        self.readings: dict[float, Reading] = {}
        self.skipped: list[Skipped] = []
        self.seconds, self.waiting, self.is_cut = 0.0, 0, False
        self.outputs = [path.with_name(path.name.replace("*", name_of(held, number))) for path in settings.outputs]
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


def name_of(source: Any, number: int) -> str:
    """What a recording is called in the name of a file: its own without the ending, or its number.

    >>> name_of("talks/monday.mp3", 1), name_of(b"...", 2)
    ('monday', '2')
    """
    path = source.get("path") if isinstance(source, Mapping) else source
    return Path(path).stem if isinstance(path, str | Path) else str(number)


__all__ = ["Job"]
