"""Surfaces: whether what is flat is flat, and looks the way it should. For known cameras alone.

Depth is unprojected into points in the camera's frame: x to the right, y down, z forward, in metres.
"""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64

BLOCK = 1 / 15
"""Side of the blocks in which flat places are looked for, as a share of the picture's height."""
FLAT = 0.002
"""A block of the label is flat where its points lie off a plane by less than this share of their distance."""
_STEP = 1.05  # neighbouring depths of one surface differ by less than 5 %

Map = Float64[np.ndarray, "h w"]
Mask = Bool[np.ndarray, "h w"]


@runtime_checkable
class Pinhole(Protocol):
    """Anything that has focal lengths and a principal point in pixels; the first pixel's centre is (0, 0)."""

    @property
    def fx(self) -> float:
        """Focal length along a row."""

    @property
    def fy(self) -> float:
        """Focal length along a column."""

    @property
    def cx(self) -> float:
        """Column of the principal point."""

    @property
    def cy(self) -> float:
        """Row of the principal point."""


def points_of(depth: Map, camera: Pinhole) -> Float64[np.ndarray, "h w 3"]:
    """Unproject a map of depth."""
    rows, columns = np.indices(depth.shape)
    x, y = (columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy
    return np.stack([x * depth, y * depth, depth], axis=-1)


def normal_error(depth: Map, truth: Map, valid: Mask, camera: Pinhole) -> dict[str, float]:
    """Return the mean angle in degrees between the surfaces of two maps, as ``normal_angle``.

    A normal is the cross product of the differences between a pixel's neighbours in row and column; it counts
    where all four are valid and of one surface in `truth`. Empty where no pixel is like that.
    """
    counted = _on_one_surface(truth, valid)
    if not counted.any():
        return {}
    one, other = (_normals(points_of(values, camera))[counted] for values in (depth, truth))
    return {"normal_angle": float(_angles(one, other).mean())}


def plane_error(depth: Map, truth: Map, mask: Mask, camera: Pinhole) -> tuple[float, float]:
    """Return how far off its own best plane a map lies where `mask` says there is one, and how that tilts.

    The first in centimetres, the second in degrees between that plane and the truth's.

    The map is first scaled so that its median in the mask is the truth's. Source: Koch et al. 2018 (iBims-1),
    planarity errors; the angle is to the plane fitted to the truth, where iBims-1 has it annotated.

    Raises:
        ValueError: for a mask of fewer than three pixels.
    """
    if np.count_nonzero(mask) < 3:
        raise ValueError("a plane needs three pixels")
    scale = np.median(truth[mask]) / np.median(depth[mask])
    normals, off = _planes(np.stack([points_of(values, camera)[mask] for values in (scale * depth, truth)]))
    return float(100 * off[0]), float(_angles(normals[:1], normals[1:])[0])


def plane_errors(depth: Map, truth: Map, valid: Mask, camera: Pinhole) -> dict[str, float]:
    """Return `plane_error` averaged over the flat blocks of `truth`, as ``plane_off`` and ``plane_angle``.

    Here ``plane_off`` is in per cent of the block's distance, so that near and far blocks weigh the same.
    Empty where no block is flat.
    """
    side = max(4, round(BLOCK * truth.shape[0]))
    whole = _blocks(valid[..., None], side).all(axis=(1, 2))
    expected = _blocks(points_of(truth, camera), side)[whole]
    found = _blocks(points_of(depth, camera), side)[whole]
    if not len(expected):
        return {}
    normals, off = _planes(expected)
    distance = np.median(expected[..., 2], axis=1)
    flat = off < FLAT * distance
    if not flat.any():
        return {}
    scale = distance[flat] / np.median(found[flat][..., 2], axis=1)
    predicted, predicted_off = _planes(scale[:, None, None] * found[flat])
    return {
        "plane_off": float((100 * predicted_off / distance[flat]).mean()),
        "plane_angle": float(_angles(predicted, normals[flat]).mean()),
    }


def _blocks(values: np.ndarray, side: int) -> np.ndarray:
    """Cut a map of channels into squares of pixels; what is left at the right and below is dropped."""
    rows, columns = values.shape[0] // side, values.shape[1] // side
    channels = values.shape[2]
    cut = values[: rows * side, : columns * side].reshape(rows, side, columns, side, channels)
    return cut.swapaxes(1, 2).reshape(rows * columns, side * side, channels)


def _planes(
    points: Float64[np.ndarray, "n k 3"],
) -> tuple[Float64[np.ndarray, "n 3"], Float64[np.ndarray, "n"]]:
    """Fit planes to sets of points; return normals towards the camera and root mean square distances."""
    centre = points.mean(axis=1, keepdims=True)
    centred = points - centre
    variances, axes = np.linalg.eigh(centred.swapaxes(1, 2) @ centred / points.shape[1])
    normals = axes[..., 0]
    away = (normals * centre[:, 0]).sum(axis=-1, keepdims=True) > 0
    return np.where(away, -normals, normals), np.sqrt(np.maximum(variances[:, 0], 0))


def _normals(points: Float64[np.ndarray, "h w 3"]) -> Float64[np.ndarray, "h w 3"]:
    """Return normals of any length towards the camera; 0 on the picture's border."""
    normals = np.zeros_like(points)
    across, down = points[1:-1, 2:] - points[1:-1, :-2], points[2:, 1:-1] - points[:-2, 1:-1]
    normals[1:-1, 1:-1] = np.cross(down, across)
    return normals


def _on_one_surface(depth: Map, valid: Mask) -> Mask:
    """Mark pixels whose four neighbours are valid and at nearly their depth."""
    counted = np.zeros_like(valid)
    middle = depth[1:-1, 1:-1]
    inner = valid[1:-1, 1:-1].copy()
    for there in (np.s_[1:-1, 2:], np.s_[1:-1, :-2], np.s_[2:, 1:-1], np.s_[:-2, 1:-1]):
        ratio = np.maximum(depth[there] / middle, middle / depth[there])
        inner &= valid[there] & (ratio < _STEP)
    counted[1:-1, 1:-1] = inner
    return counted


def _angles(one: Float64[np.ndarray, "n 3"], other: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n"]:
    """Return degrees between vectors; the arc tangent keeps its digits where they are parallel."""
    sine = np.linalg.norm(np.cross(one, other), axis=-1)
    angles: Float64[np.ndarray, " n"] = np.degrees(np.arctan2(sine, (one * other).sum(axis=-1)))
    return angles
