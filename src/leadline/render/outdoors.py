"""What stands under the sky: ground, houses, cars, fences, poles and wires, benches, rocks."""

import math

import numpy as np

from leadline.render.materials import Material, Pattern
from leadline.render.palette import Dice
from leadline.render.scene import Body, Kind, Thing, about, bar, block, put, stand, thing
from leadline.render.shapes import (
    BOX,
    CUSHION,
    CYLINDER,
    PYRAMID,
    SLAB,
    SPHERE,
    Shape,
    ground,
    prism,
    rock,
    tube,
)

_GABLE = prism([(-1, -1), (1, -1), (0, 1)])


class Terrain:
    """Uneven ground, and how high it is."""

    def __init__(self, dice: Dice, *, reach: float, swell: float, look: Material) -> None:
        """Draw ground as far as `reach`, its waves `swell` high at 20 m."""
        self._shape: Shape = ground(dice.rng, reach=reach, swell=swell)
        side = int(math.sqrt(len(self._shape.vertices)))
        self._heights = self._shape.vertices[:, 2].reshape(side, side)
        self._line = self._shape.vertices[:side, 0]
        self.thing = thing(Kind.GROUND, [put(self._shape, (0, 0, 0), look)])

    def height(self, x: float, y: float) -> float:
        """Height of the ground at a place, blended between the corners of a cell."""
        u, v = (float(np.interp(value, self._line, np.arange(len(self._line)))) for value in (x, y))
        i, j = min(int(v), len(self._line) - 2), min(int(u), len(self._line) - 2)
        s, t = u - j, v - i
        h = self._heights[i : i + 2, j : j + 2]
        return float((h[0, 0] * (1 - s) + h[0, 1] * s) * (1 - t) + (h[1, 0] * (1 - s) + h[1, 1] * s) * t)


def house(dice: Dice, *, width: float, storeys: int) -> Thing:
    """Draw a house or a block of flats: windows with frames, a door, balconies, some kind of roof."""
    depth, storey = dice.between(6, 13), dice.between(2.7, 3.4)
    height, wall = storeys * storey + 0.4, dice.look("facade")
    bodies = [block((-width / 2, -depth, 0), (width / 2, 0, height), wall)]
    bodies += _roof(dice, width, depth, height=height, pitched=storeys < 5)
    glass, frame, trim = dice.look("dark glass"), dice.look("painted"), dice.look("stone")
    columns = max(1, int(width / dice.between(1.9, 3.2)))
    pitch, wide, tall = width / columns, dice.between(0.8, 1.4), dice.between(1.1, 1.8)
    balconies, shop = dice.chance(0.25), dice.chance(0.3)
    door = dice.count(0, columns - 1)
    for j in range(storeys):
        for i in range(columns):
            x, z = (i + 0.5) * pitch - width / 2, j * storey + 0.9
            if j == 0 and i == door:
                bodies.append(block((x - 0.55, 0, 0), (x + 0.55, 0.06, 2.2), dice.look("wood")))
                continue
            low, half = (z, wide / 2) if j or not shop else (0.4, 0.44 * pitch)
            top = z + tall
            bodies.append(block((x - half - 0.07, 0, low - 0.07), (x + half + 0.07, 0.05, top + 0.07), frame))
            bodies.append(block((x - half, 0, low), (x + half, 0.065, top), glass))
            bodies.append(block((x - 0.03, 0, low), (x + 0.03, 0.08, top), frame))
            bodies.append(block((x - half - 0.12, 0, low - 0.14), (x + half + 0.12, 0.14, low - 0.06), trim))
            if balconies and j and i % 2:
                bodies += _balcony(x, z - 0.85, look=frame)
    if shop:
        bodies.append(block((-0.48 * width, 0, 2.85), (0.48 * width, 0.12, 3.3), dice.look("package")))
        awning = put(
            BOX, (0, 0.6, 2.75), dice.look("rug"), half=(0.46 * width, 0.7, 0.02), turn=about(0, -0.35)
        )
        bodies += [awning] if dice.chance(0.5) else []
    return thing(Kind.BUILDING, bodies)


def _roof(dice: Dice, width: float, depth: float, *, height: float, pitched: bool) -> list[Body]:
    tiles, kind = dice.look("roof"), dice.count(0, 2) if pitched else 2
    if kind == 0:
        rise, along = dice.between(1.5, 3.5), dice.chance(0.5)
        half = (
            (width / 2 + 0.3, depth / 2 + 0.4, rise / 2)
            if not along
            else (depth / 2 + 0.4, width / 2 + 0.3, rise / 2)
        )
        roof = put(
            _GABLE,
            (0, -depth / 2, height + rise / 2),
            tiles,
            half=half,
            turn=about(2, math.pi / 2 if along else 0),
        )
        chimney = stand(
            BOX,
            (0.25 * width, -0.4 * depth, height),
            size=(0.7, 0.7, rise + 0.8),
            material=dice.look("facade"),
        )
        return [roof, chimney]
    if kind == 1:
        return [
            stand(
                PYRAMID,
                (0, -depth / 2, height),
                size=(width + 0.8, depth + 0.8, dice.between(1.5, 4)),
                material=tiles,
            )
        ]
    cap = block(
        (-width / 2 - 0.15, -depth - 0.15, height),
        (width / 2 + 0.15, 0.15, height + 0.25),
        dice.look("stone"),
    )
    return [cap]


def _balcony(x: float, z: float, *, look: Material) -> list[Body]:
    floor = block((x - 0.9, 0, z - 0.12), (x + 0.9, 1.0, z), look)
    rails = [
        bar((x + a, 1.0 if b else 0.05, z + 0.95), (x + c, 1.0, z + 0.95), radius=0.02, material=look)
        for a, b, c in ((-0.9, 1, 0.9), (-0.9, 0, -0.9), (0.9, 0, 0.9))
    ]
    return [
        floor,
        *rails,
        *(
            bar((x + dx, 0.98, z), (x + dx, 0.98, z + 0.95), radius=0.012, material=look)
            for dx in np.linspace(-0.9, 0.9, 9)
        ),
    ]


def fence(dice: Dice, long: float) -> Thing:
    """Draw a fence along x: rails, pickets, bars, wire mesh, a wall or a hedge."""
    height, kind = dice.between(0.7, 1.7), dice.pick(("rails", "pickets", "bars", "mesh", "wall", "hedge"))
    look = dice.look(
        {"mesh": "metal", "bars": "metal", "wall": "facade", "hedge": "hedge"}.get(
            kind, dice.pick(("wood", "painted"))
        )
    )
    if kind in ("wall", "hedge"):
        thick = dice.between(0.2, 0.3) if kind == "wall" else dice.between(0.5, 0.9)
        shape = BOX if kind == "wall" else SLAB
        return thing(
            Kind.FENCE, [put(shape, (0, 0, height / 2), look, half=(long / 2, thick / 2, height / 2))]
        )
    posts = np.linspace(-long / 2, long / 2, max(2, int(long / 2)) + 1)
    bodies = [bar((x, 0, 0), (x, 0, height + 0.05), radius=0.04, material=look) for x in posts]
    if kind == "mesh":
        for start in np.arange(-long / 2, long / 2, 0.14):
            reach = min(height, long / 2 - start)
            bodies.append(
                bar((start, 0, 0.05), (start + reach, 0, 0.05 + reach * 0.98), radius=0.004, material=look)
            )
            bodies.append(
                bar((-start, 0, 0.05), (-start - reach, 0, 0.05 + reach * 0.98), radius=0.004, material=look)
            )
        return thing(Kind.FENCE, bodies)
    levels = np.linspace(height - 0.05, 0.2, dice.count(2, 4))
    bodies += [bar((-long / 2, 0, z), (long / 2, 0, z), radius=0.022, material=look) for z in levels]
    if kind == "pickets":
        bodies += [
            block((x - 0.04, 0.02, 0.06), (x + 0.04, 0.04, height), look)
            for x in np.arange(-long / 2, long / 2, dice.between(0.1, 0.16))
        ]
    elif kind == "bars":
        bodies += [
            bar((x, 0, 0.1), (x, 0, height), radius=0.01, material=look)
            for x in np.arange(-long / 2, long / 2, 0.13)
        ]
    return thing(Kind.FENCE, bodies)


def pole(dice: Dice) -> Thing:
    """Draw a lamp post, a road sign, a traffic light or a bare pole."""
    kind, metal = (
        dice.pick(("lamp", "sign", "sign", "light", "bare")),
        dice.look(dice.pick(("metal", "painted"))),
    )
    height = dice.between(4, 8) if kind in ("lamp", "bare") else dice.between(2.2, 3.4)
    bodies = [bar((0, 0, -0.2), (0, 0, height), radius=0.01 * height + 0.02, material=metal, shape=CYLINDER)]
    if kind == "lamp":
        bodies.append(bar((0, 0, height - 0.1), (0, 1.2, height + 0.15), radius=0.035, material=metal))
        bodies.append(put(CUSHION, (0, 1.4, height + 0.15), metal, half=(0.14, 0.35, 0.07)))
    elif kind == "sign":
        face, wide = dice.look("package"), dice.between(0.4, 0.9)
        round_one = dice.chance(0.4)
        turn = about(0, math.pi / 2)
        bodies.append(
            put(
                CYLINDER if round_one else BOX,
                (0, 0.06, height - wide / 2),
                face,
                half=(wide / 2, wide / 2 * dice.pick((1, 0.7)), 0.012)
                if not round_one
                else (wide / 2, wide / 2, 0.012),
                turn=turn,
            )
        )
    elif kind == "light":
        bodies.append(block((-0.15, 0.05, height - 0.9), (0.15, 0.3, height), dice.look("rubber")))
        for z, hue in ((0.15, "brick"), (0.45, "food"), (0.75, "green")):
            bodies.append(
                put(
                    SPHERE,
                    (0, 0.3, height - z),
                    Material(colours=(dice.colour(hue),) * 2),
                    half=(0.1, 0.05, 0.1),
                )
            )
    return thing(Kind.POLE, bodies)


def wires(dice: Dice, start: np.ndarray, end: np.ndarray) -> list[Thing]:
    """Draw two masts and the wires that hang between them."""
    height, look = dice.between(5, 9), dice.look("bark")
    masts = []
    for foot in (start, end):
        mast = [bar(foot - [0, 0, 0.3], foot + [0, 0, height + 0.4], radius=0.11, material=look)]
        across = np.cross(end - start, [0, 0, 1])
        across = 0.8 * across / np.linalg.norm(across)
        mast.append(
            bar(foot + across + [0, 0, height], foot - across + [0, 0, height], radius=0.05, material=look)
        )
        masts.append(thing(Kind.POLE, mast))
    share, cable = np.linspace(0, 1, 17)[:, None], dice.look("rubber")
    lines = []
    for side in (-0.9, 0.0, 0.9):
        path = start + share * (end - start) + side * across + [0, 0, height + 0.08]
        path[:, 2] -= dice.between(0.3, 1.0) * (4 * share * (1 - share))[:, 0]
        lines.append(put(tube(path, dice.between(0.006, 0.015), sides=5), (0, 0, 0), cable))
    return [*masts, thing(Kind.WIRE, lines)]


def bench(dice: Dice) -> Thing:
    """Draw a bench of slats."""
    look, long, metal = dice.look("wood"), dice.between(1.2, 2.0), dice.look("metal")
    bodies = [block((-long / 2, y, 0.43), (long / 2, y + 0.09, 0.46), look) for y in (0.1, 0.22, 0.34, 0.46)]
    bodies += [block((-long / 2, 0.03, z), (long / 2, 0.06, z + 0.09), look) for z in (0.58, 0.72)]
    for x in (-0.4 * long, 0.4 * long):
        bodies += [bar((x, y, 0), (x, y, 0.43), radius=0.025, material=metal) for y in (0.12, 0.5)]
        bodies.append(bar((x, 0.12, 0.4), (x, 0.02, 0.82), radius=0.022, material=metal))
    return thing(Kind.FURNITURE, bodies)


def bin(dice: Dice) -> Thing:
    """Draw a bin, a letter box, a bollard, a hydrant or a crate."""
    size, look = (
        dice.rng.uniform([0.2, 0.2, 0.5], [0.6, 0.6, 1.2]),
        dice.look(dice.pick(("paint", "plastic", "metal", "wood", "stone"))),
    )
    shape = dice.pick((BOX, SLAB, CYLINDER))
    body = stand(shape, (0, 0, 0), size=size.tolist(), material=look)
    return thing(
        Kind.OBJECT,
        [
            body,
            stand(
                shape,
                (0, 0, size[2]),
                size=(1.06 * size[0], 1.06 * size[1], 0.06),
                material=dice.look("plastic"),
            ),
        ],
    )


def boulder(dice: Dice, size: float) -> Thing:
    """Draw a rock that is partly in the ground."""
    half = size * dice.rng.uniform([0.5, 0.5, 0.3], [1, 1, 0.7])
    return thing(
        Kind.ROCK,
        [
            put(
                rock(dice.rng, roughness=0.4),
                (0, 0, 0.4 * half[2]),
                dice.look("rock"),
                half=half,
                turn=about(2, dice.turn()),
            )
        ],
    )


def mountain(dice: Dice, away: float) -> Thing:
    """Draw a hill or a mountain at the horizon, on the origin."""
    half = np.array(
        [away * dice.between(0.1, 0.5), away * dice.between(0.1, 0.5), away * dice.between(0.02, 0.16)]
    )
    look = dice.look(dice.pick(("rock", "hedge", "grass", "snow")))
    wide = Material(
        pattern=Pattern.CLOUDS, colours=look.colours, scale=0.1 * away, grain=0.4, finish=look.finish
    )
    return thing(
        Kind.GROUND, [put(rock(dice.rng, roughness=0.3, rings=26), (0, 0, -0.1 * half[2]), wide, half=half)]
    )
