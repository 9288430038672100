"""What a scene is: bodies, lights, a sky and a camera. Metres; z is up."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from leadline.render.materials import Colour, Material, Number
from leadline.render.shapes import BAR, Shape
from leadline.types import Size

Point = Sequence[Number] | Float64[np.ndarray, "3"]


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A shape, stretched, turned and put somewhere."""

    shape: Shape
    centre: Float64[np.ndarray, "3"]
    rotation: Float64[np.ndarray, "3 3"]
    """Columns are the body's axes."""
    half: Float64[np.ndarray, "3"]
    """Half of its extent along each axis."""
    material: Material

    def holds(self, point: Float64[np.ndarray, "3"], *, margin: float) -> bool:
        """Whether a point is in the block around the body, or nearer to it than `margin`."""
        return bool((np.abs((point - self.centre) @ self.rotation) < self.half + margin).all())

    def resting_at(self, point: Point) -> "Body":
        """Return the body with its lowest point at the height of `point`, its centre above it."""
        low = (self.shape.vertices * self.half @ self.rotation.T)[:, 2].min()
        return replace(self, centre=np.asarray(point, float) - upward(low))


def upward(height: float) -> Float64[np.ndarray, "3"]:
    """Return the vector straight up of this length."""
    return np.array([0.0, 0.0, height])


def stand(shape: Shape, at: Point, *, size: Sequence[Number], material: Material) -> Body:
    """Put an upright body of full extents `size` with the middle of its base at a point."""
    half = np.asarray(size, float) / 2
    return Body(shape, np.asarray(at, float) + upward(half[2]), np.eye(3), half, material)


def bar(start: Point, end: Point, *, radius: float, material: Material) -> Body:
    """Span a thin round bar between two different points: a pole, a leg, a wire."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    length = float(np.linalg.norm(end - start))
    axis = (end - start) / length
    side = np.cross(axis, np.eye(3)[np.abs(axis).argmin()])
    side /= np.linalg.norm(side)
    rotation = np.stack([side, np.cross(axis, side), axis], 1)
    return Body(BAR, (start + end) / 2, rotation, np.array([radius, radius, length / 2]), material)


def moved(bodies: Sequence[Body], to: Point, *, yaw: Number = 0.0) -> list[Body]:
    """Turn bodies around the upright axis through the origin, then shift them."""
    turn = about(2, yaw)
    return [
        replace(b, centre=turn @ b.centre + np.asarray(to, float), rotation=turn @ b.rotation) for b in bodies
    ]


def about(axis: int, angle: Number) -> Float64[np.ndarray, "3 3"]:
    """Rotation matrix about a coordinate axis, right-handed, in radians."""
    rotation, (i, j) = np.eye(3), ((axis + 1) % 3, (axis + 2) % 3)
    rotation[i, i] = rotation[j, j] = math.cos(angle)
    rotation[j, i] = math.sin(angle)
    rotation[i, j] = -rotation[j, i]
    return rotation


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A pinhole camera."""

    position: Float64[np.ndarray, "3"]
    rotation: Float64[np.ndarray, "3 3"]
    """Columns point right, down and ahead."""
    fov: Number
    """Angle in radians that the longer side of a picture spans, whatever its size."""

    def rays(self, size: Size) -> Float64[np.ndarray, "n 3"]:
        """Directions through the pixel centres, row by row, each reaching 1 along the optical axis."""
        reach = math.tan(self.fov / 2) / max(size)
        x = (2 * np.arange(size.w) + 1 - size.w) * reach
        y = (2 * np.arange(size.h) + 1 - size.h) * reach
        right, down = np.meshgrid(x, y)
        ahead = np.ones(right.size)
        rays: Float64[np.ndarray, "n 3"] = np.stack([right.ravel(), down.ravel(), ahead], 1) @ self.rotation.T
        return rays


def aim(position: Point, *, yaw: Number, pitch: Number, roll: Number, fov: Number) -> Camera:
    """Put up a camera that looks along +x where all angles (radians) are 0; a positive pitch looks up."""
    level = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    rotation = about(2, yaw) @ about(1, -pitch) @ about(0, roll) @ level
    return Camera(np.asarray(position, float), rotation, fov)


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """A sun far away, or a lamp in the scene."""

    at: tuple[Number, Number, Number]
    """Direction to the sun (unit length), or place of the lamp."""
    is_sun: bool
    colour: Colour
    """Irradiance of a surface that faces it: for the sun anywhere, for a lamp at 1 m."""
    radius: float
    """Width of its half-shadows: radians for the sun, metres for a lamp."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sky:
    """What is behind everything, and lights everything a little."""

    horizon: Colour
    zenith: Colour
    cloudiness: float
    """0 is clear, 1 overcast."""
    cloud_seed: float
    """Where in the endless cloud pattern this sky lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that a picture shows."""

    bodies: tuple[Body, ...]
    lights: tuple[Light, ...]
    sky: Sky
    ambient: tuple[Colour, Colour]
    """Light without direction on what faces up, and on what faces down."""
    haze: float
    """Distance in metres after which the air hides about two thirds; infinity is clear air."""
    camera: Camera
    brightness: float
    """Mean of the finished picture, 0 to 1."""
