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
