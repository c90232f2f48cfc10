"""What is written shows every frame at its own time, with its labels in the picture and its sound beside it."""

from pathlib import Path

import av
import numpy as np
import pytest
import torch

from tests.media.films import even, film, numbers, picture, uneven
from toolkit.media.faults import MediaError
from toolkit.media.overlay import write_overlay
from toolkit.media.values import Clip
from toolkit.media.video import VideoFile
from toolkit.media.video_writer import write_video

LABELS = ["walk", "sit", "fall"]


def certain(path: str, *labels: int) -> torch.Tensor:
    """Probabilities (F, 3) that are sure of these labels, the last of them until the end."""
    frames = VideoFile(path).header.frames
    chosen = torch.tensor([*labels, *[labels[-1]] * (frames - len(labels))])
    return torch.nn.functional.one_hot(chosen, 3).float()


def clip_of(times: list[float], size: tuple[int, int] = (48, 80)) -> Clip:
    pixels = torch.from_numpy(np.stack([picture(number, size) for number in range(len(times))])).permute(0, 3, 1, 2)
    return Clip(pixels, torch.tensor(times, dtype=torch.float64), 25.0)


def with_sound(path: str, codec: str) -> str:
    """A second of film with a second of a tone that grows louder."""
    with av.open(path, "w") as output:
        image = output.add_stream("mpeg4", rate=25)
        image.width, image.height, image.pix_fmt = 80, 48, "yuv420p"
        sound = output.add_stream(codec, rate=16_000, layout="mono")
        for number in range(25):
            output.mux(image.encode(av.VideoFrame.from_ndarray(picture(number))))
        output.mux(image.encode(None))
        wave = np.sin(np.arange(16_000) * 0.1) * np.linspace(0, 0.9, 16_000)
        frame = av.AudioFrame.from_ndarray((wave[None] * 32767).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate = 16_000
        output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    return path


def loudness(path: str) -> np.ndarray:
    """The mean size of the samples in each tenth of the sound, stretched to a largest of 1."""
    with av.open(path) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=16_000)
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])[:16_000]
    means = np.array([np.abs(part).mean() for part in np.array_split(samples, 10)])
    return means / means.max()


@pytest.mark.parametrize("times", [even(40), uneven(40), [0.5], [0.0, 2.0, 2.01]], ids=["even", "uneven", "one", "gap"])
def test_what_is_written_is_read_back_frame_by_frame(times):
    write_video("out.mp4", [clip_of(times)])
    video = VideoFile("out.mp4")
    assert video.timestamps().tolist() == pytest.approx(times, abs=1e-4)
    assert [number for clip in video.frames() for number in numbers(clip.frames)] == list(range(len(times)))


def test_grey_and_odd_pictures_can_be_written():
    clip = clip_of(even(3), size=(49, 81))
    write_video("out.mp4", [Clip(clip.frames[:, :1], clip.seconds, 25.0)])
    [read] = VideoFile("out.mp4").frames()
    assert read.frames.shape == (3, 3, 50, 82)
    assert numbers(read.frames) == [0, 1, 2]


@pytest.mark.promise("G9")
def test_every_frame_is_there_at_its_time_with_its_label_in_the_picture():
    path = film("film.mp4", uneven(30), size=(96, 160))
    write_overlay("one.mp4", path, LABELS, certain(path, 0))
    write_overlay("other.mp4", path, LABELS, certain(path, *[0] * 20, 1))
    plain, one, other = VideoFile(path), VideoFile("one.mp4"), VideoFile("other.mp4")
    assert torch.allclose(plain.timestamps(), one.timestamps(), atol=1e-4)
    assert (one.header.height, one.header.width) == (288, 480)  # enlarged until letters can be read
    pairs = zip(one.frames(), other.frames(), strict=True)
    apart = torch.cat([(a.frames.float() - b.frames.float()).abs()[..., :60, :100].mean((1, 2, 3)) for a, b in pairs])
    assert apart[:10].max() < 0.5 < 2 < apart[20:].min()  # between them, the encoder has looked ahead


@pytest.mark.promise("G9")
def test_a_bar_is_as_long_as_its_probability():
    path = film("film.mp4", even(8), size=(240, 400))
    share = torch.linspace(0.1, 0.8, 8)
    write_overlay("out.mp4", path, ["a", "b"], torch.stack([share, torch.zeros(8)], 1), bars=1)
    [plain], [drawn] = VideoFile(path).frames(), VideoFile("out.mp4").frames()
    row = drawn.frames[:, :, 28].float()  # the lowest line of the bar, below its letters
    blue = (row[:, 2] - row[:, 0] > 60).sum(1)
    assert (blue - share * 200).abs().max() <= 6  # a full bar takes half of the width
    assert (plain.frames[..., 60:, :].float() - drawn.frames[..., 60:, :].float()).abs().mean() < 4


def test_nothing_is_written_of_a_label_without_a_name():
    path = film("film.mp4", even(8), size=(240, 400))
    chosen = torch.tensor(4 * [0] + 4 * [1])
    write_overlay("out.mp4", path, ["", "sit"], torch.nn.functional.one_hot(chosen, 2).float(), bars=1)
    [plain], [drawn] = VideoFile(path).frames(), VideoFile("out.mp4").frames()
    apart = (plain.frames.float() - drawn.frames.float()).abs()[:, :, 17:29, :200].mean((1, 2, 3))
    assert apart[:3].max() < 4 < 20 < apart[5:].min()  # between them, the encoder has looked ahead


@pytest.mark.promise("G9")
@pytest.mark.parametrize(
    ("name", "codec", "kept"), [("a.mp4", "aac", "aac"), ("a.mkv", "libmp3lame", "mp3"), ("a.avi", "pcm_mulaw", "aac")]
)
def test_sound_is_copied_or_becomes_aac(name, codec, kept):
    path = with_sound(name, codec)
    write_overlay("out.mp4", path, LABELS, certain(path, 0))
    with av.open("out.mp4") as container:
        assert container.streams.audio[0].codec_context.codec.canonical_name == kept
        packets = [(packet.stream.type, packet.pos) for packet in container.demux() if packet.size]
    assert [kind for kind, _ in sorted(packets, key=lambda packet: packet[1])] != sorted(kind for kind, _ in packets)
    assert loudness("out.mp4") == pytest.approx(loudness(path), abs=0.1)


def test_the_file_appears_whole_or_not_at_all():
    Path("out.mp4").write_bytes(b"kept")

    def interrupted():
        yield clip_of(even(20))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video("out.mp4", interrupted())
    assert Path("out.mp4").read_bytes() == b"kept"
    assert [path.name for path in Path().iterdir()] == ["out.mp4"]


def test_no_more_than_a_little_of_the_video_is_held_at_once():
    asked = []

    def clips():
        for number in range(60):
            asked.append(Path(".out.mp4.part").stat().st_size if Path(".out.mp4.part").exists() else 0)
            noise = torch.randint(0, 255, (4, 3, 96, 160), dtype=torch.uint8)
            yield Clip(noise, torch.arange(4 * number, 4 * number + 4) / 25, 25.0)

    write_video("out.mp4", clips())
    assert asked[-1] > Path("out.mp4").stat().st_size / 2


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: write_video("out.mp4", []), "at least one frame"),
        (lambda path: write_video("out.mp4", [clip_of([0.0, 0.1, 0.1])]), "0.10000 s follows 0.10000 s"),
        (lambda path: write_overlay("out.mp4", path, LABELS, torch.ones(4, 3)), r"\(5, 3\), but its shape is \(4, 3\)"),
        (lambda path: write_overlay("out.mp4", path, LABELS, torch.ones(5, 2)), r"\(5, 3\), but its shape is \(5, 2\)"),
        (lambda path: write_overlay(path, path, LABELS, torch.ones(5, 3)), "is film.mp4 itself. Write film-labels.mp4"),
        (
            lambda path: write_video(path, [clip_of([0.0])], sound_from={"path": Path(path).absolute()}),
            "`path` must lead to another file than what is read, but is film.mp4 itself",
        ),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(write, words):
    path = film("film.mp4", even(5))
    with pytest.raises(ValueError, match=words):
        write(path)
    assert [left.name for left in Path().iterdir()] == [path]


def test_a_video_that_breaks_off_leaves_no_overlay():
    path = film("whole.mp4", even(60), size=(96, 160), movflags="faststart")
    data = Path(path).read_bytes()
    Path("short.mp4").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(MediaError, match="`short.mp4` is cut short"):
        write_overlay("out.mp4", "short.mp4", LABELS, torch.ones(60, 3))
    assert not Path("out.mp4").exists()
