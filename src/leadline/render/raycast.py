"""What a ray meets first, and where exactly: Embree finds the face, its closed form the point."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int32, Integer

from leadline.render.scene import Body
from leadline.types import LeadlineError


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """The first surface along each ray."""

    body: Int32[np.ndarray, " n"]
    """Index into the scene's bodies; -1 is sky."""
    depth: Float64[np.ndarray, " n"]
    """In lengths of the ray's direction, which is depth where that reaches 1 ahead; infinite is sky."""
    normal: Float32[np.ndarray, "n 3"]
    """Unit normal towards the viewer; zero is sky."""


class Caster:
    """Bodies, ready to be asked what a ray meets."""

    def __init__(self, bodies: Sequence[Body]) -> None:
        """Hand the bodies to Embree; raises `LeadlineError` where it is not installed."""
        try:
            from embreex.mesh_construction import TriangleMesh
            from embreex.rtcore_scene import EmbreeScene
        except ImportError as error:
            raise LeadlineError(
                "rendering casts rays with Embree, and the package embreex is not installed: "
                "pip install 'leadline[render]'"
            ) from error
        self._bodies = tuple(bodies)
        self._scene = EmbreeScene(robust=True)  # or rays slip through the seams of large faces
        for body in self._bodies:
            vertices = body.shape.vertices * body.half @ body.rotation.T + body.centre
            TriangleMesh(self._scene, vertices.astype(np.float32), body.shape.triangles)

    def cast(self, origin: Float64[np.ndarray, "3"], directions: Float64[np.ndarray, "n 3"]) -> Hits:
        """Follow rays from one point to the first surface of each."""
        rays = directions.astype(np.float32)
        starts = np.broadcast_to(origin.astype(np.float32), rays.shape).copy()
        met = self._scene.run(starts, rays, output=1)
        body = met["geomID"].astype(np.int32)
        depth = np.where(body < 0, np.inf, met["tfar"]).astype(np.float64)
        normal = np.zeros_like(rays)
        for index, where in groups(body):
            depth[where], normal[where] = _closed_form(
                self._bodies[index], origin, directions[where], met["primID"][where], depth[where]
            )
        return Hits(body=body, depth=depth, normal=normal)

    def occluded(
        self, points: Float[np.ndarray, "n 3"], towards: Float[np.ndarray, "n 3"], *, reach: float
    ) -> Bool[np.ndarray, " n"]:
        """Whether anything stands between each point and ``point + reach * towards``."""
        starts, rays = points.astype(np.float32), towards.astype(np.float32)
        found: Int32[np.ndarray, " n"] = self._scene.run(starts, rays, dists=reach, query="OCCLUDED")
        return found >= 0


def groups(body: Int32[np.ndarray, " n"]) -> Iterator[tuple[int, Integer[np.ndarray, " m"]]]:
    """Walk over the bodies that occur, each with its rays; sky is left out."""
    order = np.argsort(body.astype(np.int16), kind="stable")  # radix sort; a scene has some hundred bodies
    first = np.searchsorted(body[order], np.arange(body.max(initial=-1) + 2))
    for index in range(len(first) - 1):
        if first[index] < first[index + 1]:
            yield index, order[first[index] : first[index + 1]]


def dot(a: Float[np.ndarray, "n 3"], b: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
    """Scalar product of each pair of vectors."""
    product: Float[np.ndarray, " n"] = np.einsum("ij,ij->i", a, b)  # several times faster than a sum over 3
    return product


def length(a: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
    """Length of each vector."""
    root: Float[np.ndarray, " n"] = np.sqrt(dot(a, a))
    return root


def _closed_form(
    body: Body,
    origin: Float64[np.ndarray, "3"],
    directions: Float64[np.ndarray, "n 3"],
    triangle: Int32[np.ndarray, " n"],
    coarse: Float64[np.ndarray, " n"],
) -> tuple[Float64[np.ndarray, " n"], Float32[np.ndarray, "n 3"]]:
    """Meet the faces that the triangles stand for, in the body's own coordinates and double precision."""
    shape = body.shape
    inward = body.rotation / body.half
    start, along = (origin - body.centre) @ inward, directions @ inward
    gradient = shape.planes[triangle, :3]
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = -(shape.planes @ np.append(start, 1))[triangle] / dot(gradient, along)
    # A face seen edge-on divides by nearly zero: Embree's own answer is the better one there.
    depth = np.where(np.abs(depth - coarse) < 1e-3 * coarse, depth, coarse)
    smooth = np.flatnonzero(shape.smooth[triangle])
    if len(smooth):
        depth[smooth] = _enter_quadric(shape.quadric, start, along[smooth])
        points = start + along[smooth] * depth[smooth, None]
        gradient[smooth] = points @ shape.quadric[:3, :3] + shape.quadric[:3, 3]
    normal = gradient @ inward.T
    normal /= (-np.sign(dot(normal, directions)) * length(normal))[:, None]
    return depth, normal.astype(np.float32)


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
