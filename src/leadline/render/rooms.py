"""Layouts under a roof: rooms of all kinds, shop, corridor, stairs, table top, open box."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from leadline.render import fittings, furniture
from leadline.render.arrange import Arrangement, hull
from leadline.render.figures import animal, person
from leadline.render.furniture import single, strewn
from leadline.render.light import draw_sky
from leadline.render.materials import Colour, Material, plain
from leadline.render.objects import open_box
from leadline.render.palette import Dice
from leadline.render.plants import pot_plant
from leadline.render.scene import Kind, Lamp, Scene, Thing, Vantage, bar, block, stand, thing
from leadline.render.shapes import BOX, CYLINDER
from leadline.render.shell import Room, build, corners, draw_shell, hang_lamps


def _potted(dice: Dice) -> list[Thing]:
    return [pot_plant(dice, dice.between(0.5, 1.6))]


def _goods(dice: Dice) -> list[Thing]:
    return furniture.shelf(dice, where="shop", width=dice.between(0.9, 2.0))


def _sideboard(dice: Dice) -> list[Thing]:
    return furniture.cabinet(dice, height=dice.between(0.45, 0.9))


def _coffee_table(dice: Dice) -> list[Thing]:
    low = furniture.board(
        dice, width=dice.between(0.7, 1.2), depth=dice.between(0.5, 0.7), height=dice.between(0.35, 0.48)
    )
    return [low, *strewn(dice, low.bodies[0], dice.count(1, 6), where="any")]


def _on_the_floor(dice: Dice) -> list[Thing]:
    ground = block((-0.6, -0.6, -0.01), (0.6, 0.6, 0), plain((0.5, 0.5, 0.5)))
    return strewn(dice, ground, dice.count(1, 4), where="floor")


SOFA, BED, DESK, SHELF, CABINET = (
    furniture.sofa,
    furniture.bed,
    furniture.desk,
    furniture.shelf,
    furniture.cabinet,
)
CHAIR, DINING, COUNTER, RADIATOR = (
    single(furniture.chair),
    furniture.table_with_chairs,
    furniture.counter,
    single(fittings.radiator),
)

ISLAND = partial(furniture.counter, hung=False)

ROOMS: dict[str, Room] = {
    "living": Room(width=(3, 7), depth=(3.5, 8), chief=SOFA,
        walls=(SOFA, SOFA, SHELF, _sideboard, CABINET, _potted, CHAIR, DESK, RADIATOR),
        middle=(_coffee_table, DINING, SOFA, _on_the_floor, CHAIR, _potted)),
    "bedroom": Room(width=(2.6, 5), depth=(3, 5), chief=BED,
        walls=(BED, CABINET, CABINET, SHELF, DESK, CHAIR, _potted, RADIATOR),
        middle=(_on_the_floor, CHAIR), people=0.2),
    "kitchen": Room(width=(2.4, 5), depth=(3, 6), chief=COUNTER,
        walls=(COUNTER, COUNTER, CABINET, SHELF, CHAIR, RADIATOR),
        middle=(DINING, DINING, _on_the_floor), wall="tiled wall"),
    "office": Room(width=(3, 9), depth=(4, 10), chief=DESK,
        walls=(DESK, DESK, DESK, SHELF, CABINET, _potted, CHAIR),
        middle=(DESK, DINING, CHAIR), panels=0.8, people=0.5),
    "shop": Room(width=(4, 10), depth=(5, 14), walls=(_goods,), middle=(_goods, _goods, _coffee_table,
        ISLAND), windows=0.15, panels=0.9, people=0.6, crowded=1.0),
    "corridor": Room(width=(1.6, 2.8), depth=(7, 20), walls=(_sideboard, CHAIR, _potted, SHELF, RADIATOR),
        windows=0.2, panels=0.7, crowded=0.25),
}  # fmt: skip
"""Layout -> room."""


def draw_room(dice: Dice, layout: str) -> Scene:
    """Draw a furnished room of `ROOMS`."""
    room = ROOMS[layout]
    width, depth = dice.spread(*room.width), dice.spread(*room.depth)
    height = dice.between(2.3, 2.9) if dice.chance(0.8) else dice.between(2.9, 4.5)
    place = Arrangement((0, 0, 0), (width, depth, height))
    build(place, draw_shell(dice, room, width, depth=depth, height=height))
    lamps = hang_lamps(dice, room, place)
    if dice.chance(0.35):
        rug = fittings.rug(dice, width=dice.between(0.3, 0.6) * width, depth=dice.between(0.3, 0.6) * depth)
        place.add([rug.moved((width / 2, depth / 2, 0))], solid=False)
    if room.chief is not None:
        _put_chief(dice, room.chief, place)
    for side in range(4):
        furnish(dice, room, place, side=side)
    for _ in range(dice.count(2, 7) if room.middle else 0):
        low, high = (0.2 * width, 0.2 * depth, 0), (0.8 * width, 0.8 * depth, 0)
        place.scatter(dice, dice.pick(room.middle)(dice), low=low, high=high)
    if dice.chance(0.3):
        standing, lamp = fittings.floor_lamp(dice)
        at = (dice.pick((0.35, width - 0.35)), dice.pick((0.3, depth - 0.8)), 0)
        if place.place([standing], at):
            lamps.append(replace(lamp, at=tuple(float(a + b) for a, b in zip(lamp.at, at, strict=True))))  # type: ignore[arg-type]
    if dice.chance(room.people):
        for _ in range(dice.count(1, 3)):
            figure = person(dice) if dice.chance(0.8) else animal(dice, "dog", "cat")
            place.scatter(dice, [figure], low=(0.3, 0.3, 0), high=(width - 0.3, depth - 0.3, 0))
    for _ in range(dice.count(0, 3)):
        place.scatter(dice, _on_the_floor(dice), low=(0.5, 0.5, 0), high=(width - 0.5, depth - 0.5, 0))
    eyes = ((0.3, 0.3, 0.8), (width - 0.3, depth - 0.3, min(1.9, height - 0.2)))
    targets = ((0, 0, 0.2), (width, depth, 1.5))
    vantage = Vantage(eyes=eyes, targets=targets, close=0.25, across=0.5, down=0.5)
    return indoors(dice, layout, place, lamps, vantage=vantage)


def draw_table_top(dice: Dice, layout: str) -> Scene:
    """Draw a table with few or many things on it, seen from near by: a meal, glasses, goods, anything."""
    size = (dice.between(0.7, 2.2), dice.between(0.6, 1.2))
    top = furniture.board(dice, width=size[0], depth=size[1], height=dice.between(0.45, 0.9))
    where = dice.pick(
        ("table", "desk", "food", "glass", "kitchen", "any", "goods", "goods", "goods", "goods")
    )
    things = [top, *strewn(dice, top.bodies[0], round(dice.spread(2, 22)), where=where)]
    if dice.chance(0.25):  # a cloth on the table
        low, high = top.bodies[0].bounds()
        cloth = block(
            (*(low - 0.02)[:2], high[2] - 0.002), (*(high + 0.02)[:2], high[2] + 0.001), dice.look("cloth")
        )
        things.append(thing(Kind.TEXTILE, [cloth]))
    backed = dice.chance(0.3)
    if backed:
        things.append(_backdrop(dice, top))
    elif dice.chance(0.35):
        things += furniture.seats(dice, width=size[0], depth=size[1])
    rise = dice.between(0.15, 0.9) if backed else dice.between(0.4, 1.3)
    return _from_near(dice, layout, things, rise=rise, sitters=0.4, from_front=backed)


def _backdrop(dice: Dice, top: Thing) -> Thing:
    """Draw a wall of board, paper or cloth that stands behind a table, as behind a still life."""
    low, high = top.bounds()
    beside = dice.between(0.0, 0.3) * (high - low)[0]
    look = dice.look(dice.pick(("wall", "cloth", "picture", "wood")))
    return thing(
        Kind.WALL,
        [
            block(
                (low[0] - beside, low[1] - 0.03, 0),
                (high[0] + beside, low[1] - 0.01, high[2] + dice.between(0.4, 1.2)),
                look,
            )
        ],
    )


def draw_box(dice: Dice, layout: str) -> Scene:
    """Draw an open box, a crate or a tray with things in it, on a table or on the floor, from above."""
    size = (dice.between(0.3, 0.8), dice.between(0.25, 0.6))
    box = open_box(dice, width=size[0], depth=size[1], height=dice.spread(0.04, 0.4))
    where = dice.pick(("any", "shop", "food"))
    things = [box, *strewn(dice, box.bodies[0], round(dice.spread(2, 40)), where=where)]
    if dice.chance(0.5):
        table = furniture.board(dice, width=size[0] + 0.5, depth=size[1] + 0.3, height=dice.between(0.4, 0.8))
        [low, high] = table.bodies[0].bounds()
        things = [table, *(piece.moved((0, (low + high)[1] / 2, high[2])) for piece in things)]
    return _from_near(dice, layout, things, rise=dice.between(0.7, 1.4), sitters=0.1)


def _from_near(
    dice: Dice, layout: str, things: list[Thing], *, rise: float, sitters: float, from_front: bool = False
) -> Scene:
    """Put things that rest on the first of them into a room, and look down at them from up to `rise`.

    Mostly straight from one of its sides, as people sit and stand; always from the first where `from_front`.
    """
    room = ROOMS[dice.pick(("living", "kitchen", "office"))]
    width, depth, height = dice.between(4, 6), dice.between(4, 6), dice.between(2.4, 2.8)
    place = Arrangement((0, 0, 0), (width, depth, height))
    build(place, draw_shell(dice, room, width, depth=depth, height=height))
    [low, high], first, yaw = things[0].bounds(), len(place.things), dice.turn()
    middle = np.array([width / 2, depth / 2, high[2]])
    centred = [piece.moved((*(low + high)[:2] / -2, 0)) for piece in things]
    place.place(centred, (width / 2, depth / 2, 0), yaw=yaw)
    about = range(first, len(place.things))
    lamps = hang_lamps(dice, room, place)
    if dice.chance(sitters):
        angle = dice.turn()
        at = (width / 2 - 0.75 * math.sin(angle), depth / 2 - 0.75 * math.cos(angle), 0)
        seat = [
            stand(BOX, (0, 0, 0.36), size=(0.4, 0.4, 0.05), material=dice.look("wood")),
            stand(CYLINDER, (0, 0, 0), size=(0.06, 0.06, 0.37), material=dice.look("metal")),
        ]
        place.place([person(dice, sitting=True), thing(Kind.FURNITURE, seat)], at, yaw=-angle)
    for side in range(4):
        furnish(dice, room, place, side=side)
    turn, away = dice.turn(), dice.between(0.5, 1.6) if from_front else dice.between(0.05, 1.3)
    if from_front or dice.chance(0.6):
        side = 1 if from_front else dice.count(1, 4)
        turn = yaw + side * math.pi / 2 + dice.normal(0.15)
    eye = middle + [away * math.cos(turn), away * math.sin(turn), 0]
    lowest = min(dice.between(0.05, 0.35) + 0.3 * max(0.9 - away, 0), rise)
    eyes = (tuple(eye + [-0.2, -0.2, lowest]), tuple(eye + [0.2, 0.2, rise]))
    targets = (tuple(middle + [-0.3, -0.3, -0.05]), tuple(middle + [0.3, 0.3, 0.1]))
    view = Vantage(eyes=eyes, targets=targets, close=0.2, about=about)
    return indoors(dice, layout, place, lamps, vantage=view)


def draw_stairs(dice: Dice, layout: str) -> Scene:
    """Draw a flight of stairs in a hall, with railings, and people on it."""
    width, steps = dice.between(2.5, 6), dice.count(6, 16)
    rise, tread = dice.between(0.15, 0.19), dice.between(0.26, 0.34)
    run, top = steps * tread, steps * rise
    start, depth, height = dice.between(2.5, 5), 0.0, top + dice.between(2.4, 3.4)
    depth = start + run + dice.between(1.5, 3)
    place = Arrangement((0, 0, 0), (width, depth, height))
    build(place, draw_shell(dice, ROOMS["corridor"], width, depth=depth, height=height))
    lamps = hang_lamps(dice, ROOMS["corridor"], place)
    look, wide = dice.look(dice.pick(("stone", "wood", "painted", "floor"))), dice.between(0.5, 1) * width
    left = dice.pick((0.0, (width - wide) / 2, width - wide))
    flight = [
        block((left, start + i * tread, 0), (left + wide, depth, (i + 1) * rise), look) for i in range(steps)
    ]
    nose = dice.look("metal")
    flight += [
        block(
            (left, start + i * tread, (i + 1) * rise - 0.01),
            (left + wide, start + i * tread + 0.02, (i + 1) * rise + 0.003),
            nose,
        )
        for i in range(steps)
    ]
    place.add([thing(Kind.STAIRS, flight)], solid=False)  # people stand on it
    rail = dice.look(dice.pick(("metal", "chrome", "wood", "painted")))
    for x in (left + 0.05, left + wide - 0.05):
        place.add([_railing(dice, (x, start, rise), (x, start + run - tread, top), look=rail)], solid=False)
    for _ in range(dice.count(0, 4)):
        step = dice.count(0, steps - 1)
        at = (left + dice.between(0.2, 0.8) * wide, start + (step + 0.55) * tread, (step + 1) * rise)
        place.place([person(dice)], at, yaw=dice.pick((0.0, math.pi)))
    for _ in range(dice.count(0, 2)):
        place.scatter(dice, _potted(dice), low=(0.3, 0.4, 0), high=(width - 0.3, start, 0))
    eyes = (
        ((0.3, 0.3, 0.8), (width - 0.3, start - 0.4, 1.9))
        if dice.chance(0.7)
        else ((0.3, start + run, top + 1), (width - 0.3, depth - 0.3, top + 1.8))
    )
    targets = ((0.2 * width, start, 0.2), (0.8 * width, start + run, 0.6 * top + 0.6))
    return indoors(dice, layout, place, lamps, vantage=Vantage(eyes=eyes, targets=targets, close=0.15))


def _railing(
    dice: Dice, low: tuple[float, float, float], high: tuple[float, float, float], *, look: Material
) -> Thing:
    a, b = np.asarray(low), np.asarray(high)
    up = np.array([0, 0, dice.between(0.85, 1.0)])
    bodies = [bar(a + up, b + up, radius=0.022, material=look)]
    count = max(2, int(np.hypot(*(b - a)[1:]) / dice.pick((0.13, 0.3, 0.9))))
    for share in np.linspace(0, 1, count):
        foot = a + share * (b - a)
        bodies.append(bar(foot, foot + up, radius=0.011, material=look))
    return thing(Kind.FENCE, bodies)


def _put_chief(dice: Dice, chief: furniture.Setting, place: Arrangement) -> None:
    """Put what makes a room one against a wall, trying several in many places."""
    for _ in range(8):
        group = chief(dice)
        for _ in range(30):
            side = dice.count(0, 3)
            at = dice.between(0.02, place.high[side % 2] - 0.5)
            if _put_against(place, group, side=side, at=at):
                return


def _put_against(
    place: Arrangement, group: list[Thing], *, side: int, at: float, gap: float = 0.02, up: float = 0.0
) -> bool:
    """Put a group with its back to a wall, its left end `at` metres along, and say whether it had room."""
    width, depth, _ = place.high
    corner = corners(width, depth)[side]
    turn = side * math.pi / 2
    [low, _] = hull(group)
    right, inward = at - low[0], gap + max(0, -low[1])
    cos, sin = math.cos(turn), math.sin(turn)
    spot = (corner[0] + right * cos - inward * sin, corner[1] + right * sin + inward * cos, up)
    return place.place(group, spot, yaw=turn)


def furnish(dice: Dice, room: Room, place: Arrangement, *, side: int) -> None:
    """Put things along a wall, one after another, and hang things above them."""
    length, height = place.high[side % 2], place.high[2]
    x = dice.between(0.05, 0.6)
    while x < length - 0.3:
        group = dice.pick(room.walls)(dice)
        if dice.chance(room.crowded):
            spots = (x + further for further in (0.0, 0.3, 0.6, 0.9))
            x = next((at for at in spots if _put_against(place, group, side=side, at=at)), x)
        [low, high] = hull(group)
        x += float(high[0] - low[0]) + dice.pick((0.02, 0.1, dice.between(0.2, 1.2)))
    for share in dice.rng.uniform(0.1, 0.85, dice.count(0, 3)):
        frame = fittings.picture_frame(dice, mirror=dice.chance(0.15))
        up = dice.between(1.4, min(1.8, height - 0.6))
        _put_against(place, [frame], side=side, at=share * length, gap=0.003, up=up)


def indoors(dice: Dice, layout: str, place: Arrangement, lamps: list[Lamp], *, vantage: Vantage) -> Scene:
    """Add daylight and the light that walls hand on to what lamps give."""
    sky = draw_sky(dice)
    width, depth, height = place.high
    walls = 2 * (width * depth + width * height + depth * height)
    dim = dice.pick((1.0, 1.0, 1.0, 0.15))  # by day, sometimes with the lamps nearly off
    lamps = [
        replace(lamp, colour=(lamp.colour[0] * dim, lamp.colour[1] * dim, lamp.colour[2] * dim))
        for lamp in lamps
    ]
    total = np.sum([lamp.colour for lamp in lamps], 0) if lamps else np.zeros(3)
    red, green, blue = (16 * total / walls + 0.12).tolist()
    fill: Colour = (red, green, blue)
    return Scene(
        layout=layout, things=tuple(place.things), sky=sky, lamps=tuple(lamps), fill=fill, vantage=vantage
    )


INDOOR: dict[str, Callable[[Dice, str], Scene]] = {
    **dict.fromkeys(ROOMS, draw_room),
    "table": draw_table_top,
    "box": draw_box,
    "stairs": draw_stairs,
}
"""Layout -> what draws it."""
