"""From the rows of pictures to what is reported: means, intervals, comparisons."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from statistics import fmean
from typing import Any

import numpy as np

from leadline.evaluation.contract import FLOORS
from leadline.metrics import Comparison, compare, intervals

Row = Mapping[str, Any]

COMPARED = ("abs_rel", "abs_rel_disparity", "delta1", "raw_abs_rel", "raw_delta1", "boundary_f1")
"""Figures in which models are compared pair by pair, besides the order of points."""


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """Average over the pictures of each source, then over sources, so that no large source decides.

    The root mean square is left out of the mean over sources, whose units differ. ``intervals`` has the same
    keys with the bounds of each figure in the mean.
    """
    names = list(dict.fromkeys(name for row in rows for name in row if name not in ("id", "source")))
    if not names:
        return {"mean": {}, "intervals": {}, "sources": {}}
    sources = [row["source"] for row in rows]
    by_source = {}
    for source in dict.fromkeys(sources):
        some = [row for row in rows if row["source"] == source]
        by_source[source] = {
            name: fmean(row[name] for row in some if name in row)
            for name in names
            if any(name in row for row in some)
        }
    averaged = [name for name in names if not name.endswith("rmse")]
    table = np.array([[row.get(name, np.nan) for name in averaged] for row in rows])
    counts = np.isfinite(table).astype(np.float64)
    overall = dict(zip(averaged, intervals(np.nan_to_num(table), counts, sources), strict=True))
    return {
        "mean": {name: found.value for name, found in overall.items()},
        "intervals": {name: [found.low, found.high] for name, found in overall.items()},
        "sources": by_source,
    }


def summarise_order(rows: Sequence[Row]) -> dict[str, Any]:
    """Count over all pairs, as DA-2K does, over those of level points, and over each scenario's.

    The interval draws pictures, with all their pairs.
    """
    right, count = _order(rows)
    (found,) = intervals(right[:, None], count[:, None], ["all"] * len(rows))
    verdicts = [verdict for row in rows for verdict in row["pairs"]]
    level = [verdict["right"] for verdict in verdicts if verdict["level"]]
    scenarios = list(dict.fromkeys(row["scenario"] for row in rows))
    summary = {
        "accuracy": found.value,
        "interval": [found.low, found.high],
        **({"level_accuracy": float(np.mean(level))} if level else {}),
        "pairs": len(verdicts),
        "level_pairs": len(level),
        "ties": sum(verdict["tie"] for verdict in verdicts),
    }
    if len(scenarios) > 1:
        summary["scenarios"] = {
            name: _accuracy([row for row in rows if row["scenario"] == name]) for name in scenarios
        }
    return summary


def comparisons(
    pictures: Mapping[str, Sequence[Row]], order: Mapping[str, Sequence[Row]]
) -> list[dict[str, Any]]:
    """Compare every two models that are no floors on the pictures that both have a figure for."""
    names = [name for name in (pictures or order) if name not in FLOORS]
    found = []
    for first, second in combinations(names, 2):
        for figure in COMPARED if pictures else ():
            both = [
                (one["source"], one[figure], other[figure])
                for one, other in zip(pictures[first], pictures[second], strict=True)
                if figure in one and figure in other
            ]
            if both:
                values = np.array([line[1:] for line in both])
                result = compare(values[:, 0], values[:, 1], np.ones(len(both)), [line[0] for line in both])
                found.append(_line(first, second, figure, len(both), result))
        if order:
            (right, count), (right_too, _) = (_order(order[name]) for name in (first, second))
            result = compare(right, right_too, count, ["all"] * len(count))
            found.append(_line(first, second, "order", int(count.sum()), result))
    return found


def _order(rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Return right pairs and pairs of every picture."""
    right = [sum(verdict["right"] for verdict in row["pairs"]) for row in rows]
    return np.array(right, np.float64), np.array([len(row["pairs"]) for row in rows], np.float64)


def _accuracy(rows: Sequence[Row]) -> float:
    right, count = _order(rows)
    return float(right.sum() / max(count.sum(), 1))


def _line(first: str, second: str, figure: str, count: int, result: Comparison) -> dict[str, Any]:
    return {"first": first, "second": second, "figure": figure, "count": count, **asdict(result)}
