"""Whole scenes: a room, a table top in a room, open ground. Each draws its own camera and light."""

import math
from collections.abc import Sequence

import numpy as np

from leadline.render import props
from leadline.render.materials import Colour, Material, Number, Pattern, draw_material
from leadline.render.props import Rng
from leadline.render.scene import Body, Camera, Light, Scene, Sky, aim, bar, moved, stand, upward
from leadline.render.shapes import BOX, BUCKET, CONE, SPHERE

_FURNITURE: tuple[props.Prop, ...] = (
    *(props.table, props.cabinet, props.shelf, props.sofa, props.chair),
    *(props.lamp, props.plant, props.person),
)
_STREET: tuple[props.Prop, ...] = (
    *(props.tree, props.tree, props.person, props.person, props.car, props.fence),
    *(props.pole, props.pole, props.small_thing, props.chair, props.plant),
)


def draw_scene(rng: Rng) -> Scene:
    """Draw a scene: half of them rooms and table tops, half of them open ground."""
    kind = rng.random()
    if kind < 0.32:
        return draw_room(rng)
    return draw_table_top(rng) if kind < 0.5 else draw_open_ground(rng)


def draw_room(rng: Rng) -> Scene:
    """Draw a furnished room, seen from near one of its ends."""
    width, depth, height = _room_size(rng)
    groups = _shell(rng, (width, depth), height=height)
    for _ in range(rng.integers(0, 12)):
        at = (rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * depth, 0)
        groups.append(moved(_furnish(rng), at, yaw=rng.uniform(0, math.tau)))
    groups += _pendants(rng, (width, depth), height=height)
    eye = np.array([rng.uniform(0.1, 0.9) * width, rng.uniform(0.06, 0.5) * depth, 0])
    eye[2] = min(rng.uniform(0.3, 2.2), height - 0.2)
    goal = np.array([rng.uniform(0.2, 0.8) * width, rng.uniform(0.6, 1) * depth])
    yaw = math.atan2(goal[1] - eye[1], goal[0] - eye[0])
    camera = _camera(rng, eye, yaw=yaw, pitch=rng.normal(-8, 10))
    return _indoors(rng, groups, camera=camera, size=(width, depth, height))


def draw_table_top(rng: Rng) -> Scene:
    """Draw a close view of things on a table, with the room behind."""
    width, depth, height = _room_size(rng)
    groups = _shell(rng, (width, depth), height=height)
    top = rng.uniform(0.4, 0.9)
    size = (rng.uniform(0.8, 2.2), rng.uniform(0.7, 1.4), rng.uniform(0.02, 0.06))
    middle = np.array([rng.uniform(0.3, 0.7) * width, rng.uniform(0.3, 0.7) * depth, top - size[2]])
    board = stand(BOX, (0, 0, 0), size=size, material=draw_material(rng))
    legs = stand(BOX, (0, 0, -top), size=(0.3, 0.3, top), material=draw_material(rng))
    cluster = props.strewn(rng, board, int(rng.integers(3, 25)), size=rng.uniform(0.06, 0.18))
    groups += [moved([piece], middle) for piece in [board, legs, *cluster]]
    for _ in range(rng.integers(0, 5)):
        at = (rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * depth, 0)
        groups.append(moved(_furnish(rng), at, yaw=rng.uniform(0, math.tau)))
    yaw, away = rng.uniform(0, math.tau), rng.uniform(0.4, 0.9)
    eye = middle - [away * math.cos(yaw), away * math.sin(yaw), 0]
    eye = np.clip(eye, 0.1, [width - 0.1, depth - 0.1, height])
    eye[2] = top + rng.uniform(0.12, 0.6)
    look = math.degrees(math.atan2(top - eye[2], away)) + rng.normal(3, 6)
    camera = _camera(rng, eye, yaw=yaw + rng.normal(0, 0.15), pitch=look)
    return _indoors(rng, groups, camera=camera, size=(width, depth, height))


def draw_open_ground(rng: Rng) -> Scene:
    """Draw a street, a garden, a square or a plain under the sky, seen from the origin along +x."""
    soils = (*(Pattern.BLOTCHES,) * 4, Pattern.BRICKS, Pattern.CHECKS)
    soil = draw_material(rng, *soils, scale=0.7)
    if rng.random() < 0.4:
        soil = props.draw_leaf(rng, scale=0.3)
    groups = [[stand(BOX, (0, 0, -1), size=(8000, 8000, 1), material=soil)]]
    busy = rng.random() < 0.75  # the rest are nearly empty
    groups += _street(rng) if rng.random() < 0.5 else []
    for _ in range(rng.integers(3, 22) if busy else rng.integers(0, 4)):
        thing = _STREET[rng.integers(len(_STREET))](rng)
        groups.append(moved(thing, _somewhere(rng, 1.5, 45), yaw=rng.uniform(0, math.tau)))
    for _ in range(rng.integers(0, 6) if busy else 0):
        groups.append(moved(props.house(rng), _somewhere(rng, 14, 120), yaw=rng.uniform(0, math.tau)))
    for _ in range(rng.choice([0, 0, 2, 6])):  # bushes, rocks and heaps
        half = rng.uniform(0.15, 1, 3)
        mass = Body(SPHERE, _somewhere(rng, 2.5, 30), np.eye(3), half, _ground_cover(rng))
        groups.append([mass])
    groups += _hills(rng) + _wires(rng)
    eye = np.array([0, 0, rng.uniform(0.3, 2.2)])
    camera = _camera(rng, eye, yaw=rng.normal(0, 0.15), pitch=rng.normal(-5, 8))
    day, sky = _daylight(rng)
    up = _scaled(_blend(sky.zenith, sky.horizon), rng.uniform(0.5, 0.9))
    haze = float(rng.choice([math.inf, 3000.0, 600.0, 120.0], p=[0.3, 0.4, 0.25, 0.05]))
    ambient = up, _scaled(up, rng.uniform(0.25, 0.6))
    return _scene(rng, groups, camera=camera, lights=(day,), sky=sky, ambient=ambient, haze=haze)


def _room_size(rng: Rng) -> tuple[float, float, float]:
    width, depth = np.exp(rng.uniform(math.log(2.2), math.log(9), 2))
    return float(width), float(depth), float(rng.uniform(2.2, 3) if rng.random() < 0.8 else rng.uniform(3, 5))


def _furnish(rng: Rng) -> list[Body]:
    """Draw a piece of furniture, with things on it where it can carry some."""
    kind = _FURNITURE[rng.integers(len(_FURNITURE))]
    piece = kind(rng)
    if kind in (props.table, props.cabinet, props.shelf):
        piece = piece + props.strewn(rng, piece[0], int(rng.integers(0, 7)), size=0.15)
    return piece


def _shell(rng: Rng, size: tuple[float, float], *, height: float) -> list[list[Body]]:
    """Draw floor, ceiling and four walls around the corner at the origin, with what is on the walls."""
    width, depth = size
    papers = (*(Pattern.PLAIN,) * 4, Pattern.BLOTCHES, Pattern.STRIPES, Pattern.BRICKS)
    light = draw_material(rng, *papers, scale=0.4, dark=rng.choice([0.2, 0.65, 0.65]))
    floor = draw_material(rng, Pattern.WOOD, Pattern.CHECKS, Pattern.BRICKS, Pattern.BLOTCHES, scale=0.5)
    white = (float(rng.uniform(0.5, 0.9)),) * 3
    ceiling = Material(pattern=Pattern.PLAIN, colours=(white, white), scale=1, grain=0.03)
    middle, slab = (width / 2, depth / 2), (width + 1, depth + 1, 0.3)
    groups = [
        [stand(BOX, (*middle, -0.3), size=slab, material=floor)],
        [stand(BOX, (*middle, height), size=slab, material=ceiling)],
        [
            stand(
                BOX, (0, 0, -rng.choice([0.5, 4, 12]) - 1), size=(4000, 4000, 1), material=_ground_cover(rng)
            )
        ],
    ]
    corners = ((0.0, 0.0), (width, 0.0), (width, depth), (0.0, depth))
    for side, corner in enumerate(corners):
        paint = draw_material(rng) if rng.random() < 0.15 else light
        wall = _wall(rng, (width, depth)[side % 2], height=height, paint=paint)
        groups += [moved(piece, (*corner, 0), yaw=side * math.pi / 2) for piece in wall]
    if rng.random() < 0.3:  # a carpet
        at = (rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * depth, 0)
        rug = stand(BOX, (0, 0, 0), size=(*rng.uniform(0.8, 3, 2), 0.015), material=draw_material(rng))
        groups.append(moved([rug], at, yaw=rng.normal(0, 0.2)))
    return groups


def _wall(rng: Rng, length: float, *, height: float, paint: Material) -> list[list[Body]]:
    """Draw a wall from the origin along +x, the room on its +y side, with windows, pictures and furniture."""

    def panel(left: Number, right: Number, *, low: Number, high: Number) -> Body:
        size = (right - left, 0.15, high - low)
        return stand(BOX, ((left + right) / 2, -0.075, low), size=size, material=paint)

    if length > 1.6 and rng.random() < 0.35:
        left = rng.uniform(0.2, 0.4) * length
        right = min(left + rng.uniform(0.6, 2), length - 0.2)
        low, high = rng.choice([0.05, 0.9]), height - rng.uniform(0.15, 0.5)
        pieces = [panel(0, left, low=0, high=height), panel(right, length, low=0, high=height)]
        pieces += [panel(left, right, low=0, high=low), panel(left, right, low=high, high=height)]
        bars, middle = draw_material(rng, Pattern.PLAIN), (left + right) / 2
        pieces.append(bar((middle, -0.07, low), (middle, -0.07, high), radius=0.025, material=bars))
        pieces.append(bar((left, -0.07, low + 0.6), (right, -0.07, low + 0.6), radius=0.025, material=bars))
        return [[piece] for piece in pieces]
    groups = [[panel(0, length, low=0, high=height)]]
    for x in rng.uniform(0.1, 0.9, rng.integers(0, 4)) * length:  # pictures and switches
        wide, tall = rng.uniform(0.1, 1, 2)
        frame = stand(
            BOX, (x, 0.01, rng.uniform(1, 1.6)), size=(wide, 0.02, tall), material=draw_material(rng)
        )
        inner = stand(
            BOX,
            (x, 0.015, frame.centre[2] - 0.43 * tall),
            size=(0.86 * wide, 0.03, 0.86 * tall),
            material=draw_material(rng, scale=0.15),
        )
        groups.append([frame, inner])
    if rng.random() < 0.25:  # a door
        door = draw_material(rng, Pattern.PLAIN, Pattern.WOOD)
        at = (rng.uniform(0.2, 0.8) * length, 0.02, 0)
        groups.append([stand(BOX, at, size=(0.9, 0.04, 2.05), material=door)])
    for x in rng.uniform(0.15, 0.85, rng.integers(0, 4)) * length:
        groups.append(moved(_furnish(rng), (x, 0.03, 0)))
    return groups


def _pendants(rng: Rng, size: tuple[float, float], *, height: float) -> list[list[Body]]:
    """Draw lamps that hang from the ceiling on thin wires, sometimes a wire across the room."""
    groups = []
    for _ in range(rng.choice([0, 0, 1, 2])):
        x, y, low = (
            rng.uniform(0.2, 0.8) * size[0],
            rng.uniform(0.2, 0.8) * size[1],
            height - rng.uniform(0.3, 1),
        )
        wide, shape = rng.uniform(0.15, 0.5), (SPHERE, CONE, BUCKET)[rng.integers(3)]
        shade = stand(shape, (x, y, low - wide), size=(wide, wide, wide), material=draw_material(rng))
        wire = bar((x, y, low - 0.2 * wide), (x, y, height), radius=0.006, material=shade.material)
        groups.append([shade, wire])
    return groups


def _street(rng: Rng) -> list[list[Body]]:
    """Draw a road along the view with pavements, and houses, parked cars and poles along it."""
    half, offset, turn = rng.uniform(2, 6), rng.uniform(-5, 5), rng.normal(0, 0.25)
    asphalt = (float(rng.uniform(0.05, 0.25)),) * 3
    road = Material(pattern=Pattern.BLOTCHES, colours=(asphalt, _scaled(asphalt, 0.7)), scale=0.4, grain=0.2)
    paving = draw_material(rng, Pattern.CHECKS, Pattern.BRICKS, Pattern.PLAIN, scale=0.6)
    line = Material(pattern=Pattern.PLAIN, colours=((0.8, 0.8, 0.75), (0, 0, 0)), scale=1, grain=0.2)
    groups = [[stand(BOX, (200, 0, -0.5), size=(600, 2 * half, 0.51), material=road)]]
    for i in range(10) if rng.random() < 0.6 else ():
        groups.append([stand(BOX, (2.0 + 6 * i, 0, 0), size=(3, 0.14, 0.015), material=line)])
    back, kinds = half + rng.uniform(1.5, 8), (props.car, props.pole, props.tree, props.fence)
    for side in (-1, 1):
        kerb = (200, side * (half + 1), -0.5)
        groups.append([stand(BOX, kerb, size=(600, 2, 0.62), material=paving)])
        x, yaw = float(rng.uniform(-6, 12)), 0.0 if side < 0 else math.pi
        for _ in range(rng.integers(0, 7)):
            home = props.house(rng)
            span, deep = 2 * home[0].half[0], 2 * home[0].half[1]
            groups.append(moved(home, (x + span / 2, side * (back + deep), 0), yaw=yaw))
            x += span + float(rng.choice([0, 1, 6]))
        for _ in range(rng.integers(0, 6)):
            thing, at = kinds[rng.integers(4)](rng), (rng.uniform(3, 50), side * (half - 0.1), 0.0)
            groups.append(moved(thing, at, yaw=yaw))
    return [moved(group, (0, offset, 0), yaw=turn) for group in groups]


def _hills(rng: Rng) -> list[list[Body]]:
    """Draw hills and mountains at the horizon."""
    groups = []
    for _ in range(rng.choice([0, 0, 3, 8])):
        half = rng.uniform([60, 60, 4], [400, 400, 70])
        at = _somewhere(rng, 450, 1800)
        groups.append(
            [Body(SPHERE, at - upward(0.3 * half[2]), np.eye(3), half, _ground_cover(rng, scale=30))]
        )
    return groups


def _wires(rng: Rng) -> list[list[Body]]:
    """Draw masts across the view with wires between them."""
    if rng.random() < 0.75:
        return []
    start, end, height = _somewhere(rng, 5, 25), _somewhere(rng, 8, 40), rng.uniform(3, 9)
    material = draw_material(rng, Pattern.PLAIN)
    masts = [bar(foot, foot + upward(height + 0.3), radius=0.1, material=material) for foot in (start, end)]
    wires = [
        bar(start + upward(z), end + upward(z), radius=rng.uniform(0.006, 0.02), material=material)
        for z in height - 0.4 * np.arange(rng.integers(1, 4))
    ]
    return [[piece] for piece in masts + wires]


def _somewhere(rng: Rng, near: Number, far: Number) -> np.ndarray:
    """Draw a place on the ground ahead, as many near as far ones."""
    distance, bearing = math.exp(rng.uniform(math.log(near), math.log(far))), rng.uniform(-0.9, 0.9)
    return np.array([distance * math.cos(bearing), distance * math.sin(bearing), 0])


def _ground_cover(rng: Rng, scale: Number = 0.6) -> Material:
    return props.draw_leaf(rng, scale=scale) if rng.random() < 0.6 else draw_material(rng, Pattern.BLOTCHES)


def _camera(rng: Rng, eye: np.ndarray, *, yaw: float, pitch: float) -> Camera:
    return aim(
        eye,
        yaw=yaw,
        pitch=math.radians(float(np.clip(pitch, -35, 15))),
        roll=math.radians(float(np.clip(rng.normal(0, 2), -6, 6))),
        fov=math.radians(rng.uniform(35, 90)),
    )


def _daylight(rng: Rng) -> tuple[Light, Sky]:
    """Draw a sky from clear to overcast, and the sun that belongs to it."""
    elevation, azimuth = math.asin(rng.uniform(0.12, 0.98)), rng.uniform(0, math.tau)
    cloudiness = float(rng.choice([0.0, rng.uniform(0.2, 0.7), 1.0], p=[0.3, 0.45, 0.25]))
    flat = math.cos(elevation)
    at = (flat * math.cos(azimuth), flat * math.sin(azimuth), math.sin(elevation))
    low = math.exp(-4 * at[2])  # a low sun is red
    strength = rng.uniform(2, 4) * (1 - 0.93 * (cloudiness == 1))
    sun = Light(
        at=at,
        is_sun=True,
        colour=(strength, strength * (1 - 0.45 * low), strength * (0.9 - 0.7 * low)),
        radius=float(rng.choice([0.004, 0.012, 0.03])),
    )
    blue, light, warm = rng.uniform(0.15, 0.5), rng.uniform(0.7, 1.8), 0.3 * low
    zenith, horizon = (blue * 0.7, blue * 1.1, 0.9), (1.0, 1 - warm * 0.6, 1 - warm * 1.3)
    if cloudiness == 1:
        zenith, horizon = (0.8, 0.85, 0.9), (1.0, 1.0, 1.0)
    zenith, horizon = _scaled(zenith, light), _scaled(horizon, light)
    return sun, Sky(horizon=horizon, zenith=zenith, cloudiness=cloudiness, cloud_seed=rng.uniform(0, 200))


def _indoors(
    rng: Rng, groups: list[list[Body]], *, camera: Camera, size: tuple[float, float, float]
) -> Scene:
    """Light a room: one or two lamps anywhere, and the daylight that comes in through the windows."""
    sun, sky = _daylight(rng)
    warmth, strength = rng.uniform(0.4, 1), rng.uniform(0.5, 2)
    lamps = tuple(
        Light(
            at=(float(x), float(y), float(z)),
            is_sun=False,
            colour=_scaled((1, 0.6 + 0.4 * warmth, 0.3 + 0.7 * warmth), strength * size[0] * size[1] * 0.2),
            radius=float(rng.uniform(0.01, 0.08)),
        )
        for x, y, z in rng.uniform([0.1, 0.1, 0.5], [0.9, 0.9, 0.95], (rng.integers(1, 3), 3)) * size
    )
    ambient = _scaled((1, 0.85 + 0.15 * warmth, 0.7 + 0.3 * warmth), rng.uniform(0.1, 0.45))
    return _scene(
        rng, groups, camera=camera, lights=(*lamps, sun), sky=sky, ambient=(ambient, _scaled(ambient, 0.8))
    )


def _scene(
    rng: Rng,
    groups: Sequence[list[Body]],
    *,
    camera: Camera,
    lights: tuple[Light, ...],
    sky: Sky,
    ambient: tuple[Colour, Colour],
    haze: float = math.inf,
) -> Scene:
    """Leave out what the camera would be inside of, and draw the exposure."""
    kept = [group for group in groups if not any(b.holds(camera.position, margin=0.12) for b in group)]
    return Scene(
        bodies=tuple(body for group in kept for body in group),
        lights=lights,
        sky=sky,
        ambient=ambient,
        haze=haze,
        camera=camera,
        brightness=float(rng.uniform(0.32, 0.6)),
    )


def _blend(first: Colour, second: Colour) -> Colour:
    return (first[0] + second[0]) / 2, (first[1] + second[1]) / 2, (first[2] + second[2]) / 2


def _scaled(colour: Colour, by: float) -> Colour:
    return colour[0] * by, colour[1] * by, colour[2] * by
