"""What sources over files share: how a label file becomes a label, and the fingerprint of the data."""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from leadline.data.files import read_map
from leadline.types import Label, LeadlineError, Size, Space, UnreadableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """How the raw numbers of a label file are to be understood."""

    space: Space
    scale: float = 1.0
    """A raw number times this is metres, 1 / metres, or affine disparity in any unit, as `space` says."""
    invalid: float | None = 0
    """The raw number that stands for "not measured"; None where every pixel counts."""

    def __post_init__(self) -> None:
        """Refuse a scale that would turn near into far, and a number that no pixel holds.

        Raises:
            LeadlineError: where `scale` is not a positive finite number, or `invalid` is not a finite one.
        """
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise LeadlineError(
                f"the scale of a label must be positive and finite, got {self.scale}: "
                "give what a stored number is multiplied by, such as 0.001 for millimetres"
            )
        if self.invalid is not None and not math.isfinite(self.invalid):
            raise LeadlineError(
                f"no file of whole numbers holds {self.invalid}, so it cannot stand for what was not "
                "measured: give the stored number that does, or none where every pixel counts"
            )

    def __str__(self) -> str:
        """Write the rule in one line, for provenance."""
        return f"{self.space} = value * {self.scale!r}, invalid {self.invalid}"


def read_label(file: Path, coding: Coding, *, size: Size) -> Label:
    """Read the label of a picture of `size`. Depth that is not positive is never valid.

    Raises:
        UnreadableError: where the file cannot be read, or its size is not the picture's.
    """
    raw = read_map(file)
    if raw.shape != size:
        raise UnreadableError(
            f"{file} is {Size(*raw.shape)}, but the upright picture it labels is {size}: they must agree"
        )
    valid = np.ones(size, np.bool_) if coding.invalid is None else raw != coding.invalid
    values = raw * np.float32(coding.scale)
    if coding.space is Space.DEPTH:
        valid &= values > 0
    return Label(values=values, valid=valid, space=coding.space)


Map = Float32[np.ndarray, "_h _w"]
Mask = Bool[np.ndarray, "_h _w"]


def metres(values: Map, *, valid: Mask | None = None, sky: Mask | None = None) -> Label:
    """Make a label of depth: what is finite and positive counts, and sky, which is infinitely far."""
    kept = np.isfinite(values) & (values > 0)
    if valid is not None:
        kept &= valid
    if sky is not None:
        kept |= sky
        values = np.where(sky, np.float32(np.inf), values)
    return Label(values=np.where(kept, values, np.float32(0)), valid=kept, space=Space.DEPTH)


def per_metre(values: Map, *, valid: Mask | None = None) -> Label:
    """Make a label of measured disparity, 1 / metres: what is finite and positive counts."""
    kept = np.isfinite(values) & (values > 0)
    if valid is not None:
        kept &= valid
    return Label(values=np.where(kept, values, np.float32(0)), valid=kept, space=Space.DISPARITY)


def affine(values: Map, *, valid: Mask) -> Label:
    """Make a label of affine disparity, in which any number may be meant: what is finite and `valid`."""
    kept = np.isfinite(values) & valid
    return Label(values=np.where(kept, values, np.float32(0)), valid=kept, space=Space.AFFINE_DISPARITY)


def up_to_scale(depth: Map, *, valid: Mask | None = None) -> Label:
    """Make a label of depth in an unknown unit: its inverse is an affine disparity."""
    known = metres(depth, valid=valid)
    inverse = np.divide(1, known.values, out=np.zeros_like(known.values), where=known.valid)
    return affine(inverse, valid=known.valid)


def fingerprint(files: Iterable[tuple[str, Path]]) -> str:
    """Sha256 over names and sizes, which tells data sets apart without reading them.

    Each file comes with the name it has in the data set, so moving the whole changes nothing. A file that is
    missing counts with size -1.
    """
    digest = hashlib.sha256()
    for name, file in files:
        size = file.stat().st_size if file.is_file() else -1
        digest.update(f"{name}\0{size}\n".encode(errors="surrogateescape"))  # any name that files can have
    return digest.hexdigest()
