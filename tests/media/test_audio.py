"""Sound is the same wherever it comes from, however it is cut, and at whatever rate it was recorded."""

import io
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import torch
from torchaudio.functional import resample

from tests.media.sounds import CODECS, chirp, pitch_at, real, served, write_sound
from toolkit.media.audio import audio_seconds, read_audio, stream_audio
from toolkit.media.values import Waveform
from toolkit.media.video import VideoFile

FORMATS = pytest.mark.parametrize("ending", CODECS)


@pytest.fixture(scope="module")
def tune(tmp_path_factory):
    """Six seconds of a rising tone in the container of an ending, written once."""
    folder = tmp_path_factory.mktemp("tunes")
    return cache(lambda ending: write_sound(folder / f"tune.{ending}", chirp(6.0)))


@pytest.mark.promise("F3")
@FORMATS
def test_every_container_gives_the_tone_that_was_written_when_it_was_written(tune, ending):
    waveform = read_audio(tune(ending))
    assert (waveform.samples.ndim, waveform.samples.dtype, waveform.sample_rate_hz) == (1, torch.float32, 16_000)
    assert waveform.seconds == pytest.approx(6.0, abs=0.1)
    for seconds in (0.5, 3.0, 5.5):
        assert pitch_at(waveform, seconds) == pytest.approx(300 + 200 * seconds, abs=12), "60 ms off at most"


@pytest.mark.promise("F3")
def test_no_program_is_started(tune, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(subprocess, "Popen", None)
    assert read_audio(tune("mp3")).seconds == pytest.approx(6.0, abs=0.1)


@pytest.mark.promise("F3")
@FORMATS
def test_a_path_bytes_a_stream_and_a_row_are_the_same_sound(tune, ending):
    path = tune(ending)
    content = path.read_bytes()
    row = {"path": f"elsewhere.{ending}", "bytes": content}
    sources = [str(path), content, io.BytesIO(content), row, {"path": str(path), "bytes": None}]
    expected = read_audio(path).samples
    for source in sources:
        assert read_audio(source).samples.equal(expected)
    with path.open("rb") as stream:
        assert read_audio(stream).samples.equal(expected)


@pytest.mark.parametrize("name", ["12:30.wav", "http:talk.wav", "a?b=%20#c.wav", "-i.wav", "pipe:0.wav"])
def test_a_name_that_reads_like_an_address_is_a_file(tmp_path, monkeypatch, name):
    write_sound(tmp_path / name, chirp(0.2))
    monkeypatch.chdir(tmp_path)
    assert read_audio(name).seconds == pytest.approx(0.2)


def test_an_address_is_the_same_sound(tune):
    path = tune("mp3")
    with served(path.parent) as address:
        assert read_audio(f"{address}/{path.name}").samples.equal(read_audio(path).samples)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_the_rate_is_changed_as_torchaudio_changes_that_of_the_whole(tmp_path, rate):
    path = write_sound(tmp_path / "a.wav", chirp(12.0, rate), rate, codec="pcm_f32le")
    expected = resample(torch.from_numpy(chirp(12.0, rate)), rate, 16_000)
    waveform = read_audio(path)
    assert len(waveform.samples) == len(expected)
    torch.testing.assert_close(waveform.samples, expected, rtol=0, atol=1e-5)


def test_a_rate_that_has_no_small_ratio_costs_neither_memory_nor_time(tmp_path):
    waveform = read_audio(write_sound(tmp_path / "a.wav", chirp(6.0, 47_999), 47_999))
    assert waveform.seconds == pytest.approx(6.0, abs=1e-3)
    assert pitch_at(waveform, 5.5) == pytest.approx(1400, abs=3)


@FORMATS
@pytest.mark.parametrize("block_seconds", [0.37, 60.0])
def test_blocks_joined_are_the_whole_bit_for_bit(tune, ending, block_seconds):
    path = tune(ending)
    blocks = list(stream_audio(path, block_seconds=block_seconds))
    assert torch.cat([block.samples for block in blocks]).equal(read_audio(path).samples)
    assert {block.seconds for block in blocks[:-1]} <= {block_seconds}
    assert all(after.start_seconds == pytest.approx(before.end_seconds) for before, after in zip(blocks, blocks[1:]))  # noqa: B905


@FORMATS
@pytest.mark.parametrize("times", [(0.5, 1.25), (3.0012, 4.9), (4.5, None)])
def test_a_part_is_that_part_of_the_whole(tune, ending, times):
    path = tune(ending)
    start, end = times
    part, whole = read_audio(path, start_seconds=start, end_seconds=end), read_audio(path)
    expected = whole.cut(start, end or whole.end_seconds)
    assert part.start_seconds == pytest.approx(start, abs=1 / 16_000)
    assert len(part.samples) == pytest.approx(len(expected.samples), abs=16)
    if ending in ("webm", "mkv"):  # their time stamps are whole milliseconds
        expected = max((whole.cut(start + k / 16_000, 9.0) for k in range(-16, 17)), key=lambda e: _alike(part, e))
        assert _alike(part, expected) > 0.999
    else:
        tolerance = 0.01 if ending in ("m4a", "mp4", "aac") else 1e-4  # AAC fills bands with noise that it draws
        torch.testing.assert_close(part.samples, expected.samples, rtol=0, atol=tolerance)


def _alike(one: Waveform, other: Waveform) -> float:
    """Their correlation, as far as both go."""
    length = min(len(one.samples), len(other.samples))
    return torch.corrcoef(torch.stack([one.samples[:length], other.samples[:length]]))[0, 1].item()


def test_a_part_is_found_without_decoding_what_lies_before(tmp_path):
    path = write_sound(tmp_path / "a.flac", np.tile(chirp(10.0, 16_000), 30), 16_000)
    with _CountingFile(path) as file:
        assert read_audio(file, start_seconds=290.0).seconds == pytest.approx(10.0)
    assert file.bytes_read < path.stat().st_size / 4


def test_a_long_recording_is_read_no_faster_than_its_blocks_are_taken(tmp_path):
    path = write_sound(tmp_path / "a.wav", np.tile(chirp(10.0, 16_000), 30), 16_000)
    with _CountingFile(path) as file:
        blocks = stream_audio(file, block_seconds=10.0)
        next(blocks)
        assert file.bytes_read < path.stat().st_size / 8
        assert sum(block.seconds for block in blocks) == pytest.approx(290.0)


class _CountingFile(io.FileIO):
    bytes_read = 0

    def read(self, size: int = -1) -> bytes:
        content = super().read(size)
        self.bytes_read += len(content)
        return content


@pytest.mark.parametrize(("ending", "channels"), [("wav", 1), ("wav", 2), ("wav", 6), ("flac", 6), ("m4a", 2)])
def test_channels_are_averaged(tmp_path, ending, channels):
    levels = np.linspace(0.1, 0.6, channels, dtype=np.float32)
    samples = levels[:, None] * chirp(2.0)
    waveform = read_audio(write_sound(tmp_path / f"a.{ending}", samples))
    expected = resample(torch.from_numpy(levels.mean() * chirp(2.0)), 48_000, 16_000)
    assert _alike(waveform, Waveform(expected, 16_000)) > 0.99
    assert waveform.samples.std().item() == pytest.approx(expected.std().item(), rel=0.05)


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"])
def test_every_kind_of_number_in_a_file_means_the_same_loudness(tmp_path, codec):
    waveform = read_audio(write_sound(tmp_path / "a.wav", chirp(1.0, 16_000), 16_000, codec=codec))
    tolerance = 1 / 127 if codec == "pcm_u8" else 1e-4
    torch.testing.assert_close(waveform.samples, torch.from_numpy(chirp(1.0, 16_000)), rtol=0, atol=tolerance)


def test_sound_beside_a_picture_is_found(tmp_path):
    path = write_sound(tmp_path / "film.mp4", chirp(2.0), codec="aac", pictures=50)
    assert pitch_at(read_audio(path), 1.0) == pytest.approx(500, abs=12)


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_sound_that_begins_later_than_the_picture_is_preceded_by_silence(tmp_path, ending):
    path = write_sound(tmp_path / f"film.{ending}", chirp(6.0), begin_seconds=3.5, pictures=250)
    waveform = read_audio(path)
    assert not waveform.cut(0.0, 3.4).samples.any()
    assert pitch_at(waveform, 4.5) == pytest.approx(500, abs=12)
    part = read_audio(path, start_seconds=3.0, end_seconds=5.0)
    assert not part.cut(3.0, 3.4).samples.any()
    assert pitch_at(part, 4.5) == pytest.approx(500, abs=12)


@pytest.mark.parametrize("ending", ["mkv", "mp4", "ts"])
def test_sound_and_picture_of_a_film_that_starts_late_are_on_one_clock(tmp_path, ending):
    path = tmp_path / f"film.{ending}"
    write_sound(path, chirp(4.0), codec="aac", begin_seconds=5.5, pictures=125, picture_seconds=5.0)
    seconds = VideoFile(path).timestamps()
    assert seconds[0] == (0.0 if ending == "ts" else 5.0), "broadcasts run on clocks of their own"
    begin = seconds[0].item() + 0.5
    waveform = read_audio(path)
    assert not waveform.cut(0.0, begin - 0.1).samples.any()
    assert pitch_at(waveform, begin + 1.0) == pytest.approx(500, abs=12)
    assert waveform.end_seconds == pytest.approx(begin + 4.0, abs=0.1)
    assert audio_seconds(path) == pytest.approx(begin + 4.0, abs=0.1)


def test_sound_alone_starts_where_it_starts(tmp_path):
    path = write_sound(tmp_path / "late.mkv", chirp(2.0), begin_seconds=100.0)
    assert pitch_at(read_audio(path), 1.0) == pytest.approx(500, abs=12)


def test_the_length_is_that_of_the_sound(tune):
    for ending in CODECS:
        assert audio_seconds(tune(ending)) == pytest.approx(6.0, abs=0.1)
    assert audio_seconds(np.zeros(8_000), sample_rate_hz=4_000) == 2.0
    assert audio_seconds({"raw": np.zeros(8_000), "sampling_rate": 8_000}) == 1.0


def test_arrays_are_taken_as_transformers_and_datasets_give_them():
    tone = chirp(1.0, 16_000)
    expected = torch.from_numpy(tone)
    whole = (tone * 32_767).round().astype(np.int16)
    sources = [tone, tone.astype(np.float64), expected, whole, torch.from_numpy(whole), np.stack([tone, tone])]
    sources += [np.stack([tone, tone], axis=1), expected[None], expected.clone().requires_grad_()]
    sources += [{"array": tone, "sampling_rate": 16_000, "path": None}, {"raw": tone, "sampling_rate": 16_000}]
    for source in sources:
        torch.testing.assert_close(read_audio(source).samples, expected, rtol=0, atol=1e-4)
    slow = {"raw": chirp(1.0, 8_000), "sampling_rate": 8_000}
    expected = resample(torch.from_numpy(chirp(1.0, 8_000)), 8_000, 16_000)
    torch.testing.assert_close(read_audio(slow).samples, expected, rtol=0, atol=1e-5)


def test_samples_of_an_array_are_copied():
    tone = chirp(1.0, 16_000)
    waveform = read_audio(tone)
    waveform.samples.zero_()
    assert tone.any()


@pytest.mark.slow
@pytest.mark.promise("F3")
def test_one_real_recording_is_the_same_speech_in_seven_containers():
    reference = read_audio(real("audio_formats/p001.wav"))
    for ending in ("aac", "aiff", "mp3", "mp4", "ogg", "webm"):
        waveform = read_audio(real(f"audio_formats/p001.{ending}"))
        assert waveform.seconds == pytest.approx(reference.seconds, abs=0.1)
        shifts = range(0, 1_600, 4)
        assert max(_alike(Waveform(waveform.samples[shift:], 16_000), reference) for shift in shifts) > 0.97, ending


@pytest.mark.slow
def test_two_hours_are_read_in_the_memory_of_some_blocks(tmp_path):
    path = write_sound(tmp_path / "a.flac", np.tile(chirp(10.0, 8_000), 720), 8_000)
    program = (
        "import resource, sys\n"
        "from toolkit.media.audio import stream_audio\n"
        "blocks = stream_audio(sys.argv[1])\n"
        "peaks = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss for block in blocks]\n"
        "print(len(peaks), peaks[-1] - peaks[5])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    blocks, grown_kilobytes = map(int, done.stdout.split())
    assert blocks == 240
    assert grown_kilobytes < 20_000, "the samples of two hours take 460 MB"
