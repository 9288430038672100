"""Pairs of points of which people said which one is closer."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from leadline.data.sources.calibration import read_lines
from leadline.types import LeadlineError, PointPair


def read_pairs(file: Path) -> dict[str, tuple[PointPair, ...]]:
    """Read ``{picture: [{"point1": [row, column], "point2": ..., "closer_point": "point1"}]}``, as DA-2K's.

    Raises:
        LeadlineError: where it is missing or malformed, with the picture.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise LeadlineError(f"{file} cannot be read as annotations: {error}") from error
    if not isinstance(found, dict):
        raise LeadlineError(f"{file}: expected {{picture: [pair, ...]}}, got {type(found).__name__}")
    pairs = {}
    for picture, entries in found.items():
        try:
            pairs[picture] = tuple(map(_from_entry, entries))
        except (TypeError, ValueError, LookupError) as error:
            raise LeadlineError(
                f"{file}, {picture}: a pair needs point1 and point2, each [row, column], and closer_point, "
                f"got {error!r}"
            ) from error
    return pairs


@lru_cache(maxsize=4)
def read_csv(file: Path) -> Mapping[str, tuple[PointPair, ...]]:
    """Read lines by turns of a picture and ``yA,xA,yB,xB,relation,...``, as DIW's, by the picture's name.

    Coordinates count from 1. ``>`` says that A has the greater depth, so that B is closer.

    Raises:
        LeadlineError: where it is missing or malformed, with the line.
    """
    lines = read_lines(file)
    pairs = {}
    for number in range(0, len(lines), 2):
        try:
            *places, relation = lines[number + 1].split(",")[:5]
            row_a, column_a, row_b, column_b = (int(place) - 1 for place in places)
            a, b = (row_a, column_a), (row_b, column_b)
            order = {"<": PointPair(a, b), ">": PointPair(b, a)}
            pairs[Path(lines[number]).name] = (order[relation.strip()],)
        except (ValueError, LookupError) as error:
            raise LeadlineError(f"{file}, line {number + 2} is no pair of points: {error!r}") from error
    return pairs


def _from_entry(entry: Mapping[str, object]) -> PointPair:
    first, second = "point1", "point2"
    closer = str(entry["closer_point"])
    farther = {first: second, second: first}[closer]
    return PointPair(_point(entry[closer]), _point(entry[farther]))


def _point(place: object) -> tuple[int, int]:
    if not isinstance(place, list) or [type(side) for side in place] != [int, int]:
        raise TypeError(f"{place} is no pair of whole numbers")
    return place[0], place[1]
