"""The shapes scenes are made of: triangles, the normals they stand for, and a closed form where there is one.

Triangles tell a ray caster which face a ray meets first; the closed form then says exactly where. So a
sphere is exact however few triangles it has: its triangles lie inside it, and only its outline is a polygon.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int32

Rng = np.random.Generator
Number = int | float
"""Static checkers take an int where a float is asked for; checks at run time do not."""


@dataclass(frozen=True, eq=False)
class Shape:
    """A surface around the origin. Solids fill the cube from -1 to 1, others are in metres."""

    vertices: Float64[np.ndarray, "v 3"]
    triangles: Int32[np.ndarray, "t 3"]
    normals: Float32[np.ndarray, "t 3 3"]
    """Outward normal at each corner of each triangle: the face's own, or that of the round surface."""
    round: bool = False
    """Textures wrap around the upright axis; otherwise each face is papered on its own."""
    quadric: Float64[np.ndarray, "4 4"] | None = None
    """The round surface where it has a closed form: ``(p, 1)' quadric (p, 1) = 0``, negative inside."""
    smooth: Bool[np.ndarray, " t"] | None = None
    """Triangles that stand for a piece of `quadric`; the others are flat faces."""

    @cached_property
    def bounds(self) -> Float64[np.ndarray, "2 3"]:
        """Lowest and highest coordinates."""
        return np.stack([self.vertices.min(0), self.vertices.max(0)])


def flat(vertices: Float[np.ndarray, "v 3"], triangles: Int32[np.ndarray, "t 3"]) -> Shape:
    """Make a shape of flat faces; triangles without area are left out."""
    vertices = np.asarray(vertices, float)
    faces, full = _faces(vertices, triangles)
    return Shape(vertices, triangles[full], np.repeat(faces[full, None], 3, 1).astype(np.float32))


def curved(points: Float[np.ndarray, "m n 3"], *, wrap: bool, round: bool = False) -> Shape:
    """Make a smooth surface through a grid of points, its second axis closed where `wrap` says so.

    Rows run upwards and columns anticlockwise seen from above, or normals point inwards.
    """
    vertices = np.asarray(points, float).reshape(-1, 3)
    triangles = _grid(*points.shape[:2], wrap=wrap)
    faces, full = _faces(vertices, triangles)
    triangles, faces = triangles[full], faces[full]
    places = np.round(vertices / (np.ptp(vertices) * 1e-6))
    _, welded = np.unique(places, axis=0, return_inverse=True)
    corner = welded.reshape(-1)[triangles]
    summed = [np.bincount(corner.ravel(), np.repeat(faces[:, axis], 3)) for axis in range(3)]
    normals = np.stack(summed, 1).astype(float)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    return Shape(vertices, triangles, normals[corner].astype(np.float32), round=round)


def revolve(
    profile: Sequence[tuple[Number, Number]],
    segments: int,
    *,
    smooth: Sequence[bool],
    quadric: Float64[np.ndarray, "4 4"],
) -> Shape:
    """Turn a profile of (radius, height) around the upright axis in so many straight segments.

    `smooth` says for each band between two profile points whether it stands for `quadric`.
    """
    vertices = _turned(profile, segments).reshape(-1, 3)
    triangles = _grid(len(profile), segments, wrap=True)
    faces, full = _faces(vertices, triangles)  # at a pole one of the two triangles has no area
    triangles, bands = triangles[full], np.repeat(np.asarray(smooth, bool), 2 * segments)[full]
    gradient = vertices @ quadric[:3, :3] + quadric[:3, 3]
    length = np.linalg.norm(gradient, axis=1, keepdims=True)
    at = (gradient / np.maximum(length, 1e-12))[triangles]
    rounded = bands[:, None, None] & (length[triangles] > 1e-6)  # a cone's tip has no normal of its own
    normals = np.where(rounded, at, faces[full, None]).astype(np.float32)
    return Shape(vertices, triangles, normals, round=bool(bands.any()), quadric=quadric, smooth=bands)


def lathe(profile: Sequence[tuple[Number, Number]], *, segments: int = 20, steps: int = 4) -> Shape:
    """Turn a profile of (radius, height) given from the inside out, rounded between its points."""
    corners = np.asarray(profile, float)
    knots, fine = np.arange(len(corners)), np.linspace(0, len(corners) - 1, steps * (len(corners) - 1) + 1)
    rounded = np.stack([np.interp(fine, knots, corners[:, axis]) for axis in (0, 1)], 1)
    for _ in range(steps // 2):
        rounded[1:-1] = (rounded[:-2] + 2 * rounded[1:-1] + rounded[2:]) / 4
    return curved(_turned(rounded.tolist(), segments), wrap=True, round=True)


def tube(path: Float[np.ndarray, "n 3"], radii: Float[np.ndarray, " n"] | float, *, sides: int = 7) -> Shape:
    """Follow a path of distinct points with a round tube, its ends closed."""
    path = np.asarray(path, float)
    ahead = np.gradient(path, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True) + 1e-12
    fixed = np.eye(3)[np.abs(ahead).mean(0).argmin()]
    side = np.cross(ahead, fixed)
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-12
    angle = math.tau * np.arange(sides) / sides
    around = side[:, None] * np.cos(angle)[:, None] + np.cross(ahead, side)[:, None] * np.sin(angle)[:, None]
    rings = path[:, None] + np.broadcast_to(radii, len(path))[:, None, None] * around
    ends = np.repeat(path[[0, -1], None], sides, 1)
    return curved(np.concatenate([ends[:1], rings, ends[1:]]), wrap=True)


def superball(upright: float, level: float, *, rings: int = 10) -> Shape:
    """A ball (1, 1) on its way to a box (0, 0): cushions, stones, loaves, soft bodies."""
    polar, angle = (
        np.linspace(-math.pi / 2, math.pi / 2, rings + 1),
        math.tau * np.arange(2 * rings) / (2 * rings),
    )

    def bent(value: np.ndarray, power: float) -> np.ndarray:
        signed: np.ndarray = np.sign(value) * np.abs(value) ** power
        return signed

    wide = bent(np.cos(polar), upright)[:, None]
    x, y = wide * bent(np.cos(angle), level), wide * bent(np.sin(angle), level)
    z = np.broadcast_to(bent(np.sin(polar), upright)[:, None], x.shape)
    return curved(np.stack([x, y, z], 2), wrap=True, round=level > 0.5)


def rock(rng: Rng, *, roughness: float = 0.3, rings: int = 20) -> Shape:
    """A ball pushed in and out by waves in random directions."""
    polar, angle = (
        np.linspace(-math.pi / 2, math.pi / 2, rings + 1),
        math.tau * np.arange(2 * rings) / (2 * rings),
    )
    flat_part = np.cos(polar)[:, None]
    x, y = flat_part * np.cos(angle), flat_part * np.sin(angle)
    ball = np.stack([x, y, np.broadcast_to(np.sin(polar)[:, None], x.shape)], 2)
    swell = 1 + roughness * waves(rng, ball.reshape(-1, 3), octaves=4, frequency=0.35).reshape(x.shape)
    points = ball * np.clip(swell, 0.3, None)[..., None]
    return curved(points / np.abs(points).max((0, 1)), wrap=True, round=True)


def waves(
    rng: Rng, points: Float[np.ndarray, "n d"], *, octaves: int, frequency: float
) -> Float64[np.ndarray, " n"]:
    """Smooth noise around 0: waves in random directions, finer ones weaker."""
    total = np.zeros(len(points))
    for octave in range(octaves):
        for _ in range(3):
            way = rng.normal(size=points.shape[1])
            way *= math.tau * frequency * 2**octave * rng.uniform(0.7, 1.4) / np.linalg.norm(way)
            total += 0.5**octave / 3 * np.sin((points * way).sum(1) + rng.uniform(0, math.tau))
    return total


def ground(rng: Rng, *, reach: float, swell: float, detail: int = 90) -> Shape:
    """Uneven ground around the origin, finer where near; `swell` is the height of its waves at 20 m."""
    line = np.linspace(-1, 1, detail)
    line = np.sign(line) * np.abs(line) ** 2.2 * reach
    x, y = np.meshgrid(line, line)
    flat_points = np.stack([x.ravel(), y.ravel()], 1)
    away = np.hypot(x, y).ravel()
    height = (
        swell * waves(rng, flat_points, octaves=6, frequency=0.018) * np.clip((away - 1) / 19, 0, 6) ** 0.8
    )
    return curved(np.concatenate([flat_points, height[:, None]], 1).reshape(detail, detail, 3), wrap=False)


def leaves(
    rng: Rng, places: Float[np.ndarray, "n 3"], *, size: float, slender: float = 0.4, droop: float = 0.0
) -> Shape:
    """One folded leaf at each place, turned at random, hanging where `droop` says so."""
    count = len(places)
    along = rng.normal(size=(count, 3)) - [0, 0, droop]
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along, rng.normal(size=(count, 3)))
    across *= slender / (np.linalg.norm(across, axis=1, keepdims=True) + 1e-9)
    fold = 0.4 * np.cross(across, along)
    scale = size * rng.uniform(0.6, 1.3, (count, 1))
    corners = [-along, across + fold, along, -across + fold]
    vertices = np.stack([places + scale * corner for corner in corners], 1).reshape(-1, 3)
    first = 4 * np.arange(count, dtype=np.int32)[:, None]
    return flat(vertices, np.concatenate([first + [0, 1, 2], first + [0, 2, 3]]).astype(np.int32))


def grass(rng: Rng, roots: Float[np.ndarray, "n 3"], *, height: float, lean: float = 0.35) -> Shape:
    """A bent blade on each root."""
    count = len(roots)
    tall = height * rng.uniform(0.5, 1.4, (count, 1))
    bend = np.concatenate([rng.normal(0, lean, (count, 2)), np.ones((count, 1))], 1) * tall
    angle = rng.uniform(0, math.tau, count)
    wide = 0.035 * tall * np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], 1)
    middle = roots + bend * [0.35, 0.35, 0.6]
    vertices = np.stack(
        [roots - wide, roots + wide, middle + 0.7 * wide, middle - 0.7 * wide, roots + bend], 1
    )
    first = 5 * np.arange(count, dtype=np.int32)[:, None]
    faces = [first + corner for corner in ([0, 1, 2], [0, 2, 3], [3, 2, 4])]
    return flat(vertices.reshape(-1, 3), np.concatenate(faces).astype(np.int32))


def prism(outline: Sequence[tuple[Number, Number]]) -> Shape:
    """Push a convex outline of (x, z), anticlockwise seen from -y, from y = -1 to 1."""
    line = np.asarray(outline, float)
    count = len(line)
    ends = [np.stack([line[:, 0], np.full(count, y), line[:, 1]], 1) for y in (-1.0, 1.0)]
    here, after = np.arange(count), (np.arange(count) + 1) % count
    sides = [np.stack([here, count + after, after], 1), np.stack([here, count + here, count + after], 1)]
    fan = np.stack([np.zeros(count - 2, int), np.arange(1, count - 1), np.arange(2, count)], 1)
    triangles = np.concatenate([fan, count + fan[:, ::-1], *sides])
    return flat(np.concatenate(ends), triangles.astype(np.int32))


def drapery(rng: Rng, *, folds: float, depth: float) -> Shape:
    """A hanging cloth across x from z = -1 to 1, its folds deeper towards the hem."""
    x, z = np.meshgrid(np.linspace(1, -1, 48), np.linspace(-1, 1, 5))
    phase = folds * math.tau * (x + 0.1 * np.sin(3 * x + rng.uniform(0, 6)))
    y = depth * np.sin(phase) * (0.7 - 0.3 * z) + 0.3 * depth * np.sin(2.3 * phase + 1)
    return curved(np.stack([x, y, z], 2), wrap=False)


def _turned(profile: Sequence[Sequence[Number]], segments: int) -> Float64[np.ndarray, "m n 3"]:
    radius, height = np.asarray(profile, float).T[:, :, None]
    angle = math.tau * (np.arange(segments) + 0.5) / segments
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    return np.stack([x, y, np.broadcast_to(height, x.shape)], 2)


def _grid(rows: int, columns: int, *, wrap: bool) -> Int32[np.ndarray, "t 3"]:
    """Two triangles for each cell of a grid of vertices, row by row."""
    below, here = np.meshgrid(np.arange(rows - 1) * columns, np.arange(columns - (not wrap)), indexing="ij")
    after = (here + 1) % columns
    a, b, c, d = below + here, below + after, below + columns + here, below + columns + after
    triangles = np.stack([np.stack([a, b, d], -1), np.stack([a, d, c], -1)], 2)
    return triangles.reshape(-1, 3).astype(np.int32)


def _faces(
    vertices: Float64[np.ndarray, "v 3"], triangles: Int32[np.ndarray, "t 3"]
) -> tuple[Float64[np.ndarray, "t 3"], Bool[np.ndarray, " t"]]:
    """Unit normals of triangles, and which of them have an area."""
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    shortest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).min(1)
    full = (length[:, 0] > 0) & (shortest > 1e-9 * np.ptp(vertices))
    return normals / np.maximum(length, 1e-300), full


def _upright(top: float, segments: int) -> Shape:
    """Truncated cone of radius 1 at the bottom and `top` at the top, with flat lids."""
    middle, slope = (top + 1) / 2, (top - 1) / 2  # radius = middle + slope * z
    quadric = np.diag([1.0, 1.0, -slope * slope, -middle * middle])
    quadric[2, 3] = quadric[3, 2] = -slope * middle
    profile = [(0.0, -1.0), (1.0, -1.0), (top, 1.0), (0.0, 1.0)]
    return revolve(profile, segments, smooth=[False, True, False], quadric=quadric)


def _angular(top: float) -> Shape:
    """Truncated pyramid with a square base; a cube where `top` is 1."""
    corner = math.sqrt(2)
    solid = _turned([(0.0, -1.0), (corner, -1.0), (top * corner, 1.0), (0.0, 1.0)], 4)
    return flat(solid.reshape(-1, 3), _grid(4, 4, wrap=True))


def _ball(rings: int) -> Shape:
    polar = np.linspace(math.pi, 0, rings + 1)
    profile = list(zip(np.sin(polar).tolist(), np.cos(polar).tolist(), strict=True))
    quadric = np.diag([1.0, 1.0, 1.0, -1.0])
    return revolve(profile, 2 * rings, smooth=[True] * rings, quadric=quadric)


BOX = _angular(1.0)
PYRAMID = _angular(0.0)
SPHERE = _ball(16)
CYLINDER = _upright(1.0, 32)
CONE = _upright(0.0, 32)
BUCKET = _upright(0.6, 32)
BAR = _upright(1.0, 10)
"""A cylinder of few triangles, for what is thin."""
CUSHION = superball(0.6, 0.35)
SLAB = superball(0.15, 0.15)
"""A box with rounded edges."""
