"""Cars, vans, lorries and bicycles; their front is towards +y."""

import math

import numpy as np

from leadline.render.palette import Dice
from leadline.render.scene import Kind, Thing, about, bar, block, put, thing
from leadline.render.shapes import BOX, CUSHION, CYLINDER, SLAB, prism, tube

_HOOD = prism([(-1, -1), (1, -1), (0.75, 1), (-0.55, 1)])


def car(dice: Dice) -> Thing:
    """Draw a car, a van or a lorry along y, its front towards +y."""
    kind = dice.pick(("car", "car", "car", "van", "lorry"))
    long, tall = {"car": (4.3, 1.45), "van": (5.0, 2.1), "lorry": (7.5, 3.0)}[kind]
    long, tall, wide = (
        long * dice.between(0.85, 1.12),
        tall * dice.between(0.93, 1.08),
        dice.between(1.65, 1.85),
    )
    paint, glass, dark, light = (dice.look(role) for role in ("paint", "dark glass", "rubber", "plastic"))
    side, waist = about(2, math.pi / 2), 0.56 * tall if kind == "car" else 0.48 * tall
    bodies = [put(SLAB, (0, 0, 0.2 + (waist - 0.2) / 2), paint, half=(wide / 2, long / 2, (waist - 0.2) / 2))]
    reach, middle = {"car": (0.33, -0.04), "van": (0.47, -0.02), "lorry": (0.14, 0.34)}[kind]
    cabin = np.array([0, middle * long, (waist + tall) / 2])
    half = np.array([reach * long, 0.43 * wide, (tall - waist) / 2])
    bodies.append(put(_HOOD, cabin, glass, half=half, turn=side))
    bodies.append(
        put(SLAB, cabin + [0, -0.05 * reach * long, half[2]], paint, half=(0.42 * wide, 0.68 * half[0], 0.05))
    )
    for share in (-0.78, 0.05, 0.8):
        low, high = cabin + [0, share * half[0], -half[2]], cabin + [0, 0.68 * share * half[0], half[2]]
        for x in (-0.435 * wide, 0.435 * wide):
            bodies.append(bar(low + [x, 0, 0], high + [x, 0, 0], radius=0.035, material=paint))
    if kind == "lorry":
        bodies.append(
            block((-wide / 2, -0.5 * long, 0.6), (wide / 2, 0.17 * long, tall), dice.look("package"))
        )
    radius = 0.3 if kind == "car" else 0.38
    for y in (-0.31 * long, 0.32 * long):
        for x in (-0.5 * wide, 0.5 * wide):
            bodies.append(
                bar(
                    (x - 0.11, y, radius), (x + 0.11, y, radius), radius=radius, material=dark, shape=CYLINDER
                )
            )
            bodies.append(
                bar(
                    (x - 0.115, y, radius),
                    (x + 0.115, y, radius),
                    radius=0.6 * radius,
                    material=dice.look("metal"),
                    shape=CYLINDER,
                )
            )
    for x in (-0.36 * wide, 0.36 * wide):
        bodies.append(put(CUSHION, (x, 0.49 * long, 0.62 * waist + 0.1), light, half=(0.17, 0.06, 0.08)))
        bodies.append(
            put(BOX, (x, -0.49 * long, 0.62 * waist + 0.12), dice.look("plastic"), half=(0.15, 0.04, 0.07))
        )
    bodies.append(put(BOX, (0, 0.5 * long, 0.42), dark, half=(0.3 * wide, 0.02, 0.07)))
    return thing(Kind.VEHICLE, bodies)


def bicycle(dice: Dice) -> Thing:
    """Draw a bicycle along y: two spoked wheels and thin tubes."""
    look, dark, r = dice.look("paint"), dice.look("rubber"), 0.33
    ring = np.linspace(0, math.tau, 25)
    circle = np.stack([np.zeros(25), r * np.cos(ring), r * np.sin(ring)], 1)
    hubs = [np.array([0, y, r + 0.02]) for y in (-0.52, 0.52)]
    bodies = [put(tube(circle, 0.018, sides=5), hub, dark) for hub in hubs]
    for hub in hubs:
        bodies += [bar(hub - spoke, hub + spoke, radius=0.002, material=dark) for spoke in circle[:12]]
    crank, saddle, head = np.array([0, -0.1, 0.3]), np.array([0, -0.22, 0.9]), np.array([0, 0.36, 0.95])
    low_head = head - [0, -0.05, 0.25]
    tubes = [
        (crank, saddle),
        (crank, low_head),
        (saddle - [0, 0, 0.12], head - [0, 0, 0.1]),
        (hubs[0], crank),
        (hubs[0], saddle - [0, 0, 0.15]),
        (head, low_head),
        (low_head, hubs[1]),
    ]
    bodies += [bar(a, b, radius=0.016, material=look) for a, b in tubes]
    bodies.append(bar(head + [-0.28, 0, 0.06], head + [0.28, 0, 0.06], radius=0.013, material=dark))
    bodies.append(put(CUSHION, saddle + [0, 0, 0.03], dark, half=(0.07, 0.13, 0.035)))
    return thing(Kind.VEHICLE, bodies)
