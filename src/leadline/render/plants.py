"""Plants: a skeleton of tubes that forks, leaves at its ends, flowers, grass, and what lies in a forest."""

import math

import numpy as np

from leadline.render.materials import Material
from leadline.render.palette import Dice
from leadline.render.scene import Body, Kind, Thing, bar, put, stand, thing, towards
from leadline.render.shapes import BUCKET, CYLINDER, SPHERE, grass, lathe, leaves, tube


def _grow(
    dice: Dice, start: np.ndarray, *, way: np.ndarray, length: float, radius: float, forks: int
) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[np.ndarray]]:
    """Grow a crooked branch and those that leave it; return their (path, radii), and places for leaves."""
    path = [start]
    for _ in range(4):
        way = way + dice.rng.normal(0, 0.16, 3)
        way /= np.linalg.norm(way)
        path.append(path[-1] + way * length / 4)
    branches, tips = [(np.stack(path), np.linspace(radius, 0.6 * radius, 5))], path[2:]
    if forks:
        tips = []
        for _ in range(dice.count(2, 4)):
            side = way + dice.rng.normal(0, 0.65, 3)
            side[2] = 0.8 * abs(side[2]) + 0.1
            at = path[-1 - dice.count(0, 2)]
            more, ends = _grow(
                dice,
                at,
                way=side / np.linalg.norm(side),
                length=length * dice.between(0.5, 0.8),
                radius=0.6 * radius,
                forks=forks - 1,
            )
            branches += more
            tips += ends
    return branches, tips


def tree(dice: Dice, height: float, *, leafage: int = 1500) -> Thing:
    """Draw a tree: broad-leaved, bare, or a fir."""
    bark, leaf = dice.look("bark"), dice.look("leaf")
    if dice.chance(0.25):
        return _fir(dice, height, bark=bark, leaf=leaf, leafage=leafage)
    trunk = dice.between(0.25, 0.45) * height
    branches, tips = _grow(
        dice,
        np.array([0, 0, -0.1]),
        way=np.array([dice.normal(0.08), 0.0, 1]),
        length=trunk,
        radius=height * dice.between(0.015, 0.035),
        forks=dice.count(2, 3),
    )
    bodies = [put(tube(path, radii, sides=6), (0, 0, 0), bark) for path, radii in branches[:40]]
    if dice.chance(0.88):
        places = np.stack(tips)[dice.rng.integers(len(tips), size=leafage)]
        cloud = height * dice.between(0.04, 0.09)
        places = places + dice.rng.normal(0, cloud, places.shape)
        bodies.append(
            put(leaves(dice.rng, places, size=height * dice.between(0.012, 0.028)), (0, 0, 0), leaf)
        )
    return thing(Kind.TREE, bodies)


def _fir(dice: Dice, height: float, *, bark: Material, leaf: Material, leafage: int) -> Thing:
    """Draw rings of needles around a straight trunk, hanging outwards."""
    low, wide = dice.between(0.05, 0.3) * height, dice.between(0.15, 0.28) * height
    up = low + (height - low) * dice.rng.random(leafage) ** 1.3
    out = wide * (1 - (up - low) / (height - low)) * (0.25 + 0.75 * dice.rng.random(leafage) ** 0.5)
    angle = dice.rng.uniform(0, math.tau, leafage)
    up = up - 0.25 * out
    places = np.stack([out * np.cos(angle), out * np.sin(angle), up], 1)
    needles = leaves(dice.rng, places, size=0.03 * height, slender=0.3, droop=0.5)
    trunk = tube(
        np.array([[0, 0, -0.1], [0, 0, 0.5 * height], [0, 0, height]]),
        np.array([0.022, 0.014, 0.002]) * height,
    )
    return thing(Kind.TREE, [put(trunk, (0, 0, 0), bark), put(needles, (0, 0, 0), leaf)])


def bush(dice: Dice, size: float) -> Thing:
    """Draw a bush: leaves all over a lump, or a lump with a leafy surface seen through them."""
    half = size * dice.rng.uniform([0.6, 0.6, 0.5], [1.3, 1.3, 1.1])
    places = dice.rng.normal(size=(900, 3))
    places *= half / np.linalg.norm(places, axis=1, keepdims=True) * dice.rng.uniform(0.85, 1.1, (900, 1))
    places = places[places[:, 2] > -0.3 * half[2]] + [0, 0, 0.4 * half[2]]
    core = put(SPHERE, (0, 0, 0.4 * half[2]), dice.look("hedge"), half=0.88 * half)
    bodies = [
        core,
        put(leaves(dice.rng, places, size=size * dice.between(0.06, 0.12)), (0, 0, 0), dice.look("leaf")),
    ]
    if dice.chance(0.3):
        blossoms = places[dice.rng.integers(len(places), size=40)] * 1.03
        bodies.append(
            put(leaves(dice.rng, blossoms, size=size * 0.07, slender=0.9), (0, 0, 0), dice.look("petal"))
        )
    return thing(Kind.PLANT, bodies)


def pot_plant(dice: Dice, height: float) -> Thing:
    """Draw a plant in a pot: a small shrub, broad leaves on stalks, or spikes."""
    wide, kind = height * dice.between(0.12, 0.22), dice.count(0, 2)
    pot = stand(
        dice.pick((BUCKET, CYLINDER)),
        (0, 0, 0),
        size=(2 * wide, 2 * wide, 1.6 * wide),
        material=dice.look("ceramic"),
    )
    if pot.shape is BUCKET:
        pot = put(BUCKET, pot.centre, pot.material, half=pot.half, turn=np.diag([1.0, -1.0, -1.0]))
    rim, leaf = np.array([0, 0, 1.55 * wide]), dice.look("leaf")
    if kind == 0:
        branches, tips = _grow(
            dice, rim, way=np.array([0, 0, 1.0]), length=0.4 * height, radius=0.012 * height, forks=2
        )
        bodies = [
            put(tube(path, radii, sides=5), (0, 0, 0), dice.look("bark")) for path, radii in branches[:20]
        ]
        places = np.stack(tips)[dice.rng.integers(len(tips), size=250)] + dice.rng.normal(
            0, 0.05 * height, (250, 3)
        )
        return thing(
            Kind.PLANT, [pot, *bodies, put(leaves(dice.rng, places, size=0.05 * height), (0, 0, 0), leaf)]
        )
    bodies = [pot]
    for _ in range(dice.count(8, 20)):
        reach, up, angle = dice.between(0.1, 0.45) * height, dice.between(0.5, 1) * height, dice.turn()
        out = np.array([math.cos(angle), math.sin(angle), 0])
        path = np.stack(
            [rim, rim + out * 0.4 * reach + [0, 0, 0.6 * up], rim + out * reach + [0, 0, 0.75 * up]]
        )
        if kind == 1:
            bodies.append(put(tube(path, 0.006 * height, sides=5), (0, 0, 0), leaf))
            blade = put(
                SPHERE,
                path[2],
                leaf,
                half=(0.01 * height, 0.07 * height, 0.13 * height),
                turn=towards(path[2] - path[1]),
            )
            bodies.append(blade)
        else:
            bodies.append(put(tube(path, np.array([0.03, 0.025, 0.002]) * height, sides=4), (0, 0, 0), leaf))
    return thing(Kind.PLANT, bodies)


def flowers(dice: Dice, height: float, *, spread: float, count: int) -> Thing:
    """Draw flowers on stems around a place: petals around a disc."""
    stem, petal, heart = dice.look("leaf"), dice.look("petal"), dice.look("food")
    bodies: list[Body] = []
    for _ in range(count):
        foot = np.append(dice.rng.normal(0, spread, 2), 0)
        top = foot + [dice.normal(0.15 * height), dice.normal(0.15 * height), height * dice.between(0.7, 1.2)]
        bodies.append(bar(foot, top, radius=0.008 * height, material=stem))
        size, ring = (
            height * dice.between(0.06, 0.14),
            np.linspace(0, math.tau, dice.count(5, 9), endpoint=False),
        )
        tilt = towards(np.array([dice.normal(0.5), dice.normal(0.5), 1]))
        for angle in ring:
            out = tilt @ np.array([math.cos(angle), math.sin(angle), 0.2])
            side = tilt @ np.array([-math.sin(angle), math.cos(angle), 0])
            turn = np.stack([out, side, np.cross(out, side)], 1)
            bodies.append(
                put(
                    SPHERE,
                    top + 0.7 * size * out,
                    petal,
                    half=(0.6 * size, 0.28 * size, 0.05 * size),
                    turn=turn,
                )
            )
        bodies.append(put(SPHERE, top, heart, half=(0.3 * size,) * 3))
    return thing(Kind.PLANT, bodies)


def meadow(dice: Dice, *, count: int, near: float, far: float, height: float) -> Thing:
    """Draw blades of grass over the ground ahead, denser where it is nearer."""
    away = near + (far - near) * dice.rng.random(count) ** 1.7
    angle = dice.rng.uniform(0, math.tau, count)
    roots = np.stack([away * np.cos(angle), away * np.sin(angle), np.zeros(count)], 1)
    return thing(Kind.PLANT, [put(grass(dice.rng, roots, height=height), (0, 0, 0), dice.look("leaf"))])


def mushroom(dice: Dice, height: float) -> Thing:
    """Draw a mushroom: a stem and a cap."""
    cap = lathe([(0, 0.55), (0.5, 0.5), (0.62, 0.55), (0.5, 0.85), (0.2, 0.99), (0, 1)])
    stem = lathe([(0, 0), (0.16, 0), (0.12, 0.3), (0.1, 0.6)])
    cap_look, stem_look = dice.look("food"), dice.look("skin")
    size = (height * dice.between(0.6, 1.2),) * 2 + (height,)
    return thing(
        Kind.PLANT, [put(stem, (0, 0, 0), stem_look, half=size), put(cap, (0, 0, 0), cap_look, half=size)]
    )


def log(dice: Dice) -> Thing:
    """Draw a fallen trunk, crooked, on the ground."""
    long, radius = dice.between(1.5, 7), dice.between(0.08, 0.35)
    x = np.linspace(-0.5, 0.5, 7) * long
    path = np.stack([x, dice.rng.normal(0, 0.04 * long, 7), np.full(7, 0.85 * radius)], 1)
    return thing(
        Kind.TREE,
        [put(tube(path, np.linspace(radius, 0.7 * radius, 7), sides=9), (0, 0, 0), dice.look("bark"))],
    )
