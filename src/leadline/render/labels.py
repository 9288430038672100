"""What is known about a view exactly: depth, normals, which thing and which kind of thing a pixel shows."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8, UInt16

from leadline.render.raycast import Caster
from leadline.render.scene import Camera, Scene
from leadline.render.views import thing_ids
from leadline.types import Camera as Pinhole
from leadline.types import Label, Size, Space


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What the rays through the pixel centres meet. Glass and mirrors are surfaces as any other."""

    disparity: Float32[np.ndarray, "h w"]
    """1 / metres along the optical axis; 0 is sky."""
    normals: Float32[np.ndarray, "h w 3"]
    """Unit vectors towards the camera, in its coordinates (right, down, ahead); 0 is sky."""
    things: UInt16[np.ndarray, "h w"]
    """Number of the thing, from 1; 0 is sky."""
    kinds: UInt8[np.ndarray, "h w"]
    """`leadline.render.scene.Kind`."""
    focal: float
    """Focal length in pixels; the principal point is the picture's centre, pixels are square."""

    def label(self) -> Label:
        """Return the disparity as a label that is valid everywhere."""
        return Label(values=self.disparity, valid=np.ones(self.disparity.shape, bool), space=Space.DISPARITY)

    def pinhole(self) -> Pinhole:
        """Return what took the picture, in its pixels."""
        h, w = self.disparity.shape
        return Pinhole(fx=self.focal, fy=self.focal, cx=(w - 1) / 2, cy=(h - 1) / 2)


def label_view(scene: Scene, caster: Caster, camera: Camera, *, size: Size) -> Truth:
    """Cast a ray through each pixel centre."""
    hits, normals = caster.cast_exactly(camera.position, camera.rays(size))
    things = thing_ids(caster, hits)
    kinds = np.array([*(thing.kind for thing in scene.things), 0], np.uint8)
    return Truth(
        disparity=(1 / hits.depth).astype(np.float32).reshape(size),
        normals=np.einsum("ni,ij->nj", normals, camera.rotation).astype(np.float32).reshape(*size, 3),
        things=(things + 1).astype(np.uint16).reshape(size),
        kinds=kinds[things].reshape(size),
        focal=camera.focal(size),
    )
