"""The fast shading: colours for the points that rays meet, without a path tracer.

Sun and lamps throw soft shadows; every point looks around with a few rays for the light of the sky and of
what is near it; glass, mirrors, metal and varnish send one more ray on, twice at most.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Complex64, Float32, Float64, Int32, Integer

from leadline.render.light import look_around, panorama
from leadline.render.materials import (
    PATTERNS,
    Finish,
    Pattern,
    look_up,
    pattern_maps,
    pattern_pyramid,
    pyramid,
)
from leadline.render.raycast import Caster, Hits, dot, length
from leadline.render.scene import Lamp, Scene

Vectors = Float32[np.ndarray, "n 3"]
Values = Float32[np.ndarray, " n"]

_BOUNCES = 3
"""Surfaces of glass or mirrors that a ray may meet."""
_AROUND = 2
"""Rays that look around from a point."""
_SOFT = 0.02
"""Radius of the sun in radians from which on its shadows count as soft."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What shading knows about points that rays met."""

    points: Vectors
    """A little off the surface, on the viewer's side."""
    beyond: Vectors
    """The same on the other side."""
    normals: Vectors
    """Smooth, towards where the ray came from."""
    to_eye: Vectors
    colour: Vectors
    """Reflectance; what shines through glass; what metal mirrors."""
    finish: Integer[np.ndarray, " n"]
    roughness: Values
    body: Integer[np.ndarray, " n"]

    def __getitem__(self, where: Integer[np.ndarray, " m"]) -> "Surface":
        """Pick some of the points."""
        return Surface(**{field.name: getattr(self, field.name)[where] for field in fields(self)})


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """The materials of all bodies, a row for each."""

    map: Int32[np.ndarray, " b"]
    """Place in `PATTERNS`; -1 is a photograph."""
    photo: Int32[np.ndarray, " b"]
    colours: Float32[np.ndarray, "b 2 3"]
    scale: Float32[np.ndarray, " b"]
    turn: Complex64[np.ndarray, " b"]
    """The pattern's direction on the surface."""
    grain: Float32[np.ndarray, " b"]
    roughness: Float32[np.ndarray, " b"]


def gather_looks(caster: Caster) -> Looks:
    """Collect what bodies look like."""
    materials = [body.material for body in caster.bodies]
    number = {pattern: place for place, pattern in enumerate(PATTERNS)}
    drawn = [number[m.pattern] if isinstance(m.pattern, Pattern) else -1 for m in materials]
    photos = [0 if isinstance(m.pattern, Pattern) else m.pattern for m in materials]
    return Looks(
        map=np.array(drawn, np.int32),
        photo=np.array(photos, np.int32),
        colours=np.array([m.colours for m in materials], np.float32),
        scale=np.array([m.scale for m in materials], np.float32),
        turn=np.exp(1j * np.array([m.angle for m in materials])).astype(np.complex64),
        grain=np.array([m.grain for m in materials], np.float32),
        roughness=np.array([m.roughness for m in materials], np.float32),
    )


class Shader:
    """A scene's materials and lights, ready to colour rays."""

    def __init__(self, scene: Scene, caster: Caster) -> None:
        """Gather what bodies look like."""
        self._scene, self._caster = scene, caster
        self.looks = looks = gather_looks(caster)
        photographs = scene.photographs
        self._photographs = None if photographs is None else pyramid(photographs)
        mean_share = pattern_maps().mean((1, 2))[np.maximum(looks.map, 0)][:, None]
        first, second = looks.colours[:, 0], looks.colours[:, 1]
        self._mean_colour = first + mean_share * (second - first)
        if photographs is not None:
            shown = photographs.mean((1, 2))[looks.photo] * first
            self._mean_colour = np.where(looks.map[:, None] < 0, shown, self._mean_colour)
        self._around = panorama(scene.sky)
        sky_up = self._around[: len(self._around) // 2].mean((0, 1))
        sunny = 0.5 * np.asarray(scene.sky.sunlight, np.float32) * scene.sky.sun[2]
        self._fill = np.asarray(scene.fill, np.float32) if any(scene.fill) else 0.7 * (sky_up + sunny)

    def surface(self, hits: Hits, origins: Vectors, directions: Vectors, *, spread: Values) -> Surface:
        """Describe what rays met; `spread` is how wide a sample is at depth 1."""
        mesh, depth = self._caster.mesh, hits.depth.astype(np.float32)
        distance = length(directions)
        to_eye = -directions / distance[:, None]
        normals = mesh.interpolate(mesh.normals, hits)
        a, b, c = np.moveaxis(mesh.corners[hits.triangle].astype(np.float32), 1, 0)
        face = np.cross(b - a, c - a)
        face /= length(face)[:, None] + np.float32(1e-20)
        normals /= length(normals)[:, None] + np.float32(1e-12)
        front = np.where(dot(face, to_eye) < 0, np.float32(-1), np.float32(1))[:, None]
        face, normals = face * front, normals * front
        normals = np.where(dot(normals, face)[:, None] < 0, -normals, normals)  # a leaf's other side
        points, lift = origins + directions * depth[:, None], face * (1e-4 + 2e-4 * depth * distance)[:, None]
        body = mesh.body[hits.triangle]
        footprint = depth * distance * spread / np.maximum(np.abs(dot(face, to_eye)), 0.1)
        colour = self.albedo(body, mesh.interpolate(mesh.coordinates, hits), footprint=footprint)
        return Surface(
            points=points + lift,
            beyond=points - lift,
            normals=normals,
            to_eye=to_eye,
            colour=colour,
            finish=self._caster.finish[body],
            roughness=self.looks.roughness[body],
            body=body,
        )

    def albedo(
        self, body: Integer[np.ndarray, " n"], at: Float32[np.ndarray, "n 2"], *, footprint: Values
    ) -> Vectors:
        """Reflectance of bodies at metres along their surface, for samples `footprint` metres wide."""
        scale, turn = self.looks.scale[body], self.looks.turn[body]
        turned = (at[:, 0] + 1j * at[:, 1]) * turn.conj() / scale
        u, v, blur = turned.real, turned.imag, footprint / scale
        maps, index = pattern_pyramid(), self.looks.map[body]
        share = look_up(maps, len(PATTERNS) + 1, index=np.maximum(index, 0), u=u, v=v, blur=blur)[:, None]
        first, second = self.looks.colours[body, 0], self.looks.colours[body, 1]
        colour = first + share * (second - first)
        shown = np.flatnonzero(index < 0)
        if len(shown) and self._photographs is not None and self._scene.photographs is not None:
            count = len(self._scene.photographs)
            colour[shown] *= look_up(
                self._photographs,
                count,
                index=self.looks.photo[body[shown]],
                u=u[shown] + 0.5,
                v=0.5 - v[shown],
                blur=blur[shown],
            )
        grain = look_up(
            maps,
            len(PATTERNS) + 1,
            index=np.full_like(index, len(PATTERNS)),
            u=0.37 * u + 0.3,
            v=0.37 * v,
            blur=0.37 * blur,
        )
        bright = 1 + self.looks.grain[body] * (2 * grain - 1)
        grained: Vectors = np.clip(colour * bright[:, None], 0, None)
        return grained

    def trace(
        self, origins: Vectors, directions: Vectors, *, spread: Values, rng: np.random.Generator, bounce: int
    ) -> Vectors:
        """Light along rays that glass, mirrors or varnish sent on."""
        hits = self._caster.cast(origins, directions)
        light = look_around(self._around, directions)
        seen = np.flatnonzero(hits.triangle >= 0)
        surface = self.surface(hits[seen], origins[seen], directions[seen], spread=spread[seen])
        arriving = self.sunlight(surface, rng=rng) + self.lamplight(surface, rng=rng) + 0.55 * self._fill
        light[seen] = self.finished(surface, arriving, spread=spread[seen], rng=rng, bounce=bounce)
        return light

    def finished(
        self, surface: Surface, arriving: Vectors, *, spread: Values, rng: np.random.Generator, bounce: int
    ) -> Vectors:
        """Light that leaves surfaces towards the eye, from what arrives at them and what they mirror."""
        light: Vectors = surface.colour * arriving
        finish = surface.finish
        shining = finish == Finish.LIGHT
        light[shining] = surface.colour[shining]
        metal, mirror = finish == Finish.METAL, finish == Finish.MIRROR
        clear = (finish == Finish.PANE) | (finish == Finish.GLASS)
        light[metal] *= 0.15
        light[mirror | clear] = 0
        facing = np.clip(dot(surface.normals, surface.to_eye), 0, 1)
        fresnel = _fresnel(facing) * np.where(clear, 1, 1 - 0.7 * surface.roughness)
        mirrored = np.where((metal | mirror)[:, None], surface.colour, fresnel[:, None])
        reflect = np.flatnonzero(metal | mirror | clear | (finish == Finish.GLOSSY))
        if bounce >= _BOUNCES:
            light[reflect] += mirrored[reflect] * self._fill
            light[clear] += surface.colour[clear] * self._fill
            return light
        along = 2 * facing[:, None] * surface.normals - surface.to_eye
        blur = surface.roughness[:, None] ** 2 * (~clear)[:, None]
        along = (along + blur * rng.normal(0, 0.6, along.shape)).astype(np.float32)
        wider = spread + 0.5 * surface.roughness
        light[reflect] += mirrored[reflect] * self.trace(
            surface.points[reflect],
            along[reflect],
            spread=wider[reflect],
            rng=rng,
            bounce=bounce + 1 + (bounce > 0),
        )
        passing = np.flatnonzero(clear)
        onward = -surface.to_eye[passing]
        bend = np.where(finish[passing] == Finish.GLASS, 0.18, 0)[:, None]  # a hint of refraction
        onward = (onward - bend * surface.normals[passing] * facing[passing, None]).astype(np.float32)
        light[passing] += (
            surface.colour[passing]
            * (1 - fresnel[passing, None])
            * self.trace(surface.beyond[passing], onward, spread=spread[passing], rng=rng, bounce=bounce + 1)
        )
        return light

    def pane(self, surface: Surface, *, spread: Values, rng: np.random.Generator) -> tuple[Vectors, Vectors]:
        """Return the share of light that passes both sides of panes, and the light that they mirror."""
        facing = np.clip(dot(surface.normals, surface.to_eye), 0, 1)[:, None]
        fresnel = _fresnel(facing)
        along = (2 * facing * surface.normals - surface.to_eye).astype(np.float32)
        mirrored = fresnel * self.trace(surface.points, along, spread=spread, rng=rng, bounce=1)
        passed: Vectors = (surface.colour * (1 - fresnel)) ** 2
        return passed.astype(np.float32), mirrored.astype(np.float32)

    def hard_light(self, surface: Surface, *, rng: np.random.Generator) -> Vectors:
        """Light whose shadows have edges: that of a sun without haze before it."""
        hard = self._scene.sky.sun_radius < _SOFT
        return self.sunlight(surface, rng=rng) if hard else np.zeros_like(surface.points)

    def soft_light(
        self, surface: Surface, stratum: Integer[np.ndarray, " n"], *, rng: np.random.Generator
    ) -> Vectors:
        """Light that changes slowly from point to point: from around, from lamps, and from a sun in haze."""
        light: Vectors = self.around(surface, stratum, rng=rng) + self.lamplight(surface, rng=rng)
        if self._scene.sky.sun_radius >= _SOFT:
            light += self.sunlight(surface, rng=rng)
        return light

    def sunlight(self, surface: Surface, *, rng: np.random.Generator) -> Vectors:
        """Light of the sun on surfaces that face it, by one shadow ray each."""
        sky = self._scene.sky
        scatter = rng.normal(0, 0.6 * sky.sun_radius, surface.points.shape)
        way = (np.asarray(sky.sun) + scatter).astype(np.float32)
        return self._arriving(surface, way, np.asarray(sky.sunlight, np.float32), far=True)

    def lamplight(self, surface: Surface, *, rng: np.random.Generator) -> Vectors:
        """Light of all lamps, by one shadow ray each."""
        total = np.zeros_like(surface.points)
        for lamp in self._scene.lamps:
            way = (_on_lamp(lamp, surface.points, rng) - surface.points).astype(np.float32)
            distance = length(way)
            falloff = 1 / (distance**2 + 0.05)
            if lamp.panel:
                falloff *= np.maximum(way[:, 2] / (distance + 1e-6), 0) * 2
            total += self._arriving(
                surface, way, falloff[:, None] * np.asarray(lamp.colour, np.float32), far=False
            )
        return total

    def _arriving(
        self, surface: Surface, way: Vectors, light: Float32[np.ndarray, "..."], *, far: bool
    ) -> Vectors:
        """Light from one side where nothing stands in between."""
        unit = way / (length(way)[:, None] + np.float32(1e-6))
        slope = dot(unit, surface.normals)
        through = surface.finish == Finish.LEAF
        strength = np.where(through, 0.55 * np.abs(slope) + 0.25 * np.maximum(slope, 0), np.maximum(slope, 0))
        lit = np.flatnonzero(strength > 0)
        start = np.where(slope[lit, None] < 0, surface.points[lit] + 4e-3 * unit[lit], surface.points[lit])
        blocked = self._caster.occluded(start, way[lit], reach=1e4 if far else 0.97)
        strength[lit[blocked]] = 0
        arriving: Vectors = strength[:, None].astype(np.float32) * light
        return arriving

    def around(
        self, surface: Surface, stratum: Integer[np.ndarray, " n"], *, rng: np.random.Generator
    ) -> Vectors:
        """Light from the sky and from near surfaces, by a few rays over the hemisphere.

        `stratum`, 0 to 15, is a sixteenth of the turn: points beside each other look to different sides.
        """
        total = np.zeros_like(surface.points)
        for turn in range(_AROUND):
            angle = math.tau * ((stratum + 16 * turn / _AROUND) % 16 + rng.random(len(stratum))) / 16
            height = np.sqrt((stratum * 7 % 16 + rng.random(len(stratum))) / 16)
            level = np.sqrt(1 - height**2)
            local = np.stack([level * np.cos(angle), level * np.sin(angle), height], 1)
            way = _from_local(local.astype(np.float32), surface.normals)
            hits = self._caster.cast(surface.points, way, through_glass=True)
            light = look_around(self._around, way)
            met = np.flatnonzero(hits.triangle >= 0)
            body = self._caster.mesh.body[hits.triangle[met]]
            distance = hits.depth[met].astype(np.float32)
            near = distance / (distance + 0.25)  # a crevice gets less light than the open
            dark = self._caster.finish[body] == Finish.LIGHT  # lamps are counted on their own
            handed_on = self._mean_colour[body] * self._fill * near[:, None]
            light[met] = np.where(dark[:, None], 0.3 * self._fill, handed_on)
            total += light
        return total / _AROUND


def _fresnel(facing: Float32[np.ndarray, "*n"]) -> Float32[np.ndarray, "*n"]:
    """Share of light that glass or varnish mirrors (Schlick 1994), by the cosine to its normal."""
    share: Float32[np.ndarray, "*n"] = 0.04 + 0.96 * (1 - facing) ** 5
    return share


def _from_local(local: Vectors, normals: Vectors) -> Vectors:
    """Turn vectors around z into vectors around normals (Duff and others 2017)."""
    x, y, z = normals.T
    sign = np.where(z < 0, np.float32(-1), np.float32(1))
    a = -1 / (sign + z)
    b = x * y * a
    first = np.stack([1 + sign * x * x * a, sign * b, -sign * x], 1)
    second = np.stack([b, sign + y * y * a, -y], 1)
    turned: Vectors = local[:, :1] * first + local[:, 1:2] * second + local[:, 2:] * normals
    return turned


def _on_lamp(lamp: Lamp, points: Vectors, rng: np.random.Generator) -> Float64[np.ndarray, "n 3"]:
    """Draw a point of a lamp for each point of a surface; of an ellipsoid, on the side towards it."""
    at, half = np.asarray(lamp.at), np.asarray(lamp.half)
    if lamp.panel:
        return at + half * rng.uniform(-1, 1, points.shape)
    ball = rng.normal(size=points.shape)
    ball /= length(ball)[:, None]
    ball *= np.where(dot(ball, points - at) < 0, -1, 1)[:, None]
    return at + 1.15 * half * ball
