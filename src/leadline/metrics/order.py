"""Which of two points is nearer: what DA-2K and DIW ask."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from leadline.types import LeadlineError, PointPair, Size

_LEVEL = 0.12  # two points are of nearly equal height below this share of the picture's


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a map says of one pair."""

    right: bool
    """The closer point has the larger nearness; a tie is wrong, or a constant map would pass."""
    tie: bool
    level: bool
    """The points' rows differ by at most 12 % of the height, where height in the picture tells little."""


def order_is_right(nearness: Float[np.ndarray, "h w"], closer: Sequence[int], farther: Sequence[int]) -> bool:
    """Tell whether a map that grows towards the camera puts `closer` (row, column) nearer; a tie is wrong."""
    return bool(nearness[tuple(closer)] > nearness[tuple(farther)])


def require_inside(pair: PointPair, size: Size) -> None:
    """Refuse a point outside the picture; a negative one would be taken from the other side.

    Raises:
        LeadlineError: with the point and the picture's size.
    """
    for h, w in (pair.closer, pair.farther):
        if not (0 <= h < size.h and 0 <= w < size.w):
            raise LeadlineError(f"the point ({h}, {w}) lies outside the picture, which is {size}")


def judge(nearness: Float[np.ndarray, "h w"], pair: PointPair) -> Verdict:
    """Hold a map that grows towards the camera against one pair of points inside it."""
    return Verdict(
        right=order_is_right(nearness, pair.closer, pair.farther),
        tie=bool(nearness[pair.closer] == nearness[pair.farther]),
        level=abs(pair.closer[0] - pair.farther[0]) <= _LEVEL * nearness.shape[0],
    )
