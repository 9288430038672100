"""HR-WSI: disparity from the optical flow of stereo pictures of the web."""

from leadline.data.files import read_map, read_mask
from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import affine
from leadline.types import Label


def _layout(split: str) -> Layout:
    return Layout(
        {
            "picture": f"{split}/imgs/{{frame}}.jpg",
            "label": f"{split}/gts/{{frame}}.png",
            "mask": f"{split}/valid_masks/{{frame}}.png",
        }
    )


def _label(frame: Frame) -> Label:
    return affine(read_map(frame.file("label")), valid=read_mask(frame.file("mask")))


DATASET = Dataset(
    name="hrwsi",
    title="HR-WSI",
    roles="labelled in MiDaS 3.1 and V1 (20K)",
    licence="research, not commercial (unverified)",
    home="https://kexianhust.github.io/Structure-Guided-Ranking-Loss",
    size="20,378 pictures to learn from, 400 to measure with",
    rules="8-bit disparity, larger is nearer, scale and shift unknown; valid where valid_masks is above 0 "
    "(nndepth's loader reads both so). Whether the masks keep sky (unverified).",
    splits={"train": (_layout("train"),), "val": (_layout("val"),)},
    train="train",
    test="val",
    label=_label,
)
