"""SUN RGB-D: rooms from four sensors, the numbers of whose depth are rotated by three bits."""

import numpy as np

from leadline.data.decoders import unrotate
from leadline.data.files import read_map
from leadline.data.layout import Layout
from leadline.data.sources.calibration import read_numbers
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import metres
from leadline.types import Camera, Label


def _layout(depth: str) -> Layout:
    return Layout(
        {
            "picture": "{scene:deep}/image/{frame}.jpg",
            "label": f"{{scene}}/{depth}/*.png",
            "camera": "{scene}/intrinsics.txt",
        }
    )


def _label(frame: Frame) -> Label:
    return metres(unrotate(read_map(frame.file("label"))) * np.float32(0.001))


def _camera(frame: Frame) -> Camera:
    k = read_numbers(frame.file("camera"))
    return Camera(fx=k[0], fy=k[4], cx=k[2], cy=k[5])


DATASET = Dataset(
    name="sunrgbd",
    title="SUN RGB-D",
    roles="metric benchmark of V1",
    licence="research (unverified)",
    home="https://rgbd.cs.princeton.edu",
    size="10,335 pictures, 6.4 GB",
    rules="16-bit PNG; millimetres = the number rotated right by three bits, 0 invalid (the toolbox's "
    "read3dPoints.m, which also cuts at 8 m; here the protocol does); depth_bfx is the filled one, split=raw "
    "the sensor's. The one PNG of the folder belongs to the picture.",
    splits={"filled": (_layout("depth_bfx"),), "raw": (_layout("depth"),)},
    test="filled",
    label=_label,
    camera=_camera,
)
