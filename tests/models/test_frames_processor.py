"""What the model sees of a video: its rate, its size, its numbers, and the way back to every source frame."""

import pytest
import torch
from transformers import AutoProcessor

from tests.models.clips import SIZE, film, frame_processor
from toolkit.models.processing_frames import at_rate

RATES = (5.0, 12.5, 23.976, 25.0, 30.0, 60.0)


def times(count: int, rate: float, start: float = 0.0) -> torch.Tensor:
    return start + torch.arange(count, dtype=torch.float64) / rate


@pytest.mark.parametrize("rate", RATES)
def test_every_source_frame_has_a_nearest_frame_that_was_seen(rate):
    processor = frame_processor(frames_per_second=25.0)
    for count in (*range(1, 20), 100):
        seconds = times(count, rate, start=3.0)
        seen, places = processor.seen(seconds), processor.places(seconds)
        assert len(places) == count
        assert places[0] == 0
        assert places[-1] == len(seen) - 1
        ticks = times(len(seen), 25.0, start=3.0)
        inside = seconds <= ticks[-1]  # after the last tick there may be some frames
        assert (seconds[~inside] - ticks[-1] < 1 / 25).all()
        assert ((ticks[places] - seconds)[inside].abs() <= 0.5 / 25 + 0.0006 + 1e-9).all()
        assert ((seconds[seen] - ticks).abs() <= 0.5 / rate + 0.0005).all()


@pytest.mark.parametrize("rate", [12.5, 3.0])
def test_of_two_seen_frames_as_near_the_later_counts(rate):
    seconds, processor = times(100, 25.0), frame_processor(frames_per_second=rate)
    ticks = [tick / rate for tick in range(len(processor.seen(seconds)))]
    nearest = [
        min(range(len(ticks)), key=lambda tick: (round(abs(ticks[tick] - second), 9), -tick))
        for second in seconds.tolist()
    ]  # at these rates, frames are either as near to two ticks or nearer to one by some milliseconds
    assert processor.places(seconds).tolist() == nearest
    if rate == 12.5:
        assert processor.places(seconds)[:7].tolist() == [0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("rate", [30.0, 30000 / 1001, 48.0, 60.0])
def test_seen_frames_stand_for_as_many_of_the_file_where_that_counts_in_milliseconds(rate):
    places = frame_processor(frames_per_second=rate / 2).places((times(100, rate) * 1000).round() / 1000)
    assert places.tolist() == [(frame + 1) // 2 for frame in range(99)] + [49]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("size", [1, 2, 7])
def test_it_does_not_matter_in_what_blocks_frames_come(rate, size):
    seconds = times(40, 25.0)
    whole = torch.cat(list(at_rate([(torch.arange(40), seconds)], rate)))
    blocks = zip(torch.arange(40).split(size), seconds.split(size), strict=True)
    assert torch.equal(torch.cat(list(at_rate(blocks, rate))), whole)


def test_times_that_were_rounded_lose_no_frame():
    """Containers that count in milliseconds say 0.033, 0.067, 0.1 for 30 frames a second."""
    seconds = (times(300, 30.0) * 1000).round() / 1000
    assert torch.equal(torch.cat(list(at_rate([(torch.arange(300), seconds)], 30.0))), torch.arange(300))


def test_a_frame_that_stood_long_is_seen_long():
    seen = torch.cat(list(at_rate([(torch.arange(3), [0.0, 0.1, 1.0])], 10.0)))
    assert seen.tolist() == [0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]


def test_arrays_and_tensors_of_either_order_are_one():
    processor, frames = frame_processor(), film(5)
    expected = processor(frames)["frames"]
    assert expected.shape == (1, 5, 1, *SIZE)
    assert torch.equal(processor(frames.numpy())["frames"], expected)
    assert torch.equal(processor(frames.permute(0, 3, 1, 2))["frames"], expected)


def test_numbers_are_the_bytes_less_the_mean_by_the_deviation():
    processor = frame_processor(mean=(0.2, 0.4, 0.6), std=(0.1, 0.2, 0.5))
    frames = film(3, *SIZE)
    expected = (frames.permute(0, 3, 1, 2) / 255 - torch.tensor([0.2, 0.4, 0.6])[:, None, None]) / torch.tensor(
        [0.1, 0.2, 0.5]
    )[:, None, None]
    assert torch.allclose(processor(frames)["frames"][0], expected)


def test_grey_is_the_eyes_and_colour_can_be_made_of_grey():
    frames = film(3, *SIZE)
    grey = frames.double() @ torch.tensor([0.299, 0.587, 0.114]).double()
    shrunk = frame_processor().shrink(frames)
    assert (shrunk[:, 0] - grey).abs().max() <= 0.51
    assert torch.equal(frame_processor(mean=(0.5,) * 3, std=(1.0,) * 3).shrink(shrunk), shrunk.expand(-1, 3, -1, -1))


def test_what_stands_still_is_subtracted():
    background = film(1, *SIZE)[:, ..., :1].expand(-1, -1, -1, 3)
    frames = background.repeat(30, 1, 1, 1)
    for frame in range(30):
        frames[frame, 2, frame % 12] = 255
    still = frame_processor(subtract_median=True, std=(1.0,))(frames)["frames"][0]
    for frame in range(30):
        others = torch.ones(*SIZE, dtype=torch.bool)
        others[2, frame % 12] = False
        assert not still[frame, 0][others].any()
    assert (still[:, 0, 2].max(1).values > 0).all()


def test_a_processor_is_loaded_as_it_was_saved(tmp_path):
    processor = frame_processor(subtract_median=True, frames_per_second=6.0)
    processor.save_pretrained(tmp_path)
    loaded = AutoProcessor.from_pretrained(tmp_path)
    assert type(loaded) is type(processor)
    assert {"auto_map": processor.to_dict()["auto_map"], **loaded.to_dict()} == processor.to_dict()
    assert loaded.events == processor.events
    assert torch.equal(loaded(film(9))["frames"], processor(film(9))["frames"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(mean=(0.5,), std=(0.5,) * 3), "`mean` and `std` must both have 1 number"),
        (dict(frames_per_second=0.0), "`frames_per_second` must be above 0, but is 0.0"),
        (dict(background="rest"), "`background` must be one of the labels .nothing, jump, turn., but is 'rest'"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        frame_processor(**settings)


@pytest.mark.parametrize(
    ("frames", "settings", "words"),
    [
        (film(4).float(), {}, "must be bytes"),
        (film(4)[0], {}, "must be bytes"),
        (film(4)[..., :2], {}, "must be bytes"),
        (film(4)[:0], {}, "at least one frame"),
        (film(4), dict(seconds=[0.0, 0.1]), "a time for each of the 4 frames, but holds 2"),
        (film(3), dict(seconds=[0.0, 0.2, 0.1]), "must rise"),
        (film(3), dict(seconds=[0.0, 0.1, 0.1]), "must rise"),
        (film(3), dict(seconds=[0.0, float("nan"), 0.1]), "must rise"),
    ],
)
def test_what_is_no_video_is_refused(frames, settings, words):
    with pytest.raises(ValueError, match=words):
        frame_processor()(frames, **settings)
