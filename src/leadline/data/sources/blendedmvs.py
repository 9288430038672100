"""BlendedMVS and BlendedMVG: depth rendered from reconstructed meshes."""

from leadline.data.decoders import read_pfm
from leadline.data.layout import Layout
from leadline.data.sources.calibration import read_numbers
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import up_to_scale
from leadline.types import Camera, Label

_LAYOUT = Layout(
    {
        "picture": "{scene}/blended_images/{frame:digits}.jpg",
        "label": "{scene}/rendered_depth_maps/{frame}.pfm",
        "camera": "{scene}/cams/{frame}_cam.txt",
    }
)


def _label(frame: Frame) -> Label:
    return up_to_scale(read_pfm(frame.file("label")))


def _camera(frame: Frame) -> Camera:
    """Read ``extrinsic``, 16 numbers, ``intrinsic``, 9 numbers, as MVSNet's README writes them."""
    k = read_numbers(frame.file("camera"))[16:25]
    return Camera(fx=k[0], fy=k[4], cx=k[2], cy=k[5])


DATASET = Dataset(
    name="blendedmvs",
    title="BlendedMVS / BlendedMVG",
    roles="labelled in MiDaS 3.1, V1 (115K) and V2 (115K)",
    licence="CC BY 4.0",
    home="https://github.com/YoYo000/BlendedMVS",
    size="110K pictures of 768x576, 189 GB",
    rules="Depth in an unknown unit of each scene, so affine disparity 1 / depth; 0 where the mesh has "
    "holes, which is invalid, sky included; *_masked.jpg is left out. Layout, holes and licence: README of "
    "the repository; unit (unverified).",
    splits={"all": (_LAYOUT,)},
    train="all",
    label=_label,
    camera=_camera,
)
