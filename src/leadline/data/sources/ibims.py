"""iBims-1: rooms scanned by laser, with masks of glass."""

import numpy as np

from leadline.data.files import read_map, read_mask
from leadline.data.layout import Layout
from leadline.data.sources.calibration import read_numbers
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import metres
from leadline.types import Camera, Label

_LAYOUT = Layout(
    {
        "picture": "ibims1_core_raw/rgb/{frame}.png",
        "label": "ibims1_core_raw/depth/{frame}.png",
        "invalid": "ibims1_core_raw/mask_invalid/{frame}.png",
        "glass": "ibims1_core_raw/mask_transp/{frame}.png",
        "camera": "ibims1_core_raw/calib/{frame}.txt",
    }
)


def _label(frame: Frame) -> Label:
    masks = [read_mask(frame.file(name)) for name in ("invalid", "glass")]
    return metres(read_map(frame.file("label")) * np.float32(50 / 65535), valid=masks[0] & masks[1])


def _camera(frame: Frame) -> Camera:
    fx, fy, cx, cy = read_numbers(frame.file("camera"))[:4]
    return Camera(fx=fx, fy=fy, cx=cx, cy=cy)


DATASET = Dataset(
    name="ibims",
    title="iBims-1",
    roles="metric benchmark of V1; depth boundaries",
    licence="not stated (unverified)",
    home="https://www.asg.ed.tum.de/lmf/ibims1 (ibims1_core_raw.zip)",
    size="100 pictures of 640x480",
    rules="16-bit PNG, metres = value * 50 / 65535, 0 missing; both masks are above 0 where a pixel counts, "
    "whatever their names say (the authors' evaluate_ibims.py multiplies them); calib: fx,fy,cx,cy. Rooms: "
    "no sky.",
    splits={"all": (_LAYOUT,)},
    test="all",
    label=_label,
    camera=_camera,
)
