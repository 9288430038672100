"""Virtual KITTI 2: rendered streets, every scene in ten weathers and directions."""

import numpy as np

from leadline.data.files import read_map
from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import metres
from leadline.types import Camera, Label

_SKY = 65535  # centimetres, the far plane


def _layout(camera: str) -> Layout:
    frames = "{scene}/{variant}/frames"
    return Layout(
        {
            "picture": f"{frames}/rgb/Camera_{camera}/rgb_{{frame:digits}}.jpg",
            "label": f"{frames}/depth/Camera_{camera}/depth_{{frame}}.png",
        }
    )


def _label(frame: Frame) -> Label:
    raw = read_map(frame.file("label"))
    return metres(raw * np.float32(0.01), sky=raw == _SKY)


def _camera(frame: Frame) -> Camera:
    return Camera(fx=725.0087, fy=725.0087, cx=620.5, cy=187)


DATASET = Dataset(
    name="vkitti2",
    title="Virtual KITTI 2",
    roles="labelled in V2 (20K); metric fine-tuning of V2",
    licence="CC BY-NC-SA 3.0",
    home="https://europe.naverlabs.com/proxy-virtual-worlds-vkitti-2",
    size="21,260 pictures of 1242x375 a camera; vkitti_2.0.3_rgb.tar and _depth.tar, 15 GB together",
    rules="16-bit PNG in centimetres; 65535 is the far plane at 655.35 m, which is sky, and V2 trains with "
    "its disparity 0 (DepthAnything/Depth-Anything-V2 issue 181). The camera is that of intrinsic.txt, the "
    "same in all scenes. V2's 20K are taken to be the left camera's (unverified).",
    splits={"left": (_layout("0"),), "both": (_layout("{camera:digits}"),)},
    train="left",
    label=_label,
    camera=_camera,
)
