"""DIODE: laser scans of rooms and of the open."""

from leadline.data.decoders import read_npy
from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import metres
from leadline.types import Camera, Label


def _layout(split: str, place: str) -> Layout:
    scan = f"{split}/{place}/{{scene}}/{{scan}}/{{frame}}"
    return Layout({"picture": f"{scan}.png", "label": f"{scan}_depth.npy", "mask": f"{scan}_depth_mask.npy"})


def _label(frame: Frame) -> Label:
    return metres(read_npy(frame.file("label")), valid=read_npy(frame.file("mask")) == 1)


def _camera(frame: Frame) -> Camera:
    return Camera(fx=886.81, fy=927.06, cx=frame.size.w / 2, cy=frame.size.h / 2)  # 512, 384


DATASET = Dataset(
    name="diode",
    title="DIODE",
    roles="benchmark of V1 and V2",
    licence="MIT (unverified)",
    home="https://diode-dataset.org",
    size="771 pictures of 1024x768 to measure with, 2.6 GB; 25,458 to learn from, 81 GB",
    rules="NumPy metres of shape (768, 1024, 1), counted where the mask is 1 (README of diode-devkit); "
    "camera: its intrinsics.txt. The scans smear at edges outdoors. Whether depth is along the axis "
    "(unverified); sky has no return, so is invalid.",
    splits={
        "val": (_layout("val", "indoors"), _layout("val", "outdoor")),
        "indoors": (_layout("val", "indoors"),),
        "outdoor": (_layout("val", "outdoor"),),
        "train": (_layout("train", "indoors"), _layout("train", "outdoor")),
    },
    train="train",
    test="val",
    label=_label,
    camera=_camera,
)
