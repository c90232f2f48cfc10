"""Recognisers that are no Whisper are asked window by window, and their loops are cut too."""

from types import SimpleNamespace

from toolkit.adapters.audio.engines_pipeline import PipelineEngine
from toolkit.adapters.audio.transcriber import Transcriber

SAID = ["one", "two", *["eight"] * 30]


class Stuck:
    """A pipeline that repeats itself, whatever it hears."""

    model, type = SimpleNamespace(name_or_path="stuck"), "ctc"

    def __call__(self, sounds, batch_size, return_timestamps=False):
        chunks = [{"text": word, "timestamp": (0.1 * place, 0.1 * place + 0.1)} for place, word in enumerate(SAID)]
        return [{"text": " ".join(SAID), **({"chunks": chunks} if return_timestamps else {})} for _ in sounds]


def test_a_loop_of_any_recogniser_is_cut_and_told(sound):
    answer = Transcriber(PipelineEngine(Stuck()), vad=False)(sound(4.0), return_timestamps="word")
    assert answer["text"] == "one two eight"
    assert [chunk["timestamp"] for chunk in answer["chunks"]] == [(0.0, 0.1), (0.1, 0.2), (0.2, 0.3)]
    (cut,) = answer["skipped"]
    assert (cut["start"], cut["end"], cut["text"]) == (0.3, 4.0, " eight" * 29)
    assert "repeats itself (compression ratio" in cut["reason"]


def test_loops_are_kept_where_the_threshold_is_switched_off(sound):
    hear = Transcriber(PipelineEngine(Stuck()), vad=False, compression_ratio_threshold=None)
    assert hear(sound(4.0)) == {"text": " ".join(SAID)}
