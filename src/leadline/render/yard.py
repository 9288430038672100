"""What layouts under the sky share: a table of things, strewn over the ground, and the air above."""

import math
from collections.abc import Callable

from leadline.render import outdoors, plants, vehicles
from leadline.render.arrange import Arrangement
from leadline.render.figures import BEASTS, animal, beast, person
from leadline.render.furniture import chair
from leadline.render.light import draw_sky
from leadline.render.objects import SETTINGS
from leadline.render.palette import Dice
from leadline.render.scene import Scene, Thing, Vantage

Maker = Callable[[Dice], Thing]


def _tree(low: float, high: float, leafage: int) -> Maker:
    return lambda dice: plants.tree(dice, dice.between(low, high), leafage=leafage)


def _beast(name: str) -> Maker:
    return lambda dice: beast(dice, name)


YARD: dict[str, Maker] = {
    "shrub": _tree(2, 7, 1200),
    "tree": _tree(4, 9, 1200),
    "tall": _tree(5, 16, 800),
    "bush": lambda dice: plants.bush(dice, dice.spread(0.2, 1.0)),
    "blooms": lambda dice: plants.flowers(dice, dice.between(0.2, 0.7), spread=0.25, count=dice.count(3, 14)),
    "mushroom": lambda dice: plants.mushroom(dice, dice.between(0.06, 0.25)),
    "log": plants.log,
    "rock": lambda dice: outdoors.boulder(dice, dice.spread(0.15, 1.5)),
    "fence": lambda dice: outdoors.fence(dice, dice.between(3, 10)),
    "pole": outdoors.pole,
    "bench": outdoors.bench,
    "bin": outdoors.bin,
    "chair": chair,
    "litter": lambda dice: dice.pick(SETTINGS["floor"])(dice),
    "car": vehicles.car,
    "bicycle": vehicles.bicycle,
    "motorbike": vehicles.motorbike,
    "person": person,
    "animal": animal,
    "pet": lambda dice: animal(dice, "dog", "cat", "rabbit"),
    **{name: _beast(name) for name in BEASTS},
}
"""Name -> what draws it."""


def draw_one(dice: Dice, names: str) -> Thing:
    """Draw one of several things of `YARD`; one named twice is twice as likely."""
    return YARD[dice.pick(names.split())](dice)


def scatter(
    dice: Dice,
    place: Arrangement,
    names: str,
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
        place.place([draw_one(dice, names)], (x, y, z), yaw=dice.turn())


def finish_outside(dice: Dice, layout: str, place: Arrangement, vantage: Vantage) -> Scene:
    """Add a sky and air that is clear, hazy or foggy."""
    haze = dice.pick((math.inf, math.inf, 3000.0, 3000.0, 800.0, dice.spread(60, 400)))
    return Scene(layout=layout, things=tuple(place.things), sky=draw_sky(dice), vantage=vantage, haze=haze)
