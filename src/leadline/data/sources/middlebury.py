"""Middlebury stereo 2014: still lifes under structured light."""

import numpy as np

from leadline.data.decoders import read_pfm
from leadline.data.layout import Layout
from leadline.data.sources.calibration import read_row
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import per_metre
from leadline.types import Camera, Label

_LAYOUT = Layout({"picture": "{scene}/im0.png", "label": "{scene}/disp0.pfm", "camera": "{scene}/calib.txt"})


def _label(frame: Frame) -> Label:
    focal, offset, millimetres = (
        read_row(frame.file("camera"), name)[0] for name in ("cam0", "doffs", "baseline")
    )
    pixels = read_pfm(frame.file("label"))
    return per_metre((pixels + np.float32(offset)) * np.float32(1000 / (focal * millimetres)))


def _camera(frame: Frame) -> Camera:
    k = read_row(frame.file("camera"), "cam0")
    return Camera(fx=k[0], fy=k[4], cx=k[2], cy=k[5])


DATASET = Dataset(
    name="middlebury",
    title="Middlebury stereo 2014",
    roles="benchmark of relative depth (not in the papers' tables)",
    licence="research (unverified)",
    home="https://vision.middlebury.edu/stereo/data/scenes2014",
    size="23 pictures with published disparity, about 2900x2000",
    rules="PFM disparity in pixels, infinite where unknown; depth = baseline * focal length / (disparity + "
    "doffs), baseline in millimetres, from calib.txt (the set's page). No sky.",
    splits={"all": (_LAYOUT,)},
    test="all",
    label=_label,
    camera=_camera,
)
