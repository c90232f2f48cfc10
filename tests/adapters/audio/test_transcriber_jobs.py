"""A job that was stopped goes on where it stopped, and nothing else is taken for it."""

import gc
import json

import pytest
import torch

from tests.adapters.audio.conftest import wav
from toolkit.adapters.audio import job, journal
from toolkit.adapters.audio.engines import Reading
from toolkit.adapters.audio.transcriber import Transcriber
from toolkit.adapters.audio.transcript import Segment
from toolkit.media.values import Waveform


class Stopped(Exception):
    """What ends a job in the middle."""


@pytest.mark.promise("F5")
@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_job_that_was_stopped_goes_on_where_it_stopped(hear, sound, tmp_path, monkeypatch, after):
    (tmp_path / "talk.wav").write_bytes(wav(sound(14.0)))
    job = {"output": tmp_path / "talk.json", "batch_size": 2}
    whole = hear(tmp_path / "talk.wav", output=tmp_path / "whole.json", batch_size=2)
    real, calls = hear.engine.encode, []

    def fail(windows):
        calls.append([window.start_seconds for window in windows])
        if len(calls) > after:
            raise Stopped
        return real(windows)

    monkeypatch.setattr(hear.engine, "encode", fail)
    with pytest.raises(Stopped):
        hear(tmp_path / "talk.wav", **job)
    assert not (tmp_path / "talk.json").exists()
    before = calls[:-1]
    monkeypatch.setattr(
        hear.engine, "encode", lambda windows: calls.append([w.start_seconds for w in windows]) or real(windows)
    )
    calls.clear()
    assert hear(tmp_path / "talk.wav", **job) == whole
    assert not {start for batch in before for start in batch} & {start for batch in calls for start in batch}
    assert (tmp_path / "talk.json").read_text() == (tmp_path / "whole.json").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["talk.json", "talk.wav", "whole.json"]


def test_a_list_that_was_stopped_does_not_begin_anew(hear, sound, tmp_path, monkeypatch):
    paths = [tmp_path / f"{seed}.wav" for seed in range(4)]
    for seed, path in enumerate(paths):
        path.write_bytes(wav(sound(1.0, seed)))
    lazy = hear(iter(paths), output=tmp_path / "*.txt", batch_size=1)
    first = [next(lazy), next(lazy)]
    lazy.close()
    calls = []
    real = hear.engine.encode
    monkeypatch.setattr(hear.engine, "encode", lambda windows: calls.append(1) or real(windows))
    assert hear(paths, output=tmp_path / "*.txt", batch_size=1)[:2] == first
    assert len(calls) == 2
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("change", ["recording", "setting"])
def test_a_journal_of_something_else_is_forgotten(hear, sound, tmp_path, monkeypatch, change):
    path, output = tmp_path / "talk.wav", tmp_path / "talk.txt"
    path.write_bytes(wav(sound(3.0)))
    lazy = hear(iter([path]), output=tmp_path / "*.txt", batch_size=1)
    next(lazy)
    lazy.close()
    held = tmp_path / ".talk.txt.journal"
    assert held.exists()
    if change == "recording":
        path.write_bytes(wav(sound(3.0, seed=7)))
    settings = {"max_new_tokens": 5} if change == "setting" else {}
    hear(path, output=output, **settings)
    hear(path, output=tmp_path / "fresh.txt", **settings)
    assert output.read_text() == (tmp_path / "fresh.txt").read_text()
    assert not held.exists()


def test_a_line_that_was_cut_off_is_read_again(tmp_path):
    about = {"recording": "a"}
    path = tmp_path / ".talk.journal"
    path.write_text(json.dumps(about) + '\n{"window": "0.000-1.000", "lang')
    kept = journal.Journal(path, about)
    assert kept.readings == {}
    assert path.read_text() == json.dumps(about) + "\n"


class Echo:
    """Writes one word for each window, and notes how much sound is in memory."""

    name, sample_rate_hz, longest_seconds, begins_with_space = "echo", 16000, 30.0, True

    def __init__(self):
        self.held_bytes = []

    def check(self, request): ...

    def encode(self, windows):
        sounds = [
            each.untyped_storage()
            for each in gc.get_objects()
            if type(each) is torch.Tensor and each.layout is torch.strided
        ]
        self.held_bytes.append(sum({sound.data_ptr(): sound.nbytes() for sound in sounds}.values()))
        return windows

    def languages(self, encoded):
        return [None] * len(encoded)

    def read(self, encoded, languages, request):
        return [Reading((Segment(" so", each.start_seconds, each.end_seconds),)) for each in encoded]


@pytest.mark.promise("F5")
def test_an_hour_takes_no_more_memory_than_minutes(monkeypatch):
    def hour(*_, **__):
        for start in range(0, 3600, 2):
            yield Waveform(torch.rand(32000) - 0.5, 16000, float(start))

    monkeypatch.setattr(job, "stream_audio", hour)
    engine = Echo()
    answer = Transcriber(engine, vad=False, return_timestamps=True)("talk.wav")
    times = [time for chunk in answer["chunks"] for time in chunk["timestamp"]]
    assert times == sorted(times) and times[0] == 0.0 and times[-1] == 3600.0
    assert len(engine.held_bytes) > 12
    assert max(engine.held_bytes[4:]) <= 1.1 * max(engine.held_bytes[:4])
