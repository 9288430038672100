"""Statistics over the valid pixels of each picture, without host synchronisation.

Values outside the mask may be anything, NaN included: they reach neither the result nor a gradient.
A picture without a valid pixel gets 0.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int32, Int64
from torch import Tensor


def count_valid(valid: Bool[Tensor, "b 1 h w"]) -> Int32[Tensor, "b 1 1 1"]:
    """Count the valid pixels of each picture; in 32 bit, which a CPU adds up in half the time of 64."""
    return valid.sum(dim=(1, 2, 3), keepdim=True, dtype=torch.int32)


def masked_mean(values: Float[Tensor, "b 1 h w"], valid: Bool[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 1 1"]:
    """Mean over the valid pixels of each picture."""
    total = values.masked_fill(~valid, 0).sum(dim=(1, 2, 3), keepdim=True)
    return total / count_valid(valid).clamp_min(1)


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
    return median[:, :, None, None].masked_fill(count_valid(valid) == 0, 0)


def _median_places(seen: Float[Tensor, "b n"]) -> Int64[Tensor, "b 1"]:
    """Return where the median of each row stands, NaN left out."""
    if seen.device.type != "cpu":
        return seen.nanmedian(dim=1, keepdim=True).indices
    medians = [row[max(row.searchsorted(np.nan) - 1, 0) // 2] for row in _ascending(seen)]
    return torch.from_numpy((seen.numpy() == np.array(medians)[:, None]).argmax(axis=1)[:, None])


def trimmed_mean(
    values: Float[Tensor, "b 1 h w"], valid: Bool[Tensor, "b 1 h w"], *, trim: float
) -> Float[Tensor, "b 1 1 1"]:
    """Mean over the valid pixels of each picture but the largest `trim` (0 to 1) of them.

    ``floor(trim * n)`` pixels of each picture are left out, so at least one of them stays. Pixels that tie
    at the border between the two count in part, each alike.
    """
    if trim == 0 or not values.numel():
        return masked_mean(values, valid)
    count = count_valid(valid)
    dropped = (count * trim).floor().long()
    most = min(int(values[0].numel() * trim) + 1, values[0].numel())
    with torch.no_grad():
        largest = _largest(values.masked_fill(~valid, -torch.inf).flatten(1), most)
        border = largest.gather(1, (dropped.flatten(1) - 1).clamp_min(0))[:, :, None, None]
        border = border.masked_fill(dropped == 0, torch.inf)
        below, tied = valid & ~(values >= border), valid & (values == border)
        spare = count - dropped - count_valid(below)
        share = spare / count_valid(tied).clamp_min(1)
        weight = below + tied * share
    total = (values.masked_fill(weight == 0, 0) * weight).sum(dim=(1, 2, 3), keepdim=True)
    return total / (count - dropped).clamp_min(1)


def _largest(rows: Float[Tensor, "b n"], count: int) -> Float[Tensor, "b count"]:
    """Return the `count` largest of each row, in descending order."""
    if rows.device.type != "cpu":
        return rows.topk(count, dim=1).values
    return torch.from_numpy(_ascending(rows)[:, : -count - 1 : -1].copy())


def _ascending(rows: Float[Tensor, "b n"]) -> Float[np.ndarray, "b n"]:
    """Sort each row, NaN last.

    NumPy's sort is vectorised, which PyTorch's on a CPU is not. A selection is faster where numbers differ
    and many times slower where many are the same, as the zeros of sky are.
    """
    return np.sort(rows.numpy(), axis=1)
