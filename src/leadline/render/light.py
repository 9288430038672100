"""Light from the sky: drawn, or measured in every direction around a place."""

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Float32

from leadline.render.materials import PATTERNS, Pattern, look_up, pattern_pyramid
from leadline.render.palette import Dice
from leadline.render.photographs import decode
from leadline.render.raycast import length
from leadline.render.scene import Sky
from leadline.types import LeadlineError

_PANORAMA = (96, 192)
"""Height and width of the map that lights a scene."""
_BRIGHTEST = 1e9
"""What a panorama shows is darker, the sun too: beyond it a file is damaged."""

Directions = Float[np.ndarray, "n 3"]


def draw_sky(dice: Dice) -> Sky:
    """Draw a sky from clear to overcast, and the sun that belongs to it."""
    elevation, azimuth = math.asin(dice.between(0.1, 0.98)), dice.turn()
    cloudiness = dice.pick((0.0, dice.between(0.2, 0.6), dice.between(0.3, 0.8), 1.0))
    overcast = cloudiness == 1.0
    level = math.cos(elevation)
    sun = (level * math.cos(azimuth), level * math.sin(azimuth), math.sin(elevation))
    low = math.exp(-4 * sun[2])  # a low sun is red
    strength = dice.between(2, 4.5) * (0.06 if overcast else 1)
    blue, light, warm = dice.between(0.15, 0.5), dice.between(0.5, 1.3), 0.35 * low
    zenith, horizon = (blue * 0.7, blue * 1.1, 0.9), (1.0, 1 - warm * 0.6, 1 - warm * 1.3)
    if overcast:
        zenith, horizon = (0.8, 0.85, 0.9), (1.0, 1.0, 1.0)
    return Sky(
        sun=sun,
        sunlight=(strength, strength * (1 - 0.45 * low), strength * (0.92 - 0.7 * low)),
        sun_radius=dice.pick((0.005, 0.008, 0.012)) * (20 if overcast else 1),
        horizon=_scaled(horizon, light),
        zenith=_scaled(zenith, light),
        cloudiness=cloudiness,
        cloud_seed=dice.between(0, 50),
    )


def lit_by(sky: Sky, panorama: Float32[np.ndarray, "h w 3"], *, turn: float) -> Sky:
    """Put measured light in the place of a sky's own; its brightest spot becomes the sun.

    The picture's own sky takes the panorama's colours but stays drawn: what the panorama shows has no label.
    """
    small = cv2.resize(panorama, _PANORAMA[::-1], interpolation=cv2.INTER_AREA)
    small = np.roll(small, int(turn / math.tau * small.shape[1]), axis=1)
    weight = np.cos(_elevations())[:, None]
    grey = small.mean(2)
    level = float((grey * weight).sum() / weight.sum() / small.shape[1]) + 1e-9
    small = small * np.float32(0.7 / level)
    grey = small.mean(2)
    bright = grey > 12
    solid_angle = (math.pi / _PANORAMA[0]) * (math.tau / _PANORAMA[1]) * weight
    excess = np.where(bright[..., None], small - 12, 0) * solid_angle[..., None] / math.pi
    sunlight = np.maximum(excess.sum((0, 1)), 1e-3)
    towards = (directions_around() * excess.mean(2).reshape(-1, 1)).sum(0) + [0, 0, 1e-6]
    towards /= np.linalg.norm(towards)
    upper = small[: _PANORAMA[0] // 2].clip(0, 3)
    zenith, horizon = upper[:24].mean((0, 1)), upper[-16:].mean((0, 1))
    return replace(
        sky,
        sun=_triple(towards),
        sunlight=_triple(np.minimum(sunlight, 6)),
        sun_radius=0.012,
        zenith=_triple(zenith),
        horizon=_triple(horizon),
        panorama=np.minimum(small, 12).astype(np.float32),
    )


def read_panorama(path: Path) -> Float32[np.ndarray, "h w 3"]:
    """Read an equirectangular picture of Radiance HDR: linear RGB, its upper edge the zenith.

    Raises:
        LeadlineError: for anything else.
    """
    data = path.read_bytes()
    picture = decode(data, cv2.IMREAD_UNCHANGED) if data.startswith(b"#?") else None
    if picture is None or picture.ndim != 3 or not (picture.min() >= 0 and picture.max() < _BRIGHTEST):
        raise LeadlineError(f"{path} cannot be read as an environment: expected a whole Radiance HDR picture")
    return np.ascontiguousarray(picture[..., ::-1])


def panorama(sky: Sky) -> Float32[np.ndarray, "h w 3"]:
    """Light from all directions but the sun's, as an equirectangular map, its upper edge the zenith."""
    if sky.panorama is not None:
        return sky.panorama
    light = sky_light(sky, directions_around())
    ground = directions_around()[:, 2] < 0
    light[ground] = 0.25 * light[ground]
    return light.reshape(*_PANORAMA, 3)


def directions_around() -> Float32[np.ndarray, "n 3"]:
    """Directions of the pixels of a panorama, row by row."""
    azimuth = math.tau * (np.arange(_PANORAMA[1]) + 0.5) / _PANORAMA[1]
    up, around = np.meshgrid(_elevations(), azimuth, indexing="ij")
    level = np.cos(up)
    return (
        np.stack([level * np.cos(around), level * np.sin(around), np.sin(up)], 2)
        .reshape(-1, 3)
        .astype(np.float32)
    )


def look_around(light: Float32[np.ndarray, "h w 3"], directions: Directions) -> Float32[np.ndarray, "n 3"]:
    """Read a panorama in directions of any length."""
    h, w = light.shape[:2]
    x, y, z = (directions / (length(directions)[:, None] + 1e-12)).astype(np.float32).T
    column = (np.arctan2(y, x) / np.float32(math.tau) % 1 * w).astype(np.int32) % w
    row = np.clip((0.5 - np.arcsin(np.clip(z, -1, 1)) / np.float32(math.pi)) * h, 0, h - 1).astype(np.int32)
    found: Float32[np.ndarray, "n 3"] = light[row, column]
    return found


def sky_light(sky: Sky, directions: Directions) -> Float32[np.ndarray, "n 3"]:
    """Light of the drawn sky: paler towards the horizon and the sun, with clouds on a flat layer."""
    rays = (directions / length(directions)[:, None]).astype(np.float32)
    height = np.maximum(rays[:, 2], 0)
    horizon, zenith = np.asarray(sky.horizon, np.float32), np.asarray(sky.zenith, np.float32)
    colour = horizon + (1 - (1 - height[:, None]) ** 3) * (zenith - horizon)
    near_sun = np.maximum((rays * np.asarray(sky.sun, np.float32)).sum(1), 0)[:, None]
    glow = (
        (0.25 * near_sun**12 + 1.5 * near_sun**250)
        * np.asarray(sky.sunlight, np.float32)
        * (1 - sky.cloudiness)
    )
    u, v = rays[:, 0] / (height + 0.12) + np.float32(sky.cloud_seed), rays[:, 1] / (height + 0.12)
    noise = _cloud_noise(0.35 * u, 0.35 * v, blur=0.004 / (height + 0.05))
    cover = np.clip(5 * (noise + 1.1 * sky.cloudiness - 0.95), 0, 1)[:, None]
    white = np.float32(1.15 * max(sky.horizon)) * (1.1 - 0.5 * noise[:, None])
    clouded: Float32[np.ndarray, "n 3"] = colour + glow + 0.85 * cover * (white - colour)
    return clouded.astype(np.float32)


def _cloud_noise(
    u: Float32[np.ndarray, " n"], v: Float32[np.ndarray, " n"], *, blur: Float32[np.ndarray, " n"]
) -> Float32[np.ndarray, " n"]:
    index = np.full(len(u), PATTERNS.index(Pattern.CLOUDS), np.int32)
    count = len(PATTERNS) + 1
    coarse = look_up(pattern_pyramid(), count, index=index, u=0.13 * u, v=0.13 * v, blur=0.13 * blur)
    fine = look_up(pattern_pyramid(), count, index=np.full_like(index, len(PATTERNS)), u=u, v=v, blur=blur)
    return 0.65 * coarse + 0.35 * fine


def _elevations() -> Float[np.ndarray, " h"]:
    return math.pi * (0.5 - (np.arange(_PANORAMA[0]) + 0.5) / _PANORAMA[0])


def _scaled(colour: tuple[float, float, float], by: float) -> tuple[float, float, float]:
    return colour[0] * by, colour[1] * by, colour[2] * by


def _triple(colour: Float[np.ndarray, "3"]) -> tuple[float, float, float]:
    return float(colour[0]), float(colour[1]), float(colour[2])
