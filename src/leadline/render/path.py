"""The path shading: Mitsuba 3 computes the light, Open Image Denoise takes the noise out.

All bodies become a few meshes, one for each way to handle light: what tells bodies apart are numbers on
their faces, read by one texture. So all scenes with as many kinds of lamps share one compiled kernel. Window
panes would keep sun and sky out of a room (a path tracer does not look for lights through glass): they are
left out of the paths and laid over the picture after. So are sky and lamps where the camera sees them, which
would otherwise be a coarse panorama and what the denoiser makes of it.
"""

import gc
import re
import subprocess
import sys
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import numpy as np
from jaxtyping import Float32

from leadline.render.light import look_around, panorama, sky_light
from leadline.render.materials import Finish
from leadline.render.paper import Sheet, paper_texture
from leadline.render.picture import quarter_order
from leadline.render.raycast import Caster
from leadline.render.scene import Camera, Scene
from leadline.render.shading import Shader
from leadline.types import LeadlineError, Size, UnreadableError

SAMPLES = 16
"""Paths a pixel."""
_BOUNCES = 8
_PACKAGES = {"mitsuba": (3, 7), "pyoidn": (2, 5), "cffi": (1, 16)}  # as in pyproject.toml
_FAR = 16_000.0  # metres; every scene has corners there, since its extent is a constant of the kernel
_VARIANT = "llvm_ad_rgb"
_PROBE = (
    f"import mitsuba as mi; mi.set_variant({_VARIANT!r}); import drjit as dr; "
    "x = dr.arange(mi.Float, 64); dr.eval(dr.minimum(dr.maximum(x, 3), x * x)); dr.sync_thread()"
)
_NO_LLVM = (
    "the path tracer compiles its kernels with LLVM, and the one on this machine is missing or too old: "
    "install LLVM 19 (Debian and Ubuntu: apt-get install libllvm19; elsewhere set DRJIT_LIBLLVM_PATH to a "
    "libLLVM of version 16 or later), or render with --quality fast"
)


def take_picture(
    scene: Scene, caster: Caster, camera: Camera, *, size: Size, rng: np.random.Generator
) -> Float32[np.ndarray, "h w 3"]:
    """Return the linear light of a view; `rng` gives the paths their seed.

    Raises:
        LeadlineError: where a package or LLVM is missing.
        UnreadableError: where the light of a pixel is not finite.
    """
    mi = _mitsuba()
    import pyoidn

    traced, shader = _build(scene, caster)
    sensor = _sensor(camera, size)
    integrator = mi.load_dict({"type": "path", "max_depth": _BOUNCES, "hide_emitters": True})
    seed = int(rng.integers(2**31))
    image = mi.render(traced, sensor=sensor, integrator=integrator, spp=SAMPLES, seed=seed)
    light = np.array(image)[..., :3]
    broken = int((~np.isfinite(light)).any(2).sum())
    if broken:
        raise UnreadableError(f"the path tracer left {broken} pixels of {size} without a finite value")
    parts = _Parts(scene, caster, camera, size=size, shader=shader)
    if not parts.empty.all():
        light = np.minimum(light, 8 * np.quantile(light[~parts.empty].mean(1), 0.9) + 0.01)
    smooth = pyoidn.denoise(
        light, albedo=parts.mean(parts.albedo), normal=parts.mean(parts.normals), hdr=True
    )
    return parts.finish(np.asarray(smooth, np.float32), rng)


class _Parts:
    """What the fast shading knows about the four parts of each pixel: what the path tracer is not told."""

    def __init__(self, scene: Scene, caster: Caster, camera: Camera, *, size: Size, shader: Shader) -> None:
        self._scene, self._shader, self._size = scene, shader, size
        self._rays = camera.rays(Size(2 * size.h, 2 * size.w)).astype(np.float32)[quarter_order(size)]
        origin = camera.position.astype(np.float32)
        hits = caster.cast(origin, self._rays)
        self._seen = np.flatnonzero(hits.triangle >= 0)
        self._depth = hits.depth.astype(np.float32)
        count = len(self._seen)
        self._spread = np.full(count, 0.5 / camera.focal(size), np.float32)
        starts = np.broadcast_to(origin, (count, 3))
        self._surface = shader.surface(hits[self._seen], starts, self._rays[self._seen], spread=self._spread)
        clear = np.isin(self._surface.finish, (Finish.GLASS, Finish.MIRROR))
        self.albedo = self._spread_out(np.where(clear[:, None], 1, self._surface.colour).clip(0, 1))
        self.normals = self._spread_out(self._surface.normals)
        pane, met = self._seen[self._surface.finish == Finish.PANE], hits.triangle.copy()
        met[pane] = caster.cast(origin, self._rays[pane], through_glass=True).triangle
        body = caster.mesh.body[met]
        self._sky = (met < 0)[:, None]
        self._lamp = ~self._sky & (caster.finish[body] == Finish.LIGHT)[:, None]
        self._glow = shader.looks.colours[body, 0] * self._lamp
        self.empty = self.mean(self._sky.astype(np.float32))[..., 0] == 1

    def _spread_out(self, values: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "m 3"]:
        everywhere = np.zeros(self._rays.shape, np.float32)
        everywhere[self._seen] = values
        return everywhere

    def mean(self, values: Float32[np.ndarray, "m k"]) -> Float32[np.ndarray, "h w k"]:
        """Average over the parts of each pixel."""
        averaged: Float32[np.ndarray, "h w k"] = values.reshape(*self._size, 4, -1).mean(2)
        return averaged

    def finish(
        self, light: Float32[np.ndarray, "h w 3"], rng: np.random.Generator
    ) -> Float32[np.ndarray, "h w 3"]:
        """Add what the paths leave out: the sky that is seen, lamps, panes and haze."""
        open_sky, sky = np.isinf(self._depth)[:, None], self._scene.sky
        drawn = np.where(  # through a pane the panorama, as the fast shading has it
            open_sky, sky_light(sky, self._rays), look_around(panorama(sky), self._rays)
        )
        light = np.where(self.empty[..., None], 0, light) * self.mean(1 - self._lamp.astype(np.float32))
        light = light + self.mean(np.where(self._sky, drawn, self._glow))
        pane = np.flatnonzero(self._surface.finish == Finish.PANE)
        surface = self._surface[pane]
        passed, mirrored = self._shader.pane(surface, spread=self._spread[pane], rng=rng)
        through, added = np.ones(self._rays.shape, np.float32), np.zeros(self._rays.shape, np.float32)
        through[self._seen[pane]], added[self._seen[pane]] = passed, mirrored
        light = light * self.mean(through) + self.mean(added)
        clear = self.mean(np.exp(-np.where(open_sky[:, 0], 0, self._depth) / self._scene.haze)[:, None])
        hazy: Float32[np.ndarray, "h w 3"] = (
            clear * light + (1 - clear) * np.asarray(self._scene.sky.horizon)
        ).astype(np.float32)
        return hazy


@lru_cache(maxsize=1)
def _build(scene: Scene, caster: Caster) -> tuple[Any, Shader]:
    """Hand a scene to Mitsuba: all its views share this.

    The one before goes first, and parts are made one by one: Mitsuba numbers them, and kernels with other
    numbers are other kernels.
    """
    mi = _mitsuba()
    _build.cache_clear()
    gc.collect()
    shader = Shader(scene, caster)
    Sheet.looks, Sheet.photographs = shader.looks, scene.photographs
    finish = caster.finish[caster.mesh.body]
    paper, attribute = {"type": "paper"}, "mesh_attribute"
    opaque = {
        "type": "principled",
        "base_color": paper,
        "roughness": {"type": attribute, "name": "face_rough"},
        "metallic": {"type": attribute, "name": "face_metal"},
        "specular": 0.5,
    }
    leaf = {"type": "principledthin", "base_color": paper, "roughness": 0.6, "diff_trans": 0.8, "eta": 1.4}
    glass = {"type": "dielectric", "int_ior": 1.5, "specular_transmittance": paper}
    solid = ~np.isin(finish, (Finish.PANE, Finish.GLASS, Finish.LEAF, Finish.LIGHT))
    sunlight = np.pi * np.asarray(scene.sky.sunlight)
    light = panorama(scene.sky)[:, ::-1]
    around = np.ascontiguousarray(np.roll(light, light.shape[1] // 4, axis=1))  # as Mitsuba counts angles
    up = mi.ScalarTransform4f().rotate([1, 0, 0], 90)
    made = mi.load_dict(
        {
            "type": "scene",
            "solid": _mesh(caster, solid, {"type": "twosided", "nested": opaque}),
            "leaf": _mesh(caster, finish == Finish.LEAF, leaf),
            "glass": _mesh(caster, finish == Finish.GLASS, glass),
            **_lights(scene, caster),
            "extent": _mesh(caster, np.zeros(len(finish), bool), {"type": "diffuse"}),
            "sky": {"type": "envmap", "bitmap": mi.Bitmap(around), "to_world": up},
            "sun": {
                "type": "directional",
                "direction": [-float(part) for part in scene.sky.sun],
                "irradiance": {"type": "rgb", "value": sunlight.tolist()},
            },
        },
        parallel=False,
    )
    _make_opaque(made)
    return made, shader


def _mesh(
    caster: Caster,
    chosen: np.ndarray,
    bsdf: dict[str, Any],
    *,
    glow: Float32[np.ndarray, "3"] | None = None,
) -> Any:
    """Make a mesh of some triangles; where there are none, of two that nobody sees, so that kernels agree."""
    mi, mesh = _mitsuba(), caster.mesh
    number = np.flatnonzero(chosen)
    corners, normals = mesh.corners[number], mesh.normals[number]
    coordinates, body = mesh.coordinates[number], mesh.body[number]
    if len(number) == 0:
        corner = np.array([[0, 0, 0], [0.01, 0, 0], [0, 0.01, 0]])
        corners = np.array([-_FAR, _FAR])[:, None, None] + corner
        normals = np.tile(np.array([0, 0, 1], np.float32), (2, 3, 1))
        coordinates = np.zeros((2, 3, 2), np.float32)
        body = np.zeros(2, np.int32)
    properties = mi.Properties()
    properties["bsdf"] = mi.load_dict(bsdf)
    if glow is not None:
        radiance = {"type": "rgb", "value": glow.tolist()}
        properties["emitter"] = mi.load_dict({"type": "area", "radiance": radiance})
    count = len(body)
    made = mi.Mesh(
        "mesh", 3 * count, count, has_vertex_normals=True, has_vertex_texcoords=True, props=properties
    )
    finish, rough = caster.finish[body], np.array([b.material.roughness for b in caster.bodies])[body]
    mirrors = np.isin(finish, (Finish.METAL, Finish.MIRROR))
    matte = np.where(finish == Finish.MATTE, 0.9, np.clip(rough, 0.03, 0.9))
    made.add_attribute("face_body", 1, body.astype(np.float32))
    made.add_attribute("face_rough", 1, matte.astype(np.float32))
    made.add_attribute("face_metal", 1, mirrors.astype(np.float32))
    values = mi.traverse(made)
    values["vertex_positions"] = corners.astype(np.float32).ravel()
    values["vertex_normals"] = normals.ravel()
    values["vertex_texcoords"] = coordinates.ravel()
    values["faces"] = np.arange(3 * count, dtype=np.uint32)
    values.update()
    return made


def _lights(scene: Scene, caster: Caster) -> dict[str, Any]:
    """Make a mesh of all bodies that shine alike; each gives as much light as the fast shading's lamp."""
    glow = np.zeros((len(caster.bodies), 3), np.float32)
    for number in np.flatnonzero(caster.finish == Finish.LIGHT):
        centre = caster.bodies[number].centre
        lamp = min(scene.lamps, key=lambda lamp: float(np.linalg.norm(centre - np.asarray(lamp.at))))
        across, along, high = (float(part) for part in lamp.half)
        area = 2 * across * along / np.pi if lamp.panel else across * max(across, high)
        glow[number] = np.asarray(lamp.colour) / area
    levels, which = np.unique(glow, axis=0, return_inverse=True)
    alike = which.reshape(-1)[caster.mesh.body]
    return {
        f"light{number}": _mesh(caster, alike == number, {"type": "diffuse"}, glow=level)
        for number, level in enumerate(levels)
        if level.any()
    }


def _sensor(camera: Camera, size: Size) -> Any:
    mi = _mitsuba()
    _, down, ahead = camera.rotation.T
    place = camera.position.tolist()
    film = {"type": "hdrfilm", "width": size.w, "height": size.h, "pixel_format": "rgb"}
    film |= {"rfilter": {"type": "box"}, "component_format": "float32"}
    made = mi.load_dict(
        {
            "type": "perspective",
            "fov": float(np.degrees(camera.fov)),
            "fov_axis": "larger",
            "near_clip": 0.01,
            "far_clip": 1e5,
            "to_world": mi.ScalarTransform4f().look_at(
                origin=place, target=(camera.position + ahead).tolist(), up=(-down).tolist()
            ),
            "film": film,
            "sampler": {"type": "independent"},
        }
    )
    _make_opaque(made)
    return made


def _make_opaque(made: Any) -> None:
    """Hide numbers from the compiler, which would make a new kernel for each."""
    import drjit as dr

    values = _mitsuba().traverse(made)
    for name in values.keys():  # noqa: SIM118 (it is no dict)
        value = values[name]
        if dr.is_jit_v(value) and dr.width(value) == 1:
            dr.make_opaque(value)
            values[name] = value
    values.update()


def require_path_tracer() -> None:
    """See that everything is there, without loading it into this process.

    Raises:
        LeadlineError: where a package or LLVM is missing.
    """
    missing = [
        f"{name} {'.'.join(map(str, least))} or later"
        for name, least in _PACKAGES.items()
        if _release(name) < least
    ]
    if missing:
        raise LeadlineError(
            f"tracing paths needs {' and '.join(missing)}, not installed: pip install 'leadline[render-path]'"
        )
    # An LLVM that is too old ends the process that tries it, so another one has to.
    if subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, check=False).returncode:
        raise LeadlineError(_NO_LLVM)


def tracer() -> dict[str, str]:
    """Name the versions of what computes the light: another one may give other pictures."""
    return {name: version(name) for name in ("mitsuba", "pyoidn") if _release(name)}


def _release(name: str) -> tuple[int, ...]:
    """Return the first two numbers of an installed package's version; none where it is not installed."""
    try:
        return tuple(map(int, re.findall(r"\d+", version(name))[:2])) if find_spec(name) else ()
    except PackageNotFoundError:
        return ()


@cache
def _mitsuba() -> Any:
    """Load Mitsuba, once it is known that it will not take the process down."""
    require_path_tracer()
    import mitsuba as mi

    mi.set_variant(_VARIANT)
    mi.set_log_level(mi.LogLevel.Error)
    mi.register_texture("paper", paper_texture(mi))
    return mi


def limit_threads(count: int) -> None:
    """Let the path tracer use so many threads in this process."""
    _mitsuba()
    import drjit as dr

    dr.set_thread_count(count)
