"""The papers' losses as pure functions of ``(prediction, target, valid)``.

Conventions that hold for all of them:

- Maps are ``(b, 1, h, w)``; values outside `valid` may be anything, NaN included.
- Every picture weighs the same, however many of its pixels are valid; one without any is left out; where
  all are empty the loss is 0. `weight` says otherwise, one number a picture.
- Arithmetic is float32 under any autocast, gradients are finite everywhere, and nothing waits for the device.

How trimming, CutMix and gradient matching combine is unpublished. Here (``docs/conventions.md``): each
CutMix region is handed to a loss as a picture of its own whose weight is its share of the area, so medians,
least squares and trimming never look across its border; trimming leaves pixels out of the data term alone,
because the pixels with the largest residuals lie on edges and those are what gradient matching is for.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.geometry import align_least_squares
from leadline.masked import count_valid, masked_mean, masked_median, trimmed_mean

Map = Float[Tensor, "b 1 h w"]
Mask = Bool[Tensor, "b 1 h w"]
Weight = Float[Tensor, "b"]
Scalar = Float[Tensor, ""]


def normalise(values: Map, valid: Mask) -> Map:
    """Shift each picture to median 0 and scale it to mean absolute deviation 1 over its valid pixels.

    A map that does not vary is only shifted; what is returned outside `valid` is finite and means
    nothing. Source: MiDaS, section 5; Depth Anything V1,
    section 3.1.
    """
    values = values.float().masked_fill(~valid, 0)
    centred = values - masked_median(values, valid)
    deviation = masked_mean(centred.abs(), valid)
    return centred / deviation.masked_fill(deviation <= 1e-6, 1)


def normalised_residual(prediction: Map, target: Map, valid: Mask) -> Map:
    """Difference of the two maps after `normalise`: what `ssi_mae` and `gradient_matching` both look at."""
    return normalise(prediction, valid) - normalise(target, valid)


def ssi_mae(
    prediction: Map,
    target: Map,
    valid: Mask,
    *,
    trim: float = 0,
    weight: Weight | None = None,
    residual: Map | None = None,
) -> Scalar:
    """Scale-and-shift-invariant mean absolute error of two maps normalised by `normalise`.

    0 where one map is a positive affine function of the other. `trim` leaves that share of each picture's
    valid pixels out, those with the largest residuals: 0.2 for MiDaS's trimmed loss (section 5),
    0.1 for the pixels Depth Anything V2 ignores in pseudo-labels (section 5.2). The mean is over the pixels
    that stay, as V2's author writes it (DepthAnything/Depth-Anything-V2 issue 108); MiDaS divides the same
    sum by twice the number of all valid pixels, which is a weight of ``(1 - trim) / 2``.

    `residual` saves the work where `normalised_residual` of the same maps is at hand.
    """
    residual = normalised_residual(prediction, target, valid) if residual is None else residual
    return _average(trimmed_mean(residual.abs(), valid, trim=trim), valid, weight)


def ssi_mse(prediction: Map, target: Map, valid: Mask, *, weight: Weight | None = None) -> Scalar:
    """Mean squared error after the least-squares scale and shift of each picture.

    0 where the target is an affine function of the prediction, also a decreasing one. The result has the
    square of the target's unit, so targets are brought to 0..1 first (`leadline.data.transforms`).
    Source: MiDaS, section 5, without its factor 1/2, which is a weight.
    """
    prediction, target = (values.float().masked_fill(~valid, 0) for values in (prediction, target))
    scale, shift = align_least_squares(prediction, target, valid)
    return _average(masked_mean((scale * prediction + shift - target).square(), valid), valid, weight)


def gradient_matching(
    prediction: Map,
    target: Map,
    valid: Mask,
    *,
    scales: int = 4,
    weight: Weight | None = None,
    residual: Map | None = None,
) -> Scalar:
    """Multi-scale difference of the gradients of two maps normalised by `normalise`.

    Sum over `scales` resolutions, sub-sampled by strides 1, 2, 4, 8, of ``|d/dx| + |d/dy|`` of the
    residual where both neighbours are valid, each resolution divided by its own count of valid pixels.
    0 where the maps differ by a positive affine function. `residual` is as for `ssi_mae`. Source: MiDaS,
    section 5.
    """
    residual = normalised_residual(prediction, target, valid) if residual is None else residual
    total = torch.zeros(len(residual), 1, 1, 1, device=residual.device)
    counted = valid.float()  # once: a product of numbers and booleans converts them, in every pass
    for stride in (2**scale for scale in range(scales)):
        r, v = residual[..., ::stride, ::stride], counted[..., ::stride, ::stride]
        across = (r[..., 1:] - r[..., :-1]).abs() * (v[..., 1:] * v[..., :-1])
        down = (r[..., 1:, :] - r[..., :-1, :]).abs() * (v[..., 1:, :] * v[..., :-1, :])
        steps = across.sum(dim=(1, 2, 3), keepdim=True) + down.sum(dim=(1, 2, 3), keepdim=True)
        total = total + steps / v.sum(dim=(1, 2, 3), keepdim=True).clamp_min(1)
    return _average(total, valid, weight)


def silog(
    prediction: Map,
    target: Map,
    valid: Mask,
    *,
    variance_focus: float = 0.5,
    weight: Weight | None = None,
) -> Scalar:
    """Scale-invariant logarithmic error of two maps of positive depth.

    ``sqrt(mean(g**2) - variance_focus * mean(g)**2)`` with ``g = log(prediction) - log(target)``; values
    below 1e-3 (metres) count as 1e-3. 0 where the maps agree, with gradient 0 there, where the published
    code's root has an infinite one. Source: Depth Anything V2, metric_depth/util/loss.py; Eigen et al.
    2014, equation 4.
    """
    logs = [values.float().masked_fill(~valid, 1).clamp_min(1e-3).log() for values in (prediction, target)]
    difference = logs[0] - logs[1]
    mean = masked_mean(difference, valid)
    inner = masked_mean(difference.square(), valid) - variance_focus * mean.square()
    positive = inner > 1e-12
    root = torch.where(positive, torch.where(positive, inner, 1).sqrt(), 0)
    return _average(root, valid, weight)


def feature_alignment(
    features: Float[Tensor, "b c h w"],
    frozen: Float[Tensor, "b c h w"],
    *,
    tolerance: float = 0.85,
    weight: Weight | None = None,
) -> Scalar:
    """One minus the cosine between a student's features and a frozen encoder's, position by position.

    Positions whose cosine exceeds `tolerance` are left out, so the student keeps what it needs beyond the
    frozen encoder's semantics. A picture in which all exceed it counts with a loss of 0, so that parts of a
    batch give what the whole one does. Source: Depth Anything V1, section 3.3 (feature alignment).
    """
    cosine = torch.cosine_similarity(features.float(), frozen.float(), dim=1, eps=1e-6)[:, None]
    different = cosine <= tolerance
    return _average(masked_mean(1 - cosine, different), torch.ones_like(different), weight)


def _average(losses: Float[Tensor, "b 1 1 1"], valid: Mask, weight: Weight | None) -> Scalar:
    """Weighted mean over the pictures that have a valid pixel; 0 where none has."""
    present = (count_valid(valid) > 0).flatten().float()
    if weight is not None:
        present = present * weight
    total = present.sum()
    return (losses.flatten() * present).sum() / torch.where(total > 0, total, 1)
