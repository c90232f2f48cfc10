"""What of a long job is done already: one line for each window, beside the file that is being written."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from toolkit.adapters.audio.engines import Reading
from toolkit.adapters.audio.transcript import Transcript
from toolkit.media.values import Waveform


class Journal:
    """The finished windows of one recording; those of another recording, or of other settings, are forgotten.

    Args:
        path: of the file, which need not exist.
        about: what recording and settings it is about.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self.path, self.about = path, json.loads(json.dumps(about))
        self.readings: dict[str, dict[str, Any]] = {}
        self.transcript: Transcript | None = None
        self._out: TextIO | None = None
        self._load()

    def _load(self) -> None:
        try:
            held = self.path.read_bytes()
        except FileNotFoundError:
            return
        whole, kept = [], 0
        for line in held.split(b"\n")[:-1]:  # the last line may have been cut, between any two bytes
            try:
                whole.append(json.loads(line))
            except ValueError:
                break
            kept += len(line) + 1
        if not whole or whole[0] != self.about:
            self.path.unlink()
            return
        for entry in whole[1:]:
            if "transcript" in entry:
                self.transcript = Transcript.from_json(entry["transcript"])
            else:
                self.readings[entry["window"]] = entry
        os.truncate(self.path, kept)

    def known(self, window: Waveform) -> tuple[Reading, str | None] | None:
        """What a window said, and in which language, if it was read before."""
        entry = self.readings.get(_key(window))
        if entry is None:
            return None
        held = Transcript.from_json({**entry["reading"], "language": entry["language"], "seconds": 0.0})
        return Reading(held.segments, held.skipped), held.language

    def add(self, window: Waveform, reading: Reading, language: str | None) -> None:
        """Notes a window, on the disk before the next one is read."""
        self._line({"window": _key(window), "language": language, "reading": asdict(reading)})

    def finish(self, transcript: Transcript) -> None:
        """Notes that nothing is missing."""
        self._line({"transcript": transcript.as_json()})
        self.close()

    def close(self) -> None:
        """Lets go of the file, which stays."""
        if self._out is not None:
            self._out.close()
            self._out = None

    def _line(self, entry: Mapping[str, Any]) -> None:
        if self._out is None:
            fresh = not self.path.exists()
            self._out = self.path.open("a", encoding="ascii", newline="\n")
            if fresh:
                self._out.write(json.dumps(self.about) + "\n")
        self._out.write(json.dumps(entry) + "\n")
        self._out.flush()


def fingerprint(source: Any) -> str | None:
    """What tells a recording from all others: its content or its address; none for what can be read once only."""
    if isinstance(source, Mapping):
        return fingerprint(
            next((source[name] for name in ("bytes", "path", "array", "raw") if source.get(name) is not None), None)
        )
    if isinstance(source, bytes | bytearray | memoryview):
        return hashlib.sha256(source).hexdigest()
    if isinstance(source, str | Path):
        if not Path(source).is_file():
            return str(source)
        with open(source, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if hasattr(source, "tobytes") or hasattr(source, "numpy"):
        return hashlib.sha256(
            (source if hasattr(source, "tobytes") else source.detach().cpu().float().numpy()).tobytes()
        ).hexdigest()
    return None


def _key(window: Waveform) -> str:
    return f"{window.start_seconds:.3f}-{window.end_seconds:.3f}"


__all__ = ["Journal", "fingerprint"]
