"""Surfaces: two colours mixed by a pattern, with noise on top, laid out in metres so that they recede."""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float32

Number = int | float
"""Static checkers take an int where a float is asked for; checks at run time do not."""

Colour = tuple[Number, Number, Number]
"""Linear red, green and blue."""

Coordinate = Float32[np.ndarray, " n"]


class Pattern(StrEnum):
    """How a surface changes between its two colours."""

    PLAIN = "plain"
    CHECKS = "checks"
    STRIPES = "stripes"
    BRICKS = "bricks"
    WOOD = "wood"
    BLOTCHES = "blotches"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a surface looks like under white light."""

    pattern: Pattern
    colours: tuple[Colour, Colour]
    """Reflectances, 0 to 1."""
    scale: Number
    """Metres from one repetition of the pattern to the next."""
    angle: float = 0.0
    """Radians by which the pattern is turned on the surface."""
    grain: Number = 0.2
    """Strength of the noise that lies over the pattern, 0 to 1."""
    gloss: Number = 0.0
    """Strength of highlights, 0 to 1."""


_LATTICE = np.random.default_rng(20_19).random((256, 256), dtype=np.float32)


def value_noise(u: Coordinate, v: Coordinate) -> Coordinate:
    """Smooth noise from 0 to 1 with features of size 1: random values on a grid, blended between."""
    column, row = np.floor(u), np.floor(v)
    s, t = u - column, v - row
    s, t = s * s * (3 - 2 * s), t * t * (3 - 2 * t)
    left, low = column.astype(np.int32) & 255, row.astype(np.int32) & 255
    right, high = (left + 1) & 255, (low + 1) & 255
    below = _LATTICE[low, left] * (1 - s) + _LATTICE[low, right] * s
    above = _LATTICE[high, left] * (1 - s) + _LATTICE[high, right] * s
    blended: Coordinate = below * (1 - t) + above * t
    return blended


def cloud_noise(u: Coordinate, v: Coordinate, *, blur: Coordinate) -> Coordinate:
    """Sum four scales of noise around 0, about -1 to 1; scales finer than `blur` (same unit) fade away."""
    total = np.zeros_like(u)
    for octave in range(4):
        frequency = 2.3**octave
        seen = np.clip(2 - 3 * frequency * blur, 0, 1)
        if not seen.any():
            break
        total += seen * 0.62**octave * (value_noise(u * frequency + 17 * octave, v * frequency) * 2 - 1)
    return total


_MEAN_SHARE = {
    Pattern.PLAIN: 0.0,
    Pattern.CHECKS: 0.5,
    Pattern.STRIPES: 0.5,
    Pattern.BRICKS: 0.36,
    Pattern.WOOD: 0.5,
    Pattern.BLOTCHES: 0.5,
}
"""What `_mix` comes to over a large area."""


def _mix(pattern: Pattern, u: Coordinate, *, v: Coordinate, noise: Coordinate) -> Coordinate:
    """Share of the second colour, from 0 to 1; the pattern repeats with period 1."""
    share: Coordinate
    match pattern:
        case Pattern.CHECKS:
            share = ((np.floor(2 * u) + np.floor(2 * v)) % 2).astype(np.float32)
        case Pattern.STRIPES:
            share = (u % 1 < 0.5).astype(np.float32)
        case Pattern.BRICKS:
            row = np.floor(2 * v)
            share = ((u + 0.5 * row) % 1 < 0.05) | (2 * v % 1 < 0.1)
            tint = value_noise(np.floor(u + 0.5 * row) + 0.5, row + 0.5)
            share = np.where(share, 1, 0.5 * tint).astype(np.float32)
        case Pattern.WOOD:
            plank = np.floor(u)
            fibre = value_noise(u * 9 + plank * 7, v * 0.7 + plank * 3.3)
            share = np.where(u % 1 < 0.03, 1, 0.7 * fibre + 0.3 * value_noise(plank + 0.5, plank))
        case Pattern.BLOTCHES:
            share = np.clip(0.5 + noise, 0, 1)
        case Pattern.PLAIN:
            share = np.zeros_like(u)
    return share


def albedo(
    material: Material, u: Coordinate, *, v: Coordinate, footprint: Coordinate
) -> Float32[np.ndarray, "n 3"]:
    """Return the reflectance at surface coordinates `u` and `v` in metres.

    `footprint` is the width in metres of what one sample sees: what is finer turns into its mean, or a
    distant floor would flicker.
    """
    cos, sin = math.cos(material.angle) / material.scale, math.sin(material.angle) / material.scale
    u, v = cos * u + sin * v, cos * v - sin * u
    blur = footprint / material.scale
    noise = cloud_noise(u, v, blur=blur)
    share = _mix(material.pattern, u, v=v, noise=noise)
    sharp = np.clip(2 - 4 * blur, 0, 1)
    share = sharp * share + (1 - sharp) * _MEAN_SHARE[material.pattern]
    first, second = np.asarray(material.colours, np.float32)
    colour = first + share[:, None] * (second - first)
    grained: Float32[np.ndarray, "n 3"] = np.clip(colour * (1 + material.grain * noise[:, None]), 0, 1)
    return grained


def draw_colour(rng: np.random.Generator, *, dark: float = 0.15) -> tuple[float, float, float]:
    """Draw a reflectance: from `dark` (in shown brightness) to light, mostly muted, sometimes strong."""
    lightness = rng.uniform(dark, 0.95) ** 2
    saturation = rng.beta(1.0, 2.5)
    hue = rng.random(3)
    if rng.random() < 0.6:
        hue = np.sort(hue)[::-1]  # earth, wood, brick and skin are warm
    hue = (hue - hue.min()) / (np.ptp(hue) + 1e-6)
    red, green, blue = lightness * (1 - saturation + saturation * hue)
    return float(red), float(green), float(blue)


def draw_material(
    rng: np.random.Generator, *patterns: Pattern, scale: Number = 0.3, dark: float = 0.15
) -> Material:
    """Draw a material, out of `patterns` where some are named, repeating at about `scale` metres."""
    pattern = patterns[rng.integers(len(patterns))] if patterns else Pattern(rng.choice(list(Pattern)))
    first, second = draw_colour(rng, dark=dark), draw_colour(rng, dark=dark)
    if rng.random() < 0.6:  # two shades of one colour, as most things have
        shade = rng.uniform(0.35, 1.4)
        second = (min(first[0] * shade, 1), min(first[1] * shade, 1), min(first[2] * shade, 1))
    return Material(
        pattern=pattern,
        colours=(first, second),
        scale=scale * float(np.exp(rng.normal(0, 0.6))),
        angle=float(rng.choice([0.0, 0.0, math.pi / 2, rng.uniform(0, math.pi)])),
        grain=float(rng.choice([0.03, 0.1, 0.3])),
        gloss=float(rng.choice([0.0, 0.0, 0.3, 1.0])),
    )
