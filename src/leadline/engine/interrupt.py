"""Ctrl-C while a network learns: the step is finished and its state saved, so that nothing is lost."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def held_back(*, wanted: bool) -> Iterator[Callable[[], bool]]:
    """Hold a first SIGINT back, and tell by what is returned whether it came; a second one stops at once.

    Where it is not `wanted`, or this is not the main thread, a first one stops at once.
    """
    came = threading.Event()

    def hold(number: int, frame: FrameType | None) -> None:
        if came.is_set():
            raise KeyboardInterrupt
        came.set()

    if not wanted or threading.current_thread() is not threading.main_thread():
        yield came.is_set
        return
    before = signal.signal(signal.SIGINT, hold)
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGINT, before)
