"""TartanAir: rendered places that a drone flies through."""

from leadline.data.decoders import read_npy
from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import metres
from leadline.types import Camera, Label

_SKY = 10_000.0  # metres and beyond

_LAYOUT = Layout(
    {
        "picture": "{place}/{motion}/{path}/image_left/{frame:digits}_left.png",
        "label": "{place}/{motion}/{path}/depth_left/{frame}_left_depth.npy",
    }
)


def _label(frame: Frame) -> Label:
    depth = read_npy(frame.file("label"))
    return metres(depth, sky=depth >= _SKY)


def _camera(frame: Frame) -> Camera:
    return Camera(fx=320, fy=320, cx=320, cy=240)


DATASET = Dataset(
    name="tartanair",
    title="TartanAir",
    roles="labelled in MiDaS 3.1, V1 (306K) and V2 (306K)",
    licence="CC BY 4.0 (unverified)",
    home="https://github.com/castacks/tartanair_tools",
    size="306K left pictures of 640x480",
    rules="NumPy float32 in metres, the camera, and sky as a sphere at a large distance such as 10000: "
    "data_type.md of tartanair_tools. 10000 and beyond is sky; 0 is invalid (users' rule: "
    "DepthAnything/Depth-Anything-V2 issue 144, where 'amusement' is left out for its darkness).",
    splits={"all": (_LAYOUT,)},
    train="all",
    label=_label,
    camera=_camera,
)
