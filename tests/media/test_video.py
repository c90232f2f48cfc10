"""Every frame comes once, in order, upright and at its own time, in any container; one frame comes exactly."""

import io
import itertools
import random
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from tests.media.films import even, film, growing, numbers, turned, two_tracks, uneven
from toolkit.media.ahead import ahead
from toolkit.media.faults import MediaError
from toolkit.media.video import VideoFile

CONTAINERS = {
    "mp4": {},
    "mkv": {},
    "mov": {},
    "ts": {},
    "webm": {"codec": "libvpx-vp9"},
    "avi": {"codec": "mpeg4"},
}


def all_numbers(video: VideoFile, **wanted) -> list[int]:
    return [number for clip in video.frames(**wanted) for number in numbers(clip.frames)]


def all_seconds(video: VideoFile, **wanted) -> list[float]:
    return torch.cat([clip.seconds for clip in video.frames(**wanted)]).tolist()


def by_hand(path: str) -> list[np.ndarray]:
    """What PyAV alone decodes."""
    with av.open(path) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(container.streams.best("video"))]


@pytest.fixture(params=CONTAINERS)
def named(request: pytest.FixtureRequest) -> str:
    """A film of 50 frames, 2 s, in one container after the other."""
    return film(f"film.{request.param}", even(50), **CONTAINERS[request.param])


@pytest.mark.promise("G2", "G3")
def test_every_frame_comes_once_in_order_at_its_time(named):
    video = VideoFile(named)
    assert all_numbers(video) == list(range(50))
    assert all_seconds(video) == video.timestamps().tolist() == pytest.approx(even(50), abs=0.0006)
    assert (video.header.frames, video.header.width, video.header.height) == (50, 80, 48)
    assert video.header.end_seconds == pytest.approx(2.0, abs=0.002)
    assert video.header.frames_per_second == pytest.approx(25, abs=0.05)


@pytest.mark.promise("G2")
def test_any_frame_is_found_exactly(named):
    video = VideoFile(named)
    for index in random.sample(range(50), 12):
        assert numbers(video.frame(index).frames) == [index]


@pytest.mark.promise("G3")
@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 33])
def test_a_file_of_any_length_is_seen_to_its_last_frame(count):
    video = VideoFile(film("film.mp4", even(count)))
    assert all_numbers(video) == list(range(count))
    assert video.header.frames == count


@pytest.mark.promise("G2")
def test_a_variable_rate_keeps_each_time():
    times = uneven(60)
    video = VideoFile(film("film.mp4", times))
    assert all_seconds(video) == pytest.approx(times, abs=0.0001)


def test_pictures_are_those_of_pyav_bit_for_bit():
    film("film.mp4", even(20))
    ours = torch.cat([clip.frames for clip in VideoFile("film.mp4").frames()]).permute(0, 2, 3, 1)
    assert np.array_equal(ours.numpy(), np.stack(by_hand("film.mp4")))


@pytest.mark.promise("G2")
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("size", [None, (40, 60)])
def test_a_turned_film_stands_upright(degrees, size):
    film("film.mp4", even(3))
    video = VideoFile(turned("film.mp4", degrees, "turned.mp4"))
    assert (video.header.height, video.header.width) == ((80, 48) if degrees % 180 else (48, 80))
    plain = VideoFile("film.mp4").frame(2, size=(size[::-1] if size and degrees % 180 else size)).frames[0]
    expected = np.rot90(plain.numpy(), -degrees // 90, axes=(1, 2))  # clockwise
    found = video.frame(2, size=size).frames[0].numpy()
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_odd_sizes_are_kept():
    film("odd.mkv", even(4), size=(49, 81), pixels="yuv444p")
    [clip] = VideoFile("odd.mkv").frames()
    assert clip.frames.shape == (4, 3, 49, 81)
    assert numbers(clip.frames) == [0, 1, 2, 3]


def test_shrinking_averages_areas():
    film("film.mp4", even(2), size=(96, 160), pixels="yuv444p", options={"crf": "1"})
    full = VideoFile("film.mp4").frame(1).frames.float()
    half = VideoFile("film.mp4").frame(1, size=(48, 80)).frames.float()
    assert (half - torch.nn.functional.avg_pool2d(full, 2)).abs().max() <= 2


@pytest.mark.promise("G2")
@pytest.mark.parametrize("times", [even(50), uneven(50), [0.0], [0.0, 3.0, 3.04]], ids=["even", "uneven", "one", "gap"])
@pytest.mark.parametrize("rate", [1.0, 6.0, 25.0, None])
def test_sampling_takes_the_frames_nearest_to_an_even_grid_and_knows_the_way_back(times, rate):
    video = VideoFile(film("film.mp4", times))
    seconds = video.timestamps().tolist()
    sampling = video.sampling(frames_per_second=rate)
    chosen = set(range(len(times)))
    if rate is not None:
        steps = itertools.takewhile(
            lambda time: time <= seconds[-1] + 0.0005, (seconds[0] + step / rate for step in itertools.count())
        )
        chosen = {min(range(len(times)), key=lambda frame: round(abs(seconds[frame] - step), 9)) for step in steps}
    assert sampling.source_frames.tolist() == sorted(chosen)
    assert sampling.seconds.tolist() == [seconds[frame] for frame in sorted(chosen)]
    assert all_numbers(video, frames_per_second=rate) == sorted(chosen)
    distances = (sampling.seconds[None] - video.timestamps()[:, None]).abs()
    assert torch.allclose(distances.gather(1, sampling.nearest[:, None])[:, 0], distances.min(1).values)


@pytest.mark.promise("G10")
@pytest.mark.parametrize("indices", [[0], [49], [3, 4, 48], [0, 47], [1, 13, 14, 30, 49], list(range(50))])
def test_chosen_frames_come_alone_and_exactly(named, indices):
    video = VideoFile(named)
    clips = list(video.select(indices, batch_frames=2))
    assert [number for clip in clips for number in numbers(clip.frames)] == indices
    assert torch.cat([clip.seconds for clip in clips]).tolist() == video.timestamps()[indices].tolist()


def test_no_frame_is_taken_twice_to_reach_a_rate_that_the_file_has_not():
    video = VideoFile(film("film.mp4", even(10, rate=5.0)))
    assert video.sampling(frames_per_second=50.0).source_frames.tolist() == list(range(10))


def test_ranges_that_touch_share_no_frame_and_lose_none():
    video = VideoFile(film("film.mp4", uneven(50)))
    cuts = [None, 0.5, video.timestamps()[20].item(), 2.0, None]
    parts = [all_numbers(video, start_seconds=start, end_seconds=end) for start, end in itertools.pairwise(cuts)]
    assert sum(parts, []) == list(range(50))
    assert parts[2][0] == 20


def test_frames_of_several_sizes_come_in_one():
    [clip] = VideoFile(growing("both.h264", 20)).frames(batch_frames=32)
    assert clip.frames.shape == (20, 3, 48, 80)
    assert numbers(clip.frames) == list(range(20))


def test_a_stream_without_time_stamps_is_timed_at_its_rate():
    video = VideoFile(film("bare.h264", even(30)))
    assert all_numbers(video) == list(range(30))
    assert np.allclose(np.diff(video.timestamps()), 1 / video.header.frames_per_second)
    assert numbers(video.frame(17).frames) == [17]


def test_of_two_pictures_the_one_that_players_show_is_taken():
    video = VideoFile(two_tracks("two.mp4", 12))
    assert (video.header.width, video.header.height) == (160, 96)
    assert all_numbers(video) == list(range(12))


@pytest.mark.promise("G3")
@pytest.mark.parametrize("cut", ["broadcast", "edit list", "hidden frames"])
def test_frames_are_those_that_can_be_shown_whatever_the_packets_say(cut):
    if cut == "broadcast":  # starts in the middle, before a keyframe
        data = Path(film("whole.ts", even(50))).read_bytes()
        path = "cut.ts"
        Path(path).write_bytes(data[:376] + data[len(data) // 188 // 3 * 188 :])
    elif cut == "edit list":  # frames before 0 are there, and not shown
        path = film("cut.mp4", [time - 0.2 for time in even(50)])
    else:  # VP8 has packets that only other frames refer to
        path = film("cut.webm", even(50), codec="libvpx", options={"auto-alt-ref": "1", "lag-in-frames": "16"})
    shown = numbers(torch.from_numpy(np.stack(by_hand(path))).permute(0, 3, 1, 2))
    video = VideoFile(path)
    assert all_numbers(video) == shown
    assert len(video.timestamps()) == len(shown) == video.header.frames
    assert [numbers(video.frame(index).frames)[0] for index in (0, 13, len(shown) - 1)] == [
        shown[index] for index in (0, 13, len(shown) - 1)
    ]


def test_a_file_may_come_as_path_bytes_stream_or_row(tmp_path):
    path = film("film.mp4", even(5))
    data = Path(path).read_bytes()
    for source in (path, tmp_path / path, data, io.BytesIO(data), {"path": path, "bytes": data}, {"path": path}):
        assert all_numbers(VideoFile(source)) == list(range(5))


def test_two_readings_of_one_file_do_not_disturb_each_other():
    video = VideoFile(Path(film("film.mp4", even(40))).read_bytes())
    pairs = zip(video.frames(batch_frames=8), video.frames(batch_frames=8), strict=True)
    assert [numbers(one.frames) == numbers(other.frames) for one, other in pairs] == [True] * 5


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda video: video.frame(10), r"`index` must be at least 0 .*\(10\), but is 10"),
        (lambda video: video.frame(-1), "but is -1"),
        (lambda video: video.frames(start_seconds=5.0), "must hold a frame of `film.mp4`"),
        (lambda video: video.frames(start_seconds=0.3, end_seconds=0.1), "but are 0.3 and 0.1"),
        (lambda video: video.frames(frames_per_second=0), "`frames_per_second` must be above 0, but is 0"),
        (lambda video: video.frames(batch_frames=0), "`batch_frames` must be at least 1, but is 0"),
        (lambda video: video.select([]), r"`indices` must rise within 0 to 9, .* but are \[\]"),
        (lambda video: video.select([3, 3]), "but are \\[3, 3\\]"),
        (lambda video: video.select([10]), "but are \\[10\\]"),
        (lambda video: video.frames(size=(0, 5)), r"`size` must be .* but is \(0, 5\)"),
    ],
)
def test_what_cannot_be_answered_is_refused_at_once(ask, words):
    video = VideoFile(film("film.mp4", even(10)))
    with pytest.raises(ValueError, match=words) as refusal:
        ask(video)
    assert not isinstance(refusal.value, MediaError)


def test_work_is_done_only_a_little_ahead_and_ends_when_nobody_waits():
    made = []

    def work():
        try:
            for number in range(100):
                made.append(number)
                yield number
        finally:
            made.append("closed")

    items = ahead(work(), depth=2)
    assert made == []
    assert [next(items), next(items)] == [0, 1]
    items.close()
    assert len(made) <= 6
    assert made[-1] == "closed"


def test_a_fault_in_the_background_comes_up_in_its_place():
    def work():
        yield 1
        raise OSError("gone")

    items = ahead(work(), depth=3)
    assert next(items) == 1
    with pytest.raises(OSError, match="gone"):
        next(items)
