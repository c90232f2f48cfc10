"""What is told of rows of recordings and texts before anything is trained."""

import wave
from pathlib import Path

from tests.adapters.conftest import tone
from toolkit import Transcription
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
