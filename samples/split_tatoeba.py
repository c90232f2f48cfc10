"""Splits English-Korean sentence pairs into samples/tatoeba_en_ko/.   python samples/split_tatoeba.py kor.txt

`kor.txt` is the file that samples/tatoeba_en_ko/SOURCE.md describes: English, Korean, attribution, apart by tabs.
"""

import sys
from collections import defaultdict
from hashlib import blake2b
from pathlib import Path

HEADER = "en\tko\tattribution"
HELD_OUT_ROWS = {"validation": 300, "test": 300}
FOLDER = Path(__file__).parent / "tatoeba_en_ko"


def split(lines: list[str]) -> dict[str, list[str]]:
    """Deals sentences out in the order of their hash; all pairs of one English sentence go the same way."""
    pairs, rows = {}, defaultdict(list)
    for line in lines:
        pairs.setdefault(tuple(line.split("\t")[:2]), line)
    for (english, _), line in pairs.items():
        rows[english].append(line)
    place, room = {}, HELD_OUT_ROWS | {"train": len(lines)}
    for english in sorted(rows, key=lambda sentence: blake2b(sentence.encode()).digest()):
        place[english] = next(name for name in room if room[name] >= len(rows[english]))
        room[place[english]] -= len(rows[english])
    return {name: [line for (english, _), line in pairs.items() if place[english] == name] for name in room}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name, lines in split(Path(sys.argv[1]).read_text(encoding="utf-8").split("\n")[:-1]).items():
        (FOLDER / f"{name}.tsv").write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8", newline="\n")
        print(f"{name}: {len(lines)} rows")
