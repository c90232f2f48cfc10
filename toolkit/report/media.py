"""Sound and videos of a page: inside it, or as files in a folder beside it."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Literal

from toolkit.report.clock import OPENING

Media = Literal["auto", "embed", "beside"]
MOST_BYTES = 3_000_000
"""Up to this size a page keeps its media inside by itself: it can still be sent by mail and opens at once."""

_INSIDE = re.compile(rf"({'|'.join(map(re.escape, OPENING.values()))})data:([\w.+/-]+);base64,([\w+/=]+)\"")
_OURS = re.compile(r"[0-9a-f]{16}\.\w+")


def beside(whole: str, folder: str) -> tuple[str, dict[str, bytes]]:
    """Takes sound and videos out of a page. No label can be mistaken for one, since labels have no `<`.

    Args:
        whole: the page.
        folder: where the files will lie, from the page.

    Returns:
        The page that names them, and their bytes by name. A name is made of what is in the file, so that an old page
        and a new one can share a folder while one takes the place of the other.
    """
    files: dict[str, bytes] = {}

    def moved(found: re.Match[str]) -> str:
        content = base64.b64decode(found[3])
        ending = re.sub(r"\W", "", found[2].rpartition("/")[2].removeprefix("x-"))
        name = f"{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
        files[name] = content
        return f'{found[1]}{folder}/{name}"'

    return _INSIDE.sub(moved, whole), files


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Writes what is not there yet."""
    for name, content in files.items():
        folder.mkdir(exist_ok=True)
        if not (folder / name).exists():
            (folder / f"{name}.part").write_bytes(content)
            (folder / f"{name}.part").replace(folder / name)


def remove_others(folder: Path, files: dict[str, bytes]) -> None:
    """Removes what only an earlier page showed, and the folder with its last file; other files are not ours."""
    if folder.is_dir():
        for path in folder.iterdir():
            if _OURS.fullmatch(path.name.removesuffix(".part")) and path.name not in files:
                path.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()
