"""Where Whisper's window, tokens, languages and layers end, and what it does there."""

from dataclasses import replace

import pytest

from tests.adapters.audio.conftest import processor, tiny_whisper
from tests.adapters.audio.test_engines import PLAIN, read, texts, windows
from toolkit.adapters.audio.engines_transformers import TransformersEngine
from toolkit.adapters.audio.written import Written


@pytest.fixture(scope="module")
def engine(english):
    """Over the English model."""
    return TransformersEngine(*english)


def test_a_text_that_was_cut_at_the_usual_limit_is_written_to_its_end(english, sound, monkeypatch):
    engine, asked = TransformersEngine(*english), []
    ids = engine.tokenizer("bcde", add_special_tokens=False).input_ids
    cut, whole = Written(ids[:3], -0.1, 0.0, finished=False), Written(ids, -0.1, 0.0)

    def write(encoded, prompts, temperature, request):
        asked.append(engine.room(prompts[0], request))
        return [whole if asked[-1] > engine.positions // 2 else cut] * len(prompts)

    monkeypatch.setattr(engine, "write", write)
    request = replace(PLAIN, generation={})
    assert texts(read(engine, windows(sound, 2), request)) == ["bcde", "bcde"]
    assert asked == [32, 61, 61]  # of 64 positions, two for the prompt and one for the end
    (reading,) = read(engine, windows(sound, 1), PLAIN)
    assert [part.reason for part in reading.skipped] == ["text cut at the most tokens that were allowed"]


@pytest.mark.parametrize(("asked", "room"), [({}, 32), ({"max_new_tokens": 500}, 61), ({"max_length": 12}, 10)])
def test_no_more_is_written_than_the_model_has_positions(engine, sound, asked, room):
    request = replace(PLAIN, generation=asked)
    assert engine.room([1, 2], request) == room
    assert read(engine, windows(sound, 1), request)


def test_a_window_for_which_nothing_was_written_is_told(english, sound, monkeypatch):
    engine = TransformersEngine(*english)
    monkeypatch.setattr(engine, "write", lambda encoded, prompts, *_: [Written([], -0.1, 0.0)] * len(prompts))
    for timestamps in (False, True, "word"):
        (reading,) = read(engine, windows(sound, 1), replace(PLAIN, timestamps=timestamps))
        assert [part.reason for part in reading.skipped] == ["no text was written"]


def test_a_language_that_came_with_a_later_checkpoint_is_refused(multilingual):
    engine = TransformersEngine(*multilingual)
    with pytest.raises(ValueError, match="`language` must be one that this checkpoint knows, but 'yue' came with"):
        engine.check(replace(PLAIN, language="yue"))


def test_heads_of_a_teacher_with_more_layers_are_those_of_a_model_without_a_list(sound):
    found = []
    for heads in (None, [[7, 0], [1, 1]], []):
        model = tiny_whisper()
        model.generation_config.alignment_heads = heads
        engine = TransformersEngine(model, processor())
        found.append(read(engine, windows(sound, 1), replace(PLAIN, timestamps="word"))[0].segments)
    assert found[0] == found[1] == found[2] and found[0][0].words


def test_a_model_is_served_with_the_beams_that_it_was_scored_with(sound):
    model = tiny_whisper()
    model.generation_config.num_beams = 4
    beams = replace(PLAIN, generation={**PLAIN.generation, "num_beams": 4})
    one, other = TransformersEngine(model, processor()), TransformersEngine(tiny_whisper(), processor())
    assert read(one, windows(sound, 3)) == read(other, windows(sound, 3), beams)
    assert texts(read(one, windows(sound, 3))) != texts(read(other, windows(sound, 3)))
