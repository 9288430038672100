"""What can be measured about a labelled picture before anyone trains on it.

`inspect_sample` turns one sample into `Facts`; what they mean for a whole source says `findings`. Two laws of
perspective do most of it. A plane is straight in disparity: 1 / depth is a linear function of row and column,
while depth itself, and the distance along the ray, are not. And in pictures that people take, what is lower
is mostly nearer.
"""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64

from leadline.types import Camera, Sample, Size, Space

_GRID = 128  # short side at which planes are looked for
_COUNTED = 1_000_000  # pixels whose numbers are counted, of more evenly spread ones
_EDGES = 240  # short side at which edges are compared
BINS = 42
REACH = 8
"""Shifts of up to so many pixels are tried, at a short side of `_EDGES`."""

Numbers = Float32[np.ndarray, "_h _w"]
Values = Float64[np.ndarray, "_h _w"]
Mask = Bool[np.ndarray, "_h _w"]
Surface = Float64[np.ndarray, "_d _d"]


class Extreme(NamedTuple):
    """The smallest or the largest valid number of a label."""

    value: float
    share: float
    """Of the valid pixels, how many hold exactly this number."""
    gap: float
    """From the next number, in spans of the remaining ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was measured about one sample."""

    id: str
    size: Size
    picture: str
    """Fingerprint of the picture."""
    space: Space | None = None
    """None where there is no label, and the rest says nothing."""
    label: str = ""
    """Fingerprint of the label."""
    valid: float = 0.0
    """Share of the pixels that are valid."""
    sky: float = 0.0
    """Share of the valid pixels that are infinitely far."""
    impossible: int = 0
    """Valid pixels whose number cannot be: NaN, infinite disparity, depth or disparity below 0."""
    quantiles: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """1 %, 50 % and 99 % of the finite valid numbers."""
    levels: int = 0
    """Different finite valid numbers."""
    step: float = 0.0
    """Median distance between neighbouring ones."""
    smallest: Extreme | None = None
    largest: Extreme | None = None
    lower_is_nearer: float = 0.0
    """Rank correlation of row and nearness, -1 to 1."""
    straight: tuple[int, int] = (0, 0)
    """Patches in which the number itself, or its inverse, is a linear function of row and column."""
    bends: tuple[int, int, int] = (0, 0, 0)
    """Patches that are planes if the label is depth, if it is distance, if it was turned into depth twice."""
    histogram: tuple[int, ...] = ()
    """Valid pixels by distance, in `BINS` steps of a sixth of a power of ten from 1 cm to 100 km; those of
    affine disparity by as many steps of its own range."""
    edges: Surface | None = None
    """How much of the picture's edges lie under the label's, by their shift, relative to chance."""
    mask_edges: Surface | None = None
    """The same for the edges of what is valid."""


def inspect_sample(sample: Sample) -> Facts:
    """Measure one sample."""
    bare = Facts(id=sample.id, size=sample.size, picture=_digest(sample.image))
    label = sample.label
    if label is None:
        return bare
    values, finite = label.values, label.valid & np.isfinite(label.values)
    seen = _few(values[finite])
    numbers, counts = np.unique(seen, return_counts=True)
    sky = label.valid & _is_sky(values, label.space)
    solid = finite & ~sky  # what has a distance
    total = int(label.valid.sum())
    facts = dict[str, object](
        space=label.space,
        label=_digest(np.where(label.valid, values, 0)),
        valid=total / label.valid.size,
        sky=float(sky.sum()) / max(total, 1),
        impossible=int((label.valid & _is_impossible(values, label.space)).sum()),
    )
    if numbers.size:
        measured = _few(values[solid]) if solid.any() else seen
        low, middle, high = (float(q) for q in np.quantile(measured, (0.01, 0.5, 0.99)))
        facts |= dict(
            quantiles=(low, middle, high),
            levels=int(numbers.size),
            step=float(np.median(np.diff(numbers))) if numbers.size > 1 else 0.0,
            smallest=_extreme(numbers, counts),
            largest=_extreme(numbers[::-1], counts[::-1]),
            histogram=_histogram(values[solid], label.space),
            **_geometry(values, finite, label.space, sample.camera),
            **_edges(sample.image, values, finite, label.valid, label.space),
        )
    return Facts(id=bare.id, size=bare.size, picture=bare.picture, **facts)  # type: ignore[arg-type]


def _few(values: Float32[np.ndarray, " n"]) -> Float32[np.ndarray, " k"]:
    """Return about `_COUNTED` of many values, evenly spaced."""
    return values[:: max(1, values.size // _COUNTED)]


def _is_sky(values: Float32[np.ndarray, "h w"], space: Space) -> Bool[np.ndarray, "h w"]:
    if space is Space.AFFINE_DISPARITY:
        return np.zeros(values.shape, np.bool_)
    sky: np.ndarray = values == (np.inf if space is Space.DEPTH else 0)
    return sky


def _is_impossible(values: Float32[np.ndarray, "h w"], space: Space) -> Bool[np.ndarray, "h w"]:
    possible: np.ndarray = ~np.isnan(values) if space is Space.AFFINE_DISPARITY else values >= 0
    return ~possible if space is Space.DEPTH else ~(possible & np.isfinite(values))


def _digest(array: np.ndarray) -> str:
    digest = hashlib.blake2b(np.ascontiguousarray(array).data)
    digest.update(str(array.shape).encode())
    return digest.hexdigest()[:32]


def _extreme(numbers: np.ndarray, counts: np.ndarray) -> Extreme:
    """Describe the first of sorted numbers."""
    rest = float(abs(numbers[-1] - numbers[1])) if numbers.size > 2 else 0.0
    gap = float(abs(numbers[1] - numbers[0])) / rest if rest > 0 else 0.0
    return Extreme(float(numbers[0]), float(counts[0] / counts.sum()), gap)


def _histogram(numbers: Float32[np.ndarray, " n"], space: Space) -> tuple[int, ...]:
    if space is Space.AFFINE_DISPARITY:
        return tuple(int(count) for count in np.histogram(numbers, BINS)[0])
    powers = np.log10(numbers[numbers > 0]) * (1 if space is Space.DEPTH else -1)
    return tuple(int(count) for count in np.histogram(powers, BINS, (-2, 5))[0])


# ---------------------------------------------------------------- perspective


def _geometry(numbers: Numbers, known: Mask, space: Space, camera: Camera | None) -> dict[str, object]:
    """Look at the label on a coarse grid of its own pixels."""
    stride = max(1, min(numbers.shape) // _GRID)
    rows, columns = (np.arange(stride // 2, side, stride) for side in numbers.shape)
    values, known = numbers[np.ix_(rows, columns)].astype(np.float64), known[np.ix_(rows, columns)]
    nearness = -values if space is Space.DEPTH else values
    found: dict[str, object] = {"lower_is_nearer": _lower_is_nearer(nearness, known)}
    positive = known & (values > 0)
    inverse = np.divide(1, values, out=np.zeros_like(values), where=positive)
    found["straight"] = _straight(values, inverse, positive)
    if space is not Space.AFFINE_DISPARITY:
        h, w = (side * stride for side in values.shape)
        lens = camera or Camera(fx=max(h, w), fy=max(h, w), cx=(w - 1) / 2, cy=(h - 1) / 2)
        x, y = (columns - lens.cx) / lens.fx, (rows[:, None] - lens.cy) / lens.fy
        slant = np.sqrt(1 + x * x + y * y)
        found["bends"] = _bends(inverse if space is Space.DEPTH else values, slant, positive)
    return found


def _lower_is_nearer(nearness: Values, known: Mask) -> float:
    """Correlate the rank of a row with the rank of its median."""
    used = np.flatnonzero((known.mean(axis=1) > 0.02) & (known.sum(axis=1) >= 3))
    if used.size < 12:
        return 0.0
    medians = np.array([np.median(nearness[row][known[row]]) for row in used])
    _, place, count = np.unique(medians, return_inverse=True, return_counts=True)
    ranks = (count.cumsum() - (count - 1) / 2)[place]  # rows alike share the mean of their ranks
    return float(np.corrcoef(used, ranks)[0, 1]) if np.ptp(medians) > 0 else 0.0


def _straight(values: Values, inverse: Values, known: Mask) -> tuple[int, int]:
    """Count small patches that slope, by whether the number or its inverse is linear in row and column."""
    patches, inverses = (_patches(which, known, side=16) for which in (values, inverse))
    if not len(patches):
        return 0, 0
    slopes = patches.max(axis=1) > 1.15 * patches.min(axis=1)
    own, other = (_residual(which, side=16) / which.std(axis=1).clip(1e-300) for which in (patches, inverses))
    plain = slopes & (np.minimum(own, other) < 0.05)
    return int((plain & (own < 0.5 * other)).sum()), int((plain & (other < 0.5 * own)).sum())


def _bends(nearness: Values, slant: Values, known: Mask) -> tuple[int, int, int]:
    """Count large patches that are planes, by what the label must be for that."""
    counts = np.zeros(3, int)
    for side in (32, 64):
        rivals = [_patches(n, known, side=side) for n in (nearness, nearness * slant, nearness / slant)]
        if len(rivals[0]):
            residuals = np.stack([_residual(r, side=side) / r.mean(axis=1) for r in rivals])
            first, second = np.sort(residuals, axis=0)[:2]
            clear = (first < 0.01) & (first < 0.5 * second) & (second > 3e-4)
            counts += np.bincount(residuals.argmin(axis=0)[clear], minlength=3)
    return int(counts[0]), int(counts[1]), int(counts[2])


def _patches(values: Values, known: Mask, *, side: int) -> Float64[np.ndarray, "_n _p"]:
    """Cut out all square patches on a half-overlapping grid that are known throughout, one a row."""
    if min(values.shape) < side:
        return np.empty((0, side * side))
    windows, masks = (
        np.lib.stride_tricks.sliding_window_view(array, (side, side))[:: side // 2, :: side // 2]
        for array in (values, known)
    )
    whole = masks.all(axis=(2, 3))
    return windows[whole].reshape(-1, side * side)


def _residual(patches: Float64[np.ndarray, "n p"], *, side: int) -> Float64[np.ndarray, " n"]:
    """Root mean square of what the best plane leaves of each patch."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    design, _ = np.linalg.qr(np.stack([np.ones(side * side), x.ravel(), y.ravel()], axis=1))
    left: Float64[np.ndarray, " n"] = (patches - (patches @ design) @ design.T).std(axis=1)
    return left


# ---------------------------------------------------------------- edges


def _edges(
    image: np.ndarray, values: Numbers, finite: Mask, valid: Mask, space: Space
) -> dict[str, Surface | None]:
    """Compare where picture, label and mask change, at a coarse resolution."""
    scale = min(1.0, _EDGES / min(values.shape))
    size = tuple(max(1, round(side * scale)) for side in values.shape[::-1])
    if min(size) < 6 * REACH:
        return {"edges": None, "mask_edges": None}
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    contrast = np.hypot(*(cv2.Scharr(grey, cv2.CV_64F, *axis) for axis in ((1, 0), (0, 1))))
    contrast = np.minimum(contrast, np.quantile(contrast, 0.95))
    small, known, counted = (
        cv2.resize(a, size, interpolation=cv2.INTER_NEAREST_EXACT).astype(np.float64)
        for a in (values, finite.view(np.uint8), valid.view(np.uint8))
    )
    seen = known > 0
    if space is Space.DEPTH:
        seen &= small > 0
        small = np.divide(1, small, out=np.zeros_like(small), where=seen)
    steep = jumps(small, seen)
    solid = cv2.morphologyEx(counted, cv2.MORPH_OPEN, np.ones((5, 5)))
    solid = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((5, 5)))
    border = cv2.morphologyEx(solid, cv2.MORPH_GRADIENT, np.ones((2, 2))) > 0
    return {"edges": _agreement(contrast, steep), "mask_edges": _agreement(contrast, border)}


def jumps(nearness: Values, known: Mask) -> Mask:
    """Mark pixels beyond which a disparity jumps to the right or downwards, by a twentieth of its range.

    In disparity a plane, however slanted, changes by the same little amount from pixel to pixel; in depth the
    ground jumps at the horizon.
    """
    seen, nearness = nearness[known], np.where(known, nearness, 0)
    span = float(np.subtract(*np.quantile(seen, (0.99, 0.01)))) if seen.size else 0.0
    marks = np.zeros_like(known)
    for axis in (0, 1):
        here, beyond = ((slice(None),) * axis + (part,) for part in (slice(None, -1), slice(1, None)))
        steep = np.abs(nearness[beyond] - nearness[here]) > max(0.05 * span, 1e-12)
        marks[here] |= steep & known[here] & known[beyond]
    return marks


def _agreement(contrast: Float64[np.ndarray, "h w"], marks: Bool[np.ndarray, "h w"]) -> Surface | None:
    """Return the mean contrast under the marks by their shift, over that anywhere; None for few marks."""
    inner = marks[REACH:-REACH, REACH:-REACH]
    if inner.sum() < 100 or inner.mean() > 0.25 or contrast.mean() == 0:
        return None
    rows, columns = np.nonzero(inner)
    shifts = np.arange(2 * REACH + 1)
    under = contrast[rows + shifts[:, None, None], columns + shifts[None, :, None]]
    surface: Surface = under.mean(axis=2) / contrast.mean()
    return surface
