"""Layouts under the sky: street, square with a crowd, garden, forest, open landscape."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from leadline.render import outdoors, plants
from leadline.render.arrange import Arrangement
from leadline.render.figures import animal, person
from leadline.render.furniture import chair, table_with_chairs
from leadline.render.light import draw_sky
from leadline.render.objects import SETTINGS
from leadline.render.palette import Dice
from leadline.render.scene import Kind, Scene, Thing, Vantage, block, thing

Maker = Callable[[Dice], Thing]


def _scatter(
    dice: Dice,
    place: Arrangement,
    makers: Sequence[Maker],
    count: int,
    *,
    near: float,
    far: float,
    terrain: outdoors.Terrain | None = None,
) -> None:
    """Put things on the ground ahead of the origin (+x), as many near as far ones."""
    for _ in range(count):
        away, bearing = dice.spread(near, far), dice.between(-1, 1)
        x, y = away * math.cos(bearing), away * math.sin(bearing)
        z = terrain.height(x, y) - 0.02 if terrain else 0.0
        place.place([dice.pick(makers)(dice)], (x, y, z), yaw=dice.turn())


def _tree(low: float, high: float, leafage: int = 1200) -> Maker:
    return lambda dice: plants.tree(dice, dice.between(low, high), leafage=leafage)


def _bush(dice: Dice) -> Thing:
    return plants.bush(dice, dice.spread(0.2, 1.0))


def _blooms(dice: Dice) -> Thing:
    return plants.flowers(dice, dice.between(0.2, 0.7), spread=0.25, count=dice.count(3, 14))


def _rock(dice: Dice) -> Thing:
    return outdoors.boulder(dice, dice.spread(0.15, 1.5))


def _fence(dice: Dice) -> Thing:
    return outdoors.fence(dice, dice.between(3, 10))


def _left_lying(dice: Dice) -> Thing:
    return dice.pick(SETTINGS["floor"])(dice)


def _beast(dice: Dice) -> Thing:
    return animal(dice)


def _pet(dice: Dice) -> Thing:
    return animal(dice, "dog", "cat", "rabbit")


def _mushroom(dice: Dice) -> Thing:
    return plants.mushroom(dice, dice.between(0.06, 0.25))


def draw_street(dice: Dice, layout: str) -> Scene:
    """Draw a road with pavements along +x, houses, parked cars, trees, poles and people along it."""
    half, pavement = dice.between(2.5, 6), dice.between(1.5, 4)
    place = Arrangement((-60, -80, -5), (400, 80, 60))
    place.add(
        [
            thing(
                Kind.GROUND,
                [
                    block(
                        (-900, -900, -1), (900, 900, -0.02), dice.look(dice.pick(("grass", "soil", "paving")))
                    )
                ],
            )
        ],
        solid=False,
    )
    place.add(
        [thing(Kind.GROUND, [block((-60, -half, -0.5), (400, half, 0.0), dice.look("asphalt"))])], solid=False
    )
    marking = dice.look("marking")
    if dice.chance(0.7):
        place.add(
            [
                thing(
                    Kind.GROUND,
                    [
                        block((x, -0.07, -0.1), (x + 3, 0.07, 0.006), marking)
                        for x in np.arange(-12, 150, 6.0)
                    ],
                )
            ],
            solid=False,
        )
    if dice.chance(0.3):  # a crossing
        x = dice.between(5, 14)
        place.add(
            [
                thing(
                    Kind.GROUND,
                    [
                        block((x, y, -0.1), (x + 3, y + 0.45, 0.007), marking)
                        for y in np.arange(-half + 0.3, half - 0.3, 0.95)
                    ],
                )
            ],
            solid=False,
        )
    paving, kerb = dice.look("paving"), 0.12
    back = half + pavement
    for side in (-1, 1):
        low, high = sorted((side * half, side * (back + 0.2)))
        place.add([thing(Kind.GROUND, [block((-60, low, -0.5), (400, high, kerb), paving)])], solid=False)
        _row_of_houses(dice, place, side=side, back=back)
        x = dice.between(-4, 6)
        while x < 60 and dice.chance(0.93):  # parked cars
            place.place([outdoors.car(dice)], (x, side * (half - 1.05), 0.003), yaw=-math.pi / 2 * side)
            x += dice.between(5.2, 8) if dice.chance(0.6) else dice.between(10, 30)
        along: tuple[Maker, ...] = (
            outdoors.pole,
            outdoors.pole,
            _tree(4, 9),
            outdoors.bin,
            outdoors.bench,
            person,
            person,
            person,
            outdoors.bicycle,
            _pet,
        )
        for _ in range(dice.count(3, 16)):
            at = (dice.spread(2, 60), side * (half + dice.between(0.4, pavement - 0.4)), kerb)
            place.place(
                [dice.pick(along)(dice)],
                at,
                yaw=dice.pick((0.0, math.pi, dice.turn())) + (math.pi / 2 if dice.chance(0.5) else 0),
            )
    for _ in range(dice.count(0, 4)):
        lane = dice.pick((-1, 1))
        moving: Maker = dice.pick((outdoors.car, outdoors.car, person, outdoors.bicycle))
        place.place(
            [moving(dice)],
            (dice.spread(7, 70), lane * dice.between(0.25, 0.45) * half, 0.01),
            yaw=math.pi / 2 * lane + math.pi,
        )
    if dice.chance(0.35):
        y = dice.pick((-1, 1)) * (half + 0.5)
        place.add(
            outdoors.wires(
                dice, np.array([dice.between(2, 8), y, kerb]), np.array([dice.between(28, 45), y, kerb])
            ),
            solid=False,
        )
    eyes = ((-1, -back + 0.5, 1.1), (3, back - 0.5, 2.0))
    return _outside(
        dice, layout, place, Vantage(eyes=eyes, targets=((12, -back, 0.5), (40, back, 4)), close=0.2)
    )


def _row_of_houses(dice: Dice, place: Arrangement, *, side: int, back: float) -> None:
    x, gap, set_back = -25.0, dice.pick((0.0, 0.0, 1.5, 8.0)), dice.pick((0.3, 0.3, 4.0))
    usual = dice.pick((1, 2, 2, 3, 5))
    while x < 130:
        width = dice.between(7, 17)
        storeys = usual if dice.chance(0.6) else dice.pick((1, 2, 3, 4, 7))
        if dice.chance(0.85):
            home = outdoors.house(dice, width=width, storeys=storeys)
            place.place([home], (x + width / 2, side * (back + set_back), 0), yaw=math.pi if side > 0 else 0)
            if set_back > 1 and dice.chance(0.6):
                place.place([outdoors.fence(dice, width - 2)], (x + width / 2, side * (back + 0.8), 0))
        elif dice.chance(0.6):
            place.place([plants.tree(dice, dice.between(5, 11))], (x + width / 2, side * (back + 4), 0))
        x += width + gap + 0.05


def draw_square(dice: Dice, layout: str) -> Scene:
    """Draw a paved square with people near and far, houses behind."""
    place = Arrangement((-60, -120, -5), (200, 120, 60))
    place.add(
        [
            thing(
                Kind.GROUND,
                [
                    block(
                        (-900, -900, -1),
                        (900, 900, 0),
                        dice.look(dice.pick(("paving", "paving", "asphalt", "grass", "soil"))),
                    )
                ],
            )
        ],
        solid=False,
    )
    for _ in range(dice.count(2, 5)):
        at = (dice.between(25, 70), dice.between(-50, 50), 0)
        place.place(
            [outdoors.house(dice, width=dice.between(8, 20), storeys=dice.count(1, 5))],
            at,
            yaw=math.pi / 2 + dice.normal(0.3),
        )
    _scatter(dice, place, (person,), dice.count(4, 30), near=1.8, far=dice.pick((8, 25)))
    _scatter(
        dice,
        place,
        (
            outdoors.pole,
            outdoors.bench,
            outdoors.bin,
            _tree(4, 9),
            outdoors.car,
            _pet,
            outdoors.bicycle,
            _bush,
        ),
        dice.count(3, 14),
        near=3,
        far=40,
    )
    if dice.chance(0.3):
        place.place(table_with_chairs(dice), (dice.between(3, 6), dice.between(-2, 2), 0), yaw=dice.turn())
    eyes = ((-1, -2, 1.0), (1, 2, 1.9))
    return _outside(dice, layout, place, Vantage(eyes=eyes, targets=((5, -4, 0.6), (20, 8, 2.0)), close=0.35))


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
            [_fence(dice)], (x, y, terrain.height(x, y)), yaw=dice.pick((0, math.pi / 2, dice.normal(0.3)))
        )
    makers: tuple[Maker, ...] = (
        _bush,
        _bush,
        _blooms,
        _blooms,
        _tree(2, 7),
        _rock,
        _pet,
        person,
        chair,
        _left_lying,
    )
    _scatter(dice, place, makers, dice.count(12, 34), near=1.5, far=28, terrain=terrain)
    _lawn(dice, place, terrain)
    eyes = ((-1, -2, 0.5), (1, 2, 1.8))
    return _outside(dice, layout, place, Vantage(eyes=eyes, targets=((3, -3, 0.1), (10, 5, 1.5)), close=0.4))


def draw_forest(dice: Dice, layout: str) -> Scene:
    """Draw trees near and far, a path, logs, bushes, mushrooms, and animals between them."""
    terrain = outdoors.Terrain(
        dice, reach=300, swell=dice.between(0.1, 1.2), look=dice.look(dice.pick(("soil", "soil", "grass")))
    )
    place = Arrangement((-40, -80, -20), (150, 80, 60))
    place.add([terrain.thing], solid=False)
    trunk: Maker = dice.pick((_tree(5, 14, 900), _tree(8, 18, 700)))
    for _ in range(dice.count(12, 34)):
        x, y = dice.spread(2.2, 60), dice.normal(1)
        y *= 0.45 * x + 2
        if abs(y) > 0.7:
            place.add([trunk(dice).moved((x, y, terrain.height(x, y)), yaw=dice.turn())], solid=False)
    makers: tuple[Maker, ...] = (
        _bush,
        _bush,
        plants.log,
        _rock,
        _rock,
        _mushroom,
        _mushroom,
        _beast,
        person,
        _blooms,
    )
    _scatter(dice, place, makers, dice.count(8, 26), near=1.2, far=25, terrain=terrain)
    _lawn(dice, place, terrain, often=0.5)
    eyes = ((-1, -1, 0.3), (1, 1, 1.8))
    return _outside(dice, layout, place, Vantage(eyes=eyes, targets=((4, -3, 0.2), (15, 3, 3)), close=0.4))


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
    makers: tuple[Maker, ...] = (
        lambda dice: animal(dice, herd),
        _beast,
        _tree(3, 10, 800),
        _rock,
        _bush,
        person,
        _fence,
    )
    _scatter(dice, place, makers, dice.count(3, 22), near=2.5, far=90, terrain=terrain)
    if dice.chance(0.3):
        a, b = (np.array([dice.between(8, 20), y, 0.0]) for y in (dice.between(-12, -5), dice.between(6, 15)))
        place.add(outdoors.wires(dice, a, b), solid=False)
    _lawn(dice, place, terrain, often=0.4)
    eyes = ((-1, -2, 0.8), (1, 2, 2.2))
    return _outside(dice, layout, place, Vantage(eyes=eyes, targets=((8, -6, 0), (40, 6, 2)), close=0.35))


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


def _outside(dice: Dice, layout: str, place: Arrangement, vantage: Vantage) -> Scene:
    haze = dice.pick((math.inf, math.inf, 3000.0, 3000.0, 800.0, dice.spread(60, 400)))
    return Scene(layout=layout, things=tuple(place.things), sky=draw_sky(dice), vantage=vantage, haze=haze)


OUTDOOR: dict[str, Callable[[Dice, str], Scene]] = {
    "street": draw_street,
    "square": draw_square,
    "garden": draw_garden,
    "forest": draw_forest,
    "landscape": draw_landscape,
}
"""Layout -> what draws it."""
