"""How a 16-bit map is written as PNG, against OpenCV's zlib: python benchmarks/png.py

Maps of 256x341 as a network gives them: discs over a slope, blurred a little.
"""

import statistics

import cv2
import numpy as np
from machine import describe, ratio

from leadline.data.files import encode_map
from leadline.data.records import quantise


def draw(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:256, :341].astype(np.float32)
    values = rows / 256
    for _ in range(12):
        top, left, radius = rng.uniform((0, 0, 10), (256, 341, 60))
        values[(rows - top) ** 2 + (columns - left) ** 2 < radius**2] = rng.uniform(0.5, 2)
    stored, _, _ = quantise(cv2.GaussianBlur(values, (0, 0), 2))
    return stored


def main() -> None:
    print(describe())
    maps = [draw(seed) for seed in range(20)]
    for level in (1, 3):

        def opencv(level: int = level) -> list[int]:
            return [len(cv2.imencode(".png", m, [cv2.IMWRITE_PNG_COMPRESSION, level])[1]) for m in maps]

        def ours() -> list[int]:
            return [len(encode_map(m)) for m in maps]

        theirs, own, speed = ratio(opencv, ours, rounds=5)
        size = statistics.mean(ours()) / statistics.mean(opencv())
        print(
            f"OpenCV level {level}: {50 * theirs:.2f} ms a map, ours {50 * own:.2f} ms: "
            f"{speed:.1f} times as fast, {size:.2f} times the bytes"
        )


if __name__ == "__main__":
    main()
