"""One run in several processes: who does which part, who waits for whom, and who speaks when one of them fails."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import timedelta
from typing import NamedTuple, TypeVar

import torch.distributed
from accelerate import PartialState
from accelerate.utils import broadcast_object_list

Value = TypeVar("Value")


class Share(NamedTuple):
    """Which part of some work is this process's: the pieces that come at its turn.

    >>> process, processes = Share(1, 3)
    >>> "abcdefgh"[process::processes]
    'beh'
    """

    process: int = 0
    processes: int = 1


ALONE = Share()
"""All the work is this process's."""


def wait() -> None:
    """Returns when every process of the run has come this far."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()


def from_first(share: Share, ask: Callable[[], Value]) -> Value:
    """What the first process answers, in every process: what must not be asked twice, since the answer may change."""
    answer = [ask() if share.process == 0 else None]
    if share.processes > 1:
        broadcast_object_list(answer)
    return answer[0]  # type: ignore[return-value]


def any_process(says: bool) -> bool:
    """Whether it is true in any process of the run; all of them ask at the same place."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return says
    votes = torch.tensor(int(says), device=PartialState().device)
    torch.distributed.all_reduce(votes)
    return bool(votes)


@contextmanager
def only_first_speaks(share: Share) -> Iterator[None]:
    """Drops what other processes print, which the first one prints as well."""
    if share.process == 0:
        yield
        return
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def fails_first() -> bool:
    """Whether this process, which is about to end with an error, is the first of its run to do so.

    The others then end because it is gone, or of the same error: nobody wants to read that twice. They ask the store
    that started them all, and give the first one a second to say what has happened before the launcher ends it.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return True
    try:
        store = torch.distributed.TCPStore(
            os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False, timeout=timedelta(seconds=5)
        )
        is_first = store.add(f"failed in attempt {os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", 1) == 1
    except (RuntimeError, KeyError):  # nobody can be asked
        is_first = os.environ.get("RANK", "0") == "0"
    if not is_first:
        time.sleep(1)
    return is_first


__all__ = ["ALONE", "Share", "any_process", "fails_first", "from_first", "only_first_speaks", "wait"]
