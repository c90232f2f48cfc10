"""What is told of rows of recordings and texts before anything is trained."""

import re
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.adapters.conftest import tone
from tests.media.sounds import write_sound
from toolkit import Transcription
from toolkit.adapters.audio import recordings as reading
from toolkit.adapters.audio.recordings import Sounds

COLUMNS = ("file_name", "text")


def test_a_recording_that_is_silent_to_its_last_sample_is_told(recordings, split, tmp_path):
    with wave.open(str(tmp_path / "silent.wav"), "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes(bytes(16000))
    adapter = Transcription()
    rows = split([*recordings, (str(tmp_path / "silent.wav"), "low")], columns=COLUMNS, path="t.csv")
    adapter.fit({"train": rows})
    (fault,) = adapter.check({"train": rows})
    assert str(fault).startswith(f"t.csv:{len(recordings) + 2}: the recording is silent for all its 1.0 s.")


def test_a_text_where_a_recording_should_be_named_is_no_recording(recordings, split):
    adapter = Transcription()
    adapter.fit({"train": split(recordings, columns=COLUMNS)})
    sentence = adapter.check_row({"file_name": "all that was said " * 30, "text": "a.wav", "line": 2})
    assert "all that was said" in sentence and "which does not exist" in sentence and len(sentence) < 250


def test_a_recording_beyond_the_window_of_a_pretrained_encoder_is_told(folder, split, tmp_path):
    rows = split([(tone(tmp_path / "long.wav", "low " * 20), "a")], columns=COLUMNS)
    adapter = Transcription(encoder=folder, max_source_seconds=60, hidden_size=8, embedding_size=8)
    adapter.fit({"train": rows})
    assert "the recording lasts 3.0 s, above 2 s" in adapter.check_row(rows.dataset[0])


def test_a_row_that_is_refused_takes_no_memory(split, tmp_path):
    long, short = tone(tmp_path / "long.wav", "low " * 20), tone(tmp_path / "short.wav", "low")
    rows = split([(long, "low"), (short, "low")], columns=COLUMNS)
    adapter = Transcription(max_source_seconds=2)
    adapter.fit({"train": rows})
    adapter._sounds = Sounds(most_samples=50_000)  # three seconds at 16 kHz, and no more
    assert [adapter.check_row(row) is None for row in rows.dataset] == [False, True]
    Path(short).unlink()
    assert adapter.source_length(rows.dataset[1]) == 15


@pytest.mark.parametrize(
    ("times", "seconds"), [(("", ""), "7,200.0"), (("1:00", ""), "7,140.0"), (("0", "90"), "90.0")]
)
def test_of_a_row_that_is_hours_too_long_only_the_beginning_is_decoded(times, seconds, split, tmp_path, monkeypatch):
    with wave.open(str(tmp_path / "long.wav"), "wb") as out:
        out.setparams((1, 1, 1000, 0, "NONE", ""))
        out.writeframes(bytes([128, 128, 129]) * 2400 * 1000)
    columns = ("file_name", "text", "start", "end")
    rows = split([(str(tmp_path / "long.wav"), "low", *times)], columns=columns)
    adapter = Transcription()
    adapter.fit({"train": rows})
    read, heard = reading.read_audio, []
    monkeypatch.setattr(reading, "read_audio", lambda *a, **k: heard.append(read(*a, **k)) or heard[-1])
    assert f"the recording lasts {seconds} s, above 30 s." in adapter.check_row(rows.dataset[0])
    assert [sound.seconds for sound in heard] == [31.0]
    assert not adapter._sounds._kept


def test_a_recording_whose_length_nobody_says_is_measured(split, tmp_path):
    write_sound(tmp_path / "long.aac", np.random.default_rng(0).normal(0, 0.1, 16000 * 40).astype(np.float32), 16000)
    adapter = Transcription()
    adapter.fit({"train": split([(str(tmp_path / "long.aac"), "low")], columns=COLUMNS)})
    sentence = adapter.check_row({"file_name": str(tmp_path / "long.aac"), "text": "low", "line": 2})
    assert re.match(r"the recording lasts 40\.\d s, above 30 s\.", sentence)
