"""What a scene is: things made of bodies, lights, a sky. Metres; z is up."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from jaxtyping import Float32, Float64

from leadline.render.materials import Colour, Material
from leadline.render.shapes import BAR, BOX, Number, Shape
from leadline.types import Size

Point = Sequence[Number] | Float64[np.ndarray, "3"]


class Kind(IntEnum):
    """What a thing is: the class ids of the labels."""

    SKY = 0
    GROUND = 1
    FLOOR = 2
    CEILING = 3
    WALL = 4
    BUILDING = 5
    FURNITURE = 6
    OBJECT = 7
    FOOD = 8
    TEXTILE = 9
    PICTURE = 10
    LAMP = 11
    GLASS = 12
    MIRROR = 13
    PLANT = 14
    TREE = 15
    PERSON = 16
    ANIMAL = 17
    VEHICLE = 18
    FENCE = 19
    POLE = 20
    WIRE = 21
    ROCK = 22
    WATER = 23
    STAIRS = 24
    WINDOW = 25
    DOOR = 26


STRUCTURE = frozenset(
    {Kind.SKY, Kind.GROUND, Kind.FLOOR, Kind.CEILING, Kind.WALL, Kind.BUILDING, Kind.STAIRS, Kind.WATER}
)
"""What a picture may be full of without teaching less."""


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A shape, stretched, turned and put somewhere."""

    shape: Shape
    centre: Float64[np.ndarray, "3"]
    rotation: Float64[np.ndarray, "3 3"]
    """Columns are the body's axes."""
    half: Float64[np.ndarray, "3"]
    """What the shape is stretched by along each axis; half its extent where it fills the cube."""
    material: Material

    def bounds(self) -> Float64[np.ndarray, "2 3"]:
        """Lowest and highest coordinates of the block around the body, at least."""
        low, high = self.shape.bounds * self.half
        centre = self.centre + self.rotation @ ((low + high) / 2)
        reach = np.abs(self.rotation) @ ((high - low) / 2)
        return np.stack([centre - reach, centre + reach])

    def resting_at(self, point: Point) -> "Body":
        """Return the body with its lowest point at the height of `point`, its centre above it."""
        low = (self.shape.vertices * self.half @ self.rotation.T)[:, 2].min()
        return replace(self, centre=np.asarray(point, float) - upward(low))


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """What belongs together, and gets an object id of its own. Its first body carries what is put on it."""

    kind: Kind
    bodies: tuple[Body, ...]

    def moved(self, to: Point, *, yaw: Number = 0.0) -> "Thing":
        """Turn the thing around the upright axis through the origin, then shift it."""
        turn, shift = about(2, yaw), np.asarray(to, float)
        return Thing(
            self.kind,
            tuple(
                replace(b, centre=turn @ b.centre + shift, rotation=turn @ b.rotation) for b in self.bodies
            ),
        )

    def bounds(self) -> Float64[np.ndarray, "2 3"]:
        """Lowest and highest coordinates."""
        all_bounds = np.stack([body.bounds() for body in self.bodies])
        return np.stack([all_bounds[:, 0].min(0), all_bounds[:, 1].max(0)])


def thing(kind: Kind, bodies: Iterable[Body]) -> Thing:
    """Join bodies."""
    return Thing(kind, tuple(bodies))


def upward(height: Number) -> Float64[np.ndarray, "3"]:
    """Return the vector straight up of this length."""
    return np.array([0.0, 0.0, height])


def put(
    shape: Shape, at: Point, material: Material, *, half: Point = (1, 1, 1), turn: np.ndarray | None = None
) -> Body:
    """Put a shape with its origin at a point, stretched and turned."""
    rotation = np.eye(3) if turn is None else turn
    return Body(shape, np.asarray(at, float), rotation, np.asarray(half, float), material)


def stand(shape: Shape, at: Point, *, size: Sequence[Number], material: Material) -> Body:
    """Put an upright body of full extents `size` with the middle of its base at a point."""
    half = np.asarray(size, float) / 2
    return Body(shape, np.asarray(at, float) + upward(half[2]), np.eye(3), half, material)


def block(low: Point, high: Point, material: Material) -> Body:
    """Fill the space between two corners."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    return Body(BOX, (low + high) / 2, np.eye(3), (high - low) / 2, material)


def bar(start: Point, end: Point, *, radius: Number, material: Material, shape: Shape = BAR) -> Body:
    """Span a thin body between two different points: a pole, a leg, a wire."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    length = float(np.linalg.norm(end - start))
    rotation = towards(end - start)
    return Body(shape, (start + end) / 2, rotation, np.array([radius, radius, length / 2]), material)


def towards(axis: Point) -> Float64[np.ndarray, "3 3"]:
    """Rotation that brings z to a direction."""
    ahead = np.asarray(axis, float) / np.linalg.norm(axis)
    side = np.cross(ahead, np.eye(3)[np.abs(ahead).argmin()])
    side /= np.linalg.norm(side)
    return np.stack([side, np.cross(ahead, side), ahead], 1)


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

    def focal(self, size: Size) -> float:
        """Focal length in pixels; the principal point is the picture's centre."""
        return max(size) / (2 * math.tan(self.fov / 2))

    def rays(self, size: Size) -> Float64[np.ndarray, "n 3"]:
        """Directions through the pixel centres, row by row, each reaching 1 along the optical axis."""
        reach = 1 / (2 * self.focal(size))
        x = (2 * np.arange(size.w) + 1 - size.w) * reach
        y = (2 * np.arange(size.h) + 1 - size.h) * reach
        right, down = np.meshgrid(x, y)
        local = np.stack([right.ravel(), down.ravel(), np.ones(right.size)], 1)
        rays: Float64[np.ndarray, "n 3"] = np.einsum("ij,kj->ik", local, self.rotation)
        return rays


def aim(position: Point, *, yaw: Number, pitch: Number, roll: Number, fov: Number) -> Camera:
    """Put up a camera that looks along +x where all angles (radians) are 0; a positive pitch looks up."""
    level = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    rotation = about(2, yaw) @ about(1, -pitch) @ about(0, roll) @ level
    return Camera(np.asarray(position, float), rotation, fov)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp:
    """A body that shines: an ellipsoid, or a flat."""

    at: tuple[Number, Number, Number]
    half: tuple[Number, Number, Number]
    """Half its extents."""
    colour: Colour
    """Light on a white surface that faces it at 1 m."""
    panel: bool = False
    """A flat that shines downwards; otherwise an ellipsoid that shines to all sides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sky:
    """What is behind everything, and lights it: a sun far away and the sky around it."""

    sun: tuple[Number, Number, Number]
    """Direction to the sun, of unit length."""
    sunlight: Colour
    """Light on a white surface that faces the sun."""
    sun_radius: float
    """Half the angle of the sun's disc in radians: how soft shadows are."""
    horizon: Colour
    zenith: Colour
    cloudiness: float
    """0 is clear, 1 overcast."""
    cloud_seed: float
    """Where in the endless cloud pattern this sky lies."""
    panorama: Float32[np.ndarray, "h w 3"] | None = None
    """Light from all directions, in the place of the drawn sky but where the camera sees it."""


Corners = tuple[Sequence[Number], Sequence[Number]]
"""Lowest and highest coordinates of a block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vantage:
    """From where, and at what, a scene is looked at."""

    eyes: Corners
    targets: Corners
    close: float
    """How often a view is of one thing from near by."""
    across: float = 0.0
    """How often one of the others looks over one thing at what lies behind it."""
    down: float = 0.0
    """How often one of the rest looks down, at any angle that a hand holds a camera."""
    about: range = range(0)
    """Numbers of the things that views are of; the others rest on the first, which may fill a view as a floor
    may. All things where it is empty."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """All that a picture shows."""

    layout: str
    things: tuple[Thing, ...]
    sky: Sky
    vantage: Vantage
    lamps: tuple[Lamp, ...] = ()
    fill: Colour = (0.0, 0.0, 0.0)
    """Mean light on the surfaces around, which they hand on."""
    haze: float = math.inf
    """Distance in metres after which the air hides about two thirds; infinity is clear air."""
    photographs: Float32[np.ndarray, "n s s 3"] | None = None
    """What materials refer to by number; linear light."""
