"""What the report of a speech run shows beside the scores: which words were mistaken, and recordings to listen to."""

import io
import wave
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from toolkit.adapters.audio.engines_pipeline import PipelineEngine
from toolkit.adapters.audio.recordings import Excerpt
from toolkit.media.values import Waveform
from toolkit.metrics import Normalizer, confused_words, edit_counts
from toolkit.report import Section, confusions, edits, recording

RECORDINGS, RATE_HZ = 6, 16000
MOST_SECONDS = 15
"""Of a recording on the page; longer ones are cut."""
FRAMES_PER_SECOND = 100


def mistakes(records: Iterable[Mapping[str, Any]], normalizer: Normalizer) -> Section:
    """The edits by kind and word.

    Args:
        records: with `prediction` and `reference`.
        normalizer: makes words alike that are confused in their spelling only.
    """
    pairs = [(record["prediction"], record["reference"]) for record in records]
    predicted, expected = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    confused = confused_words(predicted, expected, normalize=normalizer)
    note = (
        "The edits are those of wer. The words below them are compared as for wer normalized; an empty one was left "
        "out, or added."
    )
    counts = edits(edit_counts(predicted, expected)) + confusions(confused)
    return Section("Which words were mistaken", counts, note=note)


def heard(records: Iterable[Mapping[str, Any]], serve: Callable[..., Any]) -> Iterator[Section]:
    """Recordings spread over the first thousand with the words under their sound, where there are any.

    Args:
        records: with `line`, `source` (an excerpt), `source_length` in frames of 10 ms and `reference`.
        serve: the final model behind `Transcriber`.
    """
    rows = list(islice(records, 1000))
    figures = [_heard(row, serve) for row in rows[:: max(1, len(rows) // RECORDINGS)][:RECORDINGS]]
    if figures:
        note = (
            "Each word stands where the model heard it, or the whole text where it does not tell. A click on it, or on "
            "the spectrogram, plays from there. Shades under the words, if any, show where the decoder looked for each "
            "token."
        )
        yield Section("Where it listened", "".join(figures), note=note)


def _heard(row: Mapping[str, Any], serve: Callable[..., Any]) -> str:
    """One recording with what the model hears in it, beside what it should; a long one is cut, and has no such text."""
    excerpt, caption, reference = Excerpt.parse(row["source"]), f"line {row['line']}: {row['source']}", row["reference"]
    if row["source_length"] > MOST_SECONDS * FRAMES_PER_SECOND:
        excerpt, reference = excerpt.first(MOST_SECONDS), ""
        caption += f", the first {MOST_SECONDS} s"
    engine = getattr(serve, "engine", None)
    sound = excerpt.read(getattr(engine, "sample_rate_hz", RATE_HZ))
    samples, rate_hz = sound.samples.numpy(), sound.sample_rate_hz
    times = "word" if getattr(engine, "knows_words", True) else True
    answer = serve({"raw": samples, "sampling_rate": rate_hz}, return_timestamps=times, vad=False)
    words = [(chunk["text"], *chunk["timestamp"]) for chunk in answer.get("chunks", ())]
    return recording(
        samples,
        rate_hz,
        words,
        sound=as_wav(sound),
        mime="audio/wav",
        caption=caption,
        reference=reference,
        attention=engine.glances(sound) if isinstance(engine, PipelineEngine) else (),
    )


def as_wav(sound: Waveform) -> bytes:
    """The sound as a file of 16-bit samples, which every browser plays."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, sound.sample_rate_hz, 0, "NONE", ""))
        out.writeframes((sound.samples.clamp(-1, 1) * 32767).numpy().astype(np.int16).tobytes())
    return file.getvalue()


__all__ = ["heard", "mistakes"]
