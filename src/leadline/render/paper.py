"""The texture that colours all bodies of a path-traced scene: the same as the fast shading's."""

from typing import Any

import numpy as np
from jaxtyping import Float32

from leadline.render.materials import PATTERNS, SIDE, pattern_maps
from leadline.render.shading import Looks


class Sheet:
    """What the next texture that Mitsuba makes is to know: its constructor takes no arrays."""

    looks: Looks
    photographs: Float32[np.ndarray, "n s s 3"] | None = None


def paper_texture(mi: Any) -> Any:
    """Return a texture that colours faces by their body's material, as `Shader.albedo` does."""
    import drjit as dr

    class Paper(mi.Texture):  # type: ignore[misc]
        def __init__(self, properties: Any) -> None:
            mi.Texture.__init__(self, properties)
            looks = Sheet.looks
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
            photographs = Sheet.photographs
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
            share = _read(mi, self.maps, mi.UInt32(dr.maximum(number, 0)), u, v, 1, active)[0]
            first, second = (mi.Color3f(of(k), of(k + 1), of(k + 2)) for k in (6, 9))
            shown = mi.Color3f(*_read(mi, self.photographs, mi.UInt32(of(5)), u + 0.5, 0.5 - v, 3, active))
            colour = first + share * (second - first)
            colour = dr.select(number < 0, colour * shown, colour)
            grain = _read(mi, self.maps, mi.UInt32(len(PATTERNS)), 0.37 * u + 0.3, 0.37 * v, 1, active)[0]
            return dr.clip(colour * (1 + of(3) * (2 * grain - 1)), 0, 1)

        def eval_1(self, si: Any, active: Any = True) -> Any:
            return dr.mean(self.eval(si, active))

        def eval_3(self, si: Any, active: Any = True) -> Any:
            return self.eval(si, active)

        def mean(self) -> Any:
            return mi.Float(0.5)

        def is_spatially_varying(self) -> bool:
            return True

    return Paper


def _read(mi: Any, maps: Any, number: Any, u: Any, v: Any, channels: int, active: Any) -> list[Any]:
    """Read a map as `leadline.render.materials.look_up` does at the finest level."""
    import drjit as dr

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
