"""Small recordings, drawn and encoded where a test needs them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import av
import numpy as np
import pytest
import torch

CODECS = {
    "wav": "pcm_s16le",
    "flac": "flac",
    "mp3": "libmp3lame",
    "m4a": "aac",
    "mp4": "aac",
    "ogg": "libopus",
    "webm": "libopus",
    "mkv": "libopus",
    "aac": "aac",
    "aiff": "pcm_s16be",
}


def chirp(seconds: float, rate: int = 48_000) -> np.ndarray:
    """A tone that rises by 200 Hz a second from 300 Hz: (N,) float32. No two moments of it are alike."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (300 + 100 * time) * time)).astype(np.float32)


def vowels(seconds: float, rate: int = 16_000) -> np.ndarray:
    """Something that a voice detector takes for a voice: four vowels of three formants each, in turn."""
    formants = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480))
    syllables, length = [], round(0.18 * rate)
    time = np.arange(length) / rate
    for index in range(round(seconds / 0.23)):
        pitch = 120 + 10 * (index % 3)
        phase = np.cumsum(pitch * (1 + 0.03 * np.sin(10 * np.pi * time) - time)) / rate
        sound = np.zeros(length)
        for harmonic in range(1, 4000 // pitch):
            distances = (harmonic * pitch - np.array(formants[index % 4])) / (90, 110, 170)
            sound += np.dot([1, 0.5, 0.25], 1 / (1 + distances**2)) * np.sin(2 * np.pi * harmonic * phase)
        sound *= np.hanning(length) ** 0.3 / np.abs(sound).max() / 2
        syllables += [sound, np.zeros(round(0.05 * rate))]
    return np.concatenate(syllables).astype(np.float32)


def write_sound(
    path: Path,
    samples: np.ndarray,
    rate: int = 48_000,
    *,
    codec: str | None = None,
    begin_seconds: float = 0.0,
    pictures: int = 0,
    picture_seconds: float = 0.0,
) -> Path:
    """Encodes (N,) or (C, N) samples in the container of the path's ending.

    Args:
        path: where to; its ending names the container, and the codec unless one is given.
        samples: floats between -1 and 1.
        rate: samples per second.
        codec: FFmpeg's name of an encoder.
        begin_seconds: the time stamp of the first sample.
        pictures: how many grey frames to put beside the sound, 25 a second.
        picture_seconds: the time stamp of the first of them.
    """
    samples = np.atleast_2d(samples).astype(np.float32)
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
    with av.open(str(path), "w") as container:
        film = container.add_stream("mpeg4", rate=25, width=32, height=32, pix_fmt="yuv420p") if pictures else None
        stream = container.add_stream(codec or CODECS[path.suffix[1:]], rate=rate, layout=layout)
        for index in range(pictures):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 128, np.uint8), format="rgb24")
            frame.pts = index + round(25 * picture_seconds)
            container.mux(film.encode(frame))
        if film:
            container.mux(film.encode(None))
        into = av.AudioResampler(format=stream.format, layout=layout, rate=rate)
        for start in range(0, samples.shape[1], rate):
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples[:, start : start + rate]), format="fltp", layout=layout
            )
            frame.sample_rate = rate
            frame.pts = start + round(begin_seconds * rate)
            for converted in into.resample(frame):
                container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    return path


def pitch_at(waveform, seconds: float) -> float:
    """The strongest frequency of the 0.1 s around a time of the recording's clock, in Hz."""
    part = waveform.cut(seconds - 0.05, seconds + 0.05)
    spectrum = torch.fft.rfft(part.samples * torch.hann_window(len(part.samples)), n=65_536).abs()
    return spectrum.argmax().item() * part.sample_rate_hz / 65_536


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The files of a folder under an address of this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def real(name: str) -> Path:
    """A real recording kept beside the project, or a reason to skip."""
    path = Path(__file__).parents[3] / "shared" / "data" / name
    if not path.exists():
        pytest.skip(f"needs {name} in ../shared/data")
    return path
