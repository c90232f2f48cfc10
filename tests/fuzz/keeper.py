"""Has hostile files read in a process of its own, which may crash, hang or eat memory at no cost to whoever asks."""

import faulthandler
import multiprocessing
import os
import re
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_ADDRESS_BYTES = 6 << 30  # beyond what the libraries take when they are loaded; keeps this machine out of danger
MOST_FILE_BYTES = 64 << 20
GOOD = ("rows", "fault")


@dataclass(frozen=True)
class Verdict:
    """What became of one input.

    Args:
        outcome: "rows" or "fault", or what must not be: "wrong" (another exception, or a sentence that names no file),
            "crash", "hang" or "strayed" (something outside the given folder changed).
        told: the sentences, or the evidence.
        seconds: how long it took.
        megabytes: how much memory it took at its peak, beyond what was taken before.
    """

    outcome: str
    told: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0


def judge(name: str, given: Path) -> Verdict:
    """Reads what lies in the given folder, which is the working directory, and says what came of it."""
    from tests.fuzz.readers import READERS

    reader, room = READERS[name], given.parents[1]
    surroundings = _surroundings(room, given)
    taken, started = _measure_anew(), time.perf_counter()
    try:
        faults = reader.read(reader.path)
        outcome, told = "rows", "\n".join(faults)
    except reader.own_faults as error:
        outcome, told = "fault", str(error)
        if not told or not any(part in told for part in (reader.path, reader.damaged, *reader.path.split(","))):
            outcome, told = "wrong", f"names no file: {told}"
    except BaseException:  # a panic of Rust is no Exception
        outcome, told = "wrong", traceback.format_exc()
    seconds, megabytes = time.perf_counter() - started, _memory("VmHWM") - taken
    if strayed := surroundings ^ _surroundings(room, given):
        outcome, told = "strayed", "\n".join(sorted(path for path, *_ in strayed))
    return Verdict(outcome, told, seconds, megabytes)


def _surroundings(room: Path, given: Path) -> set[tuple[str, int, int]]:
    """All that lies around the given folder; what readers keep for the process lies in a folder of its own."""
    found = set()
    for folder, folders, files in os.walk(room):
        folders[:] = [name for name in folders if name != "private" and Path(folder, name) != given]
        for path in (os.path.join(folder, name) for name in files):
            found.add((path, os.stat(path).st_size, os.stat(path).st_mtime_ns))
    return found


def _measure_anew() -> float:
    """Forgets the peak of memory so far; gives what is taken now, in megabytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def _serve(connection: Connection, room: Path, given: Path) -> None:
    """The life of the process that reads."""
    told = os.open(room / "private" / "stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(told, 1), os.dup2(told, 2)
    faulthandler.enable(2, all_threads=False)
    taken = int(_memory("VmSize") * (1 << 20))
    for kind, most in (("AS", taken + MOST_ADDRESS_BYTES), ("FSIZE", MOST_FILE_BYTES), ("CORE", 0)):
        resource.setrlimit(getattr(resource, f"RLIMIT_{kind}"), (most, most))
    os.chdir(given)
    tempfile.tempdir = str(room / "private")
    from tests.fuzz.readers import READERS

    connection.send(len(READERS))
    while True:
        try:
            connection.send(judge(connection.recv(), given))
        except EOFError:
            return


class Keeper:
    """A reading process, started again whenever an input ended it.

    Args:
        room: an empty folder; the inputs lie three folders deep in it, so that `../../x` is still inside.
    """

    def __init__(self, room: Path) -> None:
        self.room, self.given = room, room / "work" / "given"
        self.given.mkdir(parents=True)
        (room / "private").mkdir()
        (room / "x").write_text("kept\n")
        os.environ["PYTHONPATH"] = str(ROOT)  # the server of forks does not take over our search path
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.fuzz.readers"])
        self._start()

    def _start(self) -> None:
        self._connection, theirs = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(theirs, self.room, self.given), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self._connection.recv()
        except EOFError as error:
            raise RuntimeError(f"the reading process does not start:\n{self._last_words()}") from error

    def _last_words(self) -> str:
        return (self.room / "private" / "stderr").read_text(errors="replace")

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.join()
        self._connection.close()

    def fill(self, files: Mapping[str, bytes]) -> None:
        """Puts these files, and nothing else, into the given folder."""
        for path in self.given.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for name, content in files.items():
            (self.given / name).parent.mkdir(parents=True, exist_ok=True)
            (self.given / name).write_bytes(content)

    def read(self, reader: str, *, seconds: float = 20.0) -> Verdict:
        """Has what lies in the given folder read."""
        try:
            self._connection.send(reader)
            if self._connection.poll(seconds):
                return self._connection.recv()
            outcome = "hang"
        except (EOFError, ConnectionError):
            outcome = "crash"
        self.close()
        told = f"exit code {self._process.exitcode}\n{self._last_words()}"
        self._start()
        return Verdict(outcome, told, seconds if outcome == "hang" else 0.0)


def can_keep() -> bool:
    """Whether this machine can fork and tells the memory of a process."""
    return sys.platform == "linux" and os.access("/proc/self/clear_refs", os.W_OK)
