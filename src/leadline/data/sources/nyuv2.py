"""NYU Depth V2, labelled part: rooms seen by a Kinect, all in one MATLAB file."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from leadline.data.decoders import read_indices, read_matlab
from leadline.data.layout import Fields, Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import metres
from leadline.types import Camera, Label

_FILE = "nyu_depth_v2_labeled.mat"


def _listed(root: Path, *, key: str, depth: str) -> Iterator[Fields]:
    numbers = read_indices(root / "splits.mat", key) if (root / _FILE).exists() else ()
    return ((f"{number:04d}", depth) for number in numbers)


def _layout(key: str, depth: str = "rawDepths") -> Layout:
    entries = partial(_listed, key=key, depth=depth)
    return Layout({"picture": _FILE, "label": _FILE}, entries=entries, names=("frame", "depth"))


def _picture(frame: Frame) -> UInt8[np.ndarray, "_h _w 3"]:
    return read_matlab(frame.file("picture"), "images", int(frame["frame"]))


def _label(frame: Frame) -> Label:
    return metres(read_matlab(frame.file("label"), frame["depth"], int(frame["frame"])))


def _camera(frame: Frame) -> Camera:
    return Camera(fx=518.8579, fy=519.4696, cx=324.5824, cy=252.7362)


DATASET = Dataset(
    name="nyuv2",
    title="NYU Depth V2 (labelled)",
    roles="benchmark of V1 and V2 (654, Eigen); labelled in MiDaS 3.1; metric fine-tuning of V1 and V2",
    licence="not stated (unverified)",
    home="https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html (with splits.mat)",
    size="1,449 pictures of 640x480: 795 and 654; 2.8 GB",
    rules="Metres; rawDepths, 0 invalid, with which the papers' numbers reproduce (kmatzen/plumbline); "
    "test-filled has the inpainted ones. splits.mat counts from 1. The white border is left for the "
    "protocol's crop. Camera: the toolbox's camera_params.m, which counts from 1.",
    splits={
        **{part: (_layout(f"{part}Ndxs"),) for part in ("train", "test")},
        "test-filled": (_layout("testNdxs", "depths"),),
    },
    train="train",
    test="test",
    picture=_picture,
    label=_label,
    camera=_camera,
)
