"""A search that follows coverage: what reaches new branches of the readers of texts is changed further.

    python -m tests.fuzz.guided FOLDER --inputs 20000

Atheris (libFuzzer for Python) watches the branches of `toolkit.data` and changes whole tables and label files. The
first byte of an input chooses the reader, so that one process serves all. It ends with an error at the first input that
costs more than sentences, and leaves that in the folder.
"""

import argparse
import atexit
import os
import signal
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["toolkit.data"]):
    from tests.fuzz.readers import READERS, TIMES, Reader
    from toolkit.data.files import open_source

LONGEST_SECONDS, MOST_BYTES = 10, 4096


def texts() -> list[Reader]:
    """The readers whose work is done in Python, on what is not packed."""
    packed = (".gz", ".parquet")
    return [
        reader
        for reader in READERS.values()
        if reader.family in ("tables", "labels") and not reader.damaged.endswith(packed) and "/" not in reader.damaged
    ]


def read(reader: Reader, content: bytes) -> None:
    """Reads an input to its end; only what the reader may say is caught."""
    [files] = reader.seeds()
    for name, whole in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content if name == reader.damaged else whole)
    try:
        if reader.family == "labels":
            rows = open_source(reader.path, ("file", "label"), TIMES, media="file")
        else:
            rows = open_source(reader.path)
        for _ in rows:
            pass
    except reader.own_faults:
        pass


def main() -> None:
    """Reads the command line and searches; the library ends the process."""
    parser = argparse.ArgumentParser(description="Search the readers of texts by the branches that inputs reach.")
    parser.add_argument("folder", type=Path, help="where inputs lie while they are read; empty or new")
    parser.add_argument("--inputs", type=int, default=20_000, help="how many to try")
    parser.add_argument("--seed", type=int, default=1, help="other numbers try other inputs")
    asked = parser.parse_args()
    corpus, room, readers = asked.folder.resolve() / "corpus", asked.folder.resolve() / "room", texts()
    for folder in (corpus, room):
        folder.mkdir(parents=True)
    for place, reader in enumerate(readers):
        [files] = reader.seeds()
        (corpus / str(place)).write_bytes(bytes([place]) + files[reader.damaged])
    os.chdir(room)

    def one(data: bytes) -> None:
        if data:
            read(readers[data[0] % len(readers)], data[1:])

    limits = [f"-runs={asked.inputs}", f"-seed={asked.seed}", f"-timeout={LONGEST_SECONDS}", f"-max_len={MOST_BYTES}"]
    atheris.Setup(
        ["guided", *limits, "-rss_limit_mb=4096", f"-artifact_prefix={asked.folder.resolve()}/", str(corpus)], one
    )
    # Its alarm goes on ringing while Python ends, without whoever answered it, and would hide how the search ended.
    atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
