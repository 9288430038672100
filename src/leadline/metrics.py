"""How far a map is from the truth, after the alignment that its space calls for.

Protocol (``docs/conventions.md``): scale and shift by least squares in disparity over the valid pixels at a
finite distance; the aligned disparity is clamped to at least the target's smallest, because a disparity near
zero would count as any distance (the convention of MoGe's evaluation); figures are then taken on depth, or on
disparity itself where the truth is known only up to scale and shift.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from leadline.geometry import align_least_squares, as_disparity
from leadline.types import Label, LeadlineError, Prediction, Size, Space

Alignment = Literal["disparity", "depth"]

NAMES = ("abs_rel", "rmse", "log10", "silog", "delta1", "delta2", "delta3")


def measure(prediction: Prediction, label: Label, *, alignment: Alignment = "disparity") -> dict[str, float]:
    """Compare a prediction with a label of its size, and return the figures by name.

    ``abs_rel``: mean of ``|p - t| / t``. ``rmse``: in metres, or in the label's unit of disparity.
    ``log10``: mean of ``|log10 p - log10 t|``. ``silog``: 100 times the deviation of ``log p - log t``
    (KITTI). ``delta1`` to ``delta3``: share of pixels with ``max(p / t, t / p) < 1.25 ** n``. Source: Eigen
    et al. 2014, section 4.

    With `alignment` ``depth`` the depth that comes out of the alignment in disparity is once more fitted to
    the target by scale and shift, in metres.

    Raises:
        LeadlineError: where no pixel can be compared, or metres are asked of a label that has none.
    """
    compared = _comparable(label)
    if not compared.any():
        raise LeadlineError("the label has no valid pixel at a finite, positive distance")
    if alignment == "depth" and label.space is Space.AFFINE_DISPARITY:
        raise LeadlineError(
            "a label of affine disparity has no metres to align in: use alignment 'disparity'"
        )
    target = _column(as_disparity(label).values, compared)
    nearer = _column(_nearness(prediction), compared)
    aligned = _fit(nearer, target).clamp_min(float(target.min()))
    if label.space is not Space.AFFINE_DISPARITY:
        aligned, target = 1 / aligned, 1 / target
    if alignment == "depth":
        aligned = _fit(aligned, target).clamp_min(1e-3)
    return _figures(aligned.flatten(), target.flatten())


def order_is_right(values: Float32[np.ndarray, "h w"], closer: Sequence[int], farther: Sequence[int]) -> bool:
    """Tell whether a map that grows towards the camera puts `closer` (row, column) nearer; a tie is wrong."""
    return bool(values[tuple(closer)] > values[tuple(farther)])


def constant_map(size: Size) -> Prediction:
    """Everything equally far: with `vertical_ramp` the floor beside which every result stands."""
    return Prediction(values=np.ones(size, np.float32), space=Space.AFFINE_DISPARITY)


def vertical_ramp(size: Size) -> Prediction:
    """Nearer towards the bottom; the alignment finds its best slope, upwards too."""
    rows = np.linspace(0, 1, size.h, dtype=np.float32)
    return Prediction(values=np.repeat(rows[:, None], size.w, axis=1), space=Space.AFFINE_DISPARITY)


def _comparable(label: Label) -> Bool[np.ndarray, "h w"]:
    disparity = as_disparity(label)
    comparable: Bool[np.ndarray, "h w"] = (
        disparity.valid & np.isfinite(disparity.values) & (disparity.values > 0)
    )
    return comparable


def _nearness(prediction: Prediction) -> Float32[np.ndarray, "h w"]:
    everywhere = np.ones_like(prediction.values, np.bool_)
    return as_disparity(Label(values=prediction.values, valid=everywhere, space=prediction.space)).values


def _column(values: Float32[np.ndarray, "h w"], mask: Bool[np.ndarray, "h w"]) -> Float[Tensor, "1 1 n 1"]:
    return torch.from_numpy(values[mask].astype(np.float64))[None, None, :, None]


def _fit(prediction: Float[Tensor, "1 1 n 1"], target: Float[Tensor, "1 1 n 1"]) -> Float[Tensor, "1 1 n 1"]:
    scale, shift = align_least_squares(prediction, target, torch.ones_like(target, dtype=torch.bool))
    return scale * prediction + shift


def _figures(p: Float[Tensor, "n"], t: Float[Tensor, "n"]) -> dict[str, float]:
    logs = p.log() - t.log()
    ratio = torch.maximum(p / t, t / p)
    figures = {
        "abs_rel": ((p - t).abs() / t).mean(),
        "rmse": (p - t).square().mean().sqrt(),
        "log10": logs.abs().mean() / np.log(10),
        "silog": 100 * logs.std(correction=0),
        **{f"delta{power}": (ratio < 1.25**power).double().mean() for power in (1, 2, 3)},
    }
    return {name: float(figures[name]) for name in NAMES}
