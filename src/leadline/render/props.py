"""Things that stand in rooms and in the open, each built from a few bodies.

Each function draws one thing standing on the origin, its back along y = 0, its front towards +y. Where
something can be put on it, its first body is what carries it.
"""

import math
from collections.abc import Callable

import numpy as np

from leadline.render.materials import Material, Number, Pattern, draw_colour, draw_material
from leadline.render.scene import Body, about, bar, moved, stand, upward
from leadline.render.shapes import BOX, BUCKET, CONE, CYLINDER, PYRAMID, SPHERE

Rng = np.random.Generator
Prop = Callable[[Rng], list[Body]]


def small_thing(rng: Rng, size: float = 0.15) -> list[Body]:
    """Draw a single solid of about `size`: upright, or fallen over."""
    shape = (BOX, BOX, SPHERE, CYLINDER, CYLINDER, CONE, BUCKET, PYRAMID)[rng.integers(8)]
    half = 0.5 * size * np.exp(rng.normal(0, 0.4, 3))
    if shape is not BOX:
        half[1] = half[0]
    if shape is SPHERE and rng.random() < 0.6:
        half[:] = half[0]
    if shape is BUCKET and rng.random() < 0.5:
        half[2] *= 2.5
    rotation = about(2, rng.uniform(0, math.tau))
    if rng.random() < 0.3:
        rotation = rotation @ about(0, rng.choice([math.pi / 2, math.pi, rng.uniform(0, math.pi)]))
    thing = Body(shape, np.zeros(3), rotation, half, draw_material(rng, scale=size / 3))
    return [thing.resting_at((0, half[1], 0))]


def bottle(rng: Rng) -> list[Body]:
    """Draw a bottle, or a candlestick: a thin neck on a body."""
    width, height, material = rng.uniform(0.05, 0.1), rng.uniform(0.1, 0.25), draw_material(rng, scale=0.05)
    neck = rng.uniform(0.2, 0.5) * width
    at = np.array([0, width / 2, 0])
    return [
        stand(CYLINDER, at, size=(width, width, height), material=material),
        stand(BUCKET, at + upward(height), size=(width, width, 0.5 * width), material=material),
        stand(CYLINDER, at + upward(height), size=(neck, neck, height * 0.6), material=material),
    ]


def strewn(rng: Rng, support: Body, count: int, *, size: float) -> list[Body]:
    """Put things on top of an upright block, some hanging over its edge."""
    bodies: list[Body] = []
    top = support.centre + upward(support.half[2])
    for _ in range(count):
        at = support.rotation @ (rng.uniform(-0.9, 0.9, 3) * support.half * [1, 1, 0]) + top
        thing = (
            bottle(rng) if rng.random() < 0.2 else small_thing(rng, size * float(np.exp(rng.normal(0, 0.4))))
        )
        bodies += moved(thing, at, yaw=rng.uniform(0, math.tau))
    return bodies


def table(rng: Rng) -> list[Body]:
    """Draw a table: a board on four legs."""
    width, depth, height = rng.uniform(0.6, 2), rng.uniform(0.5, 1), rng.uniform(0.4, 0.85)
    material, leg = draw_material(rng, Pattern.WOOD, Pattern.PLAIN, Pattern.BLOTCHES), rng.uniform(0.02, 0.08)
    board = stand(
        BOX, (0, depth / 2, height), size=(width, depth, rng.uniform(0.02, 0.06)), material=material
    )
    return [board, *_legs(rng, (width - leg, depth - leg), height=height, material=material, width=leg)]


def _legs(
    rng: Rng, size: tuple[float, float], *, height: float, material: Material, width: float
) -> list[Body]:
    shape = CYLINDER if rng.random() < 0.4 else BOX
    places = [(x * size[0] / 2, width / 2 + y * (size[1] - width), 0) for x in (-1, 1) for y in (0, 1)]
    return [stand(shape, at, size=(width, width, height), material=material) for at in places]


def chair(rng: Rng) -> list[Body]:
    """Draw a chair: seat, legs, and a back of board or bars."""
    side, height, rise = rng.uniform(0.38, 0.5), rng.uniform(0.4, 0.5), rng.uniform(0.3, 0.6)
    material, leg = draw_material(rng, Pattern.WOOD, Pattern.PLAIN), rng.uniform(0.02, 0.05)
    bodies = [stand(BOX, (0, side / 2, height), size=(side, side, 0.04), material=material)]
    bodies += _legs(rng, (side - leg, side), height=height, material=material, width=leg)
    if rng.random() < 0.5:
        bodies.append(stand(BOX, (0, 0.02, height + 0.1), size=(side, 0.03, rise), material=material))
    else:
        for x in np.linspace(-0.45, 0.45, rng.integers(3, 7)) * side:
            bodies.append(bar((x, 0.02, height), (x, 0, height + rise), radius=0.012, material=material))
        bodies.append(stand(BOX, (0, 0, height + rise), size=(side, 0.03, 0.06), material=material))
    return bodies


def cabinet(rng: Rng) -> list[Body]:
    """Draw a closed block: cabinet, chest, fridge or box, with doors told apart by thin gaps."""
    width, depth, height = rng.uniform(0.4, 1.8), rng.uniform(0.3, 0.7), rng.choice([0.5, 0.9, 1.9])
    height *= rng.uniform(0.8, 1.2)
    body = stand(BOX, (0, depth / 2, 0), size=(width, depth, height), material=draw_material(rng))
    front, doors = draw_material(rng, Pattern.PLAIN, Pattern.WOOD), int(rng.integers(0, 4))
    panel = width / max(doors, 1)
    return [body] + [
        stand(
            BOX,
            ((i + 0.5) * panel - width / 2, depth + 0.01, 0.06),
            size=(panel - 0.03, 0.02, height - 0.12),
            material=front,
        )
        for i in range(doors)
    ]


def shelf(rng: Rng) -> list[Body]:
    """Draw an open shelf with rows of books and things."""
    width, depth, levels = rng.uniform(0.5, 1.6), rng.uniform(0.22, 0.4), int(rng.integers(2, 6))
    pitch, wood = rng.uniform(0.28, 0.4), draw_material(rng, Pattern.WOOD, Pattern.PLAIN)
    bodies = [stand(BOX, (0, depth / 2, levels * pitch), size=(width, depth, 0.03), material=wood)]
    for x in (-width / 2, width / 2):
        bodies.append(stand(BOX, (x, depth / 2, 0), size=(0.03, depth, levels * pitch), material=wood))
    for level in range(levels):
        board = stand(BOX, (0, depth / 2, level * pitch), size=(width, depth, 0.03), material=wood)
        bodies.append(board)
        x, end = -width / 2 + 0.02, rng.uniform(-0.2, 0.5) * width
        while x < end:
            thick = rng.uniform(0.02, 0.07)
            size = (thick * 0.95, depth * rng.uniform(0.6, 0.95), pitch * rng.uniform(0.55, 0.9))
            book = draw_material(rng, Pattern.PLAIN, Pattern.STRIPES, scale=0.1)
            bodies.append(
                stand(BOX, (x + thick / 2, size[1] / 2, level * pitch + 0.03), size=size, material=book)
            )
            x += thick
        bodies += strewn(rng, board, int(rng.integers(0, 3)), size=0.1)
    return bodies


def sofa(rng: Rng) -> list[Body]:
    """Draw a sofa, an armchair or a bed: a low block with a back, perhaps arms, and cushions."""
    width, depth, height = rng.uniform(0.8, 2.2), rng.uniform(0.8, 2), rng.uniform(0.3, 0.5)
    cloth, rise = draw_material(rng, scale=0.2), rng.uniform(0.2, 0.5)
    seat = stand(BOX, (0, depth / 2, 0), size=(width, depth, height), material=cloth)
    bodies = [seat, stand(BOX, (0, 0.1, 0), size=(width, 0.2, height + rise), material=cloth)]
    if rng.random() < 0.6:
        for x in (-width / 2, width / 2):
            size = (0.18, depth, height + rise / 2)
            bodies.append(stand(BOX, (x, depth / 2, 0), size=size, material=cloth))
    for x in rng.uniform(-0.4, 0.4, rng.integers(0, 4)) * width:
        half, lean = np.array([0.2, 0.07, 0.2]), about(2, rng.normal(0, 0.3)) @ about(0, 0.4)
        cushion = Body(SPHERE, np.zeros(3), lean, half, draw_material(rng, scale=0.1))
        bodies.append(cushion.resting_at((x, 0.3, height)))
    return bodies


def lamp(rng: Rng) -> list[Body]:
    """Draw a standing lamp: a foot, a thin pole and a shade."""
    height, wide, shade = rng.uniform(1, 1.8), rng.uniform(0.15, 0.3), (BUCKET, CONE, SPHERE)[rng.integers(3)]
    metal = draw_material(rng, Pattern.PLAIN)
    foot = stand(CYLINDER, (0, wide, 0), size=(wide, wide, 0.03), material=metal)
    pole = bar((0, wide, 0), (0, wide, height), radius=0.012, material=metal)
    size = (2 * wide, 2 * wide, wide * rng.uniform(1, 2))
    return [foot, pole, stand(shade, (0, wide, height), size=size, material=draw_material(rng))]


def plant(rng: Rng) -> list[Body]:
    """Draw a pot plant: stalks that end in leaves, or one bush."""
    wide = rng.uniform(0.1, 0.3)
    leaf = draw_leaf(rng, scale=0.05)
    bodies = [stand(CYLINDER, (0, wide, 0), size=(wide, wide, wide), material=draw_material(rng))]
    for _ in range(rng.integers(4, 14)):
        tip = np.array([0, wide, wide]) + rng.uniform([-1, -1, 0.6], [1, 1, 4]) * wide
        bodies.append(bar((0, wide, wide), tip, radius=0.006, material=leaf))
        tilt = about(2, rng.uniform(0, math.tau)) @ about(0, rng.normal(0, 0.6))
        half = wide * rng.uniform(0.25, 0.7) * np.array([0.5, 1, 0.12 if rng.random() < 0.7 else 0.8])
        bodies.append(Body(SPHERE, tip, tilt, half, leaf))
    return bodies


def draw_leaf(rng: Rng, *, scale: Number) -> Material:
    """Draw a leafy surface: mostly green, dark and light in blotches."""
    green = (float(rng.uniform(0.05, 0.35)), float(rng.uniform(0.15, 0.4)), float(rng.uniform(0.02, 0.12)))
    dark = (green[0] * 0.3, green[1] * 0.35, green[2] * 0.3)
    return Material(pattern=Pattern.BLOTCHES, colours=(green, dark), scale=scale, grain=0.4)


def person(rng: Rng) -> list[Body]:
    """Draw a standing figure: legs, trunk, arms and head."""
    height, stride = rng.uniform(1.1, 1.9), rng.uniform(0, 0.25)
    skin = Material(
        pattern=Pattern.PLAIN,
        colours=((lit := float(rng.uniform(0.12, 0.75)), lit * 0.65, lit * 0.5), (0, 0, 0)),
        scale=1,
        grain=0.05,
    )
    shirt, trousers = draw_material(rng, scale=0.1), draw_material(rng, Pattern.PLAIN, Pattern.BLOTCHES)
    hip, shoulder, back = 0.5 * height, 0.82 * height, 0.2
    trunk = stand(SPHERE, (0, back, 0.44 * height), size=(0.4, 0.26, 0.44 * height), material=shirt)
    head = stand(SPHERE, (0, back, 0.86 * height), size=(0.17, 0.2, 0.14 * height), material=skin)
    hair = stand(SPHERE, (0, back - 0.02, 0.9 * height), size=(0.18, 0.2, 0.11 * height), material=trousers)
    bodies = [trunk, head, hair]
    for side in (-1, 1):
        foot = (side * 0.1, back + side * stride, 0)
        bodies.append(bar(foot, (side * 0.09, back, hip), radius=0.075, material=trousers))
        hand = (side * rng.uniform(0.25, 0.5), back + rng.uniform(-0.2, 0.5), rng.uniform(0.42, 0.9) * height)
        bodies.append(bar((side * 0.18, back, shoulder * 0.98), hand, radius=0.045, material=shirt))
        bodies.append(Body(SPHERE, np.array(hand), np.eye(3), np.full(3, 0.06), skin))
    return bodies


def car(rng: Rng) -> list[Body]:
    """Draw a car or a van along x."""
    length, height, van = rng.uniform(3.4, 5), rng.uniform(1.4, 2), rng.random() < 0.3
    paint = Material(
        pattern=Pattern.PLAIN, colours=(draw_colour(rng), (0, 0, 0)), scale=1, grain=0.02, gloss=1
    )
    dark = Material(
        pattern=Pattern.PLAIN, colours=((0.02, 0.02, 0.03), (0, 0, 0)), scale=1, grain=0.05, gloss=1
    )
    waist = 0.55 * height
    bodies = [stand(BOX, (0, 0.9, 0.25), size=(length, 1.75, waist - 0.25), material=paint)]
    cabin = 0.9 if van else 0.55
    bodies.append(stand(BOX, (0, 0.9, waist), size=(cabin * length, 1.6, 0.4 * height), material=dark))
    bodies.append(stand(BOX, (0, 0.9, 0.93 * height), size=(cabin * length, 1.62, 0.1), material=paint))
    for x in np.linspace(-0.48, 0.48, 3) * cabin * length:
        bodies.append(stand(BOX, (x, 0.9, waist), size=(0.09, 1.64, 0.4 * height), material=paint))
    for x in (-0.32 * length, 0.32 * length):
        for y in (0.12, 1.68):
            bodies.append(bar((x, y - 0.11, 0.32), (x, y + 0.11, 0.32), radius=0.32, material=dark))
    return bodies


def tree(rng: Rng) -> list[Body]:
    """Draw a tree: a trunk with branches, under balls of leaves, cones, or bare."""
    height, kind = rng.uniform(2, 11), rng.random()
    bark, leaf = draw_material(rng, Pattern.WOOD, Pattern.BLOTCHES, scale=0.2), draw_leaf(rng, scale=0.35)
    trunk, thick = rng.uniform(0.2, 0.6) * height, rng.uniform(0.015, 0.04) * height
    bodies = [bar((0, 0, -0.1), (rng.normal(0, 0.1), 0, trunk), radius=thick, material=bark)]
    if kind < 0.3:  # fir
        wide = rng.uniform(0.3, 0.6) * height
        for i in range(4):
            at, across = (0, 0, trunk * 0.6 + i * 0.18 * height), wide * (1 - 0.2 * i)
            bodies.append(stand(CONE, at, size=(across, across, 0.4 * height), material=leaf))
        return bodies
    for _ in range(rng.integers(5, 15)):
        tip = np.array([0, 0, trunk]) + rng.normal(0, [0.16, 0.16, 0.1], 3) * height + [0, 0, 0.15 * height]
        bodies.append(bar((0, 0, trunk * rng.uniform(0.6, 1)), tip, radius=thick * 0.35, material=bark))
        if kind < 0.85:
            half = height * rng.uniform(0.06, 0.2, 3)
            bodies.append(Body(SPHERE, tip, about(2, rng.uniform(0, math.tau)), half, leaf))
    return bodies


def house(rng: Rng) -> list[Body]:
    """Draw a house or a tower block with rows of windows, a door and some kind of roof."""
    width, depth, storeys = rng.uniform(5, 16), rng.uniform(5, 14), int(rng.choice([1, 1, 2, 2, 3, 5, 9]))
    height, wall = (
        2.9 * storeys,
        draw_material(rng, Pattern.PLAIN, Pattern.BRICKS, Pattern.BLOTCHES, scale=0.5),
    )
    bodies = [stand(BOX, (0, depth / 2, 0), size=(width, depth, height), material=wall)]
    tiles, roof = draw_material(rng, Pattern.BRICKS, Pattern.STRIPES, Pattern.BLOTCHES), rng.random()
    if roof < 0.45 and storeys < 4:  # a block turned on its edge: what sticks out is a gable roof
        side = depth / math.sqrt(2) / 2
        half = np.array([width / 2 + 0.3, side, side])
        bodies.append(Body(BOX, np.array([0, depth / 2, height]), about(0, math.pi / 4), half, tiles))
    elif roof < 0.65 and storeys < 4:
        size = (width + 0.8, depth + 0.8, rng.uniform(1.5, 4))
        bodies.append(stand(PYRAMID, (0, depth / 2, height), size=size, material=tiles))
    glass = Material(
        pattern=Pattern.BLOTCHES,
        colours=((0.03, 0.04, 0.05), (0.25, 0.3, 0.35)),
        scale=3,
        grain=0.1,
        gloss=1,
    )
    columns = int(width / rng.uniform(2, 3.5))
    for storey in range(min(storeys, 5)):
        for x in (np.arange(columns) + 0.5) / columns * width - width / 2:
            at = (x, depth / 2, 2.9 * storey + 0.9)
            bodies.append(stand(BOX, at, size=(1.1, depth + 0.06, 1.4), material=glass))
    door = draw_material(rng, Pattern.PLAIN, Pattern.WOOD)
    bodies.append(stand(BOX, (rng.uniform(-0.4, 0.4) * width, depth, 0), size=(1, 0.1, 2.1), material=door))
    return bodies


def fence(rng: Rng) -> list[Body]:
    """Draw a fence or a railing along x: posts with rails, pickets or a hedge."""
    length, height, material = rng.uniform(3, 12), rng.uniform(0.7, 1.6), draw_material(rng)
    kind = rng.random()
    if kind < 0.25:
        leaf = draw_leaf(rng, scale=0.2)
        return [stand(BOX, (0, 0.3, 0), size=(length, rng.uniform(0.3, 0.8), height), material=leaf)]
    gap, thick = (rng.uniform(0.1, 0.3), 0.012) if kind < 0.6 else (rng.uniform(1, 2), 0.035)
    posts = np.arange(-length / 2, length / 2, max(gap, length / 40))
    bodies = [bar((x, 0, 0), (x, 0, height), radius=thick, material=material) for x in posts]
    for z in np.linspace(height, 0.15, rng.integers(2, 5)):
        bodies.append(bar((-length / 2, 0, z), (length / 2, 0, z), radius=0.02, material=material))
    return bodies


def pole(rng: Rng) -> list[Body]:
    """Draw a lamp post, a road sign or a bare pole."""
    height, metal = rng.uniform(2.2, 8), draw_material(rng, Pattern.PLAIN)
    bodies = [bar((0, 0, 0), (0, 0, height), radius=rng.uniform(0.03, 0.12), material=metal)]
    kind = rng.random()
    if kind < 0.4:
        bodies.append(bar((0, 0, height), (0, 1.2, height + 0.2), radius=0.04, material=metal))
        bodies.append(stand(BOX, (0, 1.3, height + 0.1), size=(0.25, 0.6, 0.12), material=metal))
    elif kind < 0.75:
        size = (rng.uniform(0.4, 1.5), 0.03, rng.uniform(0.4, 0.9))
        sign = draw_material(rng, Pattern.PLAIN, Pattern.STRIPES, Pattern.CHECKS)
        bodies.append(stand(BOX, (0, 0.1, min(height, 3.5) - 0.9), size=size, material=sign))
    return bodies
