"""Rows that are written in any order, by several processes, and read in the order of the data when all are there."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from toolkit.processes import ALONE, Share, wait


class Parts:
    """A folder with one file per process, to which rows are added as they are made.

    Nothing of a row stays in memory but where it stands. A process that is killed loses the row that it was writing;
    who opens the folder again, with as many processes or others, finds the rest.

    Args:
        folder: where the files lie; all processes must see it.
        rows: how many there will be.
        share: which file is this process's.
        resumes: whether rows that are there already are kept, and outlive a block that ends with an error.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, Parts(Path(folder, "rows"), 3) as parts:
    ...     parts.add({2: "c", 0: "a"})
    ...     parts.missing(np.arange(3))
    ...     parts.add({1: "b"})
    ...     list(parts)
    [0, 1, 2]
    ['a', 'b', 'c']
    """

    def __init__(self, folder: Path, rows: int, *, share: Share = ALONE, resumes: bool = False) -> None:
        self.folder, self.share, self.resumes = folder, share, resumes
        self._files: list[Path] = []
        self._file = np.zeros(rows, dtype=np.uint16)  # of each row
        self._offset = np.full(rows, -1, dtype=np.int64)  # of each row in its file, in bytes

    def __enter__(self) -> Self:
        if not self.resumes and self.share.process == 0:
            shutil.rmtree(self.folder, ignore_errors=True)
        wait()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._find()
        wait()  # until everyone has looked, so that all see the same
        self._own = (self.folder / f"{self.share.process}.part").open("ab")
        self._own.truncate(self._end)
        self._own.seek(0, 2)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError):  # what the disk refuses now, it has refused before, and that was told
            self._own.close()
        if kind is not None and not self.resumes:
            shutil.rmtree(self.folder, ignore_errors=True)

    def missing(self, places: np.ndarray) -> list[int]:
        """Those places whose rows were not there when the folder was opened."""
        return places[self._offset[places] < 0].tolist()

    def add(self, rows: Mapping[int, Any]) -> None:
        """Writes rows by their places, as JSON; what is returned from is safe from the death of the process.

        Raises:
            OSError: the disk refuses.
        """
        lines = b"".join(b"%d\t%s\n" % (place, json.dumps(row).encode()) for place, row in rows.items())
        try:
            self._own.write(lines)
            self._own.flush()
        except OSError as error:
            sentence = f"{self._own.name} could not be written ({error.strerror or error}). Make room, then run again."
            raise OSError(sentence) from error

    def __len__(self) -> int:
        return len(self._offset)

    def __iter__(self) -> Iterator[Any]:
        """All rows in order, once every process has written its share.

        Raises:
            OSError: rows are missing, since this process does not see the files of the others.
        """
        self._find()
        if (self._offset < 0).any():
            raise OSError(
                f"{self.folder} lacks {(self._offset < 0).sum():,} rows that other processes have written. "
                "`output_dir` must lie on storage that all machines share."
            )
        with ExitStack() as stack:
            files = [stack.enter_context(path.open("rb")) for path in self._files]
            for number, offset in zip(self._file, self._offset, strict=True):
                files[number].seek(int(offset))
                yield json.loads(files[number].readline().partition(b"\t")[2])

    def _find(self) -> None:
        """Where each row stands; the last line of a file may be cut short, and then ends without a new line."""
        self._end = 0
        self._files = sorted(self.folder.glob("*.part"))
        for number, path in enumerate(self._files):
            end = 0
            with path.open("rb") as lines:
                for line in lines:
                    if line.endswith(b"\n"):
                        place = int(line.partition(b"\t")[0])
                        self._file[place], self._offset[place] = number, end
                        end += len(line)
            if path.name == f"{self.share.process}.part":
                self._end = end


__all__ = ["Parts"]
