"""Statistics over the valid pixels of each picture, without host synchronisation.

Values outside the mask may be anything, NaN included: they reach neither the result nor a gradient.
A picture without a valid pixel gets 0.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor


def masked_mean(values: Float[Tensor, "b 1 h w"], valid: Bool[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 1 1"]:
    """Mean over the valid pixels of each picture."""
    total = values.masked_fill(~valid, 0).sum(dim=(1, 2, 3), keepdim=True)
    return total / valid.sum(dim=(1, 2, 3), keepdim=True).clamp_min(1)


def masked_median(
    values: Float[Tensor, "b 1 h w"], valid: Bool[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 1 1 1"]:
    """Lower median over the valid pixels of each picture.

    Masked pixels take no part, unlike in the circulating copies of the MiDaS loss, whose median runs over
    ``mask * target`` and is pulled down by the zeros (isl-org/MiDaS issue 33).
    """
    with torch.no_grad():
        where = _median_places(values.masked_fill(~valid, torch.nan).flatten(1))
    median = values.flatten(1).gather(1, where)
    return median.masked_fill(~valid.flatten(1).any(dim=1, keepdim=True), 0)[:, :, None, None]


def _median_places(seen: Float[Tensor, "b n"]) -> Int64[Tensor, "b 1"]:
    """Return where the median of each row stands, NaN left out."""
    if seen.device.type != "cpu":
        return seen.nanmedian(dim=1, keepdim=True).indices
    rows = seen.double().numpy()  # whose selection is several times as fast as PyTorch's on a CPU
    ranks = (~np.isnan(rows)).sum(axis=1).clip(min=1) - 1
    medians = [np.partition(row, rank // 2)[rank // 2] for row, rank in zip(rows, ranks, strict=True)]
    return torch.from_numpy((rows == np.array(medians)[:, None]).argmax(axis=1)[:, None])


def trimmed_mean(
    values: Float[Tensor, "b 1 h w"], valid: Bool[Tensor, "b 1 h w"], *, trim: float
) -> Float[Tensor, "b 1 1 1"]:
    """Mean over the valid pixels of each picture but the largest `trim` (0 to 1) of them.

    ``floor(trim * n)`` pixels of each picture are left out, so at least one of them stays. Pixels that tie
    at the border between the two count in part, each alike.
    """
    if trim == 0 or not values.numel():
        return masked_mean(values, valid)
    count = valid.sum(dim=(1, 2, 3), keepdim=True)
    dropped = (count * trim).floor().long()
    most = min(int(values[0].numel() * trim) + 1, values[0].numel())
    with torch.no_grad():
        # A partial selection: sorting everything takes four times as long, half of the time of all losses.
        largest = values.masked_fill(~valid, -torch.inf).flatten(1).topk(most, dim=1).values
        border = largest.gather(1, (dropped.flatten(1) - 1).clamp_min(0))[:, :, None, None]
        border = border.masked_fill(dropped == 0, torch.inf)
        below, tied = valid & ~(values >= border), valid & (values == border)
        spare = count - dropped - below.sum(dim=(1, 2, 3), keepdim=True)
        share = spare / tied.sum(dim=(1, 2, 3), keepdim=True).clamp_min(1)
        weight = below + tied * share
    total = (values.masked_fill(weight == 0, 0) * weight).sum(dim=(1, 2, 3), keepdim=True)
    return total / (count - dropped).clamp_min(1)
