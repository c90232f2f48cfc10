"""Times transcription beside transformers and faster-whisper called directly, and writes the table `speech.md`.

    python benchmarks/speech.py --recordings FOLDER --checkpoint FOLDER [--converted FOLDER] [--clips FOLDER ...]

The recordings' folder has a `transcripts.tsv` with the columns `file` and `text`; its files are joined in that order,
with half a second between them, to one long recording. Those of `--clips`, folders of the same kind, are transcribed
one by one, once, to compare the words. The checkpoint is one of Whisper for transformers; `--converted` is the same for
CTranslate2 (none: it is converted first). Contenders take turns in one process, so that a busy machine slows them
alike; seconds are the processor's.
"""

import argparse
import csv
import os
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
import transformers
from table import grid, spread

from toolkit import pipeline
from toolkit.adapters.audio.engines_ctranslate2 import converted
from toolkit.adapters.audio.transcriber import Transcriber
from toolkit.media import voice
from toolkit.media.audio import read_audio
from toolkit.metrics import wer

RATE_HZ, PAUSE_SECONDS = 16000, 0.5
TASK = "automatic-speech-recognition"
PAGE = """# Speed on speech

Written by `benchmarks/speech.py`, whose first lines say what it needs.
On {date}: {model}, {beams}, one thread, {seconds:.0f} s of speech, medians
(least–most) of {rounds} rounds in which all took turns, load average {load} on {cores} cores. Seconds are the
processor's, from the file to the text. WER is Whisper-normalised.

{table}

*Detector* is what the network that finds speech costs, in per cent of encoder and decoder; *overhead* is all the rest:
decoding the file, cutting, joining, words. Ratios are taken within each round and count everything.

{ratios}
{clips}
torch {torch}, transformers {transformers}, faster-whisper {faster_whisper}, ctranslate2 {ctranslate2}.
"""


class Stopwatch:
    """Counts the processor's seconds inside some calls."""

    def __init__(self, owner: Any, *names: str) -> None:
        self.seconds = 0.0
        for name in names:
            setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any) -> Any:
            started = time.process_time()
            try:
                return call(*given)
            finally:
                self.seconds += time.process_time() - started

        return counted


@dataclass
class Contender:
    """Who transcribes, and what came of it; shares are per cent of the model's own calls."""

    name: str
    transcribe: Callable[[str], str]
    model: Stopwatch | None = None
    seconds: list[float] = field(default_factory=list)
    detector_shares: list[float] = field(default_factory=list)
    overheads: list[float] = field(default_factory=list)
    text: str = ""


DETECTOR = Stopwatch(voice, "_probabilities")


def watched(transcriber: Transcriber) -> Stopwatch:
    """The calls of an engine's encoder and decoder."""
    return Stopwatch(transcriber.engine, "encode", "write", "align")


def transcripts(folder: Path) -> Iterator[tuple[Path, str]]:
    """The recordings of a folder, and what is said in each."""
    with (folder / "transcripts.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield folder / row["file"], row["text"]


def joined(folder: Path, goal: Path, most_seconds: float) -> str:
    """Writes the long recording, and gives what is said in it."""
    parts, texts, length = [], [], 0.0
    for path, text in transcripts(folder):
        sound = read_audio(path).samples.numpy()
        length += len(sound) / RATE_HZ + PAUSE_SECONDS
        if length > most_seconds:
            break
        parts += [sound, np.zeros(round(PAUSE_SECONDS * RATE_HZ), np.float32)]
        texts.append(text)
    with wave.open(str(goal), "wb") as out:
        out.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        out.writeframes((np.concatenate(parts) * 32767).astype("<i2").tobytes())
    return " ".join(texts)


def contenders(checkpoint: str, folder: str, beams: int) -> Iterator[Contender]:
    """Everybody, with the model loaded."""
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    theirs = transformers.pipeline(TASK, checkpoint, dtype=torch.float32)

    def long_form(path: str) -> str:
        raw = {"raw": read_audio(path).samples.numpy(), "sampling_rate": RATE_HZ}  # its own decoding needs ffmpeg
        return theirs(raw, return_timestamps=True, generate_kwargs={"num_beams": beams})["text"]

    yield Contender("transformers, long form", long_form)
    for name, settings in (("", {}), (", times", {"return_timestamps": True})):
        ours = pipeline(TASK, checkpoint, num_beams=beams, progress=False, **settings)
        yield Contender(f"toolkit{name}", lambda path, ours=ours: ours(path)["text"], watched(ours))
    fast = WhisperModel(folder, compute_type="int8", cpu_threads=1)
    batched = BatchedInferencePipeline(fast)
    given = {"beam_size": beams, "vad_filter": True, "language": "en"}

    def said(segments: tuple[Any, Any]) -> str:
        return " ".join(segment.text for segment in segments[0])

    yield Contender("faster-whisper", lambda path: said(fast.transcribe(path, **given)))
    yield Contender("faster-whisper, batched", lambda path: said(batched.transcribe(path, batch_size=8, **given)))
    for name, settings in (("", {}), (", times", {"return_timestamps": True})):
        ours = pipeline(TASK, folder, engine="ctranslate2", num_beams=beams, progress=False, **settings)
        yield Contender(f"toolkit, ctranslate2{name}", lambda path, ours=ours: ours(path)["text"], watched(ours))


def measure(contender: Contender, path: str) -> None:
    """One turn."""
    watches = [watch for watch in (contender.model, DETECTOR) if watch is not None]
    before, started = [watch.seconds for watch in watches], time.process_time()
    contender.text = contender.transcribe(path)
    contender.seconds.append(time.process_time() - started)
    if contender.model is not None:
        model, detector = (watch.seconds - start for watch, start in zip(watches, before, strict=True))
        contender.detector_shares.append(100 * detector / model)
        contender.overheads.append(100 * (contender.seconds[-1] - model - detector) / model)


def ratios(all_: list[Contender]) -> str:
    """How many times as fast ours are as their engine's own library, with and without its batches."""
    by_name = {contender.name: contender.seconds for contender in all_}
    pairs = [
        ("toolkit", "transformers, long form"),
        ("toolkit, times", "transformers, long form"),
        ("toolkit, ctranslate2", "faster-whisper"),
        ("toolkit, ctranslate2", "faster-whisper, batched"),
        ("toolkit, ctranslate2, times", "faster-whisper"),
    ]
    rows = []
    for ours, other in pairs:
        times = [b / a for a, b in zip(by_name[ours], by_name[other], strict=True)]
        rows.append([ours, other, spread(times, "{:.2f}".format)])
    return grid(["", "as fast as", "times"], rows)


def clip_rates(all_: list[Contender], folders: list[Path]) -> str:
    """A table of what everybody mistakes in recordings that are transcribed one by one."""
    rows = []
    for contender in all_:
        rates = []
        for folder in folders:
            paths, texts = zip(*transcripts(folder), strict=True)
            said = [contender.transcribe(str(path)) for path in paths]
            rates.append(f"{wer(said, texts, normalize='whisper').value:.2f}")
            print(f"{folder.name}, {contender.name}: {rates[-1]}", flush=True)
        rows.append([contender.name, *rates])
    heads = [f"{folder.name} ({len(list(transcripts(folder)))})" for folder in folders]
    return f"\nWER of short recordings, one by one:\n\n{grid(['', *heads], rows)}\n"


def main() -> None:
    """Measures and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=Path, required=True, help="Folder with transcripts.tsv.")
    parser.add_argument("--checkpoint", required=True, help="Whisper for transformers: a folder or Hub id.")
    parser.add_argument("--converted", help="The same for CTranslate2; none: converted into the cache.")
    parser.add_argument("--rounds", type=int, default=3, help="How often everybody takes a turn.")
    parser.add_argument("--beams", type=int, default=1, help="Width of the search, 1: greedy.")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="The most speech to join.")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".md"), help="Where the table goes.")
    parser.add_argument("--clips", type=Path, nargs="*", default=[], help="Folders with transcripts.tsv.")
    given = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    folder = given.converted or str(converted(given.checkpoint, precision="int8"))
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "long.wav"
        said = joined(given.recordings, path, given.seconds)
        everybody, loads = list(contenders(given.checkpoint, folder, given.beams)), []
        for turn in range(given.rounds):
            for contender in everybody:
                loads.append(os.getloadavg()[0])
                measure(contender, str(path))
                print(f"round {turn + 1}, {contender.name}: {contender.seconds[-1]:.2f} s", flush=True)
        seconds = read_audio(path).seconds
    rows = [
        [
            contender.name,
            spread(contender.seconds, "{:.1f}".format),
            f"{median(contender.seconds) / seconds:.3f}",
            f"{wer([contender.text], [said], normalize='whisper').value:.2f}",
            *(
                spread(shares, "{:.1f} %".format) if shares else "–"
                for shares in (contender.detector_shares, contender.overheads)
            ),
        ]
        for contender in everybody
    ]
    given.output.write_text(
        PAGE.format(
            date=date.today().isoformat(),
            model=Path(given.checkpoint).name,
            beams="greedy" if given.beams == 1 else f"{given.beams} beams",
            seconds=seconds,
            rounds=given.rounds,
            load=f"{min(loads):.1f}–{max(loads):.1f}",
            cores=os.cpu_count(),
            table=grid(["", "seconds", "real-time factor", "WER", "detector", "overhead"], rows),
            ratios=ratios(everybody),
            clips=clip_rates(everybody, given.clips) if given.clips else "",
            **{
                name.replace("-", "_"): version(name)
                for name in ("torch", "transformers", "faster-whisper", "ctranslate2")
            },
        ),
        encoding="utf-8",
    )
    print(f"{given.output} is written")


if __name__ == "__main__":
    main()
