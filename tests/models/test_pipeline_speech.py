"""Recordings in, text and times out: the core's own pipeline."""

import numpy
import pytest
import torch
import torchaudio

from tests.models.texts import tokenizer
from tests.models.tiny import EOS, tiny_core
from toolkit.models import LogMelFeatureExtractor, SpeechSeq2SeqProcessor
from toolkit.models.pipeline_speech import SpeechRecognitionPipeline, resample, spoken

RATE = 8000
SOUND = 0.1 * torch.randn(9000, generator=torch.Generator().manual_seed(4))


@pytest.fixture(scope="module")
def pipe():
    return listening()


def listening(**settings: object) -> SpeechRecognitionPipeline:
    """A small model that hears noise and answers with words."""
    settings = {"attention_type": "location", "frame_stacking": 3, **settings}
    model = tiny_core(vocab_size=len(tokenizer()), source_vocab_size=None, input_feature_size=40, **settings).float()
    model.lm_head.bias.data[EOS] = 0.0
    processor = SpeechSeq2SeqProcessor(LogMelFeatureExtractor(40, RATE), tokenizer())
    return SpeechRecognitionPipeline(model=model, processor=processor, task="automatic-speech-recognition")


@pytest.mark.promise("F2")
def test_every_form_of_a_recording_gives_the_same_answer(pipe):
    forms = [
        SOUND,
        SOUND.numpy(),
        {"array": SOUND.numpy(), "sampling_rate": RATE},
        {"raw": SOUND, "sampling_rate": RATE},
    ]
    forms.append({"array": torch.stack([SOUND, SOUND]), "sampling_rate": RATE})
    answers = [pipe(form, max_new_tokens=6) for form in forms]
    assert answers[0]["text"]
    assert all(answer == answers[0] for answer in answers)
    assert list(pipe((form for form in forms[:2]), max_new_tokens=6)) == answers[:2]
    assert pipe([]) == []


def test_the_text_is_what_the_model_writes(pipe):
    encoded = pipe.processor(SOUND, return_tensors="pt")
    ids = pipe.model.generate(**encoded, max_new_tokens=6, num_beams=3)
    answer = pipe(SOUND, max_new_tokens=6, num_beams=3)
    assert answer == {"text": tokenizer().decode(ids[0], skip_special_tokens=True)}
    assert pipe(SOUND, generate_kwargs={"max_new_tokens": 6, "num_beams": 3}) == answer
    several = pipe(SOUND, max_new_tokens=6, num_beams=3, num_return_sequences=2)
    assert several[0] == answer and len(several) == 2


@pytest.mark.promise("F5")
@pytest.mark.parametrize("search", [dict(), dict(num_beams=3)], ids=["greedy", "beam"])
def test_words_have_times_that_only_grow_inside_the_recording(pipe, search):
    recordings = [SOUND, SOUND[:3000], SOUND[:500]]
    together = pipe(recordings, batch_size=3, return_timestamps="word", max_new_tokens=8, **search)
    for recording, answer in zip(recordings, together, strict=True):
        assert "".join(chunk["text"] for chunk in answer["chunks"]) == answer["text"]
        times = [time for chunk in answer["chunks"] for time in chunk["timestamp"]]
        assert times == sorted(times)
        assert times[0] >= 0 and times[-1] <= len(recording) / RATE
        alone = pipe(recording, return_timestamps="word", max_new_tokens=8, **search)
        assert alone["text"] == answer["text"]
        for one, other in zip(alone["chunks"], answer["chunks"], strict=True):
            assert one["timestamp"] == pytest.approx(other["timestamp"], abs=2e-3)


def test_one_chunk_spans_all_words(pipe):
    words = pipe(SOUND, return_timestamps="word", max_new_tokens=8)
    whole = pipe(SOUND, return_timestamps=True, max_new_tokens=8)
    span = (words["chunks"][0]["timestamp"][0], words["chunks"][-1]["timestamp"][1])
    assert whole["chunks"] == [{"text": words["text"], "timestamp": span}]


@pytest.mark.promise("B1")
def test_maps_have_a_row_for_each_token_over_the_time_of_the_recording(pipe):
    answers = pipe([SOUND, SOUND[:3000]], batch_size=2, return_attentions=True, max_new_tokens=5)
    for answer, length in zip(answers, (9000, 3000), strict=True):
        seen = answer["attention"]
        assert len(seen["source_seconds"]) == -(-(length // 80 + 1) // 3)
        assert seen["source_seconds"][1] == pytest.approx(0.03)
        assert len(seen["weights"]) == len(seen["target_tokens"])
        assert torch.tensor(seen["weights"]).sum(1) == pytest.approx(1.0)


def test_words_are_where_the_weights_are():
    weights = torch.zeros(4, 20)
    weights[0, 2:4], weights[1, 4:6], weights[2, 12:16], weights[3, 15] = 0.5, 0.5, 0.25, 1.0
    (first, last), (start, end) = spoken(weights, [[0, 1], [2, 3]], step_seconds=0.1, length_seconds=2.0)
    assert (first, last) == pytest.approx((0.2, 0.6), abs=0.01)
    assert (start, end) == pytest.approx((1.2, 1.6), abs=0.01)


def test_words_said_out_of_turn_still_follow_each_other():
    spans = spoken(torch.eye(6)[[4, 1, 5]], [[0], [1], [2]], step_seconds=1.0, length_seconds=5.5)
    times = [time for span in spans for time in span]
    assert times == sorted(times)
    assert times[-1] == 5.5


def test_a_stop_at_once_has_no_words():
    pipe = listening()
    pipe.model.lm_head.bias.data[EOS] = 1e6
    assert pipe(SOUND, return_timestamps=True, max_new_tokens=3) == {"text": "", "chunks": []}


@pytest.mark.parametrize(("own", "rate"), [(8000, 16000), (16000, 8000), (44100, 16000), (96000, 8000), (11025, 8000)])
def test_resampling_is_that_of_torchaudio(own, rate):
    sound = torch.randn(5000)
    expected = torchaudio.functional.resample(sound, own, rate)
    assert torch.allclose(resample(sound, own, rate), expected, atol=1e-5)


def test_another_rate_is_heard_alike(pipe):
    tone = 0.3 * torch.sin(torch.arange(16000) * 2 * torch.pi * 440 / 16000)
    high = pipe.preprocess({"array": tone, "sampling_rate": 16000})
    low = pipe.preprocess(tone[::2])
    assert high["samples"] == low["samples"] == 8000
    assert high["input_features"].shape == low["input_features"].shape


@pytest.mark.parametrize(
    ("recording", "words"),
    [
        ({"array": [0.0]}, "`sampling_rate`, but has array. Add what is missing"),
        ({"sampling_rate": 8000}, "`array` or `raw`, and `sampling_rate`, but has sampling_rate"),
        (numpy.zeros(0), "is empty. Leave it out"),
        (numpy.full(80, numpy.nan), "has NaN"),
    ],
)
def test_what_cannot_be_heard_is_refused(pipe, recording, words):
    with pytest.raises(ValueError, match=words):
        pipe(recording)


def test_times_that_cannot_be_known_are_refused(pipe):
    with pytest.raises(ValueError, match="`return_timestamps` must be 'word', true or false, but is 'char'"):
        pipe(SOUND, return_timestamps="char")
    with pytest.raises(ValueError, match="`attention_type` none. Train it with another"):
        listening(attention_type="none")(SOUND, return_timestamps=True)
    with pytest.raises(ValueError, match="`processor` must be given"):
        SpeechRecognitionPipeline(model=pipe.model, task="automatic-speech-recognition")
