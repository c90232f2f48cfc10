"""Runs of every kind of model, by the recipes' own loop, so short that they learn nothing."""

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.adapters.audio.conftest import processor, tiny_whisper
from tests.adapters.video.drawn import TINY, draw
from tests.recipes.test_pretrained import marian as marian_model
from tests.recipes.test_pretrained import tokenizer
from toolkit import (
    Adapter,
    DataArguments,
    EventLabelling,
    RecipeArguments,
    Transcription,
    Translation,
    run,
)

RATE_HZ = 8000
TONES = {"low": 300, "middle": 700, "high": 1500}
CORE = {"hidden_size": 16, "embedding_size": 16}


def finished(adapter: Adapter, folder: Path, table: Path, **training: object) -> Path:
    """A run over a table; its validation rows are the training rows again, in another file."""
    data = DataArguments(train_file=str(table), validation_share=0.2)
    usual = {"num_train_epochs": 1, "per_device_train_batch_size": 8, "learning_rate": 0.01}
    run(adapter, data, RecipeArguments(output_dir=str(folder), **usual | training))
    return folder


def text(home: Path) -> Path:
    """The core, from words to words; the data has texts that a card must bear."""
    nasty = ["```", "--- | </td>", "<script>alert(1)</script> {{ 7 * 7 }}", "# *a* _b_ [c](d) \\ $e$", "---"]
    rows = [(f"dog {number}", f"Hund {number}") for number in range(60)]
    rows += [(f"{word} dog {place}", f"{word} Hund {place}") for place, word in enumerate(nasty * 6)]
    (home / "t.tsv").write_text("en\tde\n" + "".join(f"{one}\t{other}\n" for one, other in rows))
    core = {"hidden_size": 32, "embedding_size": 32, "dropout": 0.0, "output_dropout": 0.0, "tokenizer": "word"}
    adapter = Translation(**core, vocab_size=90, num_beams=2)
    return finished(adapter, home / "text", home / "t.tsv", num_train_epochs=6, learning_rate=0.02)


def recordings(home: Path) -> Path:
    """A table of tones that are called words."""
    chance, lines = np.random.default_rng(0), ["file_name,text"]
    for number in range(10):
        words = chance.choice(list(TONES), 2)
        time = np.arange(RATE_HZ // 5) / RATE_HZ
        sound = np.concatenate([np.sin(2 * np.pi * TONES[word] * time) for word in words])
        with wave.open(str(home / f"{number}.wav"), "wb") as out:
            out.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
            out.writeframes((9000 * sound).astype(np.int16).tobytes())
        lines.append(f"{number}.wav,{' '.join(words)}")
    (home / "sounds.csv").write_text("\n".join(lines) + "\n")
    return home / "sounds.csv"


def speech(home: Path) -> Path:
    """The core, from mel frames to words."""
    adapter = Transcription(**CORE, sample_rate_hz=RATE_HZ, mel_bins=20, tokenizer="word")
    return finished(adapter, home / "speech", recordings(home))


def whisper(home: Path) -> Path:
    """Whisper itself, made on the spot."""
    tiny_whisper().save_pretrained(home / "tiny")
    processor().save_pretrained(home / "tiny")
    adapter = Transcription(model_name_or_path=str(home / "tiny"))
    return finished(adapter, home / "whisper", recordings(home), learning_rate=1e-5)


def films(home: Path) -> Path:
    """A table of squares that come and go."""
    lines = ["file,start,end,label"]
    for number in range(5):
        draw(home / f"{number}.mp4", [*3 * ["none"], *4 * ["left"], *3 * ["none"], *4 * ["right"]])
        lines += [f"{number}.mp4,0.3,0.7,left", f"{number}.mp4,1.0,1.4,right"]
    (home / "films.csv").write_text("\n".join(lines) + "\n")
    return home / "films.csv"


def frames(home: Path) -> Path:
    """The labeller of frames."""
    adapter = EventLabelling(**TINY, frames_folder=str(home / "kept"))
    return finished(adapter, home / "frames", films(home))


def events(home: Path) -> Path:
    """The core, from frames to events."""
    adapter = EventLabelling(**TINY, decoder="events", frames_folder=str(home / "kept"))
    return finished(adapter, home / "events", films(home))


def marian(home: Path) -> Path:
    """A model of the library, trained further."""
    words = tokenizer()
    marian_model(len(words)).save_pretrained(home / "theirs")
    words.save_pretrained(home / "theirs")
    (home / "m.tsv").write_text("en\tde\n" + "".join(f"dog {n}\tHund {n}\n" for n in range(40)))
    return finished(Translation(model_name_or_path=str(home / "theirs")), home / "marian", home / "m.tsv")


OURS: dict[str, Callable[[Path], Path]] = {"text": text, "speech": speech, "frames": frames, "events": events}
THEIRS: dict[str, Callable[[Path], Path]] = {"marian": marian, "whisper": whisper}
KINDS = OURS | THEIRS
