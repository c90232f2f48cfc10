"""Files that appear whole or not at all."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO


@contextmanager
def written_aside(path: Path, *, newline: str | None = None) -> Iterator[TextIO]:
    """Opens a file beside `path` that takes its place when the block ends well, and vanishes when it does not.

    Args:
        path: of the file.
        newline: as for `open`.

    Raises:
        OSError: the disk refuses; the sentence names the file, which stays as it was.
    """
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("w", encoding="utf-8", newline=newline) as out:
            yield out
        os.replace(aside, path)
    except OSError as error:
        raise OSError(f"{path} could not be written ({error.strerror or error}). Make room, then run again.") from error
    finally:
        aside.unlink(missing_ok=True)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Writes values to read; what JSON does not know is written as text."""
    with written_aside(path) as out:
        json.dump(values, out, indent=2, ensure_ascii=False, default=str)
        out.write("\n")


__all__ = ["write_json", "written_aside"]
