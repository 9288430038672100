"""Small things that stand on tables, shelves and floors: vessels, packages, books, food, devices."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from leadline.render.figures import beast, bird
from leadline.render.materials import plain
from leadline.render.palette import Dice
from leadline.render.plants import flowers, pot_plant
from leadline.render.scene import Body, Kind, Thing, about, bar, block, put, stand, thing
from leadline.render.shapes import (
    BOX,
    CONE,
    CUSHION,
    CYLINDER,
    PYRAMID,
    SLAB,
    SPHERE,
    Shape,
    lathe,
    rock,
    tube,
)

Vessel = tuple[tuple[tuple[float, float], ...], tuple[float, float], tuple[float, float], str]
VESSELS: dict[str, Vessel] = {
    # profile of (radius, height) from the inside or the foot up; width and height in metres; looks
    "bottle": (((0, 0), (0.5, 0), (0.5, 0.55), (0.2, 0.75), (0.17, 0.97), (0.19, 1), (0, 1)),
        (0.06, 0.1), (0.2, 0.34), "glass glass plastic ceramic"),
    "jug": (((0, 0), (0.4, 0), (0.5, 0.35), (0.3, 0.75), (0.38, 1), (0.34, 0.98), (0.26, 0.75),
        (0.4, 0.3), (0, 0.06)), (0.1, 0.18), (0.16, 0.32), "ceramic metal glass"),
    "vase": (((0, 0), (0.25, 0), (0.5, 0.4), (0.42, 0.65), (0.16, 0.85), (0.26, 1), (0.22, 0.99),
        (0.12, 0.8), (0, 0.7)), (0.1, 0.25), (0.18, 0.5), "ceramic ceramic glass metal"),
    "bowl": (((0, 0), (0.25, 0), (0.42, 0.5), (0.5, 1), (0.47, 1), (0.38, 0.5), (0, 0.1)), (0.12, 0.28),
        (0.05, 0.11), "ceramic ceramic glass wood metal"),
    "plate": (((0, 0), (0.3, 0), (0.36, 0.3), (0.5, 1), (0.48, 1), (0.33, 0.5), (0, 0.35)), (0.18, 0.28),
        (0.018, 0.03), "ceramic"),
    "cup": (((0, 0), (0.38, 0), (0.46, 0.3), (0.5, 1), (0.46, 1), (0.42, 0.3), (0, 0.1)), (0.07, 0.1),
        (0.07, 0.11), "ceramic ceramic plastic"),
    "tumbler": (((0, 0), (0.42, 0), (0.5, 1), (0.47, 1), (0.4, 0.08), (0, 0.08)), (0.06, 0.09),
        (0.08, 0.15), "glass"),
    "goblet": (((0, 0), (0.45, 0.0), (0.08, 0.05), (0.06, 0.45), (0.4, 0.6), (0.5, 0.8), (0.42, 1),
        (0.4, 1), (0.46, 0.8), (0.3, 0.6), (0, 0.52)), (0.06, 0.1), (0.14, 0.24), "glass"),
    "jar": (((0, 0), (0.48, 0), (0.5, 0.05), (0.5, 0.8), (0.4, 0.85), (0.42, 0.86), (0.42, 1), (0, 1)),
        (0.07, 0.12), (0.08, 0.2), "glass ceramic plastic metal"),
    "pot": (((0, 0), (0.48, 0), (0.5, 0.1), (0.5, 1), (0.47, 1), (0.46, 0.1), (0, 0.08)), (0.16, 0.3),
        (0.08, 0.22), "chrome metal ceramic"),
    "candlestick": (((0, 0), (0.5, 0), (0.4, 0.06), (0.1, 0.12), (0.16, 0.4), (0.08, 0.55), (0.2, 0.9),
        (0.12, 1), (0, 1)), (0.07, 0.12), (0.15, 0.35), "metal wood ceramic"),
    "pear": (((0, 0), (0.3, 0.03), (0.5, 0.3), (0.3, 0.62), (0.16, 0.85), (0.05, 1), (0, 1)),
        (0.06, 0.09), (0.09, 0.13), "food"),
}  # fmt: skip


@cache
def _lathed(name: str) -> Shape:
    return lathe([(2 * radius, height) for radius, height in VESSELS[name][0]])


def vessel(dice: Dice, name: str) -> Thing:
    """Draw a vessel of `VESSELS`, with a handle where cups and jugs have one."""
    _, widths, heights, looks = VESSELS[name]
    width, height = dice.between(*widths), dice.between(*heights)
    look = dice.look(dice.pick(looks.split()))
    bodies = [put(_lathed(name), (0, 0, 0), look, half=(width / 2, width / 2, height))]
    if name in ("cup", "jug", "pot") and dice.chance(0.7):
        x = np.array([0.46, 0.85, 0.9, 0.48]) * width
        path = np.stack([x, np.zeros(4), np.array([0.85, 0.8, 0.35, 0.25]) * height], 1)
        bodies.append(put(tube(path, 0.05 * width, sides=6), (0, 0, 0), look))
    if name in ("bottle", "jar"):
        top, cap = dice.pick((0.17, 0.2)) if name == "bottle" else 0.44, dice.look("plastic")
        bodies.append(
            stand(
                CYLINDER,
                (0, 0, height * 0.985),
                size=(2 * top * width, 2 * top * width, 0.05 * height + 0.008),
                material=cap,
            )
        )
        if dice.chance(0.6):
            label = dice.look("package")
            bodies.append(
                stand(
                    CYLINDER,
                    (0, 0, 0.15 * height),
                    size=(1.01 * width, 1.01 * width, 0.35 * height),
                    material=label,
                )
            )
    return thing(Kind.OBJECT, bodies)


def package(dice: Dice) -> Thing:
    """Draw a box, a carton or a tin of goods, upright or lying."""
    size = dice.rng.uniform([0.05, 0.04, 0.08], [0.22, 0.16, 0.3])
    look = dice.look(dice.pick(("package", "package", "card", "plastic")))
    look = replace(look, scale=float(size.max() * (1.0 if isinstance(look.pattern, int) else 0.6)))
    shape = dice.pick((BOX, BOX, SLAB, CYLINDER))
    if shape is CYLINDER:
        size[1] = size[0]
    turn = about(0, math.pi / 2 if dice.chance(0.3) else 0.0)
    return thing(Kind.OBJECT, [put(shape, (0, 0, 0), look, half=size / 2, turn=turn).resting_at((0, 0, 0))])


def book(dice: Dice) -> Thing:
    """Draw a book that lies flat, or a pile of them."""
    bodies, z = [], 0.0
    for _ in range(dice.pick((1, 1, 2, 4))):
        size, turn = dice.rng.uniform([0.14, 0.1, 0.012], [0.3, 0.22, 0.05]), about(2, dice.normal(0.25))
        cover = dice.look("book")
        bodies.append(
            put(BOX, (0, 0, z + size[2] / 2), replace(cover, scale=float(size[0])), half=size / 2, turn=turn)
        )
        pages = plain((0.85, 0.82, 0.72))
        inner = size / 2 * [0.98, 1.01, 0.8]
        bodies.append(put(BOX, (0, 0, z + size[2] / 2), pages, half=inner - [0.004, 0, 0], turn=turn))
        z += float(size[2])
    return thing(Kind.OBJECT, bodies[::-1])


def fruit(dice: Dice) -> Thing:
    """Draw a fruit, a vegetable, a roll or a cake."""
    look, kind = dice.look("food"), dice.count(0, 5)
    if kind == 0:
        return thing(Kind.FOOD, vessel(dice, "pear").bodies)
    if kind == 1:  # a banana, a cucumber or a carrot
        bend, long = dice.between(0, 0.06), dice.between(0.12, 0.24)
        x = np.linspace(-0.5, 0.5, 7)
        path = np.stack([long * x, bend * (1 - 4 * x * x), np.full(7, 0.018)], 1)
        radii = 0.019 * np.array([0.4, 0.8, 1, 1.05, 1, 0.8, dice.between(0.1, 0.6)])
        return thing(Kind.FOOD, [put(tube(path, radii, sides=9), (0, 0, 0), look)])
    if kind == 2:  # bread or cake
        size = dice.rng.uniform([0.1, 0.08, 0.05], [0.3, 0.14, 0.12])
        return thing(Kind.FOOD, [stand(CUSHION, (0, 0, 0), size=size.tolist(), material=dice.look("wood"))])
    if kind == 3:  # cheese, cake or melon, cut
        size = dice.rng.uniform([0.06, 0.06, 0.04], [0.16, 0.16, 0.1])
        return thing(
            Kind.FOOD,
            [stand(dice.pick((PYRAMID, CYLINDER, BOX)), (0, 0, 0), size=size.tolist(), material=look)],
        )
    radius = dice.between(0.02, 0.06)
    squash = dice.between(0.75, 1.1)
    round_one = stand(SPHERE, (0, 0, 0), size=(2 * radius, 2 * radius, 2 * radius * squash), material=look)
    stalk = bar(
        (0, 0, 1.9 * radius * squash),
        (0.2 * radius, 0, 2.4 * radius * squash),
        radius=0.07 * radius,
        material=dice.look("bark"),
    )
    return thing(Kind.FOOD, [round_one, stalk])


def meal(dice: Dice) -> Thing:
    """Draw a plate or a bowl with food heaped on it."""
    dish = vessel(dice, dice.pick(("plate", "plate", "bowl")))
    width, bodies = 2 * dish.bodies[0].half[0], []
    looks = [dice.look("food") for _ in range(3)]
    heap = rock(dice.rng, roughness=0.35, rings=12)
    high = dice.between(0.01, 0.035)
    bodies.append(put(heap, (0, 0, high + 0.006), looks[0], half=(0.28 * width, 0.26 * width, high)))
    for _ in range(dice.count(3, 25)):
        out, angle, size = width * 0.3 * math.sqrt(dice.rng.random()), dice.turn(), dice.between(0.008, 0.025)
        at = (out * math.cos(angle), out * math.sin(angle), 0.03 + dice.between(0, 0.02))
        turn = about(2, dice.turn()) @ about(0, dice.turn())
        half = size * dice.rng.uniform(0.5, 1.5, 3)
        bodies.append(put(dice.pick((SPHERE, CUSHION)), at, dice.pick(looks), half=half, turn=turn))
    return thing(Kind.FOOD, [*dish.bodies, *bodies])


def device(dice: Dice) -> Thing:
    """Draw a laptop, a screen on its foot, a telephone or a keyboard."""
    shell, screen = dice.look(dice.pick(("plastic", "metal"))), dice.look("screen")
    kind = dice.count(0, 3)
    if kind == 0:
        w, d, lean = dice.between(0.28, 0.38), dice.between(0.2, 0.26), dice.between(0.05, 0.5)
        turn = about(0, lean)
        lid = np.array([0, -d / 2, 0.015]) + turn @ [0, 0, d / 2]
        return thing(
            Kind.OBJECT,
            [
                stand(SLAB, (0, 0, 0), size=(w, d, 0.018), material=shell),
                put(SLAB, lid, shell, half=(w / 2, 0.005, d / 2), turn=turn),
                put(
                    BOX,
                    lid + turn @ [0, 0.003, 0],
                    replace(screen, scale=w),
                    half=(0.46 * w, 0.004, 0.44 * d),
                    turn=turn,
                ),
                stand(
                    BOX, (0, -0.05 * d, 0.012), size=(0.9 * w, 0.5 * d, 0.009), material=dice.look("rubber")
                ),
            ],
        )
    if kind == 1:
        w, h, foot = dice.between(0.4, 0.7), dice.between(0.25, 0.4), dice.between(0.08, 0.15)
        return thing(
            Kind.OBJECT,
            [
                stand(SLAB, (0, 0, 0), size=(0.4 * w, 0.18, 0.015), material=shell),
                bar((0, -0.03, 0.01), (0, -0.03, foot + 0.3 * h), radius=0.018, material=shell),
                stand(BOX, (0, 0, foot), size=(w, 0.03, h), material=shell),
                stand(
                    BOX,
                    (0, 0.003, foot + 0.015),
                    size=(w - 0.03, 0.03, h - 0.03),
                    material=replace(screen, scale=w),
                ),
            ],
        )
    size = (0.075, 0.15, 0.009) if kind == 2 else (0.42, 0.14, 0.02)
    pad = (0.9 * size[0], 0.85 * size[1], 1.06 * size[2])
    return thing(
        Kind.OBJECT,
        [
            stand(SLAB, (0, 0, 0), size=size, material=shell),
            stand(BOX, (0, 0, 0.0005), size=pad, material=screen),
        ],
    )


def solid(dice: Dice) -> Thing:
    """Draw a toy, a tool, a stone or a ball: one solid, upright or fallen over."""
    shape = dice.pick((BOX, SPHERE, SPHERE, CYLINDER, CONE, PYRAMID, CUSHION, SLAB, None)) or rock(
        dice.rng, rings=12
    )
    half = dice.spread(0.025, 0.09) * np.exp(dice.rng.normal(0, 0.35, 3))
    if shape is SPHERE:
        half[:] = half[0]
    turn = about(2, dice.turn())
    if dice.chance(0.35):
        turn = turn @ about(0, dice.pick((math.pi / 2, math.pi, dice.turn())))
    look = dice.look(dice.pick(("plastic", "wood", "ceramic", "metal", "chrome", "stone", "cloth", "glass")))
    body = put(shape, (0, 0, 0), look, half=half, turn=turn)
    return thing(Kind.OBJECT, [body.resting_at((0, 0, 0))])


def stick(dice: Dice) -> Thing:
    """Draw what lies long and thin: a pencil, a spoon, a cable, a pair of spectacles' worth of wire."""
    look, long = dice.look(dice.pick(("metal", "wood", "plastic", "chrome"))), dice.between(0.12, 0.3)
    if dice.chance(0.4):
        count = 24
        angle = np.cumsum(dice.rng.normal(0, 0.5, count))
        path = np.cumsum(np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], 1), 0) * long / 8
        path += [0, 0, 0.004] - path.mean(0)
        return thing(Kind.WIRE, [put(tube(path, 0.0035, sides=6), (0, 0, 0), look)])
    bodies: list[Body] = [
        bar((-long / 2, 0, 0.005), (long / 2, 0, 0.006), radius=dice.between(0.003, 0.006), material=look)
    ]
    if dice.chance(0.5):
        bodies.append(put(SPHERE, (long / 2, 0, 0.007), look, half=(0.035, 0.02, 0.006)))
    return thing(Kind.OBJECT, bodies)


def figurine(dice: Dice) -> Thing:
    """Draw a bird or a small animal, as a toy or an ornament."""
    return bird(dice) if dice.chance(0.5) else beast(dice, dice.pick(("rabbit", "cat")))


def small_plant(dice: Dice) -> Thing:
    """Draw a pot plant, or flowers in a vase."""
    if dice.chance(0.5):
        return pot_plant(dice, dice.between(0.15, 0.5))
    vase = vessel(dice, "vase")
    bunch = flowers(dice, dice.between(0.15, 0.3), spread=0.01, count=dice.count(2, 6))
    return thing(Kind.PLANT, [*vase.bodies, *bunch.moved((0, 0, 0.85 * vase.bounds()[1, 2])).bodies])


def paper(dice: Dice) -> Thing:
    """Draw a sheet, a magazine or an envelope lying flat."""
    w, d = dice.pick(((0.21, 0.297), (0.15, 0.21), (0.11, 0.22)))
    look = replace(dice.look("page"), scale=d)
    return thing(Kind.OBJECT, [block((-w / 2, -d / 2, 0), (w / 2, d / 2, dice.between(0.001, 0.006)), look)])


def open_box(dice: Dice, *, width: float, depth: float, height: float) -> Thing:
    """Draw a box without a lid, a crate of slats or a tray, whose floor stands around the origin."""
    look = dice.look(dice.pick(("plastic", "plastic", "wood", "card", "metal", "painted")))
    thick = dice.between(0.004, 0.02)
    slats = dice.count(2, 4) if dice.chance(0.25) else 1
    edges = np.linspace(0, height, slats + 1)
    gap = 0.3 * height / slats if slats > 1 else 0.0
    x, y = width / 2, depth / 2
    bodies = [block((-x, -y, 0), (x, y, thick), look)]
    for low, high in zip(edges, edges[1:] - gap, strict=False):
        for side in (-1, 1):
            (a, b), (c, d) = sorted((side * x, side * (x + thick))), sorted((side * y, side * (y + thick)))
            bodies.append(block((a, -y - thick, low), (b, y + thick, high), look))
            bodies.append(block((-x, c, low), (x, d, high), look))
    return thing(Kind.OBJECT, bodies)


Prop = Callable[[Dice], Thing]


def vessels(*names: str) -> Prop:
    """Return a prop that draws one of the named vessels."""
    return lambda dice: vessel(dice, dice.pick(names))


SETTINGS: dict[str, Sequence[Prop]] = {
    "table": (meal, vessels("cup", "tumbler", "goblet", "bottle"), vessels("bowl", "plate", "jug"), fruit,
        stick, paper, small_plant, solid),
    "desk": (device, device, book, paper, paper, stick, vessels("cup", "tumbler"), solid, small_plant),
    "kitchen": (vessels("pot", "jug", "jar", "bottle"), vessels("bowl", "cup", "plate"), fruit, package,
        meal, small_plant),
    "shelf": (book, vessels("vase", "jar", "candlestick", "bowl"), solid, figurine, package, small_plant),
    "goods": (package, package, package, package, vessels("bottle", "jar", "cup"), book, solid),
    "shop": (package, package, vessels("bottle", "jar"), vessels("bottle", "pot", "bowl"), fruit, solid),
    "floor": (solid, package, book, figurine, vessels("vase", "pot")),
    "food": (meal, fruit, fruit, fruit, vessels("bowl", "plate"), vessels("tumbler", "goblet", "bottle"),
        stick),
    "glass": (vessels("tumbler", "goblet", "bottle", "jar"), vessels("bottle", "vase", "bowl"), solid,
        stick, fruit),
    "any": (solid, solid, package, book, fruit, meal, device, small_plant, figurine, stick,
        vessels(*VESSELS)),
}  # fmt: skip
"""Where -> what is found there."""
