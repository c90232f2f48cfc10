"""A job that was stopped goes on where it stopped, and nothing else is taken for it."""

import gc
import io
import json
import weakref

import pytest
import torch

from tests.adapters.audio.conftest import BARE, processor, tiny_whisper, wav
from toolkit.adapters.audio import job, journal
from toolkit.adapters.audio.engines import Reading, weights_version
from toolkit.adapters.audio.serving import transcriber
from toolkit.adapters.audio.transcriber import Transcriber
from toolkit.adapters.audio.transcript import Segment
from toolkit.media.values import Waveform

SAID = Reading((Segment(" 안녕\u2028하세요\x85", 0.0, 1.0),))


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


@pytest.mark.parametrize("torn", ['{"window": "0.000-1.000", "language": "한'.encode()[:-1], b'{"win\n{}\n'])
def test_what_stands_before_a_torn_line_is_kept(tmp_path, torn):
    path, about = tmp_path / ".talk.journal", {"recording": "a"}
    window = Waveform(torch.zeros(16000), 16000)
    kept = journal.Journal(path, about)
    kept.add(window, SAID, "ko")
    kept.close()
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    assert journal.Journal(path, about).known(window) == (SAID, "ko")
    assert path.read_bytes() == whole


@pytest.mark.parametrize("changed", ["model.safetensors", "pytorch_model.bin", "generation_config.json"])
def test_versions_of_weights_are_told_apart(tmp_path, changed):
    assert weights_version("of/the-hub") == weights_version("of/the-hub")
    (tmp_path / changed).write_text("1")
    before = weights_version(tmp_path)
    assert before == weights_version(str(tmp_path))
    (tmp_path / changed).write_text("22")
    assert weights_version(tmp_path) != before


def test_windows_of_a_model_that_was_trained_again_are_read_anew(sound, tmp_path):
    path, folder = tmp_path / "talk.wav", tmp_path / "model"
    path.write_bytes(wav(sound(7.0)))
    processor().save_pretrained(folder)
    tiny_whisper(seed=0).save_pretrained(folder)
    lazy = transcriber(folder, **BARE)(iter([path]), output=tmp_path / "*.txt", batch_size=1)
    next(lazy)
    lazy.close()
    tiny_whisper(seed=5).save_pretrained(folder)
    hear = transcriber(folder, **BARE)
    hear(path, output=tmp_path / "talk.txt")
    hear(path, output=tmp_path / "fresh.txt")
    assert (tmp_path / "talk.txt").read_text() == (tmp_path / "fresh.txt").read_text()


@pytest.mark.parametrize("change", ["weights", "settings", "revision"])
def test_what_another_model_of_one_name_began_is_begun_anew(change, sound, tmp_path, monkeypatch):
    path, models = tmp_path / "talk.wav", [tiny_whisper(seed=0), tiny_whisper(seed=5 if change == "weights" else 0)]
    path.write_bytes(wav(sound(7.0)))
    if change == "settings":
        models[1].generation_config.suppress_tokens.append(processor().tokenizer.convert_tokens_to_ids("b"))
    for model, commit in zip(models, ("1" * 40, "2" * 40), strict=True):
        model.config.name_or_path = "of/the-hub"
        model.config._commit_hash = commit if change == "revision" else None
    windows = []
    for model in (models[0], models[1], models[1]):
        hear = transcriber(model, processor=processor(), **BARE)
        read, starts = hear.engine.encode, list[float]()
        monkeypatch.setattr(
            hear.engine, "encode", lambda batch, r=read, s=starts: s.extend(w.start_seconds for w in batch) or r(batch)
        )
        lazy = hear(iter([path]), output=tmp_path / "*.txt", batch_size=1)
        next(lazy)
        lazy.close()
        windows.append(starts)
    assert len(windows[0]) > 1
    assert windows[1] == windows[0] and windows[2] == []


def test_two_recordings_of_one_name_are_refused_before_any_is_read(hear, sound, tmp_path, monkeypatch):
    paths = [tmp_path / day / name for day, name in (("mon", "talk.wav"), ("tue", "talk.wav"))]
    for seed, path in enumerate(paths):
        path.parent.mkdir()
        path.write_bytes(wav(sound(1.0, seed)))
    with pytest.raises(ValueError, match=r"`output` must give each .*mon.talk.wav and .*tue.talk.wav would"):
        list(hear(iter(paths), output=tmp_path / "lazy" / "*.srt"))
    monkeypatch.setattr(hear.engine, "encode", lambda windows: pytest.fail("something was read"))
    with pytest.raises(ValueError, match=r"mon.talk.wav and .*tue.talk.wav would both be written to .*talk.txt"):
        hear([str(path) for path in paths], output=[tmp_path / "*.txt", tmp_path / "subs" / "*.srt"])
    with pytest.raises(ValueError, match=r"2.mp3 and recording 2 would"):
        hear(["2.mp3", {"audio": sound(1.0)}], output=tmp_path / "*.srt")
    assert not (tmp_path / "subs").exists()


def test_a_folder_that_is_missing_is_made(hear, sound, tmp_path):
    (tmp_path / "talk.wav").write_bytes(wav(sound(1.0)))
    hear([tmp_path / "talk.wav"], output=[tmp_path / "a" / "b" / "*.vtt", tmp_path / "c" / "*.txt"])
    assert sorted(path.name for path in tmp_path.rglob("talk.*")) == ["talk.txt", "talk.vtt", "talk.wav"]


def test_a_recording_is_let_go_when_it_is_done(hear, sound):
    held = []

    def recordings():
        for seed in range(4):
            samples = sound(1.0, seed)
            held.append(weakref.ref(samples))
            yield samples
            del samples

    for done, _ in enumerate(hear(recordings(), batch_size=1)):
        gc.collect()
        assert [samples() is None for samples in held[:done]] == [True] * done


def test_a_length_is_looked_for_only_where_a_bar_is_seen(hear, sound, tmp_path, monkeypatch):
    (tmp_path / "talk.wav").write_bytes(wav(sound(1.0)))
    asked = []
    monkeypatch.setattr(job, "audio_seconds", lambda source: asked.append(source) or 1.0)
    monkeypatch.setattr("sys.stderr", io.StringIO())
    hear(tmp_path / "talk.wav")
    assert asked == []
    hear(tmp_path / "talk.wav", progress=True)
    assert asked == [tmp_path / "talk.wav"]


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
