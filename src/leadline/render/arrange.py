"""Putting things where there is room for them."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from leadline.render.palette import Dice
from leadline.render.scene import Point, Thing
from leadline.render.shapes import Number

_TOUCH = 0.03  # metres by which the blocks around two things may overlap: they are rounder than their blocks


def hull(things: Sequence[Thing]) -> Float64[np.ndarray, "2 3"]:
    """Return the lowest and the highest corner of the block around things."""
    bounds = np.stack([thing.bounds() for thing in things])
    return np.stack([bounds[:, 0].min(0), bounds[:, 1].max(0)])


class Arrangement:
    """Things that do not stand in each other's way."""

    def __init__(self, low: Point, high: Point) -> None:
        """Begin an empty place between two corners."""
        self.low, self.high = np.asarray(low, float), np.asarray(high, float)
        self.things: list[Thing] = []
        self._taken = np.zeros((0, 2, 3))

    def add(self, things: Sequence[Thing], *, solid: bool = True) -> None:
        """Put things without asking; where `solid` is false others may go through them."""
        self.things += things
        if solid and things:
            self._taken = np.concatenate([self._taken, np.stack([thing.bounds() for thing in things])])

    def place(self, group: Sequence[Thing], at: Point, *, yaw: Number = 0.0) -> bool:
        """Put a group somewhere if it has room there, and say whether it had."""
        moved = [thing.moved(at, yaw=yaw) for thing in group]
        if not self.is_free(*hull(moved)):
            return False
        self.add(moved)
        return True

    def is_free(self, low: Float64[np.ndarray, "3"], high: Float64[np.ndarray, "3"]) -> bool:
        """Whether a block lies inside the place and touches nothing."""
        inside = (low >= self.low - _TOUCH).all() and (high <= self.high + _TOUCH).all()
        apart = (low + _TOUCH >= self._taken[:, 1]) | (high - _TOUCH <= self._taken[:, 0])
        return bool(inside and apart.any(1).all())

    def scatter(self, dice: Dice, group: Sequence[Thing], *, low: Point, high: Point, tries: int = 8) -> bool:
        """Try a few random places between two corners, turned at random."""
        spots = (dice.rng.uniform(low, high) for _ in range(tries))
        return any(self.place(group, spot, yaw=dice.turn()) for spot in spots)
