"""With real weights: the words of the reference implementations, on real speech.

`jfk.mp3` is from the inaugural address of 1961 (public domain, as a work of the government of the United States).
"""

import io
from pathlib import Path

import av
import numpy as np
import pytest
import transformers
from transformers import WhisperProcessor

from tests.weights import whisper_tiny_en
from toolkit import pipeline
from toolkit.media.audio import read_audio

pytestmark = pytest.mark.weights

JFK = Path(__file__).with_name("jfk.mp3")
SAID = "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
RATE_HZ = 16000
CONTAINERS = [("wav", "pcm_s16le"), ("flac", "flac"), ("ogg", "libopus"), ("mp4", "aac"), ("webm", "libopus")]


def words(text: str) -> list[str]:
    """Without case and punctuation."""
    return "".join(sign for sign in text.lower() if sign.isalpha() or sign == " ").split()


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """Eleven seconds."""
    return read_audio(JFK).samples.numpy()


@pytest.fixture(scope="module", params=["transformers", "ctranslate2"])
def hear(request):
    """Each engine."""
    checkpoint, converted = whisper_tiny_en()
    if request.param == "ctranslate2":
        pytest.importorskip("ctranslate2", reason="the engine is optional")
        return pipeline("automatic-speech-recognition", converted, engine="ctranslate2")
    return pipeline("automatic-speech-recognition", checkpoint)


@pytest.mark.promise("F3")
@pytest.mark.parametrize(("form", "codec"), CONTAINERS)
def test_every_container_says_the_same(hear, speech, form, codec):
    held = io.BytesIO()
    with av.open(held, "w", format=form) as out:
        rate_hz = 48000 if codec == "libopus" else RATE_HZ
        stream = out.add_stream(codec, rate=rate_hz)
        frame = av.AudioFrame.from_ndarray((speech[None] * 32767).astype("<i2"), format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert words(hear(held.getvalue())["text"]) == SAID.split()


@pytest.mark.promise("F3")
def test_the_words_are_those_of_transformers(speech):
    checkpoint, _ = whisper_tiny_en()
    theirs = transformers.pipeline("automatic-speech-recognition", str(checkpoint))
    ours = pipeline("automatic-speech-recognition", checkpoint)
    for settings in ({"num_beams": 1}, {"num_beams": 5}):
        expected = theirs({"raw": speech.copy(), "sampling_rate": RATE_HZ}, generate_kwargs=settings)
        assert ours(speech, **settings) == expected


@pytest.mark.promise("F3")
def test_the_words_are_those_of_faster_whisper(speech):
    faster_whisper = pytest.importorskip("faster_whisper", reason="the engine is optional")
    _, converted = whisper_tiny_en()
    theirs = faster_whisper.WhisperModel(str(converted), compute_type="int8")
    ours = pipeline("automatic-speech-recognition", converted, engine="ctranslate2")
    for beams in (1, 5):
        said, _ = theirs.transcribe(speech, beam_size=beams, without_timestamps=True)
        assert words(ours(speech, num_beams=beams)["text"]) == words(" ".join(segment.text for segment in said))


@pytest.mark.promise("F5", "F6")
def test_long_recordings_give_words_with_times_and_tell_their_silences(hear, speech):
    silence = np.zeros(20 * RATE_HZ, np.float32)
    noise = np.random.default_rng(0).normal(0, 0.01, 20 * RATE_HZ).astype(np.float32)
    parts = [silence, speech, noise, speech, speech, speech, speech, silence]
    answer = hear(np.concatenate(parts), return_timestamps="word")
    assert words(answer["text"]) == SAID.split() * 5
    times = [time for chunk in answer["chunks"] for time in chunk["timestamp"]]
    assert times == sorted(times)
    starts = [chunk["timestamp"][0] for chunk in answer["chunks"] if words(chunk["text"]) == ["americans"]]
    assert np.diff(starts) == pytest.approx([31.0, 11.0, 11.0, 11.0], abs=0.35)
    assert starts[0] == pytest.approx(20 + 1.9, abs=0.5)
    reasons = [part["reason"] for part in answer["skipped"]]
    assert sum("no speech" in reason for reason in reasons) == 3
    others = [reason for reason in reasons if "no speech" not in reason]
    assert all(reason.endswith("in no loop: it stays") for reason in others), "one sentence fills a window twice"


@pytest.mark.promise("F6")
def test_music_and_noise_give_no_text(hear):
    time = np.arange(30 * RATE_HZ) / RATE_HZ
    chord = sum(np.sin(2 * np.pi * hz * time) for hz in (220, 277.2, 329.6)) * 0.1 * (np.sin(time * 9) > 0)
    noise = np.random.default_rng(0).normal(0, 0.2, len(time))
    for sound in (chord, noise, np.zeros(len(time))):
        answer = hear(sound.astype(np.float32))
        assert answer["text"] == "" and answer["skipped"]


def test_a_checkpoint_that_is_converted_says_the_same(speech):
    pytest.importorskip("ctranslate2", reason="the engine is optional")
    checkpoint, converted = whisper_tiny_en()
    assert isinstance(WhisperProcessor.from_pretrained(checkpoint), WhisperProcessor)
    hear = pipeline("automatic-speech-recognition", checkpoint, engine="ctranslate2", precision="float32")
    assert words(hear(speech)["text"]) == SAID.split()
