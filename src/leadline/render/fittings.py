"""What belongs to a room beside furniture: lamps, tripods, pictures, mirrors, curtains, rugs, radiators."""

import math
from dataclasses import replace

import numpy as np

from leadline.render.materials import Finish, plain
from leadline.render.palette import Dice
from leadline.render.scene import Body, Kind, Lamp, Thing, about, bar, block, put, stand, thing
from leadline.render.shapes import BUCKET, CONE, CYLINDER, SLAB, SPHERE, drapery


def floor_lamp(dice: Dice) -> tuple[Thing, Lamp]:
    """Draw a standing lamp: a foot, a thin pole and a shining shade."""
    height, wide, metal = dice.between(1.3, 1.7), dice.between(0.15, 0.25), dice.look("metal")
    bodies = [
        stand(CYLINDER, (0, wide, 0), size=(1.3 * wide, 1.3 * wide, 0.03), material=metal),
        bar((0, wide, 0), (0, wide, height + 0.1), radius=0.012, material=metal),
    ]
    shade, lamp = _shade(dice, (0, wide, height), width=2 * wide)
    return thing(Kind.LAMP, [*bodies, shade]), lamp


def tripod(dice: Dice) -> Thing:
    """Draw a camera, a telescope or a photographer's lamp on three legs, around the origin."""
    metal = dice.look(dice.pick(("metal", "wood", "chrome")))
    dark = dice.look(dice.pick(("rubber", "plastic")))
    height, spread, turn = dice.between(0.9, 1.6), dice.between(0.25, 0.5), dice.turn()
    bodies = []
    for angle in turn + np.arange(3) * math.tau / 3:
        foot = (spread * math.cos(angle), spread * math.sin(angle), 0)
        bodies.append(bar(foot, (0, 0, 0.85 * height), radius=dice.between(0.01, 0.018), material=metal))
    bodies.append(bar((0, 0, 0.7 * height), (0, 0, height), radius=0.014, material=metal))
    long, wide, shape = dice.spread(0.07, 0.4), dice.between(0.04, 0.1), dice.pick((CYLINDER, CONE, SLAB))
    tilt = about(2, dice.turn()) @ about(0, math.pi / 2 + dice.normal(0.3))
    bodies.append(put(shape, (0, 0, height + wide), dark, half=(wide, wide, long), turn=tilt))
    return thing(Kind.OBJECT, bodies)


def pendant(dice: Dice, *, ceiling: float) -> tuple[Thing, Lamp]:
    """Draw a lamp that hangs from the ceiling on a thin cord."""
    low, wide = ceiling - dice.between(0.4, 1.0), dice.between(0.18, 0.5)
    shade, lamp = _shade(dice, (0, 0, low), width=wide)
    return thing(
        Kind.LAMP,
        [bar((0, 0, low + 0.2 * wide), (0, 0, ceiling), radius=0.005, material=dice.look("rubber")), shade],
    ), lamp


def _shade(dice: Dice, at: tuple[float, float, float], *, width: float) -> tuple[Body, Lamp]:
    shape, warm = dice.pick((SPHERE, BUCKET, CONE, CYLINDER)), dice.between(0.3, 1)
    glow = (1.0, 0.65 + 0.35 * warm, 0.35 + 0.65 * warm)
    level, power = dice.between(3, 8), dice.between(0.5, 1.6)
    look = plain((glow[0] * level, glow[1] * level, glow[2] * level), finish=Finish.LIGHT, grain=0.0)
    height = width * (1.0 if shape is SPHERE else dice.between(0.6, 1))
    half = (width / 2, width / 2, height / 2)
    centre = (at[0], at[1], at[2] + half[2])
    return put(shape, centre, look, half=half), Lamp(
        at=centre, half=half, colour=(glow[0] * power, glow[1] * power, glow[2] * power)
    )


def picture_frame(dice: Dice, *, mirror: bool = False) -> Thing:
    """Draw a picture, a poster, a notice board or a mirror that hangs on a wall, around the origin."""
    wide, tall = dice.between(0.25, 1.2), dice.between(0.25, 0.9)
    frame, rim = dice.look(dice.pick(("wood", "painted", "metal"))), dice.between(0.015, 0.05)
    inner = dice.look("mirror" if mirror else "picture")
    inner = replace(inner, scale=max(wide, tall))
    return thing(
        Kind.MIRROR if mirror else Kind.PICTURE,
        [
            block((-wide / 2, 0, -tall / 2), (wide / 2, 0.018, tall / 2), frame),
            block((-wide / 2 + rim, 0.004, -tall / 2 + rim), (wide / 2 - rim, 0.022, tall / 2 - rim), inner),
        ],
    )


def curtain(dice: Dice, *, height: float, width: float) -> Thing:
    """Draw a curtain that hangs to just above the origin's level, its middle there."""
    cloth = drapery(dice.rng, folds=width * dice.between(3, 6), depth=0.05)
    return thing(
        Kind.TEXTILE,
        [put(cloth, (0, 0, height / 2 + 0.03), dice.look("cloth"), half=(width / 2, 1, height / 2))],
    )


def rug(dice: Dice, *, width: float, depth: float) -> Thing:
    """Draw a rug whose middle lies on the origin."""
    look = dice.look("rug")
    look = replace(look, scale=max(width, depth)) if isinstance(look.pattern, int) else look
    return thing(Kind.TEXTILE, [block((-width / 2, -depth / 2, 0), (width / 2, depth / 2, 0.012), look)])


def radiator(dice: Dice) -> Thing:
    """Draw a radiator: ribs between two pipes."""
    width, height, look = dice.between(0.5, 1.4), dice.between(0.45, 0.65), dice.look("painted")
    bodies = [
        bar((-width / 2, 0.07, z), (width / 2, 0.07, z), radius=0.018, material=look)
        for z in (0.14, 0.1 + height)
    ]
    bodies += [
        stand(SLAB, (x, 0.07, 0.1), size=(0.035, 0.09, height + 0.04), material=look)
        for x in np.arange(-width / 2, width / 2, 0.06)
    ]
    return thing(Kind.FURNITURE, bodies)
