"""What engines write for a window is what the library writes for it, alone or in a batch, once or twice."""

import pytest
import torch
import transformers

from tests.adapters.audio.conftest import END, RATE_HZ, WINDOW_SECONDS, processor, tiny_whisper
from toolkit.adapters.audio.engines import Request
from toolkit.adapters.audio.engines_transformers import TransformersEngine
from toolkit.adapters.audio.repetition import compression_ratio, loop_start
from toolkit.adapters.audio.written import Written
from toolkit.media.values import Waveform

PLAIN = Request(
    temperature=(0.0,), compression_ratio_threshold=None, logprob_threshold=None, generation={"max_new_tokens": 12}
)


@pytest.fixture(scope="module")
def engine(english):
    """Over the English model."""
    return TransformersEngine(*english)


def windows(sound, count, seconds=1.7):
    return [
        Waveform(torch.from_numpy(sound(seconds, seed)), RATE_HZ, start_seconds=10.0 * seed) for seed in range(count)
    ]


def read(engine, sounds, request=PLAIN, languages=None):
    return engine.read(engine.encode(sounds), languages or [None] * len(sounds), request)


def texts(readings):
    return ["".join(segment.text for segment in reading.segments) for reading in readings]


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("timestamps", [False, True])
def test_a_window_says_what_the_pipeline_of_transformers_says(engine, english, sound, beams, timestamps):
    model, processor = english
    theirs = transformers.pipeline(
        "automatic-speech-recognition",
        model=model,
        tokenizer=processor.tokenizer,
        feature_extractor=processor.feature_extractor,
    )
    request = Request(
        **{**vars(PLAIN), "timestamps": timestamps, "generation": {"max_new_tokens": 12, "num_beams": beams}}
    )
    for window in windows(sound, 4):
        # A model that knows nothing writes times where none are wanted; the library would then begin anew in between.
        settings = {"max_new_tokens": 12, "num_beams": beams, "force_unique_generate_call": True}
        raw = {"raw": window.samples.numpy(), "sampling_rate": RATE_HZ}
        expected = theirs(raw, generate_kwargs=settings, return_timestamps=timestamps)
        assert texts(read(engine, [window], request)) == [expected["text"]]


def test_the_model_writes_different_things_for_different_sounds(engine, sound):
    assert len(set(texts(read(engine, windows(sound, 4))))) > 1


def test_a_batch_says_what_its_windows_say_alone(engine, sound):
    sounds = windows(sound, 5)
    for request in (PLAIN, Request(timestamps=True, temperature=(0.0, 0.4), generation={"max_new_tokens": 12})):
        assert read(engine, sounds, request) == [read(engine, [window], request)[0] for window in sounds]


def test_reading_twice_gives_the_same_although_it_draws(engine, sound):
    request = Request(temperature=(1.0,), generation={"max_new_tokens": 12}, logprob_threshold=None)
    state = torch.get_rng_state()
    assert read(engine, windows(sound, 2), request) == read(engine, windows(sound, 2), request)
    assert torch.equal(torch.get_rng_state(), state)


@torch.inference_mode()
@pytest.mark.parametrize("beams", [1, 3])
def test_probabilities_are_those_of_one_pass_over_the_text(engine, english, sound, beams):
    model, _ = english
    encoded = engine.encode(windows(sound, 3))
    prompt = engine.prompt(None, PLAIN)
    request = Request(generation={"max_new_tokens": 12, "num_beams": beams})
    for row, written in enumerate(engine.write(encoded, [prompt] * 3, 0.0, request)):
        ids = torch.tensor([[*prompt, *written.tokens, END]])
        logits = model(encoder_outputs=(encoded.states[row : row + 1],), decoder_input_ids=ids).logits[0]
        silence = logits[0].softmax(-1)[engine.no_speech].item()
        assert written.no_speech_probability == pytest.approx(silence, rel=1e-4)
        if beams == 1:  # the search scores what is left after suppressing
            config = model.generation_config
            logits[:, config.suppress_tokens] = -torch.inf
            logits[len(prompt) - 1, config.begin_suppress_tokens] = -torch.inf
        chosen = logits.log_softmax(-1)[len(prompt) - 1 : -1].gather(1, ids[0, len(prompt) :, None])[:, 0]
        if beams == 1 and len(written.tokens) == 12:  # stopped before an end
            chosen = chosen[:-1]
        assert written.mean_log_probability == pytest.approx(chosen.mean().item(), rel=1e-4)


def test_the_prompt_of_a_multilingual_model_has_language_and_task_always(multilingual):
    engine = TransformersEngine(*multilingual)
    names = engine.tokenizer.convert_ids_to_tokens
    assert names(engine.prompt("de", PLAIN)) == [
        "<|startoftranscript|>",
        "<|de|>",
        "<|transcribe|>",
        "<|notimestamps|>",
    ]
    times = Request(task="translate", timestamps=True)
    assert names(engine.prompt("ko", times)) == ["<|startoftranscript|>", "<|ko|>", "<|translate|>"]


@pytest.mark.promise("F5")
def test_the_language_is_the_likeliest_of_those_the_model_knows(multilingual, sound):
    model, _ = multilingual
    engine = TransformersEngine(*multilingual)
    sounds = windows(sound, 3)
    encoded = engine.encode(sounds)
    features = engine.extractor([w.samples.numpy() for w in sounds], sampling_rate=RATE_HZ, return_tensors="pt")
    theirs = model.detect_language(features.input_features)
    assert engine.languages(encoded) == [name[2:-2] for name in engine.tokenizer.convert_ids_to_tokens(theirs.tolist())]


def test_a_language_that_was_trained_for_needs_no_detection(sound):
    model = tiny_whisper(multilingual=True)
    model.generation_config.language, model.generation_config.task = "korean", "translate"
    engine = TransformersEngine(model, processor())
    assert engine.languages(engine.encode(windows(sound, 1))) == ["ko"]
    assert "<|translate|>" in engine.tokenizer.convert_ids_to_tokens(engine.prompt("ko", PLAIN))


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(language="de"), "`language` must be English"),
        (Request(task="sing"), "`task` must be"),
        (Request(task="translate"), '`task` cannot be "translate"'),
        (Request(generation={"num_beems": 2}), "`num_beems` is no argument"),
    ],
)
def test_what_the_model_cannot_do_is_refused(engine, request_, words):
    with pytest.raises((ValueError, TypeError), match=words):
        engine.check(request_)


@pytest.mark.promise("F5")
def test_words_rise_and_are_the_text(engine, sound):
    request = Request(**{**vars(PLAIN), "timestamps": "word"})
    for window, reading in zip(windows(sound, 4), read(engine, windows(sound, 4), request), strict=True):
        for segment in reading.segments:
            assert "".join(word.text for word in segment.words) == segment.text
            times = [time for word in segment.words for time in (word.start_seconds, word.end_seconds)]
            assert times == sorted(times)
            assert window.start_seconds <= times[0] and times[-1] <= window.end_seconds + 0.03


def test_aligning_leaves_the_attention_as_it_was(engine, english, sound):
    before = english[0].config._attn_implementation
    encoded = engine.encode(windows(sound, 1))
    engine.align(encoded, [engine.start], [1, 2, 3], 50)
    assert english[0].config._attn_implementation == before != "eager"


def test_segments_follow_the_timestamps(engine):
    time = lambda seconds: engine.first_timestamp + round(seconds / 0.02)  # noqa: E731
    letters = engine.tokenizer.convert_tokens_to_ids
    window = Waveform(torch.zeros(round(1.5 * RATE_HZ)), RATE_HZ, 100.0)
    tokens = [time(0.1), letters("b"), time(0.5), time(0.6), letters("c"), letters("d"), time(1.9)]
    assert [(s.text, s.start_seconds, s.end_seconds) for s in engine.segments(tokens, window)] == [
        ("b", pytest.approx(100.1), pytest.approx(100.5)),
        ("cd", pytest.approx(100.6), pytest.approx(101.5)),
    ]
    unfinished = engine.segments([time(0.1), letters("b")], window)
    assert [(s.text, s.start_seconds, s.end_seconds) for s in unfinished] == [("b", pytest.approx(100.1), 101.5)]


class Scripted(TransformersEngine):
    """Writes what a test tells it, by temperature."""

    script: dict

    def write(self, encoded, prompts, temperature, request):
        self.asked = [*getattr(self, "asked", []), temperature]
        return [self.script[temperature]] * len(prompts)


def scripted(english, **by_temperature):
    engine = Scripted(*english)
    ids = lambda text: [engine.tokenizer.convert_tokens_to_ids(letter.replace(" ", "Ġ")) for letter in text]  # noqa: E731
    engine.script = {
        float(name.removeprefix("t")) / 10: Written(ids(text), probability, silence)
        for name, (text, probability, silence) in by_temperature.items()
    }
    return engine


LOOP = " one two three" + " eight" * 30
CALM = " quite another thing"


@pytest.mark.promise("F6")
def test_a_loop_is_read_again_at_a_higher_temperature(english, sound):
    engine = scripted(english, t0=(LOOP, -0.1, 0.0), t2=(LOOP, -0.2, 0.0), t4=(CALM, -0.5, 0.0), t6=("", 0.0, 0.0))
    assert texts(read(engine, windows(sound, 1), Request())) == [CALM]
    assert engine.asked == [0.0, 0.2, 0.4]


@pytest.mark.promise("F6")
def test_an_unlikely_text_is_read_again_and_the_likeliest_kept(english, sound):
    worse = {f"t{step}": (" worse", -3.0, 0.0) for step in (0, 2, 6, 8, 10)}
    engine = scripted(english, **worse, t4=(CALM, -1.5, 0.0))
    assert texts(read(engine, windows(sound, 1), Request())) == [CALM]
    assert len(engine.asked) == 6


@pytest.mark.promise("F6")
def test_a_loop_that_stays_is_cut_and_told(english, sound):
    engine = scripted(english, **{f"t{step}": (LOOP, -0.1, 0.0) for step in (0, 2, 4, 6, 8, 10)})
    (reading,) = read(engine, windows(sound, 1), Request())
    assert [segment.text for segment in reading.segments] == [" one two three eight"]
    (cut,) = reading.skipped
    assert "repeats itself (compression ratio" in cut.reason
    assert cut.text == " eight" * 29
    assert reading.segments[-1].end_seconds == cut.start_seconds < cut.end_seconds


def test_a_refrain_is_no_loop(english, sound):
    refrain = " the same words in the same order" * 3
    engine = scripted(english, **{f"t{step}": (refrain, -0.1, 0.0) for step in (0, 2, 4, 6, 8, 10)})
    assert compression_ratio(refrain) > 2.0
    assert texts(read(engine, windows(sound, 1), Request(compression_ratio_threshold=2.0))) == [refrain]


@pytest.mark.promise("F6")
def test_a_window_without_speech_is_told_with_what_was_made_up(english, sound):
    engine = scripted(english, t0=(" thank you", -1.4, 0.9))
    (reading,) = read(engine, windows(sound, 1), Request())
    assert reading.segments == ()
    assert reading.skipped[0].reason == "no speech (probability 0.90)"
    assert reading.skipped[0].text == " thank you"
    assert engine.asked == [0.0]


def test_sure_words_are_kept_whatever_the_first_step_says(english, sound):
    engine = scripted(english, t0=(CALM, -0.2, 0.99))
    assert texts(read(engine, windows(sound, 1), Request())) == [CALM]


@pytest.mark.parametrize(
    ("text", "place"),
    [("a b c d", None), ("a b b b", None), ("a b b b b", 2), ("x a b a b a b a b a", 3), ("a " * 9, 1), ("", None)],
)
def test_loops_begin_where_the_second_round_begins(text, place):
    assert loop_start(text.split()) == place


def test_speech_does_not_shrink_as_loops_do():
    assert compression_ratio(LOOP) > 2.4 > compression_ratio("He hoped there would be stew for dinner, and turnips.")


def test_windows_have_the_length_that_the_model_was_made_for(engine):
    assert engine.longest_seconds == WINDOW_SECONDS
