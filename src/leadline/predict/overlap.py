"""Reading ahead and writing behind while the network works."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

READERS = max(1, min(8, (os.cpu_count() or 1) // 2))
"""Threads that read pictures: decoding keeps up with a GPU, and a CPU is busy anyway."""


def overlapped(
    work: Callable[[Item], Result], items: Iterable[Item], *, ahead: int, threads: int = 1
) -> Iterator[Result]:
    """Yield ``work(item)`` in order, computed by `threads` at most `ahead` items before it is asked for.

    Raises:
        ValueError: where `ahead` is below 1.
    """
    if ahead < 1:
        raise ValueError(f"ahead is at least 1, got {ahead}")
    with ThreadPoolExecutor(threads) as pool:
        source = iter(items)
        waiting: deque[Future[Result]] = deque(pool.submit(work, item) for item in islice(source, ahead))
        try:
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(work, item) for item in islice(source, 1))
                yield result
        finally:
            pool.shutdown(cancel_futures=True)
