"""How far a map is from the truth: figures after alignment, edges, planes, the order of points, intervals.

`measure` compares one prediction with one label; `Reference` prepares a label for any number of them. What a
protocol pins stands in `protocols`, what the figures mean in ``docs/evaluation.md``.
"""

from leadline.metrics.edges import boundary_scores, edge_errors, matte_recall
from leadline.metrics.figures import (
    NAMES,
    NothingCountsError,
    Reference,
    constant_map,
    measure,
    nearness,
    vertical_ramp,
)
from leadline.metrics.intervals import Comparison, Interval, compare, intervals
from leadline.metrics.order import judge, order_is_right, require_inside
from leadline.metrics.planes import normal_error, plane_error, plane_errors
from leadline.metrics.protocols import PAPER, STRICT, Protocol, find_protocol

__all__ = [
    "NAMES",
    "PAPER",
    "STRICT",
    "Comparison",
    "Interval",
    "NothingCountsError",
    "Protocol",
    "Reference",
    "boundary_scores",
    "compare",
    "constant_map",
    "edge_errors",
    "find_protocol",
    "intervals",
    "judge",
    "matte_recall",
    "measure",
    "nearness",
    "normal_error",
    "order_is_right",
    "plane_error",
    "plane_errors",
    "require_inside",
    "vertical_ramp",
]
