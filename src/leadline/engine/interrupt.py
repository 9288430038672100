"""How a run ends before its time: after Ctrl-C with the step saved, and all processes together."""

import ctypes
import signal
import sys
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


def end_with_parent() -> None:
    """End this process when the one that started it does, where Linux can; on a GPU it would wait for it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
