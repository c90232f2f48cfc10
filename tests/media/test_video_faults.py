"""A file that is no whole video costs one sentence that names it, and its good part can be had."""

import random
from pathlib import Path

import av
import numpy as np
import pytest

from tests.media.films import even, film, hollow, numbers, undecodable
from toolkit.media.faults import MediaError
from toolkit.media.video import VideoFile


def tone(path: str, *, cover: bool = False) -> str:
    """Half a second of sound without a picture, or with one on its cover."""
    with av.open(path, "w") as output:
        stream = output.add_stream("libmp3lame" if path.endswith("mp3") else "aac", rate=16_000, layout="mono")
        image = None
        if cover:
            image = output.add_stream("mjpeg", rate=1)
            image.width, image.height, image.pix_fmt = 16, 16, "yuvj420p"
            image.disposition = av.stream.Disposition.attached_pic
            output.start_encoding()
            output.mux(image.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))))
            output.mux(image.encode(None))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def written(path: str, data: bytes) -> str:
    Path(path).write_bytes(data)
    return path


def shortened(path: str, share: float) -> str:
    """A copy that ends after this share of the bytes."""
    data = Path(path).read_bytes()
    return written(f"short_{path}", data[: int(len(data) * share)])


def noisy(path: str) -> str:
    """A copy that holds random bytes instead of some of the frames."""
    data = bytearray(Path(path).read_bytes())
    start = len(data) * 7 // 10
    data[start : start + 500] = random.Random(1).randbytes(500)
    return written(f"noisy_{path}", bytes(data))


def long_film(path: str, **options: str) -> str:
    return film(path, even(100), size=(96, 160), **options)


BROKEN = {
    "empty": (lambda: written("a.mp4", b""), "is empty"),
    "missing": (lambda: "a.mp4", "does not exist"),
    "a folder": (lambda: "..", "is a folder"),
    "a text under a video's name": (lambda: written("a.mp4", b"file,start,end,label\n" * 99), "holds nothing"),
    "a text": (lambda: written("labels.txt", b"walk 0 20\n" * 99), "is a text"),
    "sound alone": (lambda: tone("a.m4a"), "has no moving picture, only audio"),
    "sound with a cover": (lambda: tone("a.mp3", cover=True), "has no moving picture, only audio"),
    "no frame": (lambda: hollow("a.avi"), "has a video track, but not one frame in it"),
    "no track": (lambda: hollow("a.mp4"), "has no moving picture, only an empty frame"),
    "no frame that can be decoded": (
        lambda: undecodable("a.mkv"),
        "has a video track, but not one frame of it can be decoded",
    ),
    "cut off before its index": (lambda: shortened(long_film("a.mp4"), 0.5), "holds nothing"),
    "cut off behind its index": (lambda: shortened(long_film("a.mp4", movflags="faststart"), 0.6), "is cut short"),
    "matroska cut off": (
        lambda: shortened(long_film("a.mkv"), 0.6),
        r"is cut short: it ends after \d.\d\d s of 4.00 s",
    ),
    "noise in the middle": (lambda: noisy(long_film("a.mp4", movflags="faststart")), "is damaged"),
}


@pytest.mark.promise("H7")
@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_is_no_whole_video_costs_one_sentence(case):
    make, words = BROKEN[case]
    path = make()
    with pytest.raises(MediaError, match=words) as refusal:
        list(VideoFile(path).frames())
    sentence = str(refusal.value)
    assert sentence.startswith(f"`{path}` ")
    assert "\n" not in sentence


@pytest.mark.parametrize("case", ["no frame", "no frame that can be decoded"])
def test_of_a_video_without_a_frame_no_part_can_be_taken(case):
    path = BROKEN[case][0]()
    with pytest.raises(
        MediaError, match=f"^`{path}` has a video track, but not one frame of it can be decoded. Export"
    ):
        VideoFile(path, partial=True).timestamps()


@pytest.mark.parametrize("case", ["cut off behind its index", "matroska cut off", "noise in the middle"])
def test_the_part_that_is_there_can_be_taken(case):
    path = BROKEN[case][0]()
    video = VideoFile(path, partial=True)
    found = [number for clip in video.frames() for number in numbers(clip.frames)]
    assert 10 < len(found) == video.header.frames < 100
    assert found[:10] == list(range(10))
    assert numbers(video.frame(7).frames) == [7]


@pytest.mark.promise("H7")
@pytest.mark.parametrize("partial", [False, True])
def test_time_stamps_that_leap_over_days_are_refused(partial):
    film("a.mkv", [0.0, 0.04, 9e5])
    with pytest.raises(MediaError, match="has damaged time stamps: its 3 frames last 900000 s, one of them 900000 s"):
        list(VideoFile("a.mkv", partial=partial).frames(frames_per_second=5.0))


@pytest.mark.promise("H7")
def test_frames_of_more_points_than_memory_is_for_are_refused(monkeypatch):
    film("a.mp4", even(3))
    monkeypatch.setattr("toolkit.media.timeline._MOST_PIXELS", 80 * 48)
    assert VideoFile("a.mp4").header.frames == 3
    monkeypatch.setattr("toolkit.media.timeline._MOST_PIXELS", 80 * 48 - 1)
    with pytest.raises(MediaError, match="has frames of 80 x 48 points, of which 3,839 can be read. Export it smaller"):
        VideoFile("a.mp4").timestamps()


@pytest.mark.promise("H7")
def test_a_wrong_ending_does_not_matter_where_the_content_is_a_video():
    film("a.mkv", even(5))
    Path("a.mkv").rename("a.mp3")
    assert VideoFile("a.mp3").header.frames == 5


def test_sound_that_lasts_longer_than_the_picture_is_no_damage():
    path = "long_sound.mkv"
    with av.open(path, "w") as output:
        picture = output.add_stream("libx264", rate=25)
        picture.width, picture.height, picture.pix_fmt = 80, 48, "yuv420p"
        sound = output.add_stream("aac", rate=16_000, layout="mono")
        for _ in range(25):
            output.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((48, 80, 3), np.uint8))))
        output.mux(picture.encode(None))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 80_000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    assert VideoFile(path).header.frames == 25


def test_what_is_no_source_at_all_is_refused_by_its_kind():
    with pytest.raises(TypeError, match="`source` must be a path"):
        VideoFile(17).timestamps()
