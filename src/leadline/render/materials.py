"""Surfaces: two colours mixed by a pattern, or a photograph, with noise on top, laid out in metres.

Patterns are small tileable maps, drawn once a process and kept at every coarser resolution too, so that both
shadings look the same map up and what is finer than a sample turns into its mean.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cache

import numpy as np
from jaxtyping import Float, Float32, Integer

from leadline.render.shapes import Number, Rng

Colour = tuple[Number, Number, Number]
"""Linear red, green and blue."""

SIDE = 256
"""Side of a pattern's finest map."""
LEVELS = 9
"""Resolutions of a map, each half of the one before: 256 to 1."""


class Pattern(StrEnum):
    """How a surface changes between its two colours."""

    PLAIN = "plain"
    CHECKS = "checks"
    STRIPES = "stripes"
    PLAID = "plaid"
    DOTS = "dots"
    BRICKS = "bricks"
    TILES = "tiles"
    PLANKS = "planks"
    WOOD = "wood"
    MARBLE = "marble"
    CLOUDS = "clouds"
    BLOTCHES = "blotches"
    SPECKLE = "speckle"
    GRAVEL = "gravel"
    LEAFAGE = "leafage"
    WEAVE = "weave"
    FUR = "fur"
    TEXT = "text"


class Finish(IntEnum):
    """What a surface does with light."""

    MATTE = 0
    GLOSSY = 1
    """Mirrors a little under its varnish."""
    METAL = 2
    MIRROR = 3
    PANE = 4
    """A thin sheet of glass: light goes straight through."""
    GLASS = 5
    """The wall of a vessel, or water."""
    LEAF = 6
    """Light shines through."""
    LIGHT = 7
    """Shines itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a surface looks like under white light."""

    pattern: Pattern | int = Pattern.PLAIN
    """A pattern, or a photograph by its place among those of the scene."""
    colours: tuple[Colour, Colour] = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    """Reflectances, 0 to 1; what a photograph is tinted with; or the light it sends out."""
    scale: Number = 1.0
    """Metres from one repetition of the pattern to the next."""
    angle: Number = 0.0
    """Radians by which the pattern is turned on the surface."""
    grain: Number = 0.15
    """Strength of the noise that lies over the pattern, 0 to 1."""
    finish: Finish = Finish.MATTE
    roughness: Number = 0.3
    """How much a gloss or metal blurs what it mirrors, 0 to 1."""
    continuous: bool = False
    """The pattern runs on from body to body, as over the pieces of a wall."""


def plain(colour: Colour, **more: object) -> Material:
    """Return a material of one colour; `more` are fields of `Material`."""
    return Material(colours=(colour, colour), **more)  # type: ignore[arg-type]


def tileable_noise(rng: Rng, *, slope: float, stretch: float = 1.0) -> Float32[np.ndarray, "s s"]:
    """Noise from 0 to 1 whose strength falls with frequency to the power `slope`, drawn out along y."""
    x, y = np.fft.rfftfreq(SIDE)[None], np.fft.fftfreq(SIDE)[:, None] * stretch
    strength = (x * x + y * y + (0.7 / SIDE) ** 2) ** (-slope / 2)
    strength[0, 0] = 0
    noise = np.fft.irfft2(strength * np.exp(2j * math.pi * rng.random(strength.shape)), (SIDE, SIDE))
    scaled: Float32[np.ndarray, "s s"] = np.clip(0.5 + noise / (4.4 * noise.std()), 0, 1).astype(np.float32)
    return scaled


def _cells(rng: Rng, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the nearest of random points on the torus and to the next, as (nearest, gap)."""
    grid = (np.arange(SIDE) + 0.5) / SIDE
    best = np.full((2, SIDE, SIDE), 9.0)
    for x, y in rng.random((count, 2)):
        dx, dy = np.abs(grid - x), np.abs(grid - y)
        distance = np.hypot(np.minimum(dx, 1 - dx)[None], np.minimum(dy, 1 - dy)[:, None])
        best[1] = np.minimum(best[1], np.maximum(distance, best[0]))
        best[0] = np.minimum(best[0], distance)
    return best[0], best[1] - best[0]


def _masonry(rng: Rng, columns: int, *, rows: int, shift: float, joint: float) -> np.ndarray:
    """Blocks of their own tint between joints of 1."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    row = np.floor(y * rows).astype(int)
    along = x * columns + shift * (row % 2)
    tint = rng.random((rows, columns))[row, np.floor(along).astype(int) % columns]
    joints = (along % 1 < joint) | (y * rows % 1 < joint * rows / columns)
    return np.where(joints, 1, 0.45 * tint)


def _text(rng: Rng) -> np.ndarray:
    """Lines of words, as on a page seen from afar."""
    page = np.zeros((SIDE, SIDE))
    for top in range(12, SIDE - 12, 16):
        x = 14
        while x < SIDE - 40 and rng.random() < 0.97:
            wide = int(rng.integers(6, 34))
            page[top : top + 7, x : x + wide] = rng.random((7, wide)) < 0.6
            x += wide + 6
    return page


_Y, _X = np.mgrid[:SIDE, :SIDE] / SIDE
_SHARES: dict[Pattern, Callable[[Rng], np.ndarray]] = {
    Pattern.PLAIN: lambda rng: np.zeros((SIDE, SIDE)),
    Pattern.CHECKS: lambda rng: (np.floor(2 * _X) + np.floor(2 * _Y)) % 2,
    Pattern.STRIPES: lambda rng: (_X < 0.5).astype(float),
    Pattern.PLAID: lambda rng: sum(0.5 * ((line * 3 % 1 < 0.4) | (line % 1 < 0.06)) for line in (_X, _Y)),
    Pattern.DOTS: lambda rng: (np.hypot(_X * 4 % 1 - 0.5, _Y * 4 % 1 - 0.5) < 0.28).astype(float),
    Pattern.BRICKS: lambda rng: _masonry(rng, 4, rows=8, shift=0.5, joint=0.06),
    Pattern.TILES: lambda rng: _masonry(rng, 4, rows=4, shift=0, joint=0.05),
    Pattern.PLANKS: lambda rng: (
        _masonry(rng, 6, rows=2, shift=0, joint=0.03) + 0.5 * tileable_noise(rng, slope=1.3, stretch=9) - 0.1
    ),
    Pattern.WOOD: lambda rng: (
        0.5 + 0.5 * np.sin(math.tau * (4 * _X + 1.5 * tileable_noise(rng, slope=2, stretch=6)))
    ),
    Pattern.MARBLE: lambda rng: np.abs(2 * tileable_noise(rng, slope=1.6) - 1) ** 0.4,
    Pattern.CLOUDS: lambda rng: tileable_noise(rng, slope=2.2),
    Pattern.BLOTCHES: lambda rng: 6 * tileable_noise(rng, slope=1.6) - 2.5,
    Pattern.SPECKLE: lambda rng: 8 * tileable_noise(rng, slope=0.4) - 4.6,
    Pattern.GRAVEL: lambda rng: _gravel(rng),
    Pattern.LEAFAGE: lambda rng: 14 * _cells(rng, 320)[0] + 0.8 * tileable_noise(rng, slope=1.2) - 0.4,
    Pattern.WEAVE: lambda rng: (
        0.5
        + 0.25 * np.sin(math.tau * 40 * _X) * np.sign(np.sin(math.tau * 20 * _Y))
        + 0.25 * tileable_noise(rng, slope=1.6)
    ),
    Pattern.FUR: lambda rng: tileable_noise(rng, slope=0.9, stretch=0.2),
    Pattern.TEXT: lambda rng: _text(rng),
}
"""Share of the second colour over one repetition."""
PATTERNS = tuple(_SHARES)


def _gravel(rng: Rng) -> np.ndarray:
    nearest, gap = _cells(rng, 220)
    stones: np.ndarray = np.clip(1 - 45 * gap, 0, 1) * 0.8 + 6 * nearest * tileable_noise(rng, slope=1.6)
    return stones


def pyramid(maps: Float[np.ndarray, "n s s *c"]) -> Float32[np.ndarray, "size *c"]:
    """Join maps at all their resolutions into one array: finest level first, within it map by map."""
    level, joined = maps.astype(np.float32), []
    for _ in range(LEVELS):
        joined.append(level.reshape(-1, *level.shape[3:]))
        level = (
            0.25 * (level[:, ::2, ::2] + level[:, 1::2, ::2] + level[:, ::2, 1::2] + level[:, 1::2, 1::2])
            if level.shape[1] > 1
            else level
        )
    return np.concatenate(joined)


@cache
def pattern_maps() -> Float32[np.ndarray, "n s s"]:
    """The maps of all patterns, in the order of `PATTERNS`, and the noise of grain at the end."""
    rng = np.random.default_rng(2019)
    drawn = [draw(rng) for draw in _SHARES.values()]
    return np.stack([*drawn, tileable_noise(rng, slope=1.35)]).clip(0, 1).astype(np.float32)


@cache
def pattern_pyramid() -> Float32[np.ndarray, " size"]:
    """`pattern_maps` at all resolutions."""
    return pyramid(pattern_maps())


def look_up(
    joined: Float32[np.ndarray, "size *c"],
    count: int,
    *,
    index: Integer[np.ndarray, " n"],
    u: Float32[np.ndarray, " n"],
    v: Float32[np.ndarray, " n"],
    blur: Float32[np.ndarray, " n"],
) -> Float32[np.ndarray, "n *c"]:
    """Read maps out of a pyramid of `count` of them; u, v and the width `blur` of a sample in repetitions.

    Between the places of a level values are blended, and between levels the nearer is taken.
    """
    level = np.rint(np.clip(np.log2(np.maximum(blur * SIDE, 1e-6)), 0, LEVELS - 1)).astype(np.int32)
    side = SIDE >> level
    sizes = np.array([count * (SIDE >> step) ** 2 for step in range(LEVELS)])
    base = (np.cumsum(sizes) - sizes)[level] + index.astype(np.int64) * side * side
    width = side.astype(np.float32)
    x, y = (u - np.floor(u)) * width - 0.5, (v - np.floor(v)) * width - 0.5
    left, low = np.floor(x), np.floor(y)
    s, t = x - left, y - low
    x0, y0 = left.astype(np.int32) & (side - 1), low.astype(np.int32) & (side - 1)
    x1, y1 = (x0 + 1) & (side - 1), (y0 + 1) & (side - 1)
    if joined.ndim > 1:
        s, t = s[:, None], t[:, None]
    lower = joined[base + y0 * side + x0] * (1 - s) + joined[base + y0 * side + x1] * s
    upper = joined[base + y1 * side + x0] * (1 - s) + joined[base + y1 * side + x1] * s
    blended: Float32[np.ndarray, n * c] = lower * (1 - t) + upper * t
    return blended
