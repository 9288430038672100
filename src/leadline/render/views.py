"""Where a camera stands, and which views are worth showing."""

import math

import numpy as np
from jaxtyping import Integer

from leadline.render.materials import Finish
from leadline.render.palette import Dice
from leadline.render.raycast import Caster, Hits, dot
from leadline.render.scene import STRUCTURE, Camera, Kind, Scene, Thing, aim
from leadline.types import Size

PROBE = Size(36, 48)
"""Rays that judge a view; the same for every picture size, so that the size never changes the scene."""

_TRIES = 30
_NEAREST = 0.2
_LARGEST = 0.4
"""Share of a view that one thing may fill, unless a place is made of it."""
_LARGEST_FURNITURE = 0.6
_STUFF = 0.2
"""Share of a view that must be something else than sky, ground and walls."""


def draw_camera(dice: Dice, scene: Scene, caster: Caster) -> Camera | None:
    """Draw views until one is worth showing; `None` where the scene has hardly any."""
    for _ in range(_TRIES):
        if dice.chance(scene.vantage.close):
            camera = _close_up(dice, scene)
        elif dice.chance(scene.vantage.across):
            camera = _across(dice, scene)
        elif dice.chance(scene.vantage.down):
            camera = _down(dice, scene)
        else:
            camera = _overview(dice, scene)
        hits = caster.cast(camera.position.astype(np.float32), camera.rays(PROBE))
        if worth_showing(scene, caster, camera, hits):
            return camera
    return None


def _overview(dice: Dice, scene: Scene) -> Camera:
    """Look from one place of the vantage towards another, as a person with a camera does."""
    eye, target = dice.rng.uniform(*scene.vantage.eyes), dice.rng.uniform(*scene.vantage.targets)
    choices = _worth_a_look(scene)
    if choices and dice.chance(0.6):
        target = dice.rng.uniform(*dice.pick(choices).bounds())
    return _look(dice, eye, target, fov=dice.pick((dice.between(25, 100), dice.between(45, 75))), tilt=4)


def _down(dice: Dice, scene: Scene) -> Camera:
    """Look down at the foot of things and the floor around, as a camera that is carried through a room."""
    eye, target = dice.rng.uniform(*scene.vantage.eyes), dice.rng.uniform(*scene.vantage.targets)
    target[2] = eye[2] - math.tan(math.radians(dice.between(10, 50))) * np.hypot(*(target - eye)[:2])
    return _look(dice, eye, target, fov=dice.between(45, 75), tilt=4)


def _across(dice: Dice, scene: Scene) -> Camera:
    """Look over or past one thing at what lies behind it, as one who stands or sits at a table does."""
    choices = _worth_a_look(scene)
    if not choices:
        return _overview(dice, scene)
    [low, high], target = dice.pick(choices).bounds(), dice.rng.uniform(*scene.vantage.targets)
    back = ((low + high) / 2 - target)[:2]
    distance = float(np.hypot(*back))
    back /= max(distance, 1e-6)
    reach = float(np.hypot(*(high - low)[:2])) / 2 + dice.between(0.0, 0.8)
    aside = dice.normal(0.5) * reach * np.array([-back[1], back[0]])
    eye = target + np.append(back * (distance + reach) + aside, 0.0)
    eye[2] = high[2] + dice.between(0.15, 0.9)
    return _look(dice, np.clip(eye, *scene.vantage.eyes), target, fov=dice.between(45, 75), tilt=4)


def _close_up(dice: Dice, scene: Scene) -> Camera:
    """Look at one thing from near by, from the front or from above, inside the vantage's space."""
    choices = _worth_a_look(scene)
    if not choices:
        return _overview(dice, scene)
    low, high = dice.pick(choices).bounds()
    size = min(float(np.linalg.norm(high - low)), 2.5)
    fov = dice.between(25, 60)
    away = max(size / (2 * math.tan(math.radians(fov) / 2)) * dice.between(0.9, 2.2), 0.25)
    up, turn = math.radians(dice.between(-3, 45)), dice.turn()
    target = low + (high - low) * dice.rng.uniform([0.3, 0.3, 0.3], [0.7, 0.7, 0.8])
    eye = target + away * np.array(
        [math.cos(up) * math.cos(turn), math.cos(up) * math.sin(turn), math.sin(up)]
    )
    return _look(dice, eye, target, fov=fov, tilt=2)


def _worth_a_look(scene: Scene) -> list[Thing]:
    things = [scene.things[number] for number in scene.vantage.about[1:]] or scene.things
    return [thing for thing in things if thing.kind not in STRUCTURE]


def _look(dice: Dice, eye: np.ndarray, target: np.ndarray, *, fov: float, tilt: float) -> Camera:
    """Point a camera, a little off and hardly ever quite level."""
    way = target - eye
    pitch = math.atan2(way[2], math.hypot(way[0], way[1]))
    return aim(
        eye,
        yaw=math.atan2(way[1], way[0]) + math.radians(dice.normal(tilt)),
        pitch=pitch + math.radians(dice.normal(tilt)),
        roll=math.radians(dice.normal(2) if dice.chance(0.75) else dice.normal(10)),
        fov=math.radians(fov),
    )


def worth_showing(scene: Scene, caster: Caster, camera: Camera, hits: Hits) -> bool:
    """Whether a view teaches something.

    Not where one thing fills more than 40 % (furniture 60, walls and what things rest on 80), sky more than
    75 %, something is nearer than 0.2 m, fewer than three things are seen, walls, grounds and sky leave less
    than 20 %, or the camera stands inside something.
    """
    if hits.depth.min() < _NEAREST:
        return False
    things = thing_ids(caster, hits)
    share = np.bincount(things + 1, minlength=len(scene.things) + 1) / len(things)
    ground = np.array([thing.kind in STRUCTURE for thing in scene.things])
    ground[scene.vantage.about[:1]] = True
    furniture = np.array([thing.kind is Kind.FURNITURE for thing in scene.things])
    limits = np.array([0.75, *np.select([ground, furniture], [0.8, _LARGEST_FURNITURE], _LARGEST)])
    stuff = share[1:][~ground].sum()
    if (share > limits).any() or (share > 0.004).sum() < 3 or stuff < _STUFF:
        return False
    seen = np.flatnonzero(hits.triangle >= 0)
    mesh, rays = caster.mesh, camera.rays(PROBE)[seen]
    a, b, c = np.moveaxis(mesh.corners[hits.triangle[seen]], 1, 0)
    inside = dot(np.cross(b - a, c - a), rays) > 0
    thin = np.isin(caster.finish[mesh.body[hits.triangle[seen]]], (Finish.LEAF, Finish.GLASS))
    return bool((inside & ~thin).mean() < 0.02)


def thing_ids(caster: Caster, hits: Hits) -> Integer[np.ndarray, " n"]:
    """Index of the thing that each ray met; -1 is sky."""
    return np.where(hits.triangle < 0, -1, caster.thing_of_body[caster.mesh.body[hits.triangle]])
