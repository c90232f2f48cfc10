"""Work that is done in the background, a little ahead of whoever waits for it."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Generator[T, None, None], *, depth: int) -> Iterator[T]:
    """The same items, made in a thread of their own while the earlier ones are used.

    A fault in the making comes up in its place. When nobody wants more, the generator is closed.

    Args:
        items: whatever takes long without holding the interpreter, such as decoding.
        depth: at most so many items wait.

    >>> list(ahead((number * number for number in range(4)), depth=2))
    [0, 1, 4, 9]
    """
    end = object()
    worker = ThreadPoolExecutor(1, thread_name_prefix="ahead")
    try:
        waiting = deque(worker.submit(next, items, end) for _ in range(depth))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(worker.submit(next, items, end))
            yield item  # type: ignore[misc]  # it is no longer `object()`, which the checker cannot know
    finally:
        worker.shutdown(cancel_futures=True)
        items.close()
