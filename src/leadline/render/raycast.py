"""What a ray meets first, and where exactly: Embree finds the triangle, its closed form the point."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int32, Integer

from leadline.render.materials import Finish
from leadline.render.scene import Body, Thing
from leadline.render.shapes import Shape
from leadline.types import LeadlineError

Rays = Float[np.ndarray, "n 3"]
Starts = Float[np.ndarray, "n 3"] | Float[np.ndarray, "3"]


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """The first surface along each ray."""

    triangle: Int32[np.ndarray, " n"]
    """Index into the mesh's triangles; -1 is sky."""
    depth: Float64[np.ndarray, " n"]
    """In lengths of the ray's direction, which is depth where that reaches 1 ahead; infinite is sky."""
    weights: Float32[np.ndarray, "n 2"]
    """How much the triangle's second and third corner count where it is met."""

    def __getitem__(self, where: Integer[np.ndarray, " m"] | Bool[np.ndarray, " n"]) -> "Hits":
        """Pick some of the rays."""
        return Hits(self.triangle[where], self.depth[where], self.weights[where])


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Triangles of all bodies of a scene, in world coordinates."""

    corners: Float64[np.ndarray, "t 3 3"]
    normals: Float32[np.ndarray, "t 3 3"]
    coordinates: Float32[np.ndarray, "t 3 2"]
    """Metres along the surface, where textures are looked up."""
    body: Int32[np.ndarray, " t"]
    """Index into the scene's bodies, counted through all things."""
    smooth: Bool[np.ndarray, " t"]
    """Triangles that stand for a piece of their body's quadric."""

    @classmethod
    def joined(cls, parts: Sequence["Mesh"]) -> Self:
        """Put meshes one after another."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def interpolate(self, values: Float32[np.ndarray, "t 3 k"], hits: Hits) -> Float32[np.ndarray, "n k"]:
        """Blend what is known at the corners of the triangles that rays met."""
        at = values[hits.triangle]
        second, third = hits.weights[:, :1], hits.weights[:, 1:]
        blended: Float32[np.ndarray, "n k"] = (
            (1 - second - third) * at[:, 0] + second * at[:, 1] + third * at[:, 2]
        )
        return blended


def build_mesh(bodies: Sequence[Body]) -> Mesh:
    """Bring all bodies to world coordinates, those of the same shape together."""
    same: dict[Shape, list[int]] = defaultdict(list)
    for number, body in enumerate(bodies):
        same[body.shape].append(number)
    return Mesh.joined(
        [_instances(shape, [bodies[n] for n in numbers], numbers) for shape, numbers in same.items()]
    )


def _instances(shape: Shape, bodies: Sequence[Body], numbers: Sequence[int]) -> Mesh:
    centre = np.stack([body.centre for body in bodies])
    rotation = np.stack([body.rotation for body in bodies])
    half = np.stack([body.half for body in bodies])[:, None]
    local = shape.vertices * half  # (bodies, vertices, 3)
    world = np.einsum("kij,kvj->kvi", rotation, local) + centre[:, None]
    corners, flat_corners = world[:, shape.triangles], local[:, shape.triangles]
    stretched = shape.normals.reshape(-1, 3) / half
    stretched /= np.linalg.norm(stretched, axis=2, keepdims=True) + 1e-12
    normals = np.einsum("kij,kvj->kvi", rotation, stretched).reshape(corners.shape)
    if any(body.material.continuous for body in bodies):
        shift = np.einsum("ki,kij->kj", centre, rotation)
        runs_on = np.array([body.material.continuous for body in bodies])
        flat_corners = flat_corners + np.where(runs_on[:, None], shift, 0)[:, None, None]
    papered = _papered(flat_corners, round=shape.round, radius=half[:, 0, :2].mean(1))
    count = len(shape.triangles)
    return Mesh(
        corners=corners.reshape(-1, 3, 3),
        normals=normals.reshape(-1, 3, 3).astype(np.float32),
        coordinates=papered.reshape(-1, 3, 2).astype(np.float32),
        body=np.repeat(np.asarray(numbers, np.int32), count),
        smooth=np.tile(np.zeros(count, bool) if shape.smooth is None else shape.smooth, len(bodies)),
    )


def _papered(
    corners: Float64[np.ndarray, "k t 3 3"], *, round: bool, radius: Float64[np.ndarray, " k"]
) -> np.ndarray:
    """Metres along a surface: around round bodies, across faces, each seen along the axis it faces most."""
    normal = np.abs(np.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0]))
    facing = normal.argmax(2)[..., None, None]
    x, y, z = (corners[..., axis : axis + 1] for axis in range(3))
    u, v = np.where(facing == 0, y, x), np.where(facing == 2, y, z)
    if round:
        angle = np.arctan2(y, x)
        first = angle[:, :, :1]
        angle = (
            first + (angle - first + np.pi) % (2 * np.pi) - np.pi
        )  # a triangle stays on one side of the seam
        u = np.where(facing == 2, u, angle * radius[:, None, None, None])
    return np.concatenate([u, v], -1)


class Caster:
    """A scene's things, ready to be asked what a ray meets."""

    def __init__(self, things: Sequence[Thing]) -> None:
        """Hand the things to Embree; raises `LeadlineError` where it is not installed."""
        try:
            from embreex.mesh_construction import TriangleMesh
            from embreex.rtcore_scene import EmbreeScene
        except ImportError as error:
            raise LeadlineError(
                "rendering casts rays with Embree, and the package embreex is not installed: "
                "pip install 'leadline[render]'"
            ) from error
        self.bodies = tuple(body for thing in things for body in thing.bodies)
        self.mesh = build_mesh(self.bodies)
        self.thing_of_body = np.repeat(np.arange(len(things)), [len(thing.bodies) for thing in things])
        self.finish = np.array([body.material.finish for body in self.bodies], np.int8)

        def scene(triangles: Float64[np.ndarray, "t 3 3"]) -> EmbreeScene:
            made = EmbreeScene(robust=True)  # or rays slip through the seams of large faces
            order = np.arange(3 * len(triangles), dtype=np.int32).reshape(-1, 3)
            TriangleMesh(made, triangles.reshape(-1, 3).astype(np.float32), order)
            return made

        self._scene = scene(self.mesh.corners)
        opaque = ~np.isin(self.finish, (Finish.PANE, Finish.GLASS))[self.mesh.body]
        self._opaque_triangles = np.flatnonzero(opaque).astype(np.int32)
        self._opaque = self._scene if opaque.all() else scene(self.mesh.corners[opaque])

    def cast(self, origins: Starts, directions: Rays, *, through_glass: bool = False) -> Hits:
        """Follow rays to the first surface of each, or to the first that is not glass."""
        rays = np.ascontiguousarray(directions, np.float32)
        starts = np.ascontiguousarray(np.broadcast_to(origins, rays.shape), np.float32)
        if len(rays) == 0:
            return Hits(np.zeros(0, np.int32), np.zeros(0), np.zeros((0, 2), np.float32))
        met = (self._opaque if through_glass else self._scene).run(starts, rays, output=1)
        triangle = np.where(met["geomID"] < 0, -1, met["primID"]).astype(np.int32)
        if through_glass and self._opaque is not self._scene:
            triangle = np.where(triangle < 0, -1, self._opaque_triangles[triangle])
        depth = np.where(triangle < 0, np.inf, met["tfar"]).astype(np.float64)
        return Hits(triangle, depth, np.stack([met["u"], met["v"]], 1))

    def cast_exactly(
        self, origin: Float64[np.ndarray, "3"], directions: Float64[np.ndarray, "n 3"]
    ) -> tuple[Hits, Float64[np.ndarray, "n 3"]]:
        """Follow rays from one point; return where they end in closed form, and the unit normals there.

        Normals face the viewer and are 0 for sky.
        """
        hits = self.cast(origin, directions)
        seen = np.flatnonzero(hits.triangle >= 0)
        depth, normals = hits.depth.copy(), np.zeros(directions.shape)
        depth[seen], normals[seen] = self._closed_form(origin, directions[seen], hits[seen])
        return Hits(hits.triangle, depth, hits.weights), normals

    def occluded(self, points: Rays, towards: Rays, *, reach: float) -> Bool[np.ndarray, " n"]:
        """Whether anything but glass stands between each point and ``point + reach * towards``."""
        if len(points) == 0:
            return np.zeros(0, bool)
        starts, rays = np.ascontiguousarray(points, np.float32), np.ascontiguousarray(towards, np.float32)
        distances = np.full(len(rays), reach, np.float32)
        found: Int32[np.ndarray, " n"] = self._opaque.run(starts, rays, dists=distances, query="OCCLUDED")
        return found >= 0

    def _closed_form(
        self, origin: Float64[np.ndarray, "3"], directions: Float64[np.ndarray, "n 3"], hits: Hits
    ) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, "n 3"]]:
        a, b, c = np.moveaxis(self.mesh.corners[hits.triangle], 1, 0)
        face = np.cross(b - a, c - a)
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = dot(a - origin, face) / dot(directions, face)
        # A face seen edge-on divides by nearly zero: Embree's own answer is the better one there.
        depth = np.where(np.abs(depth - hits.depth) < 1e-3 * hits.depth, depth, hits.depth)
        normal = face.copy()
        for number in np.unique(self.mesh.body[hits.triangle[self.mesh.smooth[hits.triangle]]]):
            body = self.bodies[number]
            quadric = body.shape.quadric
            assert quadric is not None
            at = np.flatnonzero((self.mesh.body[hits.triangle] == number) & self.mesh.smooth[hits.triangle])
            inward = body.rotation / body.half
            start, along = (origin - body.centre) @ inward, directions[at] @ inward
            depth[at] = _enter_quadric(quadric, start, along)
            gradient = (start + along * depth[at, None]) @ quadric[:3, :3] + quadric[:3, 3]
            normal[at] = gradient @ inward.T
        normal *= np.where(dot(normal, directions) > 0, -1, 1)[:, None]
        return depth, normal / (length(normal)[:, None] + 1e-12)


def dot(a: Float[np.ndarray, "n 3"], b: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
    """Scalar product of each pair of vectors."""
    product: Float[np.ndarray, " n"] = np.einsum("ij,ij->i", a, b)  # several times faster than a sum over 3
    return product


def length(a: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
    """Length of each vector."""
    root: Float[np.ndarray, " n"] = np.sqrt(dot(a, a))
    return root


def _enter_quadric(
    quadric: Float64[np.ndarray, "4 4"], start: Float64[np.ndarray, "3"], along: Float64[np.ndarray, "n 3"]
) -> Float64[np.ndarray, " n"]:
    """Where rays go from the outside (positive) to the inside of a quadric.

    Along a ray the quadric is ``a t**2 + 2 b t + c``; its falling root is ``c / (sqrt(b**2 - a c) - b)``,
    which needs no case for a = 0 and is the same root for either sign of a (the two halves of a cone).
    """
    homogeneous = np.append(start, 1)
    c = homogeneous @ quadric @ homogeneous
    b = along @ (quadric @ homogeneous)[:3]
    a = dot(along @ quadric[:3, :3], along)
    root: Float64[np.ndarray, " n"] = c / (np.sqrt(np.maximum(b * b - a * c, 0)) - b)
    return root
