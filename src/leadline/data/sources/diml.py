"""DIML/CVL RGB-D: rooms from a Kinect v2, streets from a ZED stereo camera."""

import numpy as np

from leadline.data.files import read_map
from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import metres
from leadline.types import Label

_CONFIDENT = 0.6  # of 1; ours

_INDOOR = Layout(
    {
        "picture": "indoor/{category}/{date}/{batch}/col/{frame}_c.png",
        "label": "indoor/{category}/{date}/{batch}/up_png/{frame}_*.png",
    }
)
_OUTDOOR = Layout(
    {
        "picture": "outdoor/{scene}/{batch}/left/{frame}_left.png",
        "label": "outdoor/{scene}/{batch}/depth/{frame}_depth.png",
        "confidence": "outdoor/{scene}/{batch}/conf/{frame}_conf.png",
    }
)


def _label(frame: Frame) -> Label:
    raw = read_map(frame.file("label"))
    valid = raw <= 65500
    if "confidence" in frame.layout.files:
        valid &= read_map(frame.file("confidence")) > 255 * _CONFIDENT
    return metres(raw * np.float32(0.001), valid=valid)


DATASET = Dataset(
    name="diml",
    title="DIML/CVL RGB-D",
    roles="labelled in MiDaS 3.1 and V1 (927K)",
    licence="research, not commercial (unverified)",
    home="https://dimlrgbd.github.io",
    size="927K pictures in V1; 1344x756 indoors, 1920x1080 outdoors",
    rules="16-bit PNG in millimetres, 0 and above 65500 invalid (loaders of Metric3D and nndepth); outdoors "
    "from stereo, kept where the confidence is above 0.6 of 255 (nndepth's default). The suffix of the "
    "upsampled Kinect depth differs between batches. Sky outdoors (unverified).",
    splits={"all": (_INDOOR, _OUTDOOR), "indoor": (_INDOOR,), "outdoor": (_OUTDOOR,)},
    train="all",
    label=_label,
)
