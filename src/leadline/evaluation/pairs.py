"""Annotations of point pairs, in the format of DA-2K."""

import json
from pathlib import Path
from typing import Any

from leadline.types import LeadlineError, PointPair


def read_pairs(path: Path) -> dict[str, list[PointPair]]:
    """Read annotations of point pairs, ``{picture: [{point1, point2, closer_point}]}``, points (row, column).

    Raises:
        LeadlineError: where the file is missing or malformed, with the picture.
    """
    try:
        annotations = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LeadlineError(f"{path} cannot be read as annotations: {error}") from None
    if not isinstance(annotations, dict):
        raise LeadlineError(f"{path}: expected {{picture: [pair, ...]}}, got {type(annotations).__name__}")
    pairs: dict[str, list[PointPair]] = {}
    for picture, entries in annotations.items():
        try:
            pairs[picture] = [_pair(entry) for entry in entries]
        except (KeyError, TypeError, ValueError) as error:
            raise LeadlineError(
                f"{path}, {picture}: a pair needs point1 and point2, each [row, column], and closer_point, "
                f"got {error!r}"
            ) from None
    return pairs


def _pair(entry: Any) -> PointPair:
    points = {name: _point(entry[name]) for name in ("point1", "point2")}
    closer = points.pop(entry["closer_point"])
    return PointPair(closer, *points.values())


def _point(place: Any) -> tuple[int, int]:
    h, w = place
    if not (isinstance(h, int) and isinstance(w, int)):
        raise TypeError(f"{place} is no pair of whole numbers")
    return h, w
