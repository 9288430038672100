"""Furniture and what belongs to a room. Things stand on the origin, their back along y = 0, facing +y."""

import math
from collections.abc import Callable

import numpy as np

from leadline.render.materials import Finish, Material
from leadline.render.objects import SETTINGS
from leadline.render.palette import Dice
from leadline.render.scene import Body, Kind, Thing, about, bar, block, put, stand, thing
from leadline.render.shapes import BOX, CUSHION, CYLINDER, SLAB, SPHERE, tube


def strewn(dice: Dice, support: Body, count: int, *, where: str, headroom: float = 9.0) -> list[Thing]:
    """Put things of a setting on top of an upright block, none through another or too tall."""
    top = support.centre + [0, 0, support.half[2]]
    taken: list[tuple[np.ndarray, float]] = []
    things = []
    for _ in range(2 * count):
        piece = dice.pick(SETTINGS[where])(dice).moved(
            (0, 0, 0), yaw=dice.pick((0.0, dice.normal(0.3), dice.turn()))
        )
        low, high = piece.bounds()
        reach = 0.5 * float(np.hypot(*(high - low)[:2])) * 0.85
        room = support.half[:2] - 0.8 * reach
        if (room <= 0).any() or high[2] > headroom:
            continue
        spot = dice.rng.uniform(-room, room)
        if any(np.hypot(*(spot - other)) < reach + size for other, size in taken):
            continue
        taken.append((spot, reach))
        middle = np.append((low + high)[:2] / 2, 0)
        things.append(piece.moved(top + support.rotation @ np.append(spot, 0) - middle))
        if len(things) == count:
            break
    return things


def _legs(
    width: float,
    depth: float,
    height: float,
    *,
    thick: float,
    look: Material,
    round: bool,
    splay: float = 0.0,
) -> list[Body]:
    ends = [(x * (width - thick) / 2, depth / 2 + y * (depth - thick) / 2) for x in (-1, 1) for y in (-1, 1)]
    if round:
        feet = [(x * (1 + splay), depth / 2 + (y - depth / 2) * (1 + splay)) for x, y in ends]
        return [
            bar((*foot, 0), (*end, height), radius=thick / 2, material=look)
            for foot, end in zip(feet, ends, strict=True)
        ]
    return [stand(BOX, (*end, 0), size=(thick, thick, height), material=look) for end in ends]


def board(dice: Dice, *, width: float, depth: float, height: float) -> Thing:
    """Draw a table: a square, rounded or round top on four legs or one foot."""
    look, leg = (
        dice.look(dice.pick(("wood", "wood", "painted", "stone", "glass"))),
        dice.look(dice.pick(("wood", "metal", "painted"))),
    )
    thick, middle = dice.between(0.02, 0.05), (0.0, depth / 2, height - 0.04)
    leg = leg if look.finish is Finish.GLASS or dice.chance(0.5) else look
    if dice.chance(0.25):
        across = min(width, depth)
        top = stand(CYLINDER, middle, size=(across, across, thick), material=look)
        foot = stand(CYLINDER, (0, depth / 2, 0), size=(0.45 * across, 0.45 * across, 0.03), material=leg)
        return thing(
            Kind.FURNITURE,
            [top, foot, bar((0, depth / 2, 0), (0, depth / 2, height - 0.03), radius=0.05, material=leg)],
        )
    top = stand(dice.pick((BOX, BOX, SLAB)), middle, size=(width, depth, thick), material=look)
    legs = _legs(
        width - 0.06,
        depth - 0.06,
        height - 0.035,
        thick=dice.between(0.03, 0.08),
        look=leg,
        round=dice.chance(0.5),
    )
    return thing(
        Kind.FURNITURE,
        [
            top,
            *(put(b.shape, b.centre + [0, 0.03, 0], b.material, half=b.half, turn=b.rotation) for b in legs),
        ],
    )


def chair(dice: Dice) -> Thing:
    """Draw a chair: seat, legs, perhaps arms, and a back of board, slats, bars or cloth; or a stool."""
    side, height, rise = dice.between(0.38, 0.5), dice.between(0.42, 0.5), dice.between(0.3, 0.55)
    look = dice.look(dice.pick(("wood", "wood", "painted", "metal", "plastic")))
    seat_look = dice.look("cloth") if dice.chance(0.35) else look
    thick, lean = dice.between(0.02, 0.045), dice.between(0.0, 0.08)
    bodies = [
        stand(
            dice.pick((BOX, SLAB)),
            (0, side / 2, height - 0.02),
            size=(side, side, dice.between(0.025, 0.07)),
            material=seat_look,
        )
    ]
    bodies += _legs(
        side, side, height, thick=thick, look=look, round=dice.chance(0.6), splay=dice.pick((0.0, 0.15))
    )
    if dice.chance(0.15):
        return thing(Kind.FURNITURE, bodies)
    posts = [
        ((x * (side - thick) / 2, thick / 2, height), (x * (side - thick) / 2, -lean, height + rise))
        for x in (-1, 1)
    ]
    bodies += [bar(*post, radius=thick / 2, material=look) for post in posts]
    turn = about(0, math.atan2(lean, rise))
    if dice.chance(0.5):
        middle = (0, thick / 2 - 0.6 * lean, height + 0.6 * rise)
        bodies.append(put(SLAB, middle, seat_look, half=(side / 2, 0.015, 0.38 * rise), turn=turn))
    elif dice.chance(0.5):
        for share in np.linspace(dice.between(0.2, 0.5), 0.95, dice.count(2, 6)):
            middle = (0, thick / 2 - share * (lean + thick / 2), height + share * rise)
            bodies.append(
                put(SLAB, middle, look, half=(side / 2, 0.01, dice.between(0.02, 0.035)), turn=turn)
            )
    else:
        for x in np.linspace(-0.4, 0.4, dice.count(3, 7)) * side:
            bodies.append(
                bar((x, thick / 2, height), (x, -lean, height + rise), radius=0.35 * thick, material=look)
            )
        bodies.append(
            bar(
                (-side / 2, -lean, height + rise),
                (side / 2, -lean, height + rise),
                radius=0.6 * thick,
                material=look,
            )
        )
    if dice.chance(0.25):
        for x in (-side / 2, side / 2):
            bodies.append(
                bar((x, 0, height + 0.2), (x, 0.85 * side, height + 0.2), radius=0.016, material=look)
            )
            bodies.append(
                bar((x, 0.85 * side, height), (x, 0.85 * side, height + 0.2), radius=0.014, material=look)
            )
    return thing(Kind.FURNITURE, bodies)


def table_with_chairs(dice: Dice) -> list[Thing]:
    """Draw a laid table and chairs around it."""
    width, depth = dice.between(0.8, 2.0), dice.between(0.7, 1.0)
    top = board(dice, width=width, depth=depth, height=dice.between(0.7, 0.77))
    things = [top, *strewn(dice, top.bodies[0], dice.count(0, 10), where="table")]
    return [*things, *seats(dice, width=width, depth=depth)]


def seats(dice: Dice, *, width: float, depth: float) -> list[Thing]:
    """Draw chairs of one kind along both long sides of a table that `board` drew."""
    kind, things = chair(dice), []
    for x in np.linspace(-0.5, 0.5, max(1, int(width / 0.7)) + 2)[1:-1] * width:
        for yaw, y in ((0.0, -0.5), (math.pi, depth + 0.5)):
            if dice.chance(0.75):
                things.append(kind.moved((x, y + dice.normal(0.06), 0), yaw=yaw + dice.normal(0.12)))
    return things


def desk(dice: Dice) -> list[Thing]:
    """Draw a desk with what lies on it, and a chair before it."""
    top = board(
        dice, width=dice.between(1.0, 1.8), depth=dice.between(0.6, 0.8), height=dice.between(0.7, 0.76)
    )
    things = [top, *strewn(dice, top.bodies[0], dice.count(2, 10), where="desk")]
    if dice.chance(0.7):
        things.append(
            chair(dice).moved((dice.normal(0.2), dice.between(1.25, 1.5), 0), yaw=math.pi + dice.normal(0.4))
        )
    return things


def cabinet(dice: Dice, *, height: float | None = None, width: float | None = None) -> list[Thing]:
    """Draw a chest, cupboard, wardrobe, fridge or kitchen unit, with doors and things on top."""
    width, depth = width or dice.between(0.5, 1.8), dice.between(0.35, 0.62)
    height = height or dice.pick((0.45, 0.75, 0.9, 1.3, 2.0)) * dice.between(0.9, 1.1)
    look = dice.look(dice.pick(("wood", "wood", "painted", "metal")))
    front = look if dice.chance(0.6) else dice.look("painted")
    bodies = [block((-width / 2, 0, 0), (width / 2, depth, height), look)]
    columns, rows, knob = max(1, round(width / dice.between(0.4, 0.6))), dice.count(1, 4), dice.look("metal")
    w, h = width / columns, (height - 0.08) / rows
    for i in range(columns):
        for j in range(rows):
            x, z = (i + 0.5) * w - width / 2, 0.08 + j * h
            bodies.append(
                block(
                    (x - w / 2 + 0.008, depth, z + 0.006),
                    (x + w / 2 - 0.008, depth + 0.018, z + h - 0.006),
                    front,
                )
            )
            bodies.append(
                stand(SPHERE, (x, depth + 0.026, z + 0.6 * h), size=(0.028, 0.028, 0.028), material=knob)
            )
    things = [thing(Kind.FURNITURE, bodies)]
    return things + (strewn(dice, bodies[0], dice.count(0, 6), where="shelf") if height < 1.7 else [])


def counter(dice: Dice, *, hung: bool = True) -> list[Thing]:
    """Draw a kitchen counter: units under a worktop, a sink or hob, things on it, cupboards `hung` above."""
    units = dice.count(2, 6)
    width, height, depth = 0.6 * units, 0.88, 0.6
    [base, *_] = cabinet(dice, height=height, width=width)
    top = block(
        (-width / 2, 0, height),
        (width / 2, depth + 0.06, height + 0.04),
        dice.look(dice.pick(("stone", "wood", "painted"))),
    )
    hob = block(
        (-0.25 * width - 0.28, 0.08, height + 0.02),
        (-0.25 * width + 0.28, 0.55, height + 0.045),
        dice.look("dark glass"),
    )
    tap_at, metal = np.array([0.25 * width, 0.06, height + 0.04]), dice.look("chrome")
    arc = tap_at + np.array([[0, 0, 0], [0, 0, 0.22], [0, 0.06, 0.3], [0, 0.16, 0.28], [0, 0.19, 0.22]])
    tap = put(tube(arc, 0.012), (0, 0, 0), metal)
    sink = block(
        (0.25 * width - 0.25, 0.12, height + 0.02), (0.25 * width + 0.25, 0.52, height + 0.043), metal
    )
    things = [thing(Kind.FURNITURE, [top, *base.bodies, hob, sink, tap])]
    things += strewn(dice, top, dice.count(3, 14), where="kitchen")
    if hung and dice.chance(0.7):
        [above, *_] = cabinet(dice, height=0.7, width=width)
        things.append(above.moved((0, 0, 1.42)))
    return things


def shelf(dice: Dice, *, where: str = "shelf", width: float | None = None) -> list[Thing]:
    """Draw an open shelf with rows of books and things."""
    width, depth, levels = width or dice.between(0.6, 1.6), dice.between(0.25, 0.42), dice.count(3, 6)
    pitch, look = dice.between(0.28, 0.4), dice.look(dice.pick(("wood", "painted", "metal")))
    tall = levels * pitch
    bodies = [block((-width / 2, 0, tall), (width / 2, depth, tall + 0.025), look)]
    bodies += [
        block((x - 0.012, 0, 0), (x + 0.012, depth, tall + 0.02), look) for x in (-width / 2, width / 2)
    ]
    if dice.chance(0.6):
        bodies.append(block((-width / 2, 0, 0), (width / 2, 0.012, tall), look))
    things = []
    for level in range(levels):
        z = level * pitch + 0.04
        bodies.append(block((-width / 2, 0, z), (width / 2, depth, z + 0.025), look))
        start = -width / 2 + 0.02
        if where == "shelf" and dice.chance(0.7):
            row, start = _books(
                dice, start, width * dice.between(-0.3, 0.48), z + 0.025, depth=depth, room=pitch - 0.04
            )
            things.append(row)
        free = block((start, 0.02, z), (width / 2 - 0.02, depth, z + 0.025), look)
        if free.half[0] > 0.06:
            count = int(free.half[0] * dice.between(1, 12)) if where == "shelf" else int(free.half[0] * 28)
            things += strewn(dice, free, count, where=where, headroom=pitch - 0.05)
    return [thing(Kind.FURNITURE, bodies), *things]


def _books(
    dice: Dice, start: float, end: float, z: float, *, depth: float, room: float
) -> tuple[Thing, float]:
    bodies: list[Body] = []
    x, looks = start, [dice.look("book") for _ in range(5)]
    while x < end or not bodies:
        size = dice.rng.uniform([0.015, 0.55 * depth, 0.55 * room], [0.06, 0.9 * depth, 0.95 * room])
        at = (x + size[0] / 2, 0.02 + size[1] / 2, z + size[2] / 2)
        bodies.append(put(BOX, at, dice.pick(looks), half=size / 2 * [0.97, 1, 1]))
        x += float(size[0])
    return thing(Kind.OBJECT, bodies), x


def sofa(dice: Dice) -> list[Thing]:
    """Draw a sofa or an armchair with cushions."""
    width, depth, seat = dice.between(0.8, 2.3), dice.between(0.8, 1.0), dice.between(0.38, 0.46)
    cloth, rise, arm = dice.look("cloth"), dice.between(0.3, 0.5), dice.between(0.12, 0.25)
    bodies = [
        stand(SLAB, (0, depth / 2, 0), size=(width, depth, seat - 0.06), material=cloth),
        stand(SLAB, (0, 0.14, 0), size=(width, 0.28, seat + rise), material=cloth),
    ]
    bodies += [
        stand(SLAB, (x, depth / 2, 0), size=(arm, depth, seat + 0.18), material=cloth)
        for x in (-width / 2, width / 2)
    ]
    inner = width - arm
    parts = max(1, round(inner / 0.7))
    for x in (np.arange(parts) + 0.5) / parts * inner - inner / 2:
        bodies.append(
            stand(
                SLAB,
                (x, 0.26 + (depth - 0.26) / 2, seat - 0.08),
                size=(inner / parts, depth - 0.26, 0.15),
                material=cloth,
            )
        )
    things = [thing(Kind.FURNITURE, bodies)]
    for x in dice.rng.uniform(-0.35, 0.35, dice.count(0, 3)) * inner:
        lean = about(2, dice.normal(0.3)) @ about(0, 0.35)
        things.append(
            thing(
                Kind.TEXTILE,
                [
                    put(
                        CUSHION, (0, 0, 0), dice.look("cloth"), half=(0.22, 0.08, 0.22), turn=lean
                    ).resting_at((x, 0.42, seat + 0.06))
                ],
            )
        )
    return things


def bed(dice: Dice) -> list[Thing]:
    """Draw a bed with pillows and a blanket."""
    width, long, high = dice.between(0.9, 1.8), dice.between(1.95, 2.15), dice.between(0.3, 0.5)
    frame, sheet, cover = dice.look("wood"), dice.look("cloth"), dice.look("cloth")
    bodies = [
        block((-width / 2, 0.03, 0.12), (width / 2, long, high - 0.12), frame),
        block((-width / 2, 0, 0), (width / 2, 0.05, high + dice.between(0.2, 0.7)), frame),
        stand(
            SLAB, (0, long / 2 + 0.02, high - 0.15), size=(width - 0.03, long - 0.05, 0.22), material=sheet
        ),
        stand(SLAB, (0, 0.62 * long, high - 0.2), size=(width + 0.06, 0.72 * long, 0.31), material=cover),
    ]
    bodies += _legs(width, long, 0.14, thick=0.06, look=frame, round=False)
    pillows = [(-0.25 * width, 0), (0.25 * width, 0)] if width > 1.3 else [(0, 0)]
    things = [thing(Kind.FURNITURE, bodies)]
    for x, _ in pillows:
        things.append(
            thing(
                Kind.TEXTILE,
                [stand(CUSHION, (x, 0.3, high + 0.03), size=(0.6, 0.38, 0.16), material=dice.look("cloth"))],
            )
        )
    return things


Setting = Callable[[Dice], list[Thing]]


def single(make: Callable[[Dice], Thing]) -> Setting:
    """Return what draws one thing as a list of one."""
    return lambda dice: [make(dice)]
