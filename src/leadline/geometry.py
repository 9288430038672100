"""Sizes, scale-and-shift alignment, and conversion between spaces."""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from leadline.masked import masked_mean
from leadline.types import Label, LeadlineError, Size, Space

Bound = Literal["lower", "upper", "minimal", "exact"]
"""How a target size limits a picture: reach both sides, exceed neither, change little, or take its shape."""


def nearest_multiple(side: int, multiple: int) -> int:
    """Round a side to the nearest multiple of `multiple`, never below one."""
    return max(1, round(side / multiple)) * multiple


def fit_size(size: Size, target: Size, *, multiple: int, bound: Bound = "lower") -> Size:
    """Choose the size a picture is resized to, keeping its aspect up to the rounding unless ``exact``.

    ``lower`` makes both sides at least `target`, ``upper`` at most `target`, ``minimal`` takes the scale
    nearer to 1, ``exact`` brings each side to that of `target`, whatever the picture's aspect. Each side is
    rounded to the nearest `multiple`, then up (``lower``) or down (``upper``) where rounding broke the
    bound, never below one multiple. Source: ``Resize`` of MiDaS (midas/transforms.py), which Depth Anything
    V1 and V2 use with ``lower`` and 14.

    Raises:
        ValueError: where a side or `multiple` is not positive.
    """
    if min(*size, *target, multiple) < 1:
        raise ValueError(f"sizes must be positive, got {size=}, {target=}, {multiple=}")
    scales = target.h / size.h, target.w / size.w
    common = {
        "lower": max(scales),
        "upper": min(scales),
        "minimal": min(scales, key=lambda s: abs(1 - s)),
    }

    def side(length: int, limit: int) -> int:
        exact = common[bound] * length if bound in common else limit
        rounded = round(exact / multiple) * multiple
        if bound == "lower" and rounded < limit:
            rounded = int(np.ceil(exact / multiple)) * multiple
        if bound == "upper" and rounded > limit:
            rounded = int(np.floor(exact / multiple)) * multiple
        return max(rounded, multiple)

    return Size(side(size.h, target.h), side(size.w, target.w))


def align_least_squares(
    prediction: Float[Tensor, "b 1 h w"], target: Float[Tensor, "b 1 h w"], valid: Bool[Tensor, "b 1 h w"]
) -> tuple[Float[Tensor, "b 1 1 1"], Float[Tensor, "b 1 1 1"]]:
    """Return scale and shift of each picture that minimise ``sum (scale * prediction + shift - target)**2``.

    The closed form of MiDaS (section 5), written with centred sums, which keep their digits
    where a map hardly varies. A constant prediction gets scale 0 and the target's mean as its shift; a
    picture without a valid pixel gets 0 and 0. Values outside `valid` may be anything, NaN included.
    """
    mean_p, mean_t = masked_mean(prediction, valid), masked_mean(target, valid)
    mean_p = mean_p + masked_mean(prediction - mean_p, valid)  # a rounded mean would make a constant vary
    centred_p = (prediction - mean_p).masked_fill(~valid, 0)
    centred_t = (target - mean_t).masked_fill(~valid, 0)
    variance = masked_mean(centred_p.square(), valid)
    varies = variance > torch.finfo(variance.dtype).eps ** 2 * mean_p.square()
    covariance = masked_mean(centred_p * centred_t, valid)
    scale = torch.where(varies, covariance / torch.where(varies, variance, 1), 0)
    return scale, mean_t - scale * mean_p


def as_disparity(label: Label) -> Label:
    """Return `label` with larger meaning nearer: depth is inverted, infinitely far becomes disparity 0.

    Depths that are not positive, and NaN, have no disparity: they are marked invalid.
    """
    if label.space is not Space.DEPTH:
        return label
    positive = label.values > 0
    values = np.divide(1, label.values, out=np.zeros_like(label.values), where=positive)
    return Label(values=values, valid=label.valid & positive, space=Space.DISPARITY)


def as_depth(values: Float32[np.ndarray, "h w"], space: Space) -> Float32[np.ndarray, "h w"]:
    """Return metres along the optical axis; disparity 0 and below is infinitely far.

    Raises:
        LeadlineError: as `require_metres`.
    """
    require_metres(space)
    if space is Space.DEPTH:
        return values
    depth = np.full_like(values, np.inf)
    np.divide(1, values, out=depth, where=values > 0)
    return depth


def require_metres(space: Space) -> None:
    """Refuse a space whose numbers cannot be turned into metres.

    Raises:
        LeadlineError: for affine disparity, whose scale and shift are unknown.
    """
    if space is Space.AFFINE_DISPARITY:
        raise LeadlineError(
            "affine disparity has no metres: its scale and shift are unknown; align it to measured values "
            "first (leadline.geometry.align_least_squares), or use a metric model"
        )
