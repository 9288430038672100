"""Layouts of towns: a street with houses and parked cars, a square with people."""

import math

import numpy as np

from leadline.render import outdoors, plants, vehicles
from leadline.render.arrange import Arrangement
from leadline.render.furniture import table_with_chairs
from leadline.render.palette import Dice
from leadline.render.scene import Kind, Scene, Thing, Vantage, block, thing
from leadline.render.yard import draw_one, finish_outside, scatter

_KERB = 0.12  # metres that a pavement is higher than its road


def draw_street(dice: Dice, layout: str) -> Scene:
    """Draw a road with pavements along +x, houses, parked cars, trees, poles and people along it."""
    half, pavement = dice.between(2.5, 6), dice.between(1.5, 4)
    back = half + pavement
    place = Arrangement((-60, -80, -5), (400, 80, 60))
    place.add(_road(dice, half), solid=False)
    paving = dice.look("paving")
    for side in (-1, 1):
        low, high = sorted((side * half, side * (back + 0.2)))
        place.add([thing(Kind.GROUND, [block((-60, low, -0.5), (400, high, _KERB), paving)])], solid=False)
        _row_of_houses(dice, place, side=side, back=back)
        if dice.chance(0.3):
            _avenue(dice, place, y=side * (back - 0.6))
        _line_pavement(dice, place, side=side, half=half, pavement=pavement)
    for _ in range(dice.count(0, 4)):
        lane = dice.pick((-1, 1))
        at = (dice.spread(7, 70), lane * dice.between(0.25, 0.45) * half, 0.01)
        place.place(
            [draw_one(dice, "car car car person bicycle motorbike")], at, yaw=math.pi / 2 * lane + math.pi
        )
    if dice.chance(0.35):
        y = dice.pick((-1, 1)) * (half + 0.5)
        ends = (np.array([dice.between(*reach), y, _KERB]) for reach in ((2, 8), (28, 45)))
        place.add(outdoors.wires(dice, *ends), solid=False)
    view = Vantage(
        eyes=((-1, -back + 0.5, 1.1), (3, back - 0.5, 2.0)),
        targets=((12, -back, 0.5), (40, back, 4)),
        close=0.2,
    )
    if dice.chance(0.35):  # from a car
        eyes, targets = ((-1, -0.6 * half, 1.2), (2, 0.6 * half, 2.2)), ((25, -half, 0.5), (60, half, 2))
        view = Vantage(eyes=eyes, targets=targets, close=0.0)
    return finish_outside(dice, layout, place, view)


def _road(dice: Dice, half: float) -> list[Thing]:
    """Draw a road of half a width, its markings, and the ground around."""
    around, marking = dice.look(dice.pick(("grass", "soil", "paving"))), dice.look("marking")
    bodies = [
        [block((-900, -900, -1), (900, 900, -0.02), around)],
        [block((-60, -half, -0.5), (400, half, 0.0), dice.look("asphalt"))],
    ]
    if dice.chance(0.7):
        bodies.append([block((x, -0.07, -0.1), (x + 3, 0.07, 0.006), marking) for x in range(-12, 150, 6)])
    if dice.chance(0.3):  # a crossing
        x = dice.between(5, 14)
        stripes = np.arange(-half + 0.3, half - 0.3, 0.95)
        bodies.append([block((x, y, -0.1), (x + 3, y + 0.45, 0.007), marking) for y in stripes])
    return [thing(Kind.GROUND, some) for some in bodies]


def _line_pavement(dice: Dice, place: Arrangement, *, side: int, half: float, pavement: float) -> None:
    """Park cars along a kerb, and put what stands on a pavement."""
    x = dice.between(-4, 6)
    while x < 60 and dice.chance(0.93):
        place.place([vehicles.car(dice)], (x, side * (half - 1.05), 0.003), yaw=-math.pi / 2 * side)
        x += dice.between(5.2, 8) if dice.chance(0.6) else dice.between(10, 30)
    for _ in range(dice.count(3, 16)):
        at = (dice.spread(2, 60), side * (half + dice.between(0.4, pavement - 0.4)), _KERB)
        turn = dice.pick((0.0, math.pi, dice.turn())) + (math.pi / 2 if dice.chance(0.5) else 0)
        place.place(
            [draw_one(dice, "pole pole tree bin bench person person person bicycle motorbike pet")],
            at,
            yaw=turn,
        )


def _avenue(dice: Dice, place: Arrangement, *, y: float) -> None:
    """Plant trees of one size in a line."""
    height, step = dice.between(5, 12), dice.between(5, 11)
    for x in np.arange(dice.between(2, 8), 90, step):
        grown = plants.tree(dice, height * dice.between(0.85, 1.15), leafage=600)
        place.add([grown.moved((x, y, _KERB), yaw=dice.turn())], solid=False)


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
    scatter(dice, place, "person", dice.count(4, 30), near=1.8, far=dice.pick((8, 25)))
    scatter(
        dice, place, "pole bench bin tree car pet bicycle motorbike bush", dice.count(3, 14), near=3, far=40
    )
    if dice.chance(0.3):
        place.place(table_with_chairs(dice), (dice.between(3, 6), dice.between(-2, 2), 0), yaw=dice.turn())
    eyes = ((-1, -2, 1.0), (1, 2, 1.9))
    return finish_outside(
        dice, layout, place, Vantage(eyes=eyes, targets=((5, -4, 0.6), (20, 8, 2.0)), close=0.35)
    )
