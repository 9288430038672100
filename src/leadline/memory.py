"""Memory: how pictures lie in it, and that what is freed or prepared is kept for the next picture or step."""

import ctypes
import os
import sys

import torch


def keep_memory() -> None:
    """Keep freed memory instead of giving it back to the system and paging it in anew each time.

    For commands, which own their process. On a CPU a training step takes a quarter less time for it or better
    (benchmarks/memory.py), and so does a batch of pictures. It is glibc's business; other systems have other
    allocators.

    On a CPU, convolutions are compiled for every size of picture, and 1024 of them are kept unless more are
    asked for: a network of 100 layers that meets more than a few sizes would compile them at every step, in a
    quarter of its time.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")  # read when the first one is compiled
    if sys.platform == "linux":
        tune = getattr(ctypes.CDLL(None), "mallopt", None)
        for option, value in ((-4, 0), (-1, 2**31 - 1)):  # M_MMAP_MAX, M_TRIM_THRESHOLD
            if tune is not None:
                tune(option, value)


def layout_on(device: torch.device) -> torch.memory_format:
    """Return how pictures and weights lie in memory: channels last, which convolutions are fastest with.

    Not on Apple's GPUs, where batch normalisation then has wrong gradients (pytorch/pytorch issue 175189).
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last
