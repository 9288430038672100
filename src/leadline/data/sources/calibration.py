"""Files that say what a camera is, and depth from the distance along its rays."""

import csv
import re
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64

from leadline.data.files import naming
from leadline.types import Camera, LeadlineError, Size

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def read_numbers(file: Path) -> list[float]:
    """Return all numbers of a text, whatever stands between them.

    Raises:
        UnreadableError: where it cannot be read or has none.
    """
    with naming(file, None, "a calibration"):
        found = re.findall(rf"(?<![\w.]){_NUMBER}", file.read_text(encoding="utf-8"))
        if not found:
            raise ValueError("it holds no numbers")
        return [float(number) for number in found]


def read_row(file: Path, name: str) -> list[float]:
    """Return the numbers of the line ``name: numbers`` or ``name=numbers``.

    Raises:
        UnreadableError: where the file cannot be read or has no such line.
    """
    with naming(file, None, "a calibration"):
        line = re.search(rf"^{name}\s*[:=](.*)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        if line is None:
            raise ValueError(f"it has no line {name!r}")
        return [float(number) for number in re.findall(_NUMBER, line[1])]


def pinhole(projection: list[float]) -> Camera:
    """Return the camera of a 3x4 projection matrix, row by row."""
    return Camera(fx=projection[0], fy=projection[5], cx=projection[2], cy=projection[6])


def read_lines(file: Path) -> list[str]:
    """Return the lines of a list that is part of a data set; raises `LeadlineError` where it is missing."""
    try:
        return [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise LeadlineError(
            f"{file} cannot be read, and it lists what belongs to the data set: {error}"
        ) from error


@lru_cache(maxsize=8)
def read_table(file: Path) -> tuple[dict[str, str], ...]:
    """Read a CSV table that belongs to a data set.

    Raises:
        LeadlineError: where it is missing or no table.
    """
    try:
        return tuple(csv.DictReader(read_lines(file)))
    except csv.Error as error:
        raise LeadlineError(f"{file} is no CSV table: {error}") from error


def ray_matrix(table: Path, scene: str) -> Float64[np.ndarray, "3 3"] | None:
    """Return Hypersim's own matrix of rays of a scene; None where the table or its row is missing."""
    for row in read_table(table) if table.exists() else ():
        if row["scene_name"] == scene:
            return np.array([[float(row[f"M_cam_from_uv_{i}{j}"]) for j in range(3)] for i in range(3)])
    return None


def depth_along(
    distance: Float32[np.ndarray, "h w"], rays: Float64[np.ndarray, "3 3"]
) -> Float32[np.ndarray, "h w"]:
    """Turn the distance along each pixel's ray into depth along the optical axis.

    `rays` leads from (u, v, 1), each -1 to 1 over the picture and v upwards, to a direction whose z is
    negative ahead, as OpenGL has it. Source: Hypersim, contrib/mikeroberts3000 (casting rays).
    """
    h, w = distance.shape
    u, v = (2 * np.arange(w) + 1) / w - 1, 1 - (2 * np.arange(h)[:, None] + 1) / h
    x, y, z = (row[0] * u + row[1] * v + row[2] for row in rays)
    depth: Float32[np.ndarray, "h w"] = (distance * -z / np.sqrt(x * x + y * y + z * z)).astype(np.float32)
    return depth


def upright_camera(rays: Float64[np.ndarray, "3 3"], size: Size) -> Camera | None:
    """Return the pinhole camera of such rays; None for a shifted or tilted lens, which has none."""
    if not np.allclose(rays, np.diag([rays[0, 0], rays[1, 1], -1]), atol=1e-6):
        return None
    reach_x, reach_y = rays[0, 0], rays[1, 1]
    return Camera(fx=size.w / 2 / reach_x, fy=size.h / 2 / reach_y, cx=(size.w - 1) / 2, cy=(size.h - 1) / 2)
