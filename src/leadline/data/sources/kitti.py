"""KITTI: accumulated LiDAR of the depth benchmark beside the raw drives, with Eigen's test frames."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from leadline.data.files import read_map
from leadline.data.layout import Fields, Layout
from leadline.data.sources.calibration import pinhole, read_lines, read_row
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import metres
from leadline.types import Camera, Label

_LIST = "kitti_eigen_test_files_with_gt.txt"


def _files(split: str) -> dict[str, str]:
    drive, image = "{date}_drive_{number:digits}_sync", "image_0{camera:digits}"
    return {
        "picture": f"{{date}}/{drive}/{image}/data/{{frame:digits}}.png",
        "label": f"{split}/{drive}/proj_depth/groundtruth/{image}/{{frame:digits}}.png",
        "camera": "{date}/calib_cam_to_cam.txt",
    }


def _eigen(root: Path) -> Iterator[Fields]:
    for picture, label, *_ in map(str.split, read_lines(root / _LIST) if (root / "val").exists() else ()):
        if label != "None":  # 652 of 697
            date, drive, camera, _, frame = picture.split("/")
            part = "val" if (root / "val" / drive).exists() else "train"
            yield part, date, drive.split("_")[4], camera[-1], frame.removesuffix(".png")


def _label(frame: Frame) -> Label:
    return metres(read_map(frame.file("label")) * np.float32(1 / 256))


def _camera(frame: Frame) -> Camera:
    return pinhole(read_row(frame.file("camera"), f"P_rect_0{frame['camera']}"))


DATASET = Dataset(
    name="kitti",
    title="KITTI depth",
    roles="benchmark of V1 and V2 (652, Eigen); labelled in MiDaS 3.1; metric fine-tuning of V1 and V2",
    licence="CC BY-NC-SA 3.0",
    home="https://www.cvlibs.net/datasets/kitti/eval_depth.php (annotated depth) and raw_data.php (drives)",
    size="86K and 7K labelled frames of about 1242x375; the drives 175 GB",
    rules="16-bit PNG, metres = value / 256, 0 invalid, as is sky (the benchmark's devkit). "
    f"split=eigen needs {_LIST} (of AdaBins) in the root.",
    splits={
        **{split: (Layout(_files(split), listed="label"),) for split in ("train", "val")},
        "eigen": (Layout(_files("{part}"), listed="label", entries=_eigen),),
    },
    train="train",
    test="eigen",
    label=_label,
    camera=_camera,
)
