"""The figures of one prediction against one label, in float64."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Float64

from leadline.geometry import require_metres
from leadline.metrics.edges import DENSE, EdgeReference
from leadline.metrics.planes import Pinhole, normal_error, plane_errors
from leadline.metrics.protocols import STRICT, Protocol, inside_crop
from leadline.types import Label, LeadlineError, Prediction, Size, Space

NAMES = ("abs_rel", "abs_rel_disparity", "rmse", "log10", "silog", "delta1", "delta2", "delta3")
"""What `measure` gives for every pair."""
_NEAREST = 1e-3  # metres: predictions of a depth below count as this one, as in Eigen et al.'s evaluation

Map = Float64[np.ndarray, "h w"]
Column = Float64[np.ndarray, "n"]


def measure(
    prediction: Prediction, label: Label, *, protocol: Protocol = STRICT, camera: Pinhole | None = None
) -> dict[str, float]:
    """Compare a prediction with a label of its size, and return the figures by name.

    ``abs_rel``: mean of ``|p - t| / t``. ``rmse``: in metres, or in the label's unit of disparity.
    ``log10``: mean of ``|log10 p - log10 t|``. ``silog``: 100 times the deviation of ``log p - log t``
    (KITTI). ``delta1`` to ``delta3``: share of pixels with ``max(p / t, t / p) < 1.25 ** n``. Source: Eigen
    et al. 2014, section 4. All of depth, or of disparity where the label is known only up to scale and shift;
    ``abs_rel_disparity`` is of disparity in any case, as fitted, before any clamp or clip.

    Where both have metres, the same without alignment: ``raw_abs_rel``, ... Where the label is dense, edges
    (`EdgeReference`); where the camera is known besides, normals and planes (`planes`).

    Raises:
        LeadlineError: where no pixel can be compared, sizes differ, or the prediction is not a number
            somewhere.
    """
    return Reference(label, protocol=protocol, camera=camera).measure(prediction)


class NothingCountsError(LeadlineError):
    """No pixel of a label counts."""


class Reference:
    """A label made ready for any number of predictions."""

    def __init__(self, label: Label, *, protocol: Protocol = STRICT, camera: Pinhole | None = None) -> None:
        """Choose the pixels that count.

        Raises:
            NothingCountsError: where none does.
            LeadlineError: where the protocol's crop does not fit the label's size.
        """
        self.protocol, self.camera = protocol, camera
        self.size = Size(*label.values.shape)
        self.metric = label.space is not Space.AFFINE_DISPARITY
        self.disparity = _disparity(label.values, label.space)
        self.valid = label.valid & np.isfinite(self.disparity)
        positive = self.valid & (self.disparity > 0)
        if not positive.any():
            raise NothingCountsError("the label has no valid pixel at a finite, positive distance")
        self.compared = positive & inside_crop(protocol.crop, self.size) & self._within(positive)
        if not self.compared.any():
            raise NothingCountsError(
                f"the crop and the limits of the protocol {protocol.name} leave no valid pixel of the label"
            )
        self._where = np.flatnonzero(self.compared)  # much faster to pick by than the mask
        self._target = self.disparity.ravel()[self._where]
        self.smallest, self._mean = float(self._target.min()), float(self._target.mean())
        self._centred = self._target - self._mean

    def _within(self, positive: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
        """Mark what the protocol's limits of distance leave."""
        low, high = 0.0, np.inf
        if self.metric and self.protocol.caps is not None:
            low, high = self.protocol.caps
        depth = np.divide(1, self.disparity, out=np.full(self.size, np.inf), where=positive)
        within: Bool[np.ndarray, "h w"] = (depth > low) & (depth < high)
        if self.metric and self.protocol.outliers is not None:
            within &= depth <= self.protocol.outliers * np.quantile(depth[positive], 0.01)
        return within

    def measure(self, prediction: Prediction) -> dict[str, float]:
        """Return the figures of a prediction, as `measure`."""
        near = self._seen(prediction)
        scale, shift = self._fit(near)
        fitted = scale * near + shift
        found = _figures(*self._comparable(fitted))
        found["abs_rel_disparity"] = _relative(fitted, self._target)
        if prediction.space is not Space.AFFINE_DISPARITY and self.metric:
            found |= {f"raw_{name}": value for name, value in self._raw(near).items()}
        shape = self._shape(prediction, scale, shift)
        return {**{name: found[name] for name in NAMES}, **found, **shape}

    def raw(self, prediction: Prediction) -> dict[str, float]:
        """Return the figures of depth without any alignment, and without edges and planes.

        Raises:
            LeadlineError: where prediction or label has no metres.
        """
        for space in (prediction.space, Space.DEPTH if self.metric else Space.AFFINE_DISPARITY):
            require_metres(space)
        return self._raw(self._seen(prediction))

    def _raw(self, near: Column) -> dict[str, float]:
        return _figures(np.maximum(self._depth(near), _NEAREST), 1 / self._target)

    def aligned(self, prediction: Prediction) -> Map:
        """Return the whole map in the label's unit of disparity, at least the label's smallest."""
        return self._aligned(prediction, *self._fit(self._seen(prediction)))

    def errors(self, prediction: Prediction) -> Map:
        """Return ``|p - t| / t`` of every pixel, as ``abs_rel`` averages it; NaN where none counts."""
        scale, shift = self._fit(near := self._seen(prediction))
        p, t = self._comparable(scale * near + shift)
        errors = np.full(self.size, np.nan)
        errors[self.compared] = np.abs(p - t) / t
        return errors

    def _seen(self, prediction: Prediction) -> Column:
        """Return the nearness of the pixels that count."""
        _require_map(prediction, self.size)
        return _near(prediction.values.ravel()[self._where], prediction)

    def _fit(self, near: Column) -> tuple[float, float]:
        """Return scale and shift as `align_least_squares`, which takes five times as long for its masks."""
        mean = float(near.mean())
        centred = near - mean
        mean += float(centred.mean())  # a rounded mean would make a constant vary
        variance = float(np.square(centred).mean())  # no dot product: BLAS would fight the network for cores
        if variance <= np.finfo(np.float64).eps ** 2 * mean**2:
            return 0.0, self._mean
        scale = float((centred * self._centred).mean()) / variance
        return scale, self._mean - scale * mean

    def _comparable(self, fitted: Column) -> tuple[Column, Column]:
        """Return prediction and target in depth, or in disparity where the label has no metres."""
        if self.protocol.clamp or not self.metric:
            fitted = np.maximum(fitted, self.smallest)
        if not self.metric:
            return fitted, self._target
        return self._depth(fitted), 1 / self._target

    def _depth(self, disparity: Column) -> Column:
        """Return metres within the protocol's caps.

        Infinitely far is at the far cap, or as far as the farthest label where there are no caps.
        """
        caps = self.protocol.caps
        farthest = 1 / self.smallest if caps is None else caps[1]
        far = np.full_like(disparity, farthest)
        depth: Column = np.divide(1, disparity, out=far, where=disparity > 0)
        if caps is not None:
            np.clip(depth, *caps, out=depth)
        return depth

    @cached_property
    def _edges(self) -> EdgeReference | None:
        if self.valid.mean() < DENSE:
            return None
        return EdgeReference(np.maximum(self.disparity, self.smallest), self.valid, metric=self.metric)

    def _aligned(self, prediction: Prediction, scale: float, shift: float) -> Map:
        aligned: Map = np.maximum(scale * _near(prediction.values, prediction) + shift, self.smallest)
        return aligned

    def _shape(self, prediction: Prediction, scale: float, shift: float) -> Mapping[str, float]:
        """Return the figures of edges, normals and planes, where the label allows them."""
        found: dict[str, float] = {}
        if self._edges is None and (self.camera is None or not self.metric):
            return found
        aligned = self._aligned(prediction, scale, shift)
        if self._edges is not None:
            found |= self._edges.measure(aligned)
        if self.camera is not None and self.metric:
            depth, truth = 1 / aligned, 1 / np.maximum(self.disparity, self.smallest)
            found |= normal_error(depth, truth, self.compared, self.camera)
            found |= plane_errors(depth, truth, self.compared, self.camera)
        return found


def nearness(prediction: Prediction, size: Size) -> Map:
    """Return a map that grows towards the camera: disparity, affine or not; depth is inverted.

    Infinitely far is 0. A depth below 1 mm, 0 and less included, counts as 1 mm; where the map's median is
    below 1 m, which may be another unit, as a thousandth of it.

    Raises:
        LeadlineError: where the map is not of `size`, or not a number somewhere.
    """
    _require_map(prediction, size)
    return _near(prediction.values, prediction)


def constant_map(size: Size) -> Prediction:
    """Everything equally far: with `vertical_ramp` the floor beside which every result stands."""
    return Prediction(values=np.ones(size, np.float32), space=Space.AFFINE_DISPARITY)


def vertical_ramp(size: Size) -> Prediction:
    """Nearer towards the bottom; the alignment finds its best slope, upwards too."""
    rows = np.linspace(0, 1, size.h, dtype=np.float32)
    return Prediction(values=np.repeat(rows[:, None], size.w, axis=1), space=Space.AFFINE_DISPARITY)


def _require_map(prediction: Prediction, size: Size) -> None:
    values = prediction.values
    if values.shape != size:
        raise LeadlineError(
            f"the map is {'x'.join(map(str, values.shape))}, but what it belongs to is {size}"
        )
    if np.isnan(values).any() or (prediction.space is not Space.DEPTH and np.isinf(values).any()):
        count = np.count_nonzero(~np.isfinite(values))
        raise LeadlineError(
            f"the map of {prediction.space} is not a number in {count} of {values.size} pixels"
        )


def _near(values: Float[np.ndarray, "*shape"], prediction: Prediction) -> Float64[np.ndarray, "*shape"]:
    """Return `nearness` of some of a prediction's values, or of all."""
    wide: Float64[np.ndarray, "*shape"] = values.astype(np.float64)
    if prediction.space is not Space.DEPTH:
        return wide
    positive = prediction.values[prediction.values > 0]
    unit = min(1.0, float(np.median(positive))) if positive.size else 1.0
    near: Float64[np.ndarray, "*shape"] = 1 / np.maximum(wide, unit * _NEAREST)
    return near


def _disparity(values: Float[np.ndarray, "h w"], space: Space) -> Map:
    """Return a label's disparity; NaN where a depth is not positive or not a number."""
    wide = values.astype(np.float64)
    if space is not Space.DEPTH:
        return wide
    return np.divide(1, wide, out=np.full_like(wide, np.nan), where=wide > 0)


def _relative(p: Column, t: Column) -> float:
    return float(np.abs(p / t - 1).mean())


def _figures(p: Column, t: Column) -> dict[str, float]:
    ratio = p / t
    logs = np.log(ratio)
    size = np.abs(logs)
    return {
        "abs_rel": float(np.abs(ratio - 1).mean()),
        "rmse": float(np.sqrt(np.square(p - t).mean())),
        "log10": float(size.mean() / np.log(10)),
        "silog": float(100 * logs.std()),
        **{f"delta{power}": np.count_nonzero(size < np.log(1.25**power)) / size.size for power in (1, 2, 3)},
    }
