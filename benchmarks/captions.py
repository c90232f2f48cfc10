"""The sentences that everybody reads: Multi30k, English to German, in a joint vocabulary of about 9,700 pieces.

A prepared folder holds `train.bpe.en`, `train.bpe.de` and `test.bpe.en`, one sentence a line with spaces between the
pieces, and `vocab.txt`, one piece a line.
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

from toolkit.adapters.tokenizers import SPECIAL_TOKENS, train_tokenizer

UNKNOWN, START, END, PADDING = range(4)
PIECES = 9712


@dataclass(frozen=True)
class Captions:
    """Sentences as ids, each with `<eos>` at its end.

    Attributes:
        pieces: what an id stands for.
        pairs: source and target for training.
        sources: what is to be translated.
    """

    pieces: list[str]
    pairs: list[tuple[list[int], list[int]]]
    sources: list[list[int]]

    def text(self, ids: list[int]) -> str:
        """The pieces of a sentence."""
        return " ".join(self.pieces[label] for label in ids)


def read(folder: Path) -> Captions:
    """Reads a prepared folder."""
    pieces = [*SPECIAL_TOKENS.values(), *_lines(folder / "vocab.txt")]
    ids = {piece: label for label, piece in enumerate(pieces)}
    train_en, train_de, test_en = (
        [[*(ids.get(piece, UNKNOWN) for piece in line.split()), END] for line in _lines(folder / f"{name}")]
        for name in ("train.bpe.en", "train.bpe.de", "test.bpe.en")
    )
    return Captions(pieces, list(zip(train_en, train_de, strict=True)), test_en)


def prepare(raw: Path, folder: Path) -> None:
    """Makes such a folder from the raw files of task 1, `train.en.gz` and so on."""
    files = {
        f"{name}.{language}": gzip.decompress((raw / f"{split}.{language}.gz").read_bytes())
        .decode()
        .lower()
        .removesuffix("\n")
        .split("\n")
        for name, split, language in (
            ("train.bpe", "train", "en"),
            ("train.bpe", "train", "de"),
            ("test.bpe", "test_2016_flickr", "en"),
        )
    }
    training = files["train.bpe.en"] + files["train.bpe.de"]
    tokenizer = train_tokenizer(training, kind="bpe", vocab_size=PIECES)
    for name, lines in files.items():
        pieces = (" ".join(tokenizer.tokenize(line)) for line in lines)
        (folder / name).write_text("\n".join(pieces) + "\n", encoding="utf-8")
    by_id = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)[len(SPECIAL_TOKENS) :]
    (folder / "vocab.txt").write_text("\n".join(by_id) + "\n", encoding="utf-8")


def _lines(path: Path) -> list[str]:
    """Lines by line feed alone: other separators of Unicode are characters like all others."""
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
