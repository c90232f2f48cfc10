"""Recipes in processes of their own, which may be many and may be killed, without waiting for imports each time."""

import multiprocessing
import os
import resource
import runpy
import socket
import sys
import tempfile
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.recipes.conftest import ROOT, Said, flags

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["toolkit", "tests.recipes.forked"])


def start(name: str, *words: str, environment: dict[str, str] | None = None, largest_file: int = -1, **values: object):
    """Starts `recipes/NAME.py` in the folder of the test; what it says goes to a file named by its process."""
    script = str(ROOT / "recipes" / f"{name}.py")
    argv = [script, *words, *flags(**values)]
    process = SERVER.Process(target=_work, args=(argv, environment or {}, largest_file))
    process.start()
    return process


def _work(argv: list[str], environment: dict[str, str], largest_file: int) -> None:
    os.environ |= {"TMPDIR": os.getcwd(), **environment}
    tempfile.tempdir = None
    if largest_file >= 0:  # the disk is full, as far as a file of this process can know
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    for number, kind in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{os.getpid()}.{kind}", os.O_WRONLY | os.O_CREAT, 0o600), number)
    sys.argv = argv
    runpy.run_path(argv[0], run_name="__main__")


def end(process: ForkServerProcess) -> Said:
    """Waits for a process; a negative code is the signal that ended it."""
    process.join(300)
    out, err = (Path(f"{process.pid}.{kind}") for kind in ("out", "err"))
    said = Said(process.exitcode, *(path.read_text() if path.exists() else "" for path in (out, err)))
    for path in (out, err):
        path.unlink(missing_ok=True)
    return said


def free_port() -> str:
    """Where processes may meet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def start_several(
    name: str, *words: str, count: int = 2, largest_files: dict[int, int] | None = None, **values: object
) -> list[ForkServerProcess]:
    """Starts a recipe in processes that know of each other, as `torch.distributed.run` does."""
    around = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    return [
        start(
            name,
            "--use_cpu",
            *words,
            environment={key: str(value) for key, value in {**around, "RANK": rank, "LOCAL_RANK": rank}.items()},
            largest_file=(largest_files or {}).get(rank, -1),
            **values,
        )
        for rank in range(count)
    ]


def run_several(name: str, *words: str, **values: object) -> list[Said]:
    """How each of several processes ended."""
    return [end(process) for process in start_several(name, *words, **values)]
