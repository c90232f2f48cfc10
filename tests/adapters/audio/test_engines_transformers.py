"""Checkpoints that were tuned before the library knew of languages are read as those that say what they know."""

import pytest
import torch

from tests.adapters.audio.conftest import RATE_HZ, processor, tiny_whisper
from toolkit.adapters.audio.engines import Reading, Request
from toolkit.adapters.audio.engines_transformers import TransformersEngine
from toolkit.adapters.audio.transcript import Segment
from toolkit.media.values import Waveform

UNSAID = ("is_multilingual", "lang_to_id", "task_to_id", "no_timestamps_token_id")


def older(vocab_size):
    """A checkpoint whose settings do not say what it knows; only the size of its vocabulary tells."""
    model = tiny_whisper(multilingual=True)
    for name in UNSAID:
        delattr(model.generation_config, name)
    model.config.vocab_size = vocab_size
    return model


@pytest.mark.parametrize("timestamps", [False, True])
def test_an_older_checkpoint_reads_as_one_that_says_what_it_knows(sound, timestamps):
    windows = [Waveform(torch.from_numpy(sound(1.7, seed)), RATE_HZ) for seed in range(4)]
    request = Request(
        timestamps=timestamps,
        temperature=(0.0,),
        compression_ratio_threshold=None,
        generation={"max_new_tokens": 12},
    )
    old, new = (TransformersEngine(model, processor()) for model in (older(51865), tiny_whisper(multilingual=True)))
    old.check(Request(language="ko", task="translate"))
    encoded = old.encode(windows)
    found = old.languages(encoded)
    assert found == new.languages(new.encode(windows)) != [None] * 4
    assert old.read(encoded, found, request) == new.read(new.encode(windows), found, request)
    assert not any(hasattr(old.model.generation_config, name) for name in UNSAID)


def test_an_older_checkpoint_of_english_knows_no_other_language():
    engine = TransformersEngine(older(51864), processor())
    assert engine.prompt(None, Request(timestamps=True)) == [engine.start]
    with pytest.raises(ValueError, match="`language` must be English"):
        engine.check(Request(language="ko"))


@pytest.mark.parametrize(("asked", "tuned"), [("translate", None), (None, "translate")])
def test_words_of_a_translation_are_english_whatever_was_spoken(multilingual, sound, asked, tuned):
    engine = TransformersEngine(*multilingual)
    engine.task = tuned
    window = Waveform(torch.from_numpy(sound(1.7)), RATE_HZ)
    reading = Reading((Segment(" ab cd", 0.0, 1.7),))
    request = Request(timestamps="word", task=asked)
    (segment,) = engine.with_words(reading, engine.encode([window]), "ja", request).segments
    assert [word.text for word in segment.words] == [" ab", " cd"]
