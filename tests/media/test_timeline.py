"""Frames that only decoding can count are found as fast as others, and joined recordings keep their order."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.media.films import even, film, numbers
from toolkit.media import timeline
from toolkit.media.video import VideoFile

DECODED = {  # their frames are counted by decoding them
    "film.avi": {"codec": "mpeg4"},
    "film.ts": {"codec": "mpeg2video"},
    "film.mkv": {"codec": "mpeg2video"},
    "film.webm": {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "16"}},
    "film.wmv": {"codec": "wmv2"},
}


def shown(video: VideoFile, *indices: int) -> list[int]:
    """The numbers of these frames, or of all."""
    clips = video.select(indices) if indices else video.frames()
    return [number for clip in clips for number in numbers(clip.frames)]


@pytest.mark.parametrize(
    ("name", "settings", "most"),
    [("film.mp4", {}, 60), ("h264.ts", {}, 100), *((*item, 100) for item in DECODED.items())],
)
def test_a_wide_gap_is_not_decoded_where_a_keyframe_lies_in_it(name, settings, most, monkeypatch):
    video = VideoFile(film(name, even(240), **settings))
    assert video.header.frames == 240
    counted, decoded = [], timeline.decoded
    monkeypatch.setattr(
        "toolkit.media.video.decoded",
        lambda *given, **settings: map(lambda frame: counted.append(1) or frame, decoded(*given, **settings)),
    )
    assert shown(video, 0, 100, 239) == [0, 100, 239]
    assert len(counted) < most


@pytest.mark.parametrize("name", [*DECODED, "film.mpg"])
def test_what_is_counted_by_decoding_is_found_as_exactly(name):
    video = VideoFile(film(name, even(100), **DECODED.get(name, {"codec": "mpeg2video"})))
    assert shown(video) == list(range(100))
    for index in range(0, 100, 7):
        assert shown(video, *range(index, 100, 3)) == list(range(index, 100, 3))


def joined(path: str, *parts: str) -> str:
    """Broadcasts one after the other, their packets numbered as those of one."""
    data, counts = bytearray(b"".join(Path(part).read_bytes() for part in parts)), Counter()
    for start in range(0, len(data), 188):
        stream = int.from_bytes(data[start + 1 : start + 3]) & 0x1FFF
        if data[start + 3] & 0x10:  # it holds something
            data[start + 3] = data[start + 3] & 0xF0 | counts[stream] % 16
            counts[stream] += 1
    Path(path).write_bytes(data)
    return path


@pytest.mark.parametrize("offset", [0.0, 0.99])
def test_recordings_that_were_joined_follow_each_other_whatever_their_clocks_say(offset):
    film("one.ts", even(50))
    film("other.ts", [time + offset for time in even(50)], first_number=50)
    video = VideoFile(joined("both.ts", "one.ts", "other.ts"))
    assert shown(video) == list(range(100))
    assert np.allclose(np.diff(video.timestamps()), 1 / 25, atol=0.002)
    assert numbers(video.frame(70).frames) == [70]
