"""Several maps of one picture, at sizes of their own or mirrored, as one map, and how far they agree."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float32
from torch import Tensor

from leadline.losses import normalise, normalised_residual
from leadline.masked import masked_median
from leadline.models.variants import Enlargement
from leadline.types import Size, Space

Map = Float32[Tensor, "1 1 _h _w"]
_NOTHING = 1e-6
"""What a map in metres counts as nearly 0."""


def merged_look(maps: Sequence[Map], space: Space, *, enlargement: Enlargement = "centres") -> Map:
    """Return the finest of a picture's maps, the first, moved smoothly to the mean of them all.

    Small pictures show a network the whole, large ones its edges (Miangoleh et al. 2021, "Boosting Monocular
    Depth"): only what remains of the difference at an eighth of the size is taken over, so that edges stay
    those of the finest. Size and unit are the first's, which may be alone; the others are brought to it as
    `Variant.enlargement` says. Maps of affine disparity have no common unit and are first brought to its
    median and mean absolute deviation, as in `leadline.losses.normalise`; what is moved may end below 0.
    Metres are moved by a factor, and stay between the least and the greatest of all looks.
    """
    first, *others = maps
    if not others:
        return first
    size = Size(*first.shape[-2:])
    resized = (enlarged(map, size, enlargement) for map in others)
    looks = torch.cat([first, *resized])
    if space is Space.AFFINE_DISPARITY:
        median = masked_median(first, torch.ones_like(first, dtype=torch.bool))
        mean = median + (first - median).abs().mean() * mean_normalised(looks)
        return first + _smooth(mean - first)
    factor = looks.mean(dim=0, keepdim=True).clamp(min=_NOTHING) / first.clamp(min=_NOTHING)
    return (first * _smooth(factor.log()).exp()).clamp(looks.min(), looks.max())


def _smooth(map: Map) -> Map:
    """Return what remains of a map at an eighth of its size."""
    size = map.shape[-2:]
    few = [max(side // 8, 1) for side in size]
    # Apple's GPUs shrink by whole factors alone (pytorch/pytorch issue 96056).
    small = F.interpolate(map.cpu() if map.device.type == "mps" else map, size=few, mode="area")
    return F.interpolate(small.to(map.device), size=size, mode="bilinear")


def mean_normalised(maps: Float32[Tensor, "n 1 h w"]) -> Map:
    """Return the mean of a picture's maps, each brought to median 0 and mean absolute deviation 1."""
    return normalise(maps, torch.ones_like(maps, dtype=torch.bool)).mean(dim=0, keepdim=True)


def flip_disagreement(straight: Map, mirrored: Map, space: Space) -> Map:
    """How much the map of a picture and that of its mirror image (mirrored back) differ, pixel by pixel.

    In the unit that `Prediction.disagreement` names. Source: the author's advice for a confidence,
    DepthAnything/Depth-Anything-V2 issue 83.
    """
    if space is Space.AFFINE_DISPARITY:
        return normalised_residual(mirrored, straight, torch.ones_like(straight, dtype=torch.bool)).abs()
    total = (straight + mirrored).abs()
    return torch.where(total > 0, 2 * (straight - mirrored).abs() / total.where(total > 0, 1), 0)


def enlarged(map: Map, size: Size, how: Enlargement) -> Map:
    """Resize a map as `Variant.enlargement` says."""
    mode = "bicubic" if how == "bicubic" else "bilinear"
    return F.interpolate(map, size=tuple(size), mode=mode, align_corners=how == "bilinear")
