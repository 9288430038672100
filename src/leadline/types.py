"""The values that travel through the project: sizes, spaces, samples, batches, predictions.

A map never travels without its space, axis order is always ``(h, w)``, and pictures are RGB.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor


class LeadlineError(Exception):
    """Something the user can mend: the message says what, where, what was expected and what to do."""


class UnreadableError(LeadlineError):
    """A picture or a label that cannot be read; the message names the file and the reason."""


class Size(NamedTuple):
    """Height and width in pixels."""

    h: int
    w: int

    def __str__(self) -> str:
        """Write height first, as everywhere."""
        return f"{self.h}x{self.w}"


class Space(StrEnum):
    """What a number in a map means."""

    DEPTH = "depth"
    """Metres along the optical axis; larger is farther; infinity is sky."""
    DISPARITY = "disparity"
    """1 / metres; larger is nearer; 0 is infinitely far (sky)."""
    AFFINE_DISPARITY = "affine_disparity"
    """a * disparity + b with a > 0 and b unknown; larger is nearer."""

    @property
    def unit(self) -> str:
        """The unit of its numbers; ``none`` where they have none."""
        return {Space.DEPTH: "metres", Space.DISPARITY: "1/metres", Space.AFFINE_DISPARITY: "none"}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A pinhole camera: a pixel at (row, column) sees along ``((column - cx) / fx, (row - cy) / fy, 1)``.

    In pixels of the picture it belongs to. Columns point right, rows down, and the centre of the upper left
    pixel is (0, 0).
    """

    fx: float
    fy: float
    cx: float
    cy: float


class PointPair(NamedTuple):
    """Two points of a picture, each (row, column), of which the first is closer to the camera."""

    closer: tuple[int, int]
    farther: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What is known about the depth of a picture."""

    values: Float32[np.ndarray, "h w"]
    """In `space`; meaningless where not valid."""
    valid: Bool[np.ndarray, "h w"]
    """Where the label may be trusted. Whether sky counts is the source's rule."""
    space: Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One picture, with its label where there is one."""

    image: UInt8[np.ndarray, "h w 3"]
    """RGB."""
    label: Label | None
    id: str
    """``source/scene/frame``, for messages and reports per picture."""
    camera: Camera | None = None
    """What took the picture, where the data set says so."""
    jpeg: bytes | None = None
    """File of the picture, where a store can take it as it is."""

    @property
    def size(self) -> Size:
        """Size of the picture, and of its label."""
        return Size(*self.image.shape[:2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One optimisation step's worth of data: pictures with source labels first, pseudo-labels after."""

    image: UInt8[Tensor, "b 3 h w"]
    """RGB; normalised on the device with the network's own mean and deviation."""
    target: Float32[Tensor, "b 1 h w"]
    """In `space`; meaningless (but finite) where not valid."""
    valid: Bool[Tensor, "b 1 h w"]
    space: Space
    cut: Int64[Tensor, "c"]
    """Rows into which CutMix pasted a rectangle of another picture, with its label."""
    pasted: Bool[Tensor, "c 1 h w"]
    """The pasted rectangles; a loss normalises them apart from the rest of their picture."""
    labelled: int
    """The first `labelled` pictures wear labels of a source, the others pseudo-labels."""
    ids: tuple[str, ...]
    """``source/scene/frame`` of each picture."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """What could not be read, and why; its row has no valid pixel, so losses leave it out."""

    def to(self, device: torch.device) -> Self:
        """Copy the tensors to `device`, without waiting for one that takes them from page-locked memory."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=device.type == "cuda"))

    def pin_memory(self) -> Self:
        """Copy the tensors to page-locked memory, as the data loader asks before a transfer to a GPU."""
        return self._map(Tensor.pin_memory)

    def _map(self, change: Callable[[Tensor], Tensor]) -> Self:
        tensors = {
            name: change(getattr(self, name)) for name in ("image", "target", "valid", "cut", "pasted")
        }
        return replace(self, **tensors)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A network's map at the size of the picture it belongs to."""

    values: Float32[np.ndarray, "h w"]
    """In `space`."""
    space: Space
    disagreement: Float32[np.ndarray, "h w"] | None = None
    """How much the map and that of the mirrored picture differ, where it was asked for; 0 is sure.

    Affine disparity: in mean absolute deviations, once both maps are shifted to median 0 and scaled to
    deviation 1. Depth and disparity: as a share of their mean, so 0.05 is 5 %.
    """


@runtime_checkable
class Source(Protocol):
    """Pictures by index, with or without labels. Reading an item is a pure function of its index."""

    @property
    def name(self) -> str:
        """Short name, used in sample ids and reports."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def __getitem__(self, index: int) -> Sample:
        """Read one sample; raises `UnreadableError` where the file cannot be read."""

    def provenance(self) -> dict[str, str]:
        """Where the data come from and under which licence: what checkpoints and stores carry along."""
