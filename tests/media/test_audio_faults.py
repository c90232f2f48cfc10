"""Whatever is wrong with a recording is said in one sentence: its name, what is wrong, the way out."""

import io
import wave

import av
import numpy as np
import pytest
import torch

from tests.media.sounds import chirp, served, write_sound
from toolkit.media.audio import audio_seconds, read_audio, stream_audio
from toolkit.media.faults import MediaError

ENDS_IN_A_WAY_OUT = r"`[^`]+` .+\. [A-Z].+\.$"


def complaint(source, **options) -> str:
    """What is said about a recording that cannot be read; reading it in blocks says the same."""
    with pytest.raises(MediaError, match=ENDS_IN_A_WAY_OUT) as told:
        read_audio(source, **options)
    if not options and not isinstance(source, io.IOBase):
        with pytest.raises(MediaError) as told_late:
            list(stream_audio(source))
        assert str(told_late.value) == str(told.value)
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.fixture
def talk(tmp_path):
    """Writes four seconds in the container of an ending."""
    return lambda ending, **options: write_sound(tmp_path / f"talk.{ending}", chirp(4.0), **options)


def shortened(path, share: float):
    """Leaves only the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: round(len(content) * share)])
    return path


@pytest.mark.promise("H7")
def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path):
    assert complaint("nowhere.wav").startswith("`nowhere.wav` does not exist.")
    assert complaint(tmp_path).startswith(f"`{tmp_path}` is a folder.")
    assert complaint("name\0.wav").startswith("`name\0.wav` does not exist.")
    assert f"{'na' * 200}.wav` does not exist." in complaint(f"{'na' * 200}.wav")


@pytest.mark.promise("H7")
def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.mp3").touch()
    assert complaint("a.mp3").startswith("`a.mp3` is empty (0 bytes).")
    assert complaint({"path": "a.mp3", "bytes": b""}).startswith("`a.mp3` is empty (0 bytes).")
    assert complaint(b"").startswith("`<bytes>` is empty (0 bytes).")
    assert complaint(io.BytesIO()).startswith("`<BytesIO>` holds nothing that FFmpeg can play")


@pytest.mark.promise("H7")
def test_a_text_or_noise_under_the_name_of_a_recording_is_refused(tmp_path):
    for content in (b"Dear diary, today I recorded nothing.\n" * 50, np.random.default_rng(0).bytes(5_000)):
        (tmp_path / "a.wav").write_bytes(content)
        assert complaint("a.wav").startswith("`a.wav` holds nothing that FFmpeg can play")


@pytest.mark.promise("H7")
@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "aiff", "webm"])
def test_a_recording_that_breaks_off_is_told_after_what_is_there_was_read(talk, ending):
    path = shortened(talk(ending), 0.6)
    sentence = complaint(path)
    assert sentence.startswith(f"`{path}` is cut short or damaged")
    end_seconds = float(sentence.rpartition("end_seconds=")[2].rstrip("`."))
    assert 2.0 < end_seconds < 2.8
    assert read_audio(path, end_seconds=end_seconds).seconds == pytest.approx(end_seconds, abs=1e-3)
    read = [0.0]
    with pytest.raises(MediaError, match="is cut short"):
        read += (block.end_seconds for block in stream_audio(path, block_seconds=30.0))
    assert read[-1] >= end_seconds, "nothing that was decoded is kept back"


@pytest.mark.promise("H7")
@pytest.mark.parametrize("ending", ["m4a", "mp4"])
def test_a_recording_that_breaks_off_before_its_index_is_refused(talk, ending):
    assert "cut off before its index" in complaint(shortened(talk(ending), 0.6))


@pytest.mark.promise("H7")
@pytest.mark.parametrize("ending", ["m4a", "ogg", "mp3"])
def test_a_recording_with_a_damaged_middle_is_told(talk, ending):
    path = talk(ending)
    content = bytearray(path.read_bytes())
    start, end = len(content) // 3, len(content) * 2 // 3
    content[start:end] = np.random.default_rng(0).bytes(end - start)
    path.write_bytes(content)
    assert "damaged" in complaint(path)


@pytest.mark.promise("H7")
def test_sound_that_is_not_a_number_is_refused_with_its_place(tmp_path):
    for strange in (np.nan, np.inf, -np.inf):
        samples = chirp(2.0, 16_000)
        samples[24_000] = strange
        path = write_sound(tmp_path / "a.wav", samples, 16_000, codec="pcm_f32le")
        for source, name in ((path, str(path)), (samples, "<ndarray>"), (torch.from_numpy(samples), "<Tensor>")):
            assert complaint(source).startswith(f"`{name}` holds NaN or infinity, the first after 1.50 s.")
        assert read_audio(path, end_seconds=1.0).seconds == 1.0


def test_sound_that_is_too_loud_is_sound(tmp_path):
    clipped = (3 * chirp(1.0, 16_000)).clip(-1, 1)
    assert read_audio(write_sound(tmp_path / "a.wav", clipped, 16_000)).samples.abs().max() <= 1.0
    torch.testing.assert_close(read_audio(3 * chirp(1.0, 16_000)).samples.numpy(), 3 * chirp(1.0, 16_000))


def test_a_recording_of_no_length_is_refused(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
    for source in ("a.wav", np.zeros(0), torch.zeros(2, 0)):
        assert "has a length of zero (0 samples)" in complaint(source)
        assert audio_seconds(source) == 0.0


@pytest.mark.promise("H7")
def test_days_of_silence_out_of_a_few_bytes_are_refused(tmp_path):
    path = str(tmp_path / "a.mkv")
    with av.open(path, "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for index in range(10):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8000, index * 3500 * 8000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(MediaError, match=r"has time stamps with 6\.8 hours of nothing between them up to 21000\.10 s"):
        for _ in stream_audio(path, sample_rate_hz=1000):
            pass
    assert read_audio(path, sample_rate_hz=1000, end_seconds=3600.0).seconds == 3600.0
    with pytest.raises(MediaError, match="is longer than 4 hours, too much to be held at once"):
        read_audio(np.zeros(14_500), sample_rate_hz=1)


def test_a_part_after_the_end_is_refused(talk):
    for ending in ("wav", "mp3", "m4a"):
        assert "is over before 9 s. Lower `start_seconds`" in complaint(talk(ending), start_seconds=9.0)
    assert "is over before 9 s" in complaint(np.zeros(16_000), start_seconds=9.0)


def test_a_film_without_sound_and_subtitles_are_refused(tmp_path):
    with av.open(str(tmp_path / "film.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, width=32, height=32, pix_fmt="yuv420p")
        container.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        container.mux(stream.encode(None))
    assert complaint("film.mp4").startswith("`film.mp4` has no sound, only video.")
    (tmp_path / "film.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n")
    assert complaint("film.vtt").startswith("`film.vtt` has no sound, only subtitle.")


def test_an_address_that_does_not_answer_is_told(tmp_path):
    with served(tmp_path) as address:
        gone = f"{address}/nothing.mp3"
        assert complaint(gone).startswith(f"`{gone}` could not be fetched")
    assert complaint(f"{address}/late.mp3").startswith(f"`{address}/late.mp3` could not be fetched")


@pytest.mark.promise("H7")
def test_a_playlist_under_the_name_of_a_recording_leads_nowhere(talk, tmp_path):
    path = talk("aac")
    with served(tmp_path) as address:
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:10", "#EXTINF:4,", f"{address}/{path.name}", "#EXT-X-ENDLIST", ""]
        (tmp_path / "talk.wav").write_text("\n".join(lines))
        (tmp_path / "talk.m3u8").write_text("\n".join(lines))
        assert read_audio(f"{address}/talk.m3u8").seconds > 3.5, "an address may lead to another"
        complaint("talk.wav")
        complaint("talk.m3u8")


@pytest.mark.parametrize("source", [None, 5, ["a.wav"], {"path": "a.wav", "bytes": "RIFF"}])
def test_what_is_no_source_is_named(source):
    if isinstance(source, dict):
        with pytest.raises(MediaError, match="`a.wav` does not exist"):
            read_audio(source)
    else:
        with pytest.raises(TypeError, match=f"but is of type {type(source).__name__}"):
            read_audio(source)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ({}, "`source` must have 'path' or 'bytes', or samples under 'array' or 'raw', but has \\[\\]"),
        ({"path": None, "bytes": None}, "Fill one of them"),
        ({"array": np.zeros(5)}, "`sampling_rate` must stand beside the samples"),
        ({"array": np.zeros(5), "sampling_rate": 0}, "`sampling_rate` must be above 0, but is 0"),
        (np.zeros((2, 3, 4)), "`array` must have the shape"),
        (np.float32(1.0) * np.zeros(()), "`array` must have the shape|of type float"),
    ],
)
def test_what_an_array_lacks_is_named(source, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        read_audio(source)


@pytest.mark.parametrize("array", [np.zeros(5, bool), np.zeros(5, complex), np.array(["a"])])
def test_an_array_of_something_else_is_refused(array):
    with pytest.raises(TypeError, match=f"`array` must hold real numbers, but is of type {array.dtype}"):
        read_audio(array)


def test_a_text_stream_is_refused(tmp_path):
    (tmp_path / "a.wav").write_text("RIFF")
    with (tmp_path / "a.wav").open() as stream, pytest.raises(TypeError, match="Open files with mode 'rb'"):
        read_audio(stream)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"sample_rate_hz": 0}, "`sample_rate_hz` must be above 0, but is 0"),
        ({"start_seconds": -1.0}, "`start_seconds` must be at least 0"),
        ({"start_seconds": 3.0, "end_seconds": 2.0}, "not after `end_seconds` \\(2.0\\), but is 3.0"),
        ({"start_seconds": float("nan")}, "`start_seconds` must be at least 0"),
    ],
)
def test_wrong_times_and_rates_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_audio(np.zeros(16_000), **options)


@pytest.mark.parametrize("block_seconds", [0.0, -1.0, float("inf"), float("nan"), 1e-6])
def test_wrong_blocks_are_refused_before_anything_is_read(block_seconds):
    with pytest.raises(ValueError, match="`block_seconds` must be above"):
        stream_audio("nowhere.wav", block_seconds=block_seconds)


def test_samples_in_a_mapping_are_named_by_their_kind_or_by_the_path_beside_them():
    for beside, name in (({}, "<ndarray>"), ({"path": "talk.wav"}, "talk.wav"), ({"path": None}, "<ndarray>")):
        with pytest.raises(MediaError, match=f"^`{name}` has a length of zero"):
            read_audio({"array": np.zeros(0), "sampling_rate": 8000, **beside})
