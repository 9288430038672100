"""Which mistakes `inspect` notices: reads sources wrongly on purpose, and prints what is said about them.

python benchmarks/inspection.py SOURCE...
"""

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from leadline.data.findings import find
from leadline.data.inspection import inspect_sample
from leadline.data.source import Evenly
from leadline.stages.sources import open_source
from leadline.types import Label, Sample, Space

SAMPLES = 16
Change = Callable[[Label], Label]


def scaled(label: Label, factor: float | np.ndarray) -> Label:
    """Multiply distances."""
    values = label.values * factor if label.space is Space.DEPTH else label.values / factor
    return replace(label, values=values.astype(np.float32))


def swapped(label: Label) -> Label:
    return replace(label, space=Space.DISPARITY if label.space is Space.DEPTH else Space.DEPTH)


def turned_over(label: Label) -> Label:
    finite = label.valid & np.isfinite(label.values)
    top = 1.01 * label.values.max(where=finite, initial=0)
    return replace(label, values=np.where(finite, top - label.values, 0).astype(np.float32), valid=finite)


def slant(label: Label) -> np.ndarray:
    """Length of the rays of a lens that looks 53 degrees wide."""
    h, w = label.values.shape
    y, x = np.mgrid[:h, :w].astype(np.float64)
    length: np.ndarray = np.sqrt(1 + ((x - w / 2) / max(h, w)) ** 2 + ((y - h / 2) / max(h, w)) ** 2)
    return length


def in_8_bit(label: Label) -> Label:
    finite = label.valid & np.isfinite(label.values)
    top = label.values.max(where=finite, initial=1e-9)
    levels = np.round(np.where(finite, label.values, 0) / top * 255) * (top / 255)
    return replace(label, values=levels.astype(np.float32), valid=finite)


def moved(label: Label) -> Label:
    by = max(3, min(label.values.shape) // 40)
    return replace(label, values=np.roll(label.values, by, 1), valid=np.roll(label.valid, by, 1))


def mirrored(label: Label) -> Label:
    values, valid = (np.ascontiguousarray(each[:, ::-1]) for each in (label.values, label.valid))
    return replace(label, values=values, valid=valid)


CHANGES: dict[str, Change] = {
    "as it is": lambda label: label,
    "metres read as mm": lambda label: scaled(label, 0.001),
    "mm read as metres": lambda label: scaled(label, 1000),
    "depth for disparity": swapped,
    "turned over": turned_over,
    "distance for depth": lambda label: scaled(label, slant(label)),
    "8 bit": in_8_bit,
    "moved": moved,
    "mirrored": mirrored,
}


def main() -> None:
    for spec in sys.argv[1:]:
        source = Evenly(open_source(spec), SAMPLES)
        samples: list[Sample] = [source[index] for index in range(len(source))]
        for name, change in CHANGES.items():
            wrong = [replace(s, label=change(s.label)) for s in samples if s.label is not None]
            kinds = [finding.kind for finding in find([inspect_sample(sample) for sample in wrong])]
            print(f"{source.name:16} {name:20} {', '.join(kinds) or '-'}")


if __name__ == "__main__":
    main()
