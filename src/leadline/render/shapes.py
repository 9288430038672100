"""The solids scenes are made of: each fills the cube from -1 to 1 and knows its surface in closed form.

Triangles tell a ray caster which face a ray meets first; the closed form then says exactly where. So a
sphere is exact however few triangles it has: its triangles lie inside it, and only its outline is a polygon.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A convex solid around the origin."""

    vertices: Float64[np.ndarray, "v 3"]
    triangles: Int32[np.ndarray, "t 3"]
    planes: Float64[np.ndarray, "t 4"]
    """Plane of each triangle: ``normal . point + offset = 0``, the normal pointing outwards."""
    smooth: Bool[np.ndarray, " t"]
    """Triangles that stand for a piece of `quadric`; the others are flat faces."""
    quadric: Float64[np.ndarray, "4 4"]
    """The round surface: ``(p, 1)' quadric (p, 1) = 0``, negative inside."""


def revolve(
    profile: Sequence[tuple[float, float]],
    segments: int,
    *,
    smooth: Sequence[bool],
    quadric: Float64[np.ndarray, "4 4"],
) -> Shape:
    """Turn a profile of (radius, height) around the upright axis in so many straight segments.

    `smooth` says for each band between two profile points whether it stands for `quadric`.
    """
    angle = math.tau * (np.arange(segments) + 0.5) / segments
    rings = [np.stack([r * np.cos(angle), r * np.sin(angle), np.full(segments, z)], 1) for r, z in profile]
    vertices = np.concatenate(rings)
    below, here = np.meshgrid(np.arange(len(profile) - 1) * segments, np.arange(segments), indexing="ij")
    after = (here + 1) % segments
    a, b, c, d = below + here, below + after, below + segments + here, below + segments + after
    triangles = np.stack([np.stack([a, b, d], -1), np.stack([a, d, c], -1)], 2).reshape(-1, 3)
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    full = length[:, 0] > 1e-9  # at a pole one of the two triangles has no area
    normals = normals[full] / length[full]
    offsets = -(normals * corners[full, 0]).sum(1, keepdims=True)
    outwards = -np.sign(offsets)
    return Shape(
        vertices=vertices,
        triangles=triangles[full].astype(np.int32),
        planes=np.concatenate([normals, offsets], 1) * outwards,
        smooth=np.repeat(np.asarray(smooth, bool), 2 * segments)[full],
        quadric=quadric,
    )


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
    profile = [(0.0, -1.0), (corner, -1.0), (top * corner, 1.0), (0.0, 1.0)]
    return revolve(profile, 4, smooth=[False] * 3, quadric=np.zeros((4, 4)))


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
