"""Statistics over the valid pixels of each picture, without host synchronisation.

Values outside the mask may be anything, NaN included: they reach neither the result nor a gradient.
A picture without a valid pixel gets 0.
"""

import torch
from jaxtyping import Bool, Float
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
        seen = values.masked_fill(~valid, torch.nan).flatten(1)
        where = seen.nanmedian(dim=1, keepdim=True).indices
    median = values.flatten(1).gather(1, where)
    return median.masked_fill(~valid.flatten(1).any(dim=1, keepdim=True), 0)[:, :, None, None]


def trimmed_mean(
    values: Float[Tensor, "b 1 h w"], valid: Bool[Tensor, "b 1 h w"], *, trim: float
) -> Float[Tensor, "b 1 1 1"]:
    """Mean over the valid pixels of each picture but the largest `trim` (0 to 1) of them.

    ``floor(trim * n)`` pixels of each picture are left out, so at least one of them stays.
    """
    if trim == 0:
        return masked_mean(values, valid)
    ascending = values.masked_fill(~valid, torch.inf).flatten(1).sort(dim=1).values
    count = valid.sum(dim=(1, 2, 3))
    kept = count - (count * trim).floor().long()
    rank = torch.arange(ascending.shape[1], device=values.device)
    total = ascending.masked_fill(rank >= kept[:, None], 0).sum(dim=1)
    return (total / kept.clamp_min(1))[:, None, None, None]
