"""Speech is found, on the recording's clock; silence, noise and hums are not taken for it."""

from importlib.metadata import distribution

import numpy as np
import onnxruntime
import pytest
import torch

from tests.media.sounds import real, vowels
from toolkit.media.audio import read_audio, stream_audio
from toolkit.media.values import Waveform
from toolkit.media.voice import _judged, _spans, speech_spans

RATE = 16_000


def hum(seconds: float) -> np.ndarray:
    """What a mains cable adds to a recording."""
    time = np.arange(round(seconds * RATE)) / RATE
    return sum(level * np.sin(2 * np.pi * 50 * k * time) for k, level in ((1, 0.3), (3, 0.1), (5, 0.05)))


@pytest.fixture(scope="module")
def dialogue() -> np.ndarray:
    """Two seconds of nothing, three of a voice, four of faint noise, two of a voice, one of nothing."""
    noise = 0.001 * np.random.default_rng(0).standard_normal(4 * RATE)
    parts = [np.zeros(2 * RATE), vowels(3.0), noise, vowels(2.0), np.zeros(RATE)]
    return np.concatenate(parts).astype(np.float32)


@pytest.mark.promise("F6")
@pytest.mark.parametrize("level", [0.01, 0.1, 0.5])
def test_silence_noise_and_hum_are_not_speech(level):
    random = np.random.default_rng(0)
    clicks = np.zeros(10 * RATE)
    clicks[:: RATE // 2] = 1.0
    for sound in (np.zeros(10 * RATE), random.standard_normal(10 * RATE), hum(10.0), clicks):
        assert list(speech_spans(stream_audio(level * sound))) == []


def test_a_voice_is_found_where_it_is(dialogue):
    first, second = speech_spans(stream_audio(dialogue), pad_seconds=0.0)
    assert first == pytest.approx((2.0, 5.0), abs=0.25)
    assert second == pytest.approx((9.0, 11.0), abs=0.25)


@pytest.mark.parametrize("block_seconds", [0.01, 0.7, 5.0])
def test_where_blocks_are_cut_changes_nothing(dialogue, block_seconds):
    blocks = stream_audio(dialogue, block_seconds=block_seconds)
    assert list(speech_spans(blocks)) == list(speech_spans(stream_audio(dialogue)))


def test_times_are_those_of_the_recording(dialogue):
    spans = list(speech_spans([Waveform(torch.from_numpy(dialogue), RATE)]))
    later = list(speech_spans([Waveform(torch.from_numpy(dialogue), RATE, start_seconds=100.0)]))
    assert np.array(later) == pytest.approx(np.array(spans) + 100.0)


def test_a_span_is_given_while_the_recording_goes_on(dialogue):
    blocks = stream_audio(dialogue, block_seconds=1.0)
    next(speech_spans(blocks))
    assert next(blocks).start_seconds < 8.0


def test_a_voice_at_the_edges_is_padded_inside_the_recording():
    (span,) = speech_spans(stream_audio(vowels(3.0)), pad_seconds=5.0)
    assert span == (0.0, len(vowels(3.0)) / RATE)


def test_nothing_at_all_has_no_speech():
    assert list(speech_spans([])) == []
    assert list(speech_spans([Waveform(torch.zeros(0), RATE)])) == []
    assert list(speech_spans([Waveform(torch.zeros(7), RATE)])) == []


def probable(text: str):
    """One window of a second for each digit, a probability in tenths."""
    return [(float(index), index + 1.0, int(digit) / 10) for index, digit in enumerate(text)]


@pytest.mark.parametrize(
    ("text", "options", "spans"),
    [
        ("0099900", {}, [(2, 5)]),
        ("0099400", {}, [(2, 5)]),  # below the threshold, but not by 0.15
        ("0044400", {}, []),
        ("9990999", {"min_silence": 2}, [(0, 7)]),
        ("99900999", {"min_silence": 2}, [(0, 8)]),  # a pause is over when it was long enough to see a window after it
        ("999000999", {"min_silence": 2}, [(0, 3), (6, 9)]),
        ("09000999000", {"min_speech": 2}, [(5, 8)]),
        ("0009000", {"pad": 2}, [(1, 6)]),
        ("900000090", {"pad": 2}, [(0, 3), (5, 9)]),
        ("900090", {"pad": 2}, [(0, 6)]),  # 3 meets 2
        ("90009000009", {"pad": 1}, [(0, 2), (3, 6), (9, 11)]),
        ("9000900", {"pad": 2, "min_speech": 3}, []),
        ("0009", {}, [(3, 4)]),
        ("", {}, []),
    ],
)
def test_hand_made_probabilities_give_these_spans(text, options, spans):
    settings = {"threshold": 0.5, "min_speech": 0.0, "min_silence": 0.0, "pad": 0.0} | options
    assert list(_spans(probable(text), **settings)) == spans


def test_spans_of_any_probabilities_rise_and_never_touch():
    random = np.random.default_rng(0)
    for _ in range(200):
        digits = "".join(map(str, random.integers(0, 10, 60)))
        min_speech, min_silence, pad = random.integers(0, 4, 3)
        spans = list(_spans(probable(digits), 0.5, min_speech, min_silence, pad))
        edges = [0.0, *(edge for span in spans for edge in span), 60.0]
        assert edges == sorted(edges)
        assert all(after[0] > before[1] for before, after in zip(spans, spans[1:], strict=False))
        if not min_speech:
            heard = {index for index, digit in enumerate(digits) if digit >= "5"}
            assert heard <= {index for start, end in spans for index in range(int(start), int(end))}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"threshold": 1.0}, "`threshold` must be a probability between 0.15 and 1, but is 1.0"),
        ({"threshold": 0.1}, "`threshold` must be a probability"),
        ({"pad_seconds": -1.0}, "`pad_seconds` must be at least 0, but is -1.0"),
        ({"min_speech_seconds": float("nan")}, "`min_speech_seconds` must be at least 0"),
    ],
)
def test_wrong_settings_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        speech_spans([], **options)


def test_another_rate_and_blocks_that_do_not_follow_are_refused():
    with pytest.raises(ValueError, match="`blocks` must have 16000 samples per second, but one has 8000"):
        list(speech_spans([Waveform(torch.zeros(8_000), 8_000)]))
    with pytest.raises(ValueError, match="after 1.000 s comes one that starts at 1.500 s"):
        list(speech_spans([Waveform(torch.zeros(RATE), RATE), Waveform(torch.zeros(RATE), RATE, 1.5)]))


def test_torch_keeps_its_threads(dialogue):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        list(speech_spans(stream_audio(dialogue)))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.promise("F6")
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # what the reference loads with
@pytest.mark.parametrize("name", ["jfk/jfk.flac", "audio_formats/p001.mp3"])
def test_speech_of_real_people_is_found_where_the_wheel_finds_it(name):
    threads = torch.get_num_threads()
    import silero_vad

    torch.set_num_threads(threads)
    waveform = read_audio(real(name))
    silence = Waveform(torch.zeros(3 * RATE), RATE, waveform.end_seconds)
    expected = silero_vad.get_speech_timestamps(
        torch.cat([waveform.samples, silence.samples]),
        silero_vad.load_silero_vad(),
        min_speech_duration_ms=250,
        min_silence_duration_ms=500,
        speech_pad_ms=200,
        return_seconds=True,
        time_resolution=4,
    )
    spans = list(speech_spans([waveform, silence]))
    assert np.array(spans) == pytest.approx(np.array([(span["start"], span["end"]) for span in expected]), abs=0.01)


@pytest.mark.slow
def test_probabilities_are_those_of_the_network_that_judges_one_window_at_a_time():
    """Against the streaming network of the same wheel, run by itself."""
    path = distribution("silero-vad").locate_file("silero_vad/data/silero_vad.onnx")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    samples = vowels(3.0)[: 90 * 512]
    state, context, expected = np.zeros((2, 1, 128), np.float32), np.zeros((1, 64), np.float32), []
    for window in samples.reshape(-1, 1, 512):
        inputs = {"input": np.concatenate([context, window], 1), "state": state, "sr": np.array(RATE)}
        probability, state = session.run(None, inputs)
        context = window[:, -64:]
        expected.append(probability.item())
    probabilities = [probability for _, _, probability in _judged(stream_audio(samples, block_seconds=0.3))]
    assert probabilities == pytest.approx(expected, abs=1e-5)
