"""A labelled picture, encoded as stores keep it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt16

from leadline.data.files import encode_map
from leadline.types import Label, Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One labelled picture, encoded."""

    id: str
    jpeg: bytes
    png: bytes
    """The map's 16-bit numbers."""
    space: Space
    scale: float
    offset: float
    quality: Mapping[str, float]
    """Figures about the label, by name."""
    extra: Mapping[str, bytes] = field(default_factory=dict)
    """Further members of the sample, by the end of their name: ``objects.png``."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What else the JSON says: the camera, where it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A picture that was left out."""

    id: str
    reason: str


Shard = Sequence[Record | Unreadable]


def quantise(
    values: Float32[np.ndarray, "h w"], *, top: int = 65535
) -> tuple[UInt16[np.ndarray, "h w"], float, float]:
    """Spread a map over 0 to `top`: return the numbers, and the scale and offset that lead back."""
    low, high = float(values.min()), float(values.max())
    scale = (high - low) / top or 1.0
    return np.rint((values - low) / scale).astype(np.uint16), scale, low


def encode_record(
    id: str,
    jpeg: bytes,
    label: Label,
    *,
    quality: Mapping[str, float] | None = None,
    extra: Mapping[str, bytes] | None = None,
    about: Mapping[str, Any] | None = None,
) -> Record:
    """Encode a picture's label, with what else there is to say about it.

    Raises:
        ValueError: for a label that is not disparity, not finite, or not valid everywhere.
    """
    if label.space is Space.DEPTH or not label.valid.all() or not np.isfinite(label.values).all():
        raise ValueError(f"{id}: a store holds finite disparity that is valid everywhere")
    stored, scale, offset = quantise(label.values)
    return Record(
        id=id,
        jpeg=jpeg,
        png=encode_map(stored),
        space=label.space,
        scale=scale,
        offset=offset,
        quality=quality or {},
        extra=extra or {},
        about=about or {},
    )
