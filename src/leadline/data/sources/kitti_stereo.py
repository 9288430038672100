"""KITTI stereo 2012 and 2015: disparity of streets, from LiDAR and models of cars."""

from functools import partial

import numpy as np

from leadline.data.files import read_map
from leadline.data.layout import Layout
from leadline.data.sources.calibration import pinhole, read_row
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import per_metre
from leadline.types import Camera, Label

_2015 = Layout(
    {
        "picture": "data_scene_flow/training/image_2/{frame:digits}_10.png",
        "label": "data_scene_flow/training/disp_occ_0/{frame}_10.png",
        "P_rect_0": "data_scene_flow/training/calib_cam_to_cam/{frame}.txt",
    }
)
_2012 = Layout(
    {
        "picture": "data_stereo_flow/training/colored_0/{frame:digits}_10.png",
        "label": "data_stereo_flow/training/disp_occ/{frame}_10.png",
        "P": "data_stereo_flow/training/calib/{frame}.txt",
    }
)


def _projection(frame: Frame, number: int) -> list[float]:
    name = "P_rect_0" if "P_rect_0" in frame.layout.files else "P"
    return read_row(frame.file(name), f"{name}{number}")


def _label(frame: Frame) -> Label:
    pixels = read_map(frame.file("label")) * np.float32(1 / 256)
    left, right = map(partial(_projection, frame), (2, 3))
    return per_metre(pixels * np.float32(1 / (left[3] - right[3])))  # column 3 holds -focal * baseline


def _camera(frame: Frame) -> Camera:
    return pinhole(_projection(frame, 2))


DATASET = Dataset(
    name="kitti-stereo",
    title="KITTI stereo 2012 and 2015",
    roles="labelled in MiDaS 3.1",
    licence="CC BY-NC-SA 3.0",
    home="https://www.cvlibs.net/datasets/kitti/eval_scene_flow.php (with the calibration files)",
    size="194 and 200 pictures of about 1242x375",
    rules="16-bit PNG, pixels = value / 256, 0 invalid (readme of the devkit); 1 / depth = pixels / (focal "
    "length * baseline), both from the frame's calibration. No disparity of sky.",
    splits={"all": (_2012, _2015), "2012": (_2012,), "2015": (_2015,)},
    train="all",
    label=_label,
    camera=_camera,
)
