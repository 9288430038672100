"""What every benchmark says about where it ran, and how it compares two pieces of work."""

import os
import platform
import statistics
import time
from collections.abc import Callable

import torch


def describe() -> str:
    torch_ = f"torch {torch.__version__}, {torch.get_num_threads()} threads"
    return f"{platform.platform()}, {os.cpu_count()} cores, {torch_}"


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratio(
    bare: Callable[[], object], whole: Callable[[], object], *, rounds: int
) -> tuple[float, float, float]:
    """Alternate the two and return their median seconds and the median of bare / whole, round by round."""
    bare(), whole()
    pairs = [(seconds(bare), seconds(whole)) for _ in range(rounds)]
    medians = (statistics.median(column) for column in zip(*pairs, strict=True))
    return *medians, statistics.median(b / w for b, w in pairs)
