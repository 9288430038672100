"""People and animals out of smooth bodies, in poses drawn joint by joint. They face +y."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leadline.render.materials import Material, plain
from leadline.render.palette import Dice
from leadline.render.scene import Body, Kind, Point, Thing, about, put, thing
from leadline.render.shapes import SPHERE, superball, tube

_TORSO = superball(0.8, 0.7)


def limb(joints: Sequence[Point], radii: Sequence[float], material: Material) -> Body:
    """Run a soft tube through joints, thick as `radii` say there, rounded at both ends."""
    knots, fine = np.arange(len(joints)), np.linspace(0, len(joints) - 1, 4 * len(joints) - 3)
    path = np.stack(
        [
            np.interp(fine, knots, axis)
            for axis in np.stack([np.asarray(joint, float) for joint in joints], 1)
        ],
        1,
    )
    path[1:-1] = (path[:-2] + 2 * path[1:-1] + path[2:]) / 4
    thick = np.interp(fine, knots, radii)
    ahead, back = path[-1] - path[-2], path[0] - path[1]
    tip = path[-1] + ahead / np.linalg.norm(ahead) * radii[-1] * 0.7
    root = path[0] + back / np.linalg.norm(back) * radii[0] * 0.7
    path = np.concatenate([[root], path, [tip]])
    return put(
        tube(path, np.concatenate([[0.5 * radii[0]], thick, [0.5 * radii[-1]]]), sides=8), (0, 0, 0), material
    )


def ball(at: Point, half: Point, material: Material, *, tilt: float = 0.0) -> Body:
    """Put an ellipsoid somewhere, its front raised by `tilt` radians."""
    return put(SPHERE, at, material, half=half, turn=about(0, tilt))


def person(dice: Dice, *, sitting: bool = False) -> Thing:
    """Draw a person of 1 to 1.95 m: standing, walking, reaching, or sitting on something 0.45 m high."""
    h = dice.between(1.5, 1.95) if dice.chance(0.8) else dice.between(1.0, 1.5)
    girth = dice.between(0.85, 1.35)
    skin, shirt, trousers, hair = (dice.look(role) for role in ("skin", "shirt", "trousers", "hair"))
    shoe, skirt = dice.look("rubber"), dice.chance(0.25)
    hip, stride, lean = (0.50 if sitting else 0.52 * h), dice.normal(0.13), dice.normal(0.04)
    chest = np.array([0, lean * h, hip + 0.22 * h])
    neck = np.array([0, lean * 1.4 * h, hip + 0.33 * h])
    head = neck + [dice.normal(0.01), 0.02 * h, 0.095 * h]
    bodies = [
        put(
            _TORSO,
            (chest + [0, 0, hip]) / [1, 2, 2],
            shirt,
            half=(0.1 * h * girth, 0.068 * h * girth, 0.17 * h),
        ),
        ball(chest + [0, 0, 0.03 * h], (0.118 * h * girth, 0.07 * h * girth, 0.09 * h), shirt),
        ball((0, 0, hip), (0.098 * h * girth, 0.075 * h * girth, 0.075 * h), trousers),
        limb([neck - [0, 0, 0.03 * h], head], [0.032 * h, 0.03 * h], skin),
        ball(head, (0.045 * h, 0.056 * h, 0.066 * h), skin),
        ball(head + [0, -0.012 * h, 0.016 * h], (0.05 * h, 0.056 * h, 0.062 * h), hair),
    ]
    if dice.chance(0.35):
        bodies.append(ball(head + [0, -0.035 * h, -0.04 * h], (0.045 * h, 0.03 * h, 0.085 * h), hair))
    for side in (-1, 1):
        step = 0.0 if sitting else side * stride * h
        root = np.array([side * 0.055 * h * girth, 0, hip])
        ankle = np.array([side * 0.06 * h, step + (0.24 * h if sitting else 0), 0.03 * h])
        knee = np.array(
            [
                side * 0.06 * h,
                0.25 * h if sitting else max(step, 0) * 0.6 + 0.03 * h,
                0.47 if sitting else 0.28 * h,
            ]
        )
        bodies.append(limb([root, knee, ankle], [0.055 * h * girth, 0.042 * h, 0.03 * h], trousers))
        bodies.append(ball(ankle + [0, 0.04 * h, -0.008 * h], (0.028 * h, 0.075 * h, 0.024 * h), shoe))
        bodies += _arm(
            dice, chest + [side * 0.118 * h * girth, 0, 0.06 * h], side=side, h=h, cloth=shirt, skin=skin
        )
    if skirt and not sitting:
        bodies.append(
            limb([(0, 0, hip + 0.05 * h), (0, 0, 0.26 * h)], [0.09 * h * girth, 0.15 * h], trousers)
        )
    return thing(Kind.PERSON, bodies)


def _arm(
    dice: Dice, shoulder: np.ndarray, *, side: int, h: float, cloth: Material, skin: Material
) -> list[Body]:
    """Draw an arm hanging, bent, reaching forward or raised."""
    upper, lower = dice.pick(
        ((-1.4, -1.3), (-1.4, -1.2), (-1.3, -0.2), (-0.9, 0.3), (-0.2, 0.2), (0.5, 1.2), (-1.2, 0.6))
    )
    out = dice.between(0.1, 0.5)

    def onward(start: np.ndarray, pitch: float, reach: float) -> np.ndarray:
        flat = math.cos(pitch)
        return start + reach * np.array([side * math.sin(out) * flat, math.cos(out) * flat, math.sin(pitch)])

    elbow = onward(shoulder, upper + dice.normal(0.15), 0.17 * h)
    hand = onward(elbow, lower + dice.normal(0.2), 0.16 * h)
    sleeve = skin if dice.chance(0.4) else cloth
    return [
        limb([shoulder, elbow], [0.038 * h, 0.03 * h], cloth),
        limb([elbow, hand], [0.028 * h, 0.02 * h], sleeve),
        ball(hand, (0.02 * h, 0.028 * h, 0.028 * h), skin),
    ]


@dataclass(frozen=True, slots=True)
class Beast:
    """Proportions of a four-legged animal, in heights of its back."""

    height: tuple[float, float]
    """Metres from the ground to the back."""
    length: float
    girth: float
    leg: float
    """How far the legs lift the belly."""
    neck: float
    rise: float
    """Radians of the neck over the level."""
    head: float
    snout: float
    ear: float
    tail: float
    horns: float = 0.0


BEASTS = {
    "dog": Beast((0.25, 0.7), 1.15, 0.25, 0.55, 0.32, 0.9, 0.17, 0.2, 0.16, 0.5),
    "cat": Beast((0.22, 0.3), 1.2, 0.24, 0.5, 0.2, 0.7, 0.2, 0.06, 0.16, 0.9),
    "horse": Beast((1.3, 1.7), 1.05, 0.22, 0.58, 0.5, 0.9, 0.13, 0.28, 0.1, 0.5),
    "cow": Beast((1.2, 1.5), 1.25, 0.3, 0.45, 0.3, 0.35, 0.16, 0.2, 0.14, 0.5, 0.18),
    "sheep": Beast((0.6, 0.8), 1.2, 0.36, 0.4, 0.2, 0.6, 0.17, 0.14, 0.14, 0.15),
    "deer": Beast((0.9, 1.3), 1.0, 0.2, 0.6, 0.5, 1.0, 0.12, 0.18, 0.14, 0.12, 0.5),
    "elephant": Beast((2.2, 3.2), 1.1, 0.34, 0.4, 0.15, 0.2, 0.22, 0.5, 0.3, 0.35),
    "rabbit": Beast((0.15, 0.25), 1.2, 0.36, 0.25, 0.18, 0.9, 0.26, 0.06, 0.42, 0.12),
    "pig": Beast((0.6, 0.9), 1.4, 0.36, 0.35, 0.15, 0.1, 0.2, 0.16, 0.16, 0.15),
}  # fmt: skip


def beast(dice: Dice, name: str) -> Thing:
    """Draw a four-legged animal of `BEASTS`: standing, grazing, or lying."""
    kind = BEASTS[name]
    h, coat, dark = dice.between(*kind.height), dice.look("coat"), dice.look("rubber")
    girth, lying = kind.girth * h * dice.between(0.9, 1.15), dice.chance(0.15)
    belly = 0.05 * h if lying else kind.leg * h
    back, long = belly + girth, 0.5 * kind.length * h
    rise = kind.rise + dice.normal(0.25) - (1.3 if dice.chance(0.2) and not lying else 0)
    chest = np.array([0, 0.75 * long, back + 0.05 * h])
    crown = chest + kind.neck * h * np.array([dice.normal(0.2), math.cos(rise), math.sin(rise)])
    nose = crown + kind.snout * h * np.array([0, math.cos(rise * 0.2 - 0.5), math.sin(rise * 0.2 - 0.5)])
    head = kind.head * h
    bodies = [
        limb(
            [(0, -long, back), (0, -0.2 * long, back - 0.03 * h), (0, long, back)],
            [girth * 0.85, girth, girth * 0.95],
            coat,
        ),
        limb([chest, crown], [girth * 0.65, head * 0.55], coat),
        ball(crown, (head * 0.55, head * 0.75, head * 0.6), coat, tilt=-0.3),
        limb([crown, nose], [head * 0.5, head * 0.28], coat),
        ball(nose, (head * 0.2, head * 0.2, head * 0.18), dark),
    ]
    for side in (-1, 1):
        ear = crown + [side * head * 0.45, -0.2 * head, head * 0.45 + kind.ear * h * 0.4]
        bodies.append(ball(ear, (head * 0.2, head * 0.12, kind.ear * h * 0.6), coat, tilt=dice.normal(0.2)))
        eye = crown + [side * head * 0.48, 0.35 * head, 0.15 * head]
        bodies.append(ball(eye, (head * 0.09,) * 3, dark))
        if kind.horns:
            base = crown + [side * head * 0.25, 0, head * 0.5]
            tip = base + kind.horns * h * np.array([side * 0.5, -0.2, 0.8])
            bodies.append(
                limb(
                    [base, (base + tip) / 2 + [side * 0.1 * h, 0, 0], tip],
                    [0.025 * h, 0.02 * h, 0.008 * h],
                    dark,
                )
            )
        for front in (-1, 1):
            bodies.append(
                _leg(
                    dice,
                    np.array([side * girth * 0.5, front * 0.8 * long, back - 0.3 * girth]),
                    belly,
                    h,
                    coat,
                    lying=lying,
                )
            )
    tail = np.array([0, -1.02 * long, back])
    droop = np.array([dice.normal(0.2), -0.5, dice.pick((-0.8, 0.6))]) * kind.tail * h
    bodies.append(
        limb(
            [tail, tail + 0.5 * droop + [0, -0.05 * h, 0], tail + droop],
            [0.05 * h, 0.035 * h, 0.02 * h],
            coat,
        )
    )
    return thing(Kind.ANIMAL, bodies)


def _leg(dice: Dice, hip: np.ndarray, belly: float, h: float, coat: Material, *, lying: bool) -> Body:
    thick = 0.075 * h
    if lying:
        return limb(
            [hip, (hip[0] * 1.6, hip[1], thick), (hip[0] * 1.6, hip[1] + 0.3 * h, 0.7 * thick)],
            [thick] * 2 + [0.7 * thick],
            coat,
        )
    swing = dice.normal(0.06) * h
    foot = (hip[0], hip[1] + swing, 0.035 * h)
    return limb(
        [hip, (hip[0], hip[1] - 0.04 * h, 0.55 * belly), foot], [thick * 1.3, thick * 0.8, thick * 0.6], coat
    )


def bird(dice: Dice) -> Thing:
    """Draw a bird of 0.15 to 1 m on its feet: body, neck, beak, wings, tail."""
    h, coat, dark = dice.spread(0.12, 0.6), dice.look("coat"), dice.look("rubber")
    beak = plain(dice.colour("food"))
    legs, neck, tilt = dice.between(0.3, 0.9) * h, dice.between(0.2, 0.8) * h, dice.between(0.1, 0.7)
    centre = np.array([0, 0, legs + 0.4 * h])
    chest = centre + [0, 0.38 * h, 0.2 * h]
    head = chest + [0, 0.15 * h, neck]
    bodies = [
        ball(centre, (0.3 * h, 0.58 * h, 0.33 * h), coat, tilt=tilt),
        limb([chest, head], [0.17 * h, 0.1 * h], coat),
        ball(head, (0.12 * h, 0.16 * h, 0.13 * h), coat),
        limb([head + [0, 0.1 * h, 0], head + [0, 0.34 * h, -0.03 * h]], [0.05 * h, 0.01 * h], beak),
        limb(
            [centre - [0, 0.4 * h, 0.15 * h], centre - [0, 1.0 * h, 0.35 * h]],
            [0.14 * h, 0.07 * h],
            dice.look("coat"),
        ),
    ]
    for side in (-1, 1):
        wing = (centre + [side * 0.27 * h, -0.08 * h, 0.03 * h]).tolist()
        bodies.append(
            ball(
                wing,
                (0.07 * h, 0.5 * h, 0.22 * h),
                dice.look("coat") if dice.chance(0.1) else coat,
                tilt=tilt,
            )
        )
        hip = (side * 0.12 * h, 0, legs + 0.15 * h)
        bodies.append(limb([hip, (side * 0.12 * h, 0.03 * h, 0.02 * h)], [0.03 * h, 0.022 * h], beak))
        bodies.append(ball((side * 0.12 * h, 0.08 * h, 0.015 * h), (0.05 * h, 0.11 * h, 0.015 * h), beak))
        bodies.append(ball((head + [side * 0.1 * h, 0.06 * h, 0.03 * h]).tolist(), (0.025 * h,) * 3, dark))
    return thing(Kind.ANIMAL, bodies)


def animal(dice: Dice, *names: str) -> Thing:
    """Draw one of the named animals, or any; one in five is a bird."""
    if dice.chance(0.2):
        return bird(dice)
    return beast(dice, dice.pick(names or tuple(BEASTS)))
