"""The process's memory: what is freed is kept for the next picture or step."""

import ctypes
import sys


def keep_memory() -> None:
    """Keep freed memory instead of giving it back to the system and paging it in anew each time.

    For commands, which own their process. On a CPU a training step takes a quarter less time for it
    (benchmarks/memory.py), and so does a batch of pictures. It is glibc's business; other systems have other
    allocators.
    """
    if sys.platform == "linux":
        tune = getattr(ctypes.CDLL(None), "mallopt", None)
        for option, value in ((-4, 0), (-1, 2**31 - 1)):  # M_MMAP_MAX, M_TRIM_THRESHOLD
            if tune is not None:
                tune(option, value)
