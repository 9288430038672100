"""Hypersim: photorealistic rooms, whose label is the distance along each ray."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from leadline.data.decoders import read_hdf5
from leadline.data.layout import Fields, Layout, match
from leadline.data.sources.calibration import depth_along, ray_matrix, read_table, upright_camera
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import metres
from leadline.types import Camera, Label

_REACH = 512 / 886.81  # half a width over the focal length that V2's metric_depth takes for every scene
_PICTURE = "{scene}/images/scene_cam_{camera:digits}_final_preview/frame.{frame:digits}.tonemap.jpg"
_DEPTH = "{scene}/images/scene_cam_{camera}_geometry_hdf5/frame.{frame}.depth_meters.hdf5"
_FILES = {"picture": _PICTURE, "label": _DEPTH}


def _listed(root: Path, *, split: str) -> Iterator[Fields]:
    wanted = {
        (row["scene_name"], row["camera_name"].removeprefix("cam_"), row["frame_id"].zfill(4))
        for row in read_table(root / "metadata_images_split_scene_v1.csv")
        if (row["split_partition_name"], row["included_in_public_release"]) == (split, "True")
    }
    return filter(wanted.__contains__, match(root, _PICTURE))


def _rays(frame: Frame) -> np.ndarray:
    own = ray_matrix(frame.root / "metadata_camera_parameters.csv", frame["scene"])
    return np.diag([_REACH, _REACH * frame.size.h / frame.size.w, -1.0]) if own is None else own


def _label(frame: Frame) -> Label:
    return metres(depth_along(read_hdf5(frame.file("label"), "dataset"), _rays(frame)))


def _camera(frame: Frame) -> Camera | None:
    return upright_camera(_rays(frame), frame.size)


DATASET = Dataset(
    name="hypersim",
    title="Hypersim",
    roles="labelled in V2 (60K); metric fine-tuning of V2",
    licence="CC BY-SA 3.0",
    home="https://github.com/apple/ml-hypersim",
    size="77,400 pictures of 1024x768 (*.tonemap.jpg, *.depth_meters.hdf5)",
    rules="HDF5 'dataset', metres along the ray, NaN invalid; the scene's camera and the splits: the root's "
    "metadata_camera_parameters.csv and metadata_images_split_scene_v1.csv, of the repository.",
    splits={"all": (Layout(_FILES),)}
    | {s: (Layout(_FILES, entries=partial(_listed, split=s)),) for s in ("train", "val", "test")},
    train="train",
    test="test",
    label=_label,
    camera=_camera,
)
