"""IRS: rendered rooms, seen by a stereo camera."""

import numpy as np

from leadline.data.decoders import read_exr
from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import per_metre
from leadline.types import Camera, Label

_FOCAL, _BASELINE = 480.0, 0.1  # pixels, metres: dataloader/scripts/disp2pcd.py

_LAYOUT = Layout(
    {"picture": "{place}/{scene}/l_{frame:digits}.png", "label": "{place}/{scene}/d_{frame}.exr"}
)


def _label(frame: Frame) -> Label:
    pixels = read_exr(frame.file("label"), channel="G")
    return per_metre(pixels * np.float32(1 / (_FOCAL * _BASELINE)))


def _camera(frame: Frame) -> Camera:
    return Camera(fx=_FOCAL, fy=_FOCAL, cx=(frame.size.w - 1) / 2, cy=(frame.size.h - 1) / 2)


DATASET = Dataset(
    name="irs",
    title="IRS (Indoor Robotics Stereo)",
    roles="labelled in MiDaS 3.1, V1 (103K) and V2 (103K)",
    licence="not stated (unverified)",
    home="https://github.com/HKBU-HPML/IRS",
    size="103,316 pictures of 960x540",
    rules="OpenEXR disparity in pixels, one channel or the green one of three, rows from the top; 1 / depth "
    "= disparity / (480 * 0.1 m); focal length and baseline: disp2pcd.py, channel: EXRloader.py, order of "
    "the rows: IRSLoader.py (disp2pcd.py turns its samples over). No sky: rooms.",
    splits={"all": (_LAYOUT,)},
    train="all",
    label=_label,
    camera=_camera,
)
