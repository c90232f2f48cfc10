"""Videos as the model sees them: decoded once, kept on disk, the same as the processor's own."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.adapters.video.drawn import draw
from toolkit.adapters.video.films import BLOCK_FRAMES, HELD_BYTES, Films, as_blocks, still_of
from toolkit.media import video
from toolkit.media.video import VideoFile
from toolkit.models import FrameProcessor

LABELS = ["none"] * 7 + ["left"] * 9 + ["right"] * 5


def processor(**settings: object) -> FrameProcessor:
    return FrameProcessor(**{"size": (12, 16), "frames_per_second": 5.0, **settings})


def seen_of(file: VideoFile, processor: FrameProcessor) -> Iterator[torch.Tensor]:
    """What the model reads of a video that is not kept."""
    last_seconds, still = file.timestamps()[-1].item(), still_of(file, processor)
    return processor.stream(as_blocks(file, processor), last_seconds=last_seconds, still=still)


@pytest.fixture
def decodings(monkeypatch) -> list[str]:
    """Names of the files that were decoded."""
    names: list[str] = []
    select = VideoFile.select

    def counted(self, indices, **settings):
        names.append(self.name)
        return select(self, indices, **settings)

    monkeypatch.setattr(VideoFile, "select", counted)
    return names


@pytest.mark.promise("G2")
@pytest.mark.parametrize(
    "settings", [{}, {"subtract_median": True}, {"frames_per_second": 25.0}, {"mean": 3 * [0.5], "std": 3 * [0.2]}]
)
@pytest.mark.parametrize("held_bytes", [HELD_BYTES, 0])
def test_what_is_kept_is_what_the_processor_sees(held_bytes, settings, monkeypatch):
    monkeypatch.setattr("toolkit.adapters.video.films.HELD_BYTES", held_bytes)
    seconds = np.cumsum([0.0, *np.random.default_rng(0).choice([0.05, 0.1, 0.15], len(LABELS) - 1)])
    path = draw("a.mp4", LABELS, seconds=seconds.tolist())
    [clip] = VideoFile(path).frames(size=(12, 16), batch_frames=99)
    seen = processor(**settings)(clip.frames, seconds=clip.seconds)["frames"][0]
    film = Films(processor(**settings), "kept")[path]
    assert torch.equal(film.seen(processor(**settings)), seen)
    assert torch.equal(torch.cat(list(seen_of(VideoFile(path), processor(**settings)))), seen)
    assert film.seconds == pytest.approx(seconds, abs=1e-4)


def test_each_video_is_decoded_once_in_all_runs(decodings):
    path = draw("a.mp4", LABELS)
    for _ in range(2):
        films = Films(processor(), "kept")
        assert films[path] is films[path]
    assert decodings == ["a.mp4"]


def test_a_changed_file_and_other_settings_are_decoded_anew(decodings):
    path = draw("a.mp4", LABELS)
    first = Films(processor(), "kept")[path]
    draw("a.mp4", LABELS[:9])
    os.utime(path, (1, 1))
    second = Films(processor(), "kept")[path]
    Films(processor(frames_per_second=2.0), "kept")[path]
    Films(processor(size=(10, 16)), "kept")[path]
    assert len(decodings) == 4 and len(second.frames) < len(first.frames)


def test_what_broke_off_leaves_nothing_behind(monkeypatch):
    path = draw("a.mp4", LABELS)
    films = Films(processor(), "kept")

    def fails(*_):
        raise OSError("disk full")

    monkeypatch.setattr(films.processor, "shrink", fails)
    with pytest.raises(OSError, match="disk full"):
        films[path]
    assert os.listdir("kept") == []


def test_a_folder_that_cannot_be_used_is_named():
    path = draw("a.mp4", LABELS)
    with pytest.raises(OSError, match="^`frames_folder` must have room .* but a.mp4 cannot be used .* name another"):
        Films(processor(), path)[path]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux lists the open files of a process there")
def test_of_many_films_no_file_stays_open():
    path, films = draw("a.mp4", LABELS), Films(processor(subtract_median=True), "kept")
    count = len(films[path].seen(films.processor))
    before = os.listdir("/proc/self/fd")
    for number in range(5):
        copied = shutil.copy(path, f"{number}.mp4")
        assert len(films[copied].seen(films.processor)) == films[copied].count == count
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_frames_that_were_thrown_away_are_decoded_again(decodings):
    path, films = draw("a.mp4", LABELS), Films(processor(), "kept")
    frames = np.array(films[path].frames)
    shutil.rmtree("kept")
    assert np.array_equal(films[path].frames, frames) and decodings == ["a.mp4", "a.mp4"]


def test_writing_into_frames_never_reaches_the_disk():
    path = draw("a.mp4", LABELS)
    before = Films(processor(), "kept")[path].frames
    before += 1
    assert not np.array_equal(Films(processor(), "kept")[path].frames, before)


@pytest.mark.parametrize(("held_bytes", "times"), [(HELD_BYTES, 1), (350 * 12 * 16 - 1, 2)])
def test_a_short_video_is_decoded_once_to_lose_its_still_background(held_bytes, times, monkeypatch):
    """Of 350 frames those that tell what stands still are 3 apart, so that nearly all are decoded to reach them."""
    path, counted, decoded = draw("a.mp4", [*150 * ["left"], *200 * ["none"]]), [], video.decoded
    monkeypatch.setattr("toolkit.adapters.video.films.HELD_BYTES", held_bytes)
    monkeypatch.setattr(
        video,
        "decoded",
        lambda *given, **settings: map(lambda one: counted.append(1) or one, decoded(*given, **settings)),
    )
    whole = processor(subtract_median=True, frames_per_second=10.0)
    assert len(torch.cat(list(seen_of(VideoFile(path), whole)))) == 350
    assert 350 * times <= len(counted) <= 350 * times + 10


def test_a_video_without_its_still_background_is_a_stream_too(monkeypatch):
    monkeypatch.setattr("toolkit.adapters.video.films.HELD_BYTES", 0)
    path = draw("long.mp4", [*150 * ["left"], *200 * ["none"]])
    whole = processor(subtract_median=True, frames_per_second=10.0)
    [clip] = VideoFile(path).frames(size=(12, 16), batch_frames=999)
    expected = whole(clip.frames, seconds=clip.seconds)["frames"][0]
    sizes: list[int] = []
    for seen in seen_of(VideoFile(path), whole):
        sizes.append(len(seen))
        assert torch.equal(seen, expected[sum(sizes[:-1]) : sum(sizes)])
    assert sum(sizes) == 350 and max(sizes) <= BLOCK_FRAMES + 1


def test_frames_that_the_model_does_not_see_are_not_converted(monkeypatch):
    path = draw("a.mp4", 60 * ["left"])
    converted, pictures = [], video._pictures
    monkeypatch.setattr(
        video, "_pictures", lambda frames, size: pictures((converted.append(1) or frame for frame in frames), size)
    )
    assert len(torch.cat(list(seen_of(VideoFile(path), processor(frames_per_second=2.0))))) == 12
    assert len(converted) == 12
