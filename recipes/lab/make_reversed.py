"""Make sequences to be read backwards.   python recipes/lab/make_reversed.py data/reversed

Leaves train.tsv, validation.tsv and test.tsv with the columns letters and reversed. Training and validation rows have
up to 20 letters, test rows up to 30: a third of them is longer than anything that was trained. Rows differ.
With --copied the same letters are to be written as they stand, in a column of that name.
"""

import argparse
import random
from pathlib import Path

LETTERS = "abcdefghij"
SPLITS = {"train": (20_000, 20), "validation": (400, 20), "test": (900, 30)}


def rows(count: int, longest: int, step: int, seen: set[str], chance: random.Random) -> list[str]:
    """Lines of a table, of all lengths alike, none of which was made before; short ones run out and are fewer."""
    lines = []
    for number in range(count):
        letters = " ".join(chance.choices(LETTERS, k=number % longest + 1))
        if letters not in seen:
            seen.add(letters)
            lines.append(f"{letters}\t{letters[::step]}\n")
    return lines


def main() -> None:
    """Writes the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="Where the tables go.")
    parser.add_argument("--copied", action="store_true", help="Write the letters as they stand.")
    arguments = parser.parse_args()
    folder, (name, step) = arguments.folder, ("copied", 1) if arguments.copied else ("reversed", -1)
    folder.mkdir(parents=True, exist_ok=True)
    chance, seen = random.Random(1), set[str]()
    for split in ("test", "validation", "train"):  # the rare short ones are for the test
        lines = rows(*SPLITS[split], step, seen, chance)
        (folder / f"{split}.tsv").write_text(f"letters\t{name}\n" + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
