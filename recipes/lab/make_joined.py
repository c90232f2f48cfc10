"""Make long texts of short ones.   python recipes/lab/make_joined.py train.en train.de joined/train --rows 3

Of two parallel text files, each so many lines become one, and the rest are left out: joined/train.en, joined/train.de.
"""

import argparse
from pathlib import Path


def joined(lines: list[str], rows: int) -> list[str]:
    """Each so many lines in one, with a space between them."""
    whole = len(lines) // rows * rows
    return [" ".join(line.strip() for line in lines[start : start + rows]) for start in range(0, whole, rows)]


def main() -> None:
    """Writes both files anew, with the endings of those that were read."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="A text in each line.")
    parser.add_argument("target", type=Path, help="What belongs to it, in the same line.")
    parser.add_argument("out", type=Path, help="Where the new files go, without their endings.")
    parser.add_argument("--rows", type=int, default=3, help="How many lines become one.")
    arguments = parser.parse_args()
    if arguments.rows < 1:
        parser.error(f"--rows must be at least 1, but is {arguments.rows}")
    read = (arguments.source, arguments.target)
    written = [Path(f"{arguments.out}{path.suffix}") for path in read]
    if written[0] == written[1]:
        parser.error(f"both files must have endings of their own, as .en and .de, but both would become {written[0]}")
    if {path.resolve() for path in written} & {path.resolve() for path in read}:
        parser.error(f"out must lead elsewhere, but {arguments.out} would write over what is read")
    try:
        files = [path.read_text(encoding="utf-8").split("\n") for path in read]
    except (OSError, UnicodeDecodeError) as error:
        parser.error(str(error))
    counts = [len(lines) - (lines[-1] == "") for lines in files]
    if counts[0] != counts[1]:
        parser.error(f"both files must have as many lines, but have {counts[0]} and {counts[1]}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    for path, lines in zip(written, files, strict=True):
        text = "".join(f"{line}\n" for line in joined(lines[: counts[0]], arguments.rows))
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
