"""Which part of a recording a row names, and what of the sound stays in memory."""

import pytest

from tests.adapters.conftest import tone
from toolkit.adapters.audio.recordings import Excerpt, Sounds
from toolkit.media.faults import MediaError


def test_what_is_shown_of_an_excerpt_can_be_read_back():
    for excerpt in (Excerpt("a.wav"), Excerpt("a,b#t=x.wav", 1.25), Excerpt("c.mp3", 0.5, 3600.125)):
        assert Excerpt.parse(str(excerpt)) == excerpt


def test_a_sound_that_is_forgotten_leaves_its_room_to_the_next(tmp_path):
    one, other = (Excerpt(tone(tmp_path / f"{name}.wav", "low high")) for name in ("one", "other"))
    sounds = Sounds(most_samples=4000)
    assert len(sounds.read(one, 8000)) == 2400
    sounds.forget(one)
    sounds.forget(one)
    sounds.read(other, 8000)
    for path in tmp_path.glob("*.wav"):
        path.unlink()
    assert len(sounds.read(other, 8000)) == 2400
    with pytest.raises(MediaError, match="does not exist"):
        sounds.read(one, 8000)


@pytest.mark.parametrize(
    "path", ["talk.wav", "#t=1,2.wav", "a#t=.wav", "a#t=1,2.wav", "한국어 #t 1\n.wav", "a#b.wav#c"]
)
@pytest.mark.parametrize("times", [(0.0, None), (1.5, None), (0.0, 2.25), (0.00001, 3.0)])
def test_what_is_shown_names_the_same_excerpt_whatever_the_file_is_called(path, times):
    excerpt = Excerpt(path, *times)
    assert Excerpt.parse(str(excerpt)) == excerpt
