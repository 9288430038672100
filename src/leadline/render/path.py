"""The path shading: Mitsuba 3 computes the light, Open Image Denoise takes the noise out.

All bodies become five meshes, one for each way to handle light, whatever the scene: what tells bodies apart
are numbers on their faces, read by one texture. So the kernel is compiled once for all scenes. Window panes
would keep sun and sky out of a room (a path tracer does not look for lights through glass): they are left
out of the paths and laid over the picture after.
"""

import subprocess
import sys
from functools import cache, lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float32

from leadline.render.light import look_around, panorama, sky_light
from leadline.render.materials import PATTERNS, SIDE, Finish, pattern_maps
from leadline.render.picture import quarter_order
from leadline.render.raycast import Caster
from leadline.render.scene import Camera, Scene
from leadline.render.shading import Looks, Shader
from leadline.types import LeadlineError, Size, UnreadableError

SAMPLES = 16
"""Paths a pixel."""
_BOUNCES = 8
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
    mi, denoise = _mitsuba(), _denoiser()
    traced, shader = _build(scene, caster)
    sensor, integrator = _sensor(camera, size), mi.load_dict({"type": "path", "max_depth": _BOUNCES})
    seed = int(rng.integers(2**31))
    image = mi.render(traced, sensor=sensor, integrator=integrator, spp=SAMPLES, seed=seed)
    light = np.array(image)[..., :3]
    broken = int((~np.isfinite(light)).any(2).sum())
    if broken:
        raise UnreadableError(f"the path tracer left {broken} pixels of {size} without a finite value")
    light = np.minimum(light, 8 * np.quantile(light.mean(2), 0.9) + 0.01)
    parts = _Parts(scene, caster, camera, size=size, shader=shader)
    smooth = denoise(light, albedo=parts.mean(parts.albedo), normal=parts.mean(parts.normals), hdr=True)
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
        self.albedo = self._spread_out(np.where(clear[:, None], 1, self._surface.colour).clip(0, 1), empty=1)
        self.normals = self._spread_out(self._surface.normals, empty=0)

    def _spread_out(self, values: Float32[np.ndarray, "n 3"], *, empty: float) -> Float32[np.ndarray, "m 3"]:
        everywhere = np.full(self._rays.shape, empty, np.float32)
        everywhere[self._seen] = values
        return everywhere

    def mean(self, values: Float32[np.ndarray, "m k"]) -> Float32[np.ndarray, "h w k"]:
        """Average over the parts of each pixel."""
        averaged: Float32[np.ndarray, "h w k"] = values.reshape(*self._size, 4, -1).mean(2)
        return averaged

    def finish(
        self, light: Float32[np.ndarray, "h w 3"], rng: np.random.Generator
    ) -> Float32[np.ndarray, "h w 3"]:
        """Show the drawn sky where the panorama that lights the scene is seen; add panes and haze."""
        open_sky = np.isinf(self._depth)[:, None]
        around = panorama(self._scene.sky)
        drawn = sky_light(self._scene.sky, self._rays) - look_around(around, self._rays)
        light = np.maximum(light + self.mean(np.where(open_sky, drawn, 0)), 0)
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
    """Hand a scene to Mitsuba: all its views share this."""
    mi = _mitsuba()
    shader = Shader(scene, caster)
    _Paper.looks, _Paper.photographs = shader.looks, scene.photographs
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
            "light": _mesh(caster, finish == Finish.LIGHT, {"type": "diffuse"}, glow=_glow(scene, caster)),
            "sky": {"type": "envmap", "bitmap": mi.Bitmap(around), "to_world": up},
            "sun": {
                "type": "directional",
                "direction": [-float(part) for part in scene.sky.sun],
                "irradiance": {"type": "rgb", "value": sunlight.tolist()},
            },
        }
    )
    _make_opaque(made)
    return made, shader


def _mesh(
    caster: Caster,
    chosen: np.ndarray,
    bsdf: dict[str, Any],
    *,
    glow: Float32[np.ndarray, "b 3"] | None = None,
) -> Any:
    """Make a mesh of some triangles; where there are none, of one that nobody sees, so that kernels agree."""
    mi, mesh = _mitsuba(), caster.mesh
    number = np.flatnonzero(chosen)
    corners, normals = mesh.corners[number], mesh.normals[number]
    coordinates, body = mesh.coordinates[number], mesh.body[number]
    if len(number) == 0:
        corners = np.array([[[0, 0, -9000], [0.01, 0, -9000], [0, 0.01, -9000]]], float)
        normals = np.tile(np.array([0, 0, 1], np.float32), (1, 3, 1))
        coordinates = np.zeros((1, 3, 2), np.float32)
        body = np.zeros(1, np.int32)
    properties = mi.Properties()
    properties["bsdf"] = mi.load_dict(bsdf)
    if glow is not None:
        radiance = {"type": "mesh_attribute", "name": "face_glow"}
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
    if glow is not None:
        made.add_attribute("face_glow", 3, glow[body].ravel())
    values = mi.traverse(made)
    values["vertex_positions"] = corners.astype(np.float32).ravel()
    values["vertex_normals"] = normals.ravel()
    values["vertex_texcoords"] = coordinates.ravel()
    values["faces"] = np.arange(3 * count, dtype=np.uint32)
    values.update()
    return made


def _glow(scene: Scene, caster: Caster) -> Float32[np.ndarray, "b 3"]:
    """Radiance of each body that shines, so that it gives as much light as the fast shading's lamp."""
    glow = np.zeros((len(caster.bodies), 3), np.float32)
    for number in np.flatnonzero(caster.finish == Finish.LIGHT):
        centre = caster.bodies[number].centre
        lamp = min(scene.lamps, key=lambda lamp: float(np.linalg.norm(centre - np.asarray(lamp.at))))
        across, along, high = (float(part) for part in lamp.half)
        area = 2 * across * along / np.pi if lamp.panel else across * max(across, high)
        glow[number] = np.asarray(lamp.colour) / area
    return glow


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


class _Paper:
    """What the next texture that Mitsuba makes is to know."""

    looks: Looks
    photographs: Float32[np.ndarray, "n s s 3"] | None = None


@cache
def _mitsuba() -> Any:
    """Load Mitsuba, once it is known that it will not take the process down.

    Raises:
        LeadlineError: where it or LLVM is missing.
    """
    try:
        import mitsuba as mi
    except ImportError as error:
        raise LeadlineError(
            "tracing paths needs Mitsuba 3, which is not installed: pip install 'leadline[render-path]'"
        ) from error
    # An LLVM that is too old ends the process that tries it, so another one has to.
    if subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, check=False).returncode:
        raise LeadlineError(_NO_LLVM)
    mi.set_variant(_VARIANT)
    mi.set_log_level(mi.LogLevel.Error)
    mi.register_texture("paper", _paper_texture(mi))
    return mi


@cache
def _denoiser() -> Any:
    try:
        import pyoidn
    except ImportError as error:
        raise LeadlineError(
            "tracing paths needs Open Image Denoise, which is not installed: "
            "pip install 'leadline[render-path]'"
        ) from error
    return pyoidn.denoise


def limit_threads(count: int) -> None:
    """Let the path tracer use so many threads in this process."""
    _mitsuba()
    import drjit as dr

    dr.set_thread_count(count)


def _paper_texture(mi: Any) -> Any:
    """Return a texture that colours faces by their body's material, as `Shader.albedo` does."""
    import drjit as dr

    class Paper(mi.Texture):  # type: ignore[misc]
        def __init__(self, properties: Any) -> None:
            mi.Texture.__init__(self, properties)
            looks = _Paper.looks
            self.count = np.int64(len(looks.scale))
            numbers = np.concatenate(
                [
                    np.stack(
                        [looks.scale, looks.turn.real, looks.turn.imag, looks.grain, looks.map, looks.photo]
                    ),
                    looks.colours.reshape(-1, 6).T,
                ]
            )
            self.numbers = mi.Float(numbers.astype(np.float32).ravel())
            self.bodies = mi.UInt32(len(looks.scale))
            self.maps = mi.Float(pattern_maps().ravel())
            photographs = _Paper.photographs
            shown = np.ones((1, SIDE, SIDE, 3), np.float32) if photographs is None else photographs
            self.photographs = mi.Float(np.ascontiguousarray(shown, np.float32).ravel())
            dr.make_opaque(self.numbers, self.bodies, self.maps, self.photographs)

        def eval(self, si: Any, active: Any = True) -> Any:
            body = mi.UInt32(si.shape.eval_attribute_1("face_body", si, active))

            def of(row: int) -> Any:
                return dr.gather(mi.Float, self.numbers, row * self.bodies + body, active)

            cos, sin, scale = of(1), of(2), of(0)
            u, v = (si.uv.x * cos + si.uv.y * sin) / scale, (si.uv.y * cos - si.uv.x * sin) / scale
            number = of(4)
            share = self.read(self.maps, mi.UInt32(dr.maximum(number, 0)), u, v, 1, active)[0]
            first, second = (mi.Color3f(of(k), of(k + 1), of(k + 2)) for k in (6, 9))
            shown = mi.Color3f(*self.read(self.photographs, mi.UInt32(of(5)), u + 0.5, 0.5 - v, 3, active))
            colour = first + share * (second - first)
            colour = dr.select(number < 0, colour * shown, colour)
            grain = self.read(self.maps, mi.UInt32(len(PATTERNS)), 0.37 * u + 0.3, 0.37 * v, 1, active)[0]
            return dr.clip(colour * (1 + of(3) * (2 * grain - 1)), 0, 1)

        def read(self, maps: Any, number: Any, u: Any, v: Any, channels: int, active: Any) -> list[Any]:
            x, y = (u - dr.floor(u)) * SIDE - 0.5, (v - dr.floor(v)) * SIDE - 0.5
            left, low = dr.floor(x), dr.floor(y)
            s, t = x - left, y - low
            x0, y0 = (mi.UInt32(mi.Int32(value) & (SIDE - 1)) for value in (left, low))
            x1, y1 = (x0 + 1) & (SIDE - 1), (y0 + 1) & (SIDE - 1)

            def at(row: Any, column: Any, channel: int) -> Any:
                place = ((number * SIDE + row) * SIDE + column) * channels + channel
                return dr.gather(mi.Float, maps, place, active)

            return [
                dr.lerp(dr.lerp(at(y0, x0, k), at(y0, x1, k), s), dr.lerp(at(y1, x0, k), at(y1, x1, k), s), t)
                for k in range(channels)
            ]

        def eval_1(self, si: Any, active: Any = True) -> Any:
            return dr.mean(self.eval(si, active))

        def eval_3(self, si: Any, active: Any = True) -> Any:
            return self.eval(si, active)

        def mean(self) -> Any:
            return mi.Float(0.5)

        def is_spatially_varying(self) -> bool:
            return True

    return Paper
