"""Layouts under the sky: street, square with a crowd, garden, forest, open landscape."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from leadline.render import outdoors, plants
from leadline.render.arrange import Arrangement
from leadline.render.furniture import table_with_chairs
from leadline.render.palette import Dice
from leadline.render.scene import Kind, Scene, Vantage, block, thing
from leadline.render.streets import draw_square, draw_street
from leadline.render.yard import draw_one, finish_outside, scatter


def draw_garden(dice: Dice, layout: str) -> Scene:
    """Draw a lawn with beds, bushes, trees, a fence, perhaps a table, pets, and a house."""
    terrain = outdoors.Terrain(dice, reach=500, swell=dice.between(0.02, 0.4), look=dice.look("grass"))
    place = Arrangement((-60, -80, -10), (300, 80, 60))
    place.add([terrain.thing], solid=False)
    if dice.chance(0.6):
        place.place(
            [outdoors.house(dice, width=dice.between(8, 15), storeys=dice.count(1, 2))],
            (dice.between(12, 30), dice.between(-12, 12), -0.3),
            yaw=math.pi / 2 + dice.normal(0.5),
        )
    if dice.chance(0.4):
        place.place(table_with_chairs(dice), (dice.between(3, 7), dice.between(-2, 2), 0), yaw=dice.turn())
    for _ in range(dice.count(0, 3)):
        x, y = dice.between(4, 16), dice.between(-6, 6)
        place.place(
            [draw_one(dice, "fence")],
            (x, y, terrain.height(x, y)),
            yaw=dice.pick((0, math.pi / 2, dice.normal(0.3))),
        )
    names = "bush bush blooms blooms shrub rock pet person chair litter"
    scatter(dice, place, names, dice.count(12, 34), near=1.5, far=28, terrain=terrain)
    _lawn(dice, place, terrain)
    eyes = ((-1, -2, 0.5), (1, 2, 1.8))
    return finish_outside(
        dice, layout, place, Vantage(eyes=eyes, targets=((3, -3, 0.1), (10, 5, 1.5)), close=0.4)
    )


def draw_forest(dice: Dice, layout: str) -> Scene:
    """Draw trees near and far, a path, logs, bushes, mushrooms, and animals between them."""
    terrain = outdoors.Terrain(
        dice, reach=300, swell=dice.between(0.1, 1.2), look=dice.look(dice.pick(("soil", "soil", "grass")))
    )
    place = Arrangement((-40, -80, -20), (150, 80, 60))
    place.add([terrain.thing], solid=False)
    for _ in range(dice.count(12, 34)):
        x, y = dice.spread(2.2, 60), dice.normal(1)
        y *= 0.45 * x + 2
        if abs(y) > 0.7:
            place.add(
                [draw_one(dice, "tall").moved((x, y, terrain.height(x, y)), yaw=dice.turn())], solid=False
            )
    names = "bush bush log rock rock mushroom mushroom animal person blooms"
    scatter(dice, place, names, dice.count(8, 26), near=1.2, far=25, terrain=terrain)
    _lawn(dice, place, terrain, often=0.5)
    eyes = ((-1, -1, 0.3), (1, 1, 1.8))
    return finish_outside(
        dice, layout, place, Vantage(eyes=eyes, targets=((4, -3, 0.2), (15, 3, 3)), close=0.4)
    )


def draw_landscape(dice: Dice, layout: str) -> Scene:
    """Draw open country: hills, mountains or a shore at the horizon, lone trees, cattle, a fence."""
    look = dice.look(dice.pick(("grass", "grass", "soil", "snow", "water")))
    terrain = outdoors.Terrain(dice, reach=4000, swell=dice.spread(0.05, 3.0), look=look)
    place = Arrangement((-100, -500, -60), (2000, 500, 100))
    place.add([terrain.thing], solid=False)
    for _ in range(dice.count(0, 7)):
        away, bearing = dice.spread(250, 2500), dice.between(-1.2, 1.2)
        place.add(
            [outdoors.mountain(dice, away).moved((away * math.cos(bearing), away * math.sin(bearing), 0))],
            solid=False,
        )
    if dice.chance(0.3):
        level = -dice.between(0.1, 1)
        place.add(
            [thing(Kind.WATER, [block((-4000, -4000, level - 1), (4000, 4000, level), dice.look("water"))])],
            solid=False,
        )
    herd = dice.pick(("cow", "sheep", "horse", "deer", "elephant"))
    names = f"{herd} animal tree rock bush person fence"
    scatter(dice, place, names, dice.count(3, 22), near=2.5, far=90, terrain=terrain)
    if dice.chance(0.3):
        a, b = (np.array([dice.between(8, 20), y, 0.0]) for y in (dice.between(-12, -5), dice.between(6, 15)))
        place.add(outdoors.wires(dice, a, b), solid=False)
    _lawn(dice, place, terrain, often=0.4)
    eyes = ((-1, -2, 0.8), (1, 2, 2.2))
    return finish_outside(
        dice, layout, place, Vantage(eyes=eyes, targets=((8, -6, 0), (40, 6, 2)), close=0.35)
    )


def _lawn(dice: Dice, place: Arrangement, terrain: outdoors.Terrain, *, often: float = 0.6) -> None:
    """Let grass grow where the ground is near."""
    if not dice.chance(often):
        return
    grown = plants.meadow(
        dice, count=dice.count(4000, 12000), near=0.8, far=dice.between(6, 14), height=dice.spread(0.05, 0.35)
    )
    [blades] = grown.bodies
    vertices = blades.shape.vertices.copy()
    roots = vertices[0::5]
    lift = np.array([terrain.height(x, y) for x, y in roots[::8, :2]]).repeat(8)[: len(roots)]
    vertices[:, 2] += np.repeat(lift, 5) - 0.01
    place.add(
        [replace(grown, bodies=(replace(blades, shape=replace(blades.shape, vertices=vertices)),))],
        solid=False,
    )


OUTDOOR: dict[str, Callable[[Dice, str], Scene]] = {
    "street": draw_street,
    "square": draw_square,
    "garden": draw_garden,
    "forest": draw_forest,
    "landscape": draw_landscape,
}
"""Layout -> what draws it."""
