"""WSVD: stereo videos of the web, whose authors publish which frames, and no labels."""

import numpy as np

from leadline.data.decoders import read_flow
from leadline.data.files import read_mask
from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import affine
from leadline.types import Label


def _layout(split: str) -> Layout:
    return Layout(
        {
            "picture": f"{split}/{{clip}}/{{frame:digits}}.png",
            "label": f"{split}/{{clip}}/{{frame}}.flo",
            "mask": f"{split}/{{clip}}/{{frame}}_mask.png",
        },
        listed="label",
    )


def _label(frame: Frame) -> Label:
    across, _ = np.moveaxis(read_flow(frame.file("label")), 2, 0)
    return affine(-across, valid=read_mask(frame.file("mask")))


DATASET = Dataset(
    name="wsvd",
    title="WSVD (Web Stereo Video)",
    roles="labelled in MiDaS and MiDaS 3.1",
    licence="the videos' own terms (unverified)",
    home="https://sites.google.com/view/wsvd/home",
    size="about 50 GB of videos; many are gone",
    rules="There are no published labels: MiDaS made its own as the authors describe (its paper, on its "
    "data). Expected here: left frames as aycatakmaz/wsvd_dataset_loader cuts them, the flow from left to "
    "right as Middlebury .flo, whose horizontal part negated is affine disparity, and a mask, above 0 where "
    "the flow back agrees. Names of flow and mask are ours.",
    splits={"train": (_layout("train"),), "test": (_layout("test"),)},
    train="train",
    test="test",
    label=_label,
)
