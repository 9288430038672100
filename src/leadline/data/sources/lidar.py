"""Drives recorded in TRI's DGP format, and LiDAR points as a sparse map of depth.

A scene's JSON lists, in ``data``, every picture and point cloud with its pose in the world, and in
``samples`` which of them belong together and to which calibration. Source: dgp/proto and dgp/datasets of
TRI-ML/dgp.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from leadline.data.files import naming
from leadline.types import Camera, LeadlineError, Size, UnreadableError

Pose = Float64[np.ndarray, "4 4"]
Points = Float64[np.ndarray, "_n 3"]


class Recording:
    """One scene: its pictures, point clouds, poses and cameras."""

    def __init__(self, file: Path) -> None:
        """Read the scene's JSON; raises `LeadlineError` where it is missing or malformed."""
        self.folder = file.parent
        scene = read_json(file)
        try:
            data = {entry["key"]: entry for entry in scene["data"]}
            self._samples = {
                datum["datum"]["image"]["filename"]: (sample, {d["id"]["name"].upper(): d for d in together})
                for sample in scene["samples"]
                for together in [[data[key] for key in sample["datum_keys"]]]
                for datum in together
                if "image" in datum["datum"]
            }
        except (KeyError, TypeError) as error:
            raise LeadlineError(f"{file} is no scene of DGP: it lacks {error}") from error

    def pictures(self, camera: str) -> Iterator[str]:
        """Yield the pictures of a camera, relative to the scene."""
        for picture, (_, data) in self._samples.items():
            if camera in data and data[camera]["datum"]["image"]["filename"] == picture:
                yield picture

    def camera(self, picture: str, name: str) -> Camera:
        """Return the camera that took a picture."""
        key = self._samples[picture][0]["calibration_key"]
        calibration = read_json(self.folder / "calibration" / f"{key}.json")
        names = [known.upper() for known in calibration["names"]]
        k = calibration["intrinsics"][names.index(name)]
        return Camera(fx=k["fx"], fy=k["fy"], cx=k["cx"], cy=k["cy"])

    def points_seen(self, picture: str, *, camera: str, lidar: str) -> Points:
        """Return the point cloud of a picture as its camera sees it: right, down, ahead, in metres.

        Raises:
            UnreadableError: where the points are missing or cannot be read.
        """
        _, data = self._samples[picture]
        if lidar not in data:
            raise UnreadableError(f"{self.folder / picture}: its sample has no {lidar}")
        cloud = data[lidar]["datum"]["point_cloud"]
        file = self.folder / cloud["filename"]
        with naming(file, None, "points"), np.load(file, allow_pickle=False) as archive:
            stored = archive["data"]
            fields = stored.dtype.names
            points = np.stack([stored[name] for name in fields[:3]], 1) if fields else stored[:, :3]
        into = np.linalg.inv(_pose(data[camera]["datum"]["image"]["pose"])) @ _pose(cloud["pose"])
        seen: Points = points.astype(np.float64) @ into[:3, :3].T + into[:3, 3]
        return seen


@lru_cache(maxsize=64)
def open_recording(file: Path) -> Recording:
    """Read a scene, or return it from memory."""
    return Recording(file)


@lru_cache(maxsize=256)
def read_json(file: Path) -> Any:
    """Read JSON that belongs to a data set; raises `LeadlineError` where it is missing or damaged."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LeadlineError(f"{file} cannot be read: {error}") from error


def splat(points: Points, camera: Camera, size: Size) -> Float32[np.ndarray, "h w"]:
    """Write each point's depth into the pixel it falls into, the nearest of several; 0 where none does."""
    ahead = points[points[:, 2] > 0]
    columns = np.floor(camera.fx * ahead[:, 0] / ahead[:, 2] + camera.cx)
    rows = np.floor(camera.fy * ahead[:, 1] / ahead[:, 2] + camera.cy)
    inside = (rows >= 0) & (rows < size.h) & (columns >= 0) & (columns < size.w)
    depth = np.full(size, np.inf, np.float32)
    places = rows[inside].astype(np.intp), columns[inside].astype(np.intp)
    np.minimum.at(depth, places, ahead[inside, 2].astype(np.float32))
    depth[np.isinf(depth)] = 0
    return depth


def _pose(stored: Mapping[str, Mapping[str, float]]) -> Pose:
    """Return the matrix of a translation and a unit quaternion; what JSON leaves out is 0."""
    place, turn = stored.get("translation", {}), stored.get("rotation", {})
    w, x, y, z = (turn.get(name, 0.0) for name in ("qw", "qx", "qy", "qz"))
    pose = np.eye(4)
    pose[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    pose[:3, 3] = [place.get(axis, 0.0) for axis in "xyz"]
    return pose
