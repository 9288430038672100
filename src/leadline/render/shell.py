"""What makes a room before anything stands in it: floor, ceiling, walls with windows and doors, lamps."""

import math
from dataclasses import dataclass, replace

import numpy as np

from leadline.render import fittings
from leadline.render.arrange import Arrangement
from leadline.render.furniture import Setting
from leadline.render.materials import Finish, Material, plain
from leadline.render.palette import Dice
from leadline.render.plants import tree
from leadline.render.scene import Kind, Lamp, Thing, bar, block, thing


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What makes a room of its kind."""

    width: tuple[float, float]
    depth: tuple[float, float]
    walls: tuple[Setting, ...]
    """What stands against the walls."""
    chief: Setting | None = None
    """What makes it one, and stands in every such room that has a place for it."""
    middle: tuple[Setting, ...] = ()
    """What stands in the middle."""
    wall: str = "wall"
    floor: str = "floor"
    windows: float = 0.4
    """Share of walls that have a window."""
    people: float = 0.3
    """How often somebody is there."""
    panels: float = 0.2
    """How often light comes from panels in the ceiling, rather than from lamps that hang."""
    crowded: float = 0.9
    """Share of the places along the walls that are taken."""


def corners(width: float, depth: float) -> tuple[tuple[float, float], ...]:
    """Return where each of the four walls begins; it runs on to where the next one does."""
    return (0.0, 0.0), (width, 0.0), (width, depth), (0.0, depth)


def draw_shell(dice: Dice, room: Room, width: float, *, depth: float, height: float) -> list[Thing]:
    """Draw floor, ceiling and walls with windows and doors, and a little of the world outside."""
    things = [
        thing(Kind.FLOOR, [block((-0.3, -0.3, -0.2), (width + 0.3, depth + 0.3, 0), dice.look(room.floor))]),
        thing(
            Kind.CEILING,
            [block((-0.3, -0.3, height), (width + 0.3, depth + 0.3, height + 0.2), dice.look("ceiling"))],
        ),
    ]
    below, soil = -dice.pick((0.3, 0.5, 4.0, 12.0)), dice.look(dice.pick(("grass", "paving", "soil")))
    things.append(thing(Kind.GROUND, [block((-900, -900, below - 1), (900, 900, below), soil)]))
    base = dice.look("painted") if dice.chance(0.6) else None
    paper = dice.look(room.wall)
    for side, corner in enumerate(corners(width, depth)):
        length = (width, depth)[side % 2]
        paint = dice.look("wall") if dice.chance(0.15) else paper
        pieces = _wall(
            dice,
            length,
            height=height,
            paint=paint,
            window=length > 1.5 and dice.chance(room.windows),
            base=base,
        )
        things += [piece.moved((*corner, 0), yaw=side * math.pi / 2) for piece in pieces]
        if dice.chance(0.4):
            out = (
                width / 2 + dice.pick((-1, 1)) * (width / 2 + dice.between(4, 15)),
                depth / 2 + dice.normal(6),
                below,
            )
            things.append(tree(dice, dice.between(3, 9), leafage=600).moved(out))
    return things


def build(place: Arrangement, shell: list[Thing]) -> None:
    """Put up a shell: nothing is to stand before windows, doors and curtains."""
    openings = (Kind.WINDOW, Kind.DOOR, Kind.TEXTILE)
    place.add([piece for piece in shell if piece.kind not in openings], solid=False)
    place.add([piece for piece in shell if piece.kind in openings])


def _wall(
    dice: Dice, length: float, *, height: float, paint: Material, window: bool, base: Material | None
) -> list[Thing]:
    """Draw a wall from the origin along +x, the room on its +y side, with a window or a door in it."""
    hole = (length, length, 0.0, 0.0)
    if window:
        left = dice.between(0.15, 0.4) * length
        right = min(left + dice.between(0.7, 2.4), length - 0.15)
        hole = (left, right, dice.pick((0.05, 0.8, 0.9, 1.0)), height - dice.between(0.15, 0.5))
    left, right, low, high = hole
    spans = [(0.0, left, 0.0, height)] + (
        [(right, length, 0.0, height), (left, right, 0.0, low), (left, right, high, height)] if window else []
    )
    panels = [block((a, -0.25, z0), (b, 0, z1), paint) for a, b, z0, z1 in spans if b > a and z1 > z0]
    things = [thing(Kind.WALL, panels)]
    if base is not None:
        edges = [
            (a, b) for a, b, z0, _ in spans if z0 == 0 and b > a and not (window and low < 0.1 and a == left)
        ]
        things.append(thing(Kind.WALL, [block((a, -0.01, 0), (b, 0.015, 0.09), base) for a, b in edges]))
    if window:
        things += _window(dice, hole)
    elif length > 1.4 and dice.chance(0.45):
        x, look = dice.between(0.3, 0.7) * length, dice.look(dice.pick(("wood", "painted")))
        door = [
            block((x - 0.5, -0.02, 0), (x + 0.5, 0.025, 2.1), dice.look("painted")),
            block((x - 0.44, 0, 0.01), (x + 0.44, 0.035, 2.04), look),
        ]
        door += (
            [block((x - 0.32, 0.01, z), (x + 0.32, 0.045, z + 0.75), look) for z in (0.2, 1.15)]
            if dice.chance(0.5)
            else []
        )
        door.append(
            bar((x + 0.36, 0.07, 1.03), (x + 0.26, 0.07, 1.03), radius=0.012, material=dice.look("chrome"))
        )
        things.append(thing(Kind.DOOR, door))
    return things


def _window(dice: Dice, hole: tuple[float, float, float, float]) -> list[Thing]:
    """Draw frame, glazing bars, pane and sometimes curtains of a window between left, right, low and high."""
    left, right, low, high = hole
    look, thick = dice.look("painted"), dice.between(0.03, 0.06)
    across, up = dice.count(1, 3), dice.count(1, 3)
    bars = [
        block((x - thick / 2, -0.14, low), (x + thick / 2, -0.08, high), look)
        for x in np.linspace(left, right, across + 1)
    ]
    bars += [
        block((left, -0.14, z - thick / 2), (right, -0.08, z + thick / 2), look)
        for z in np.linspace(low, high, up + 1)
    ]
    bars.append(block((left - 0.04, -0.1, low - 0.03), (right + 0.04, 0.1, low), look))
    things = [thing(Kind.WINDOW, bars)]
    if dice.chance(0.7):
        things.append(
            thing(Kind.GLASS, [block((left, -0.113, low), (right, -0.107, high), dice.look("pane"))])
        )
    if dice.chance(0.4):
        wide, cloth = dice.between(0.25, 0.5), fittings.curtain
        bottom = 0.05 if dice.chance(0.6) else low - 0.1
        for x in (left - 0.5 * wide + 0.1, right + 0.5 * wide - 0.1):
            things.append(cloth(dice, height=high - bottom + 0.1, width=wide).moved((x, 0.1, bottom)))
    return things


def hang_lamps(dice: Dice, room: Room, place: Arrangement) -> list[Lamp]:
    """Hang lamps, or set panels into the ceiling."""
    width, depth, height = place.high
    lamps: list[Lamp] = []
    if dice.chance(room.panels):
        level, warm = dice.between(3, 8), dice.between(0.7, 1)
        tint = (1.0, 0.85 + 0.15 * warm, 0.65 + 0.35 * warm)
        glow = plain((tint[0] * level, tint[1] * level, tint[2] * level), finish=Finish.LIGHT, grain=0.0)
        rows, columns = max(1, min(3, round(depth / 3.5))), max(1, min(2, round(width / 3.5)))
        power, bodies = dice.between(0.5, 1.2), []
        half = dice.pick(((0.3, 0.3), (0.15, 0.6), (0.6, 0.15)))
        for y in (np.arange(rows) + 0.5) / rows * depth:
            for x in (np.arange(columns) + 0.5) / columns * width:
                bodies.append(
                    block(
                        (x - half[0], y - half[1], height - 0.02),
                        (x + half[0], y + half[1], height + 0.01),
                        glow,
                    )
                )
                colour = (tint[0] * power, tint[1] * power, tint[2] * power)
                lamps.append(
                    Lamp(
                        at=(float(x), float(y), float(height - 0.03)),
                        half=(half[0], half[1], 0.0),
                        colour=colour,
                        panel=True,
                    )
                )
        place.add([thing(Kind.LAMP, bodies)], solid=False)
        return lamps
    for _ in range(dice.count(1, 2)):
        x, y = dice.between(0.3, 0.7) * width, dice.between(0.3, 0.7) * depth
        hanging, lamp = fittings.pendant(dice, ceiling=height)
        place.add([hanging.moved((x, y, 0))])
        lamps.append(replace(lamp, at=(float(lamp.at[0] + x), float(lamp.at[1] + y), float(lamp.at[2]))))
    return lamps
