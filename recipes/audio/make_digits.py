"""Make strings of spoken digits out of single ones.   python recipes/audio/make_digits.py FSDD_FOLDER runs/digits_data

Reads a clone of github.com/Jakobovski/free-spoken-digit-dataset (CC BY-SA 4.0; recordings/, or the same packed into
recordings.tar.gz), whose takes 0 to 4 of each speaker and digit are the test set, and writes train.csv, validation.csv,
test.csv (single digits) and test_strings.csv (strings of 3 to 7) with their recordings. Takes 5 to 9 validate. A string
joins takes of one speaker with short pauses.
"""

import csv
import io
import random
import sys
import tarfile
import wave
from collections.abc import Iterator
from pathlib import Path

RATE_HZ = 8000
STRINGS = {"train": 4000, "validation": 200, "test": 300}
PAUSE_SECONDS = 0.1
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

Take = tuple[str, str, bytes]  # speaker, word, samples of 16 bits


def read_takes(folder: Path) -> dict[str, list[Take]]:
    """The single digits of each split; a recording is called digit_speaker_take.wav."""
    splits: dict[str, list[Take]] = {name: [] for name in STRINGS}
    for path, content in sorted(read_files(folder)):
        digit, speaker, take = path.stem.split("_")
        with wave.open(io.BytesIO(content)) as sound:
            samples = sound.readframes(sound.getnframes())
        name = "test" if int(take) < 5 else "validation" if int(take) < 10 else "train"
        splits[name].append((speaker, WORDS[int(digit)], samples))
    return splits


def read_files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """The recordings of a clone of the dataset, or of its recordings.tar.gz."""
    if (folder / "recordings").is_dir():
        yield from ((path, path.read_bytes()) for path in (folder / "recordings").glob("*.wav"))
        return
    with tarfile.open(folder / "recordings.tar.gz") as archive:
        for member in archive:
            if member.name.endswith(".wav"):
                yield Path(member.name), archive.extractfile(member).read()


def join(takes: list[Take], length: int, chance: random.Random) -> tuple[str, bytes]:
    """One speaker's digits in a row, with a pause of up to a tenth of a second after each."""
    speaker = chance.choice(sorted({speaker for speaker, _, _ in takes}))
    chosen = chance.choices([take for take in takes if take[0] == speaker], k=length)
    pauses = [bytes(2 * round(RATE_HZ * chance.uniform(0, PAUSE_SECONDS))) for _ in chosen]
    sounds = (samples + pause for (_, _, samples), pause in zip(chosen, pauses, strict=True))
    return " ".join(word for _, word, _ in chosen), b"".join(sounds)


def write(folder: Path, name: str, rows: list[tuple[str, bytes]]) -> None:
    """The recordings, and the table that names them."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "text"])
        for number, (text, samples) in enumerate(rows):
            path = Path(name, f"{number:05}.wav")
            with wave.open(str(folder / path), "wb") as sound:
                sound.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
                sound.writeframes(samples)
            table.writerow([path.as_posix(), text])


def main(source: Path, folder: Path) -> None:
    """Writes all splits, the same ones every time."""
    chance = random.Random(0)
    for name, takes in read_takes(source).items():
        singles = [(word, samples) for _, word, samples in takes]
        strings = [join(takes, chance.randint(3 if name == "test" else 2, 7), chance) for _ in range(STRINGS[name])]
        if name == "test":
            write(folder, "test", singles)
            write(folder, "test_strings", strings)
        else:
            write(folder, name, [*singles, *strings])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
