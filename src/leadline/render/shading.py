"""Colours for hits: patterns, sun and lamps with shadows, ambient light, haze, sky and exposure."""

import math

import numpy as np
from jaxtyping import Float, Float32, Float64, Integer, UInt8

from leadline.render.materials import albedo, cloud_noise
from leadline.render.raycast import Caster, Hits, dot, groups, length
from leadline.render.scene import Body, Light, Scene, Sky
from leadline.types import Size

_BAND = 24_000
"""Samples shaded at a time: few enough for the cache, and for BLAS to stay on one thread."""


def take_picture(
    scene: Scene, caster: Caster, *, size: Size, rng: np.random.Generator
) -> UInt8[np.ndarray, "h w 3"]:
    """Render the scene's view with 2x2 samples a pixel; `rng` only scatters the shadow rays."""
    fine = Size(2 * size.h, 2 * size.w)
    sample_width = 2 * math.tan(scene.camera.fov / 2) / max(fine)
    light = []
    rays = scene.camera.rays(fine)
    for band in np.array_split(rays, -(-len(rays) // _BAND)):
        hits = caster.cast(scene.camera.position, band)
        light.append(radiance(scene, caster, hits=hits, directions=band, sample_width=sample_width, rng=rng))
    shown = expose(np.concatenate(light), brightness=scene.brightness)
    parts = shown.reshape(size.h, 2, size.w, 2, 3)
    mean = 0.25 * (parts[:, 0, :, 0] + parts[:, 0, :, 1] + parts[:, 1, :, 0] + parts[:, 1, :, 1])
    return (_encoded(mean) * 255 + 0.5).astype(np.uint8)


def radiance(
    scene: Scene,
    caster: Caster,
    *,
    hits: Hits,
    directions: Float64[np.ndarray, "n 3"],
    sample_width: float,
    rng: np.random.Generator,
) -> Float32[np.ndarray, "n 3"]:
    """Linear light along each ray. A sample is `sample_width` wide at depth 1."""
    result = np.empty(directions.shape, np.float32)
    sky, seen = np.flatnonzero(hits.body < 0), np.flatnonzero(hits.body >= 0)
    result[sky] = sky_light(scene.sky, directions[sky])
    depth, normal = hits.depth[seen].astype(np.float32), hits.normal[seen]
    rays = directions[seen].astype(np.float32)
    points = scene.camera.position.astype(np.float32) + rays * depth[:, None]
    towards = -rays / length(rays)[:, None]
    footprint = depth * sample_width / np.maximum(dot(towards, normal), 0.15)
    colour, gloss = np.empty_like(points), np.empty_like(depth)
    for index, where in groups(hits.body[seen]):
        body = scene.bodies[index]
        u, v = surface_coordinates(body, points[where], normal=normal[where])
        colour[where] = albedo(body.material, u, v=v, footprint=footprint[where])
        gloss[where] = body.material.gloss
    up, down = np.asarray(scene.ambient, np.float32)
    total = colour * (down + (0.5 + 0.5 * normal[:, 2:]) * (up - down))
    points += normal * (1e-3 + 2e-4 * depth[:, None])  # off the surface, or it shades itself
    for light in scene.lights:
        lit, strength, unit = _reaching(light, caster, points=points, normal=normal, rng=rng)
        total[lit] += colour[lit] * strength
        shiny = np.flatnonzero(gloss[lit])
        at = lit[shiny]
        highlight = gloss[at] * _highlight(unit[shiny], towards[at], normal=normal[at])
        total[at] += highlight[:, None] * strength[shiny]
    clear = np.exp(-depth / scene.haze)[:, None]
    result[seen] = clear * total + (1 - clear) * np.asarray(scene.sky.horizon, np.float32)
    return result


def surface_coordinates(
    body: Body, points: Float32[np.ndarray, "n 3"], *, normal: Float32[np.ndarray, "n 3"]
) -> tuple[Float32[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
    """Metres along a body's surface: across flat faces and lids, around round ones.

    Flat faces measure from the scene's origin, so that the pieces of a wall continue each other's pattern.
    """
    rotation = body.rotation.astype(np.float32)
    facing = np.abs(normal @ rotation)
    x, y, z = (points @ rotation).T
    if body.shape.smooth.any():
        around = (points - body.centre.astype(np.float32)) @ rotation
        u = np.arctan2(around[:, 1], around[:, 0]) * np.float32(body.half[:2].mean())
        lid = facing[:, 2] > 0.99
        return np.where(lid, around[:, 0], u), np.where(lid, around[:, 1], around[:, 2])
    axis = facing.argmax(1)
    return np.where(axis == 0, y, x), np.where(axis == 2, y, z)


def _reaching(
    light: Light,
    caster: Caster,
    *,
    points: Float32[np.ndarray, "n 3"],
    normal: Float32[np.ndarray, "n 3"],
    rng: np.random.Generator,
) -> tuple[Integer[np.ndarray, " m"], Float32[np.ndarray, "m 3"], Float32[np.ndarray, "m 3"]]:
    """Points that one light reaches, by one shadow ray each: indices, irradiance, directions to the light."""
    at = np.asarray(light.at, np.float32)
    facing = np.flatnonzero(normal @ at > (0 if light.is_sun else dot(normal, points)))
    path = np.broadcast_to(at, (len(facing), 3)) if light.is_sun else at - points[facing]
    scatter = light.radius * (2 * rng.random(path.shape, dtype=np.float32) - 1)
    reach = 1e4 if light.is_sun else 0.98
    free = np.flatnonzero(~caster.occluded(points[facing], path + scatter, reach=reach))
    lit, path = facing[free], path[free]
    distance = length(path)
    unit = path / distance[:, None]
    falloff = 1 if light.is_sun else 1 / (distance**2 + 0.1)
    strength = dot(unit, normal[lit]) * falloff
    return lit, strength[:, None] * np.asarray(light.colour, np.float32), unit


def _highlight(
    to_light: Float32[np.ndarray, "n 3"],
    to_eye: Float32[np.ndarray, "n 3"],
    *,
    normal: Float32[np.ndarray, "n 3"],
) -> Float32[np.ndarray, " n"]:
    """Share of light mirrored to the eye (Blinn 1977)."""
    halfway = to_light + to_eye
    return 0.5 * np.maximum(dot(halfway, normal) / (length(halfway) + 1e-6), 0) ** 60


def sky_light(sky: Sky, directions: Float[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    """Light of the sky: paler towards the horizon, with clouds on a flat layer."""
    rays = directions.astype(np.float32)
    x, y, height = (rays / length(rays)[:, None]).T
    height = np.maximum(height, 0)
    horizon, zenith = np.asarray(sky.horizon, np.float32), np.asarray(sky.zenith, np.float32)
    colour = horizon + (1 - (1 - height[:, None]) ** 3) * (zenith - horizon)
    u, v = 2 * x / (height + 0.12) + np.float32(sky.cloud_seed), 2 * y / (height + 0.12)
    noise = cloud_noise(u, v, blur=0.02 / (height + 0.05))
    cover = np.clip(2 * (noise + 2.4 * sky.cloudiness - 1.2), 0, 1)[:, None]
    white = np.float32(1.15 * max(sky.horizon)) * (1 - 0.25 * np.clip(noise, 0, 1)[:, None])
    clouded: Float32[np.ndarray, "n 3"] = colour + 0.85 * cover * (white - colour)
    return clouded


def expose(light: Float32[np.ndarray, "n 3"], *, brightness: float) -> Float32[np.ndarray, "n 3"]:
    """Scale light so that the picture gets this mean, and bend it into 0 to 1 without hard clipping."""
    probe = light[:: max(1, len(light) // 4096)]
    low, high = -12.0, 12.0
    for _ in range(24):
        middle = (low + high) / 2
        dark = float(_encoded(_bent(probe * np.float32(2**middle))).mean()) < brightness
        low, high = (middle, high) if dark else (low, middle)
    return _bent(light * np.float32(2**low))


def _bent(light: Float32[np.ndarray, "*n"]) -> Float32[np.ndarray, "*n"]:
    """Tone curve: straight in the shadows, saturating in the lights."""
    bent: Float32[np.ndarray, "*n"] = 1 - np.exp(-1.2 * light)
    return bent


def _encoded(linear: Float32[np.ndarray, "*n"]) -> Float32[np.ndarray, "*n"]:
    """Linear light as a file stores it (gamma 2.2)."""
    encoded: Float32[np.ndarray, "*n"] = np.power(linear, np.float32(1 / 2.2))
    return encoded
