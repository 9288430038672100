"""Cars, vans, lorries, bicycles and motorbikes; their front is towards +y."""

import math

import numpy as np

from leadline.render.materials import Material
from leadline.render.palette import Dice
from leadline.render.scene import Body, Kind, Thing, about, bar, block, put, thing
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
    look, dark = dice.look("paint"), dice.look("rubber")
    hubs = [np.array([0, y, 0.35]) for y in (-0.52, 0.52)]
    bodies = [
        body for hub in hubs for body in _wheel(hub, 0.33, tyre=0.018, spoke=0.002, look=dark, rim=dark)
    ]
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


def motorbike(dice: Dice) -> Thing:
    """Draw a motorbike or a scooter along y: thick wheels, tank, seat, engine, handlebar, exhaust."""
    paint, dark, metal, chrome = (dice.look(role) for role in ("paint", "rubber", "metal", "chrome"))
    r, half = dice.between(0.22, 0.32), dice.between(0.6, 0.75)
    rear, front = np.array([0, -half, r]), np.array([0, half, r])
    bodies = [
        body
        for hub in (rear, front)
        for body in _wheel(hub, 0.8 * r, tyre=0.2 * r, spoke=0.006, look=dark, rim=metal)
    ]
    head, seat = np.array([0, 0.6 * half, dice.between(0.85, 1.0)]), dice.between(0.68, 0.8)
    for x in (-0.09, 0.09):
        bodies.append(bar(front + [x, 0, 0], head + [x, 0, 0], radius=0.02, material=chrome))
        bodies.append(bar(rear + [x, 0, 0], (x, -0.45 * half, seat - 0.08), radius=0.022, material=metal))
        bodies.append(bar(head + [4 * x, -0.12, 0.12], head + [x, 0, 0], radius=0.014, material=chrome))
        bodies.append(put(CUSHION, head + [4.4 * x, -0.15, 0.13], dark, half=(0.06, 0.03, 0.02)))
    bodies.append(put(CUSHION, (0, 0.2 * half, seat + 0.06), paint, half=(0.15, 0.42 * half, 0.13)))
    bodies.append(put(CUSHION, (0, -0.5 * half, seat), dark, half=(0.14, 0.5 * half, 0.07)))
    bodies.append(put(SLAB, (0, 0.05 * half, r + 0.12), metal, half=(0.14, 0.35 * half, 0.2)))
    bodies.append(put(CUSHION, (0, -0.95 * half, r + 0.25), paint, half=(0.08, 0.3 * half, 0.07)))
    bodies.append(bar(head - [0, 0, 0.08], (0, -0.4 * half, r + 0.1), radius=0.035, material=paint))
    bodies.append(
        bar((0.16, 0.2 * half, r - 0.02), (0.18, -1.2 * half, r + 0.1), radius=0.04, material=chrome)
    )
    bodies.append(put(CUSHION, head + [0, 0.12, 0.02], chrome, half=(0.09, 0.07, 0.09)))
    if dice.chance(0.4):
        bodies.append(
            put(SLAB, head + [0, 0.1, 0.22], dice.look("pane"), half=(0.18, 0.01, 0.18), turn=about(0, 0.4))
        )
    return thing(Kind.VEHICLE, bodies)


def _wheel(
    hub: np.ndarray, radius: float, *, tyre: float, spoke: float, look: Material, rim: Material
) -> list[Body]:
    """Draw an upright wheel along y: a tyre and twelve spokes."""
    ring = np.linspace(0, math.tau, 25)
    circle = np.stack([np.zeros(25), radius * np.cos(ring), radius * np.sin(ring)], 1)
    spokes = [bar(hub - end, hub + end, radius=spoke, material=rim) for end in circle[:12]]
    return [put(tube(circle, tyre, sides=5 if tyre < 0.03 else 8), hub, look), *spokes]
