"""DDAD: streets scanned by LiDAR, projected into the front camera."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from leadline.data.layout import Fields, Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import metres
from leadline.data.sources.lidar import Recording, open_recording, read_json, splat
from leadline.types import Camera, Label

_CAMERA = "CAMERA_01"
_SPLITS = {"train": "0", "val": "1"}  # DatasetSplit of dgp/proto/dataset.proto


def _listed(root: Path, *, split: str) -> Iterator[Fields]:
    if not (root / "ddad.json").exists():
        return
    scenes = read_json(root / "ddad.json")["scene_splits"][_SPLITS[split]]["filenames"]
    for scene in scenes:
        if (root / scene).exists():  # part of the set may do
            for picture in open_recording(root / scene).pictures(_CAMERA):
                yield scene.split("/")[0], Path(scene).name, picture


def _layout(split: str) -> Layout:
    files = {"picture": "{scene}/{picture}", "recording": "{scene}/{recording}"}
    entries = partial(_listed, split=split)
    return Layout(files, entries=entries, names=("scene", "recording", "picture"))


def _recording(frame: Frame) -> Recording:
    return open_recording(frame.file("recording"))


def _label(frame: Frame) -> Label:
    points = _recording(frame).points_seen(frame["picture"], camera=_CAMERA, lidar="LIDAR")
    return metres(splat(points, _camera(frame), frame.size))


def _camera(frame: Frame) -> Camera:
    return _recording(frame).camera(frame["picture"], _CAMERA)


DATASET = Dataset(
    name="ddad",
    title="DDAD",
    roles="benchmark of V1 (3,950 front pictures)",
    licence="CC BY-NC-SA 4.0",
    home="https://github.com/TRI-ML/DDAD",
    size="12,650 and 3,950 samples of 1936x1216, 257 GB",
    rules="LiDAR in metres, moved by both poses and projected as dgp/utils/camera.py does, but the nearest "
    "of several points in a pixel stays; sky has no return, so is invalid. Counts, licence: README.",
    splits={"train": (_layout("train"),), "val": (_layout("val"),)},
    train="train",
    test="val",
    label=_label,
    camera=_camera,
)
