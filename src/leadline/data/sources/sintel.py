"""MPI Sintel: frames of an animated film with its depth."""

import numpy as np

from leadline.data.decoders import read_dpt
from leadline.data.files import naming
from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import metres
from leadline.types import Camera, Label


def _layout(style: str) -> Layout:
    return Layout(
        {
            "picture": f"training/{style}/{{scene}}/{{frame}}.png",
            "label": "training/depth/{scene}/{frame}.dpt",
            "camera": "training/camdata_left/{scene}/{frame}.cam",
        }
    )


def _label(frame: Frame) -> Label:
    return metres(read_dpt(frame.file("label")))


def _camera(frame: Frame) -> Camera:
    """Read a tag, the intrinsic matrix as nine doubles, and what is not needed."""
    file = frame.file("camera")
    with naming(file, None, "a Sintel camera"):
        k = np.frombuffer(file.read_bytes()[4:76], "<f8").reshape(3, 3)
        return Camera(fx=float(k[0, 0]), fy=float(k[1, 1]), cx=float(k[0, 2]), cy=float(k[1, 2]))


DATASET = Dataset(
    name="sintel",
    title="MPI Sintel depth",
    roles="benchmark of MiDaS, V1 and V2",
    licence="CC BY 3.0 film; the depth (unverified)",
    home="http://sintel.is.tue.mpg.de/depth (depth training data, and the complete set for the pictures)",
    size="1,064 pictures of 1024x436",
    rules=".dpt: the tag 202021.25, width, height, float32 depth in metres; .cam: the intrinsic matrix (the "
    "set's sdk, sintel_io.py). Sky has a large finite depth, which stays as it is (unverified).",
    splits={"final": (_layout("final"),), "clean": (_layout("clean"),)},
    test="final",
    label=_label,
    camera=_camera,
)
