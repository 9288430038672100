"""Layout of a single large thing, as people photograph what they own, built or sell."""

import math

import numpy as np

from leadline.render import fittings, furniture, vehicles
from leadline.render.arrange import Arrangement, hull
from leadline.render.figures import animal, person
from leadline.render.furniture import Setting, single, strewn
from leadline.render.palette import Dice
from leadline.render.plants import pot_plant
from leadline.render.rooms import COUNTER, ISLAND, ROOMS, furnish, indoors
from leadline.render.scene import Scene, Thing, Vantage
from leadline.render.shell import build, draw_shell, hang_lamps


def _laden_chair(dice: Dice) -> list[Thing]:
    """Draw a chair with things on its seat."""
    chair = furniture.chair(dice)
    return [chair, *strewn(dice, chair.bodies[0], dice.count(1, 3), where="any")]


def _plant(dice: Dice) -> list[Thing]:
    return [pot_plant(dice, dice.between(0.6, 1.8))]


SITTERS: tuple[Setting, ...] = (
    single(furniture.chair), _laden_chair, _laden_chair, single(vehicles.bicycle), single(vehicles.motorbike),
    single(vehicles.motorbike), _plant, _plant, single(fittings.tripod), furniture.sofa, furniture.cabinet,
    furniture.shelf, furniture.desk, furniture.table_with_chairs, single(person), single(animal),
)  # fmt: skip
"""What is portrayed."""


def draw_portrait(dice: Dice, layout: str) -> Scene:
    """Draw one large thing, often with others around, in a room of any kind, seen from near by."""
    room = dice.pick(tuple(ROOMS.values()))
    width, depth, height = dice.between(3, 7), dice.between(3, 7), dice.between(2.4, 3.5)
    place = Arrangement((0, 0, 0), (width, depth, height))
    floor, *shell = draw_shell(dice, room, width, depth=depth, height=height)
    place.add([floor], solid=False)
    middle = np.array([width / 2 + dice.normal(0.3), depth / 2 + dice.normal(0.3), 0])
    sitter, yaw = dice.pick(SITTERS)(dice), dice.turn()
    [low, high] = hull(sitter)
    place.add([piece.moved((*(low + high)[:2] / -2, 0)).moved(middle, yaw=yaw) for piece in sitter])
    about = range(len(place.things))
    [low, high] = hull(place.things[1:])
    build(place, shell)
    lamps = hang_lamps(dice, room, place)
    for _ in range(dice.count(0, 5)):
        draw = dice.pick((*SITTERS, *room.walls))
        group = (ISLAND if draw is COUNTER else draw)(dice)  # no wall is there to hang cupboards on
        place.scatter(dice, group, low=(0.3, 0.3, 0), high=(width - 0.3, depth - 0.3, 0))
    for side in range(4):
        furnish(dice, room, place, side=side)
    turn, reach = dice.turn(), float(np.hypot(*(high - low)[:2])) / 2
    eye = middle + (reach + dice.between(0.4, 1.8)) * np.array([math.cos(turn), math.sin(turn), 0])
    eye = np.clip(eye, 0.3, [width - 0.3, depth - 0.3, 2])
    eyes = (tuple(eye + [-0.2, -0.2, 0.3]), tuple(eye + [0.2, 0.2, dice.between(0.6, 1.7)]))
    inner = 0.2 * (high - low)
    view = Vantage(eyes=eyes, targets=(tuple(low + inner), tuple(high - inner)), close=0.2, about=about)
    return indoors(dice, layout, place, lamps, vantage=view)
