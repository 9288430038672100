"""The fast shading's pictures: which points are shaded, how their light is smoothed, and the air between."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int32, Integer

from leadline.render.light import sky_light
from leadline.render.materials import Finish
from leadline.render.raycast import Caster, Hits, dot
from leadline.render.scene import Camera, Scene
from leadline.render.shading import Shader, Surface, Vectors
from leadline.types import Size

_SOFT_STEPS, _HARD_STEPS = (1, 2, 4), (1,)
"""Pixels between the nine places that each pass of smoothing takes the mean of."""
_LOOKS = 3
"""How often a part of a pixel without neighbours looks around: nothing will smooth what it finds."""
_AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


@dataclass(frozen=True, slots=True, eq=False)
class _Samples:
    """Rays from the camera that met something."""

    number: Integer[np.ndarray, " n"]
    """Which of the picture's samples these are."""
    pixel: Integer[np.ndarray, " n"]
    surface: Surface
    depth: Float32[np.ndarray, " n"]
    spread: float
    part: Integer[np.ndarray, " n"]
    """Which quarter of its pixel a sample is, 0 where it is the whole."""


def take_picture(
    scene: Scene, caster: Caster, camera: Camera, *, size: Size, rng: np.random.Generator
) -> Float32[np.ndarray, "h w 3"]:
    """Return the linear light of a view; `rng` only scatters rays of light.

    A pixel over one plain surface is shaded once, at its centre; all others at four places.
    """
    shader = Shader(scene, caster)
    origin, spread = camera.position.astype(np.float32), 1 / camera.focal(size)
    rays = camera.rays(size).astype(np.float32)
    quarter_rays = _scattered(camera, size, rng)
    hits, quarters = caster.cast(origin, rays), caster.cast(origin, quarter_rays)
    simple = _is_simple(caster, hits, quarters)
    once, parts = np.flatnonzero(simple), np.flatnonzero(np.repeat(~simple, 4))

    def samples(met: Hits, along: Vectors, chosen: Integer[np.ndarray, " m"], *, split: int) -> _Samples:
        number = chosen[met.triangle[chosen] >= 0]
        width = spread * 2 / (1 + split)
        surface = shader.surface(
            met[number],
            np.broadcast_to(origin, (len(number), 3)),
            along[number],
            spread=np.full(len(number), width, np.float32),
        )
        depth = met.depth[number].astype(np.float32)
        return _Samples(number, number // split, surface, depth, width, number % split)

    whole, pieces = samples(hits, rays, once, split=1), samples(quarters, quarter_rays, parts, split=4)
    grid = np.full(len(rays), -1, np.int32)
    grid[whole.pixel] = np.arange(len(whole.pixel))
    soft = shader.soft_light(whole.surface, _strata(whole, size), rng=rng)
    soft = _smoothed(soft, whole.surface, grid.reshape(size), steps=_SOFT_STEPS)
    light = np.empty((len(rays), 4, 3), np.float32)
    light[once] = sky_light(scene.sky, rays[once])[:, None]
    hard = _smoothed(
        shader.hard_light(whole.surface, rng=rng), whole.surface, grid.reshape(size), steps=_HARD_STEPS
    )
    light[whole.pixel] = _leaving(shader, scene, whole, soft + hard, rng=rng)[:, None]
    by_quarter = light.reshape(-1, 3)
    by_quarter[parts] = sky_light(scene.sky, quarter_rays[parts])
    borrowed = _borrowed(shader, pieces, soft, lenders=whole, grid=grid.reshape(size), rng=rng)
    sharp = shader.hard_light(pieces.surface, rng=rng)
    by_quarter[pieces.number] = _leaving(shader, scene, pieces, borrowed + sharp, rng=rng)
    brightest = np.quantile(light[::7].mean(2), 0.95) * 12 + 1e-3  # a single glint must not fill a pixel
    mean: Float32[np.ndarray, "h w 3"] = np.minimum(light, brightest).mean(1).reshape(*size, 3)
    return mean


def _leaving(
    shader: Shader, scene: Scene, samples: _Samples, arriving: Vectors, *, rng: np.random.Generator
) -> Vectors:
    """Light that reaches the camera from surfaces, through haze."""
    spread = np.full(len(arriving), samples.spread, np.float32)
    light = shader.finished(samples.surface, arriving, spread=spread, rng=rng, bounce=0)
    clear = np.exp(-samples.depth / np.float32(scene.haze))[:, None]
    seen: Vectors = clear * light + (1 - clear) * np.asarray(scene.sky.horizon, np.float32)
    return seen


def _smoothed(
    light: Vectors, surface: Surface, grid: Int32[np.ndarray, "h w"], *, steps: Sequence[int]
) -> Vectors:
    """Mean of the light at pixels near by that show the same body from about the same side."""
    margin = max(steps)
    padded = np.pad(grid, margin, constant_values=-1)
    row, column = np.nonzero(grid >= 0)
    here = grid[row, column]
    for step in steps:
        total, weight = light[here], np.ones((len(here), 1), np.float32)
        for dy, dx in _AROUND:
            there = padded[row + margin + step * dy, column + margin + step * dx]
            alike = _alike(surface, here, surface, there)
            total += np.where(alike, light[there], 0)
            weight += alike
        light = np.empty_like(light)
        light[here] = total / weight
    return light


def _borrowed(
    shader: Shader,
    samples: _Samples,
    soft: Float32[np.ndarray, "m 3"],
    *,
    lenders: _Samples,
    grid: Int32[np.ndarray, "h w"],
    rng: np.random.Generator,
) -> Vectors:
    """Give parts of pixels the light of whole pixels near by on the same side of the same body.

    Those that have no such neighbour look around for themselves.
    """
    padded = np.pad(grid, 2, constant_values=-1)
    row, column = np.divmod(samples.pixel, grid.shape[1])
    total, weight = np.zeros((len(row), 3), np.float32), np.zeros((len(row), 1), np.float32)
    here = np.arange(len(row))
    for step in (1, 2) if len(soft) else ():
        for dy, dx in _AROUND:
            there = padded[row + 2 + step * dy, column + 2 + step * dx]
            alike = _alike(samples.surface, here, lenders.surface, there)
            total += np.where(alike, soft[there], 0) / step
            weight += alike / np.float32(step)
    light = total / np.maximum(weight, 1e-6)
    alone = np.flatnonzero(weight[:, 0] == 0)
    surface, stratum = samples.surface[alone], _strata(samples, Size(*grid.shape))[alone]
    looks = [shader.soft_light(surface, (stratum + 5 * turn) % 16, rng=rng) for turn in range(_LOOKS)]
    light[alone] = np.mean(looks, axis=0)
    return light


def _alike(
    first: Surface, here: Integer[np.ndarray, " n"], second: Surface, there: Integer[np.ndarray, " n"]
) -> Bool[np.ndarray, "n 1"]:
    """Whether pairs of points lie on the same body and face about the same way; -1 is no point."""
    alike = (there >= 0) & (first.body[here] == second.body[there])
    alike &= dot(first.normals[here], second.normals[there]) > 0.9
    pairs: Bool[np.ndarray, "n 1"] = alike[:, None]
    return pairs


def _is_simple(caster: Caster, hits: Hits, quarters: Hits) -> Bool[np.ndarray, " n"]:
    """Pixels whose five rays meet the same body from about the same side, and none that mirrors."""
    four = quarters.triangle.reshape(-1, 4)
    triangles = np.concatenate([hits.triangle[:, None], four], 1)
    bodies = np.where(triangles < 0, -1, caster.mesh.body[triangles])
    same = (bodies == bodies[:, :1]).all(1)
    sides = caster.mesh.normals[:, 0][triangles]
    alike = np.einsum("ni,nki->nk", sides[:, 0], sides[:, 1:]).min(1) > 0.8
    mirrors = np.isin(caster.finish, (Finish.METAL, Finish.MIRROR, Finish.GLASS))[bodies[:, 0]]
    simple: Bool[np.ndarray, " n"] = same & ((alike & ~mirrors) | (bodies[:, 0] < 0))
    return simple


def _scattered(camera: Camera, size: Size, rng: np.random.Generator) -> Vectors:
    """Directions through a random place in each quarter of every pixel: a thin wire is met here or there."""
    rays = camera.rays(Size(2 * size.h, 2 * size.w))[quarter_order(size)]
    shift = rng.uniform(-0.25, 0.25, (len(rays), 2)) / camera.focal(size)
    scattered: Vectors = (rays + np.einsum("ij,kj->ik", shift, camera.rotation[:, :2])).astype(np.float32)
    return scattered


def quarter_order(size: Size) -> Integer[np.ndarray, " n"]:
    """Order in which the pixels of a picture of twice the size make up those of this one, four by four."""
    fine = np.arange(4 * size.h * size.w).reshape(size.h, 2, size.w, 2)
    return fine.transpose(0, 2, 1, 3).reshape(-1)


def _strata(samples: _Samples, size: Size) -> Integer[np.ndarray, " n"]:
    """A number from 0 to 15 for each sample, all different in every block of 4 x 4 pixels."""
    y, x = np.divmod(samples.pixel, size.w)
    number: Integer[np.ndarray, " n"] = x % 4 * 4 + y % 4 + 5 * (x // 4) + 3 * (y // 4) + 4 * samples.part
    return number % 16
