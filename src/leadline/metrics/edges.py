"""Edges: whether boundaries of depth are where the label has them. For dense labels alone.

Two measures that look at different things. `boundary_scores` (Depth Pro) asks of every two neighbouring
pixels whether one occludes the other, and forgives no displacement; `edge_errors` (iBims-1) measures, in
pixels, how far detected edges lie from the label's.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float64, Int

DENSE = 0.95
"""Labels of which a smaller share is valid have no edges to speak of: holes lie where edges are."""
THRESHOLDS = np.linspace(1.05, 1.25, 10)
"""Ratios of neighbouring depths from which one occludes the other (Depth Pro, evaluation code)."""
TRUNCATION = 10.0
"""Pixels: edges farther from each other are not matched (iBims-1)."""
_WEIGHTS = THRESHOLDS / THRESHOLDS.sum()
_SIGMA, _LOW, _HIGH = 2**0.5, 0.15, 0.3  # Canny as iBims-1's evaluation applies it to maps from 0 to 1

Map = Float64[np.ndarray, "h w"]
Mask = Bool[np.ndarray, "h w"]


class EdgeReference:
    """The edges of a label, ready for any number of predictions.

    What is measured: ``boundary_f1`` and ``boundary_recall`` where the label has metres (ratios mean nothing
    without them), ``edge_accuracy`` and ``edge_completeness`` in pixels, of depth, or of disparity where
    there are no metres. A figure that the label has no edge for is left out.
    """

    def __init__(self, disparity: Map, valid: Mask, *, metric: bool) -> None:
        """Find the edges of `disparity`, which is positive wherever `valid`."""
        self.metric, self.valid = metric, valid
        # Holes take the nearest valid value, so that neither what they hide nor their rims are edges.
        self._holes, self._nearest = _donors(valid)
        self._levels = _occlusions(disparity, valid) if metric else []
        self._edges = self._detect(disparity)
        self._to_edges = _distance(self._edges)

    def measure(self, disparity: Map) -> dict[str, float]:
        """Return the figures of an aligned, positive map of disparity."""
        found: dict[str, float] = {}
        if self._edges.any():
            accuracy, completeness = _edge_errors(self._detect(disparity), self._edges, self._to_edges)
            found = {"edge_accuracy": accuracy, "edge_completeness": completeness}
        if any(level.any() for level in self._levels):
            f1, recall = _scores(_occlusions(disparity, self.valid), self._levels)
            found |= {"boundary_f1": f1, "boundary_recall": recall}
        return found

    def _detect(self, disparity: Map) -> Mask:
        filled = disparity.copy()
        filled.ravel()[self._holes] = filled.ravel()[self._nearest]
        return canny(1 / filled if self.metric else filled)


def boundary_scores(prediction: Map, target: Map, valid: Mask) -> tuple[float, float]:
    """Return F1 and recall of occluding neighbours, averaged over `THRESHOLDS`, larger ones weighing more.

    Both maps are positive disparities, whose ratios are those of depths; neither scale matters. For each
    threshold and each of four directions, neighbours occlude each other where the ratio of their disparities
    is larger; precision and recall are means over the directions, a direction without any counts 0. Two maps
    without a boundary score 0. Source: Depth Pro, section 4 and src/depth_pro/eval/boundary_metrics.py.
    """
    return _scores(_occlusions(prediction, valid), _occlusions(target, valid))


def matte_recall(disparity: Map, foreground: Mask) -> float:
    """Return the share of a matte's border at which a positive disparity steps down, as in Depth Pro.

    Of neighbours in a row or column that all step by more than the threshold, only the largest step counts,
    so a blurred border is found once and rarely in the right place. Mean over directions, then over
    `THRESHOLDS`.
    """
    score = 0.0
    for threshold, weight in zip(THRESHOLDS, _WEIGHTS, strict=True):
        shares = []
        for near, far, inside, outside in (
            *_neighbours(disparity, foreground),
            *_across(disparity, foreground),
        ):
            border = inside & ~outside
            steps = _largest_of_runs(near / far, threshold)
            shares.append(float((steps & border).sum() / np.maximum(border.sum(), 1)))
        score += weight * float(np.mean(shares))
    return score


def edge_errors(predicted: Mask, target: Mask) -> tuple[float, float]:
    """Return accuracy and completeness of edges, both in pixels, 0 is best, `TRUNCATION` worst.

    Accuracy: mean distance of predicted edges to the nearest of the target, of those within `TRUNCATION`.
    Completeness: mean distance of the edges of either to the nearest of the other, truncated. Where no
    predicted edge is near any of the target both are `TRUNCATION`. Source: Koch et al. 2018 (iBims-1),
    section 4.2, depth boundary errors, and its evaluation script.
    """
    return _edge_errors(predicted, target, _distance(target))


def canny(values: Map) -> Mask:
    """Detect the edges of a map brought to 0..1; a constant one has none."""
    low, high = float(values.min()), float(values.max())
    if not high > low:
        return np.zeros(values.shape, np.bool_)
    smooth = cv2.GaussianBlur((values - low) / (high - low), (0, 0), _SIGMA)
    unit = 8000  # the largest derivative is 4; OpenCV wants 16-bit integers
    across, down = (
        np.rint(unit * cv2.Sobel(smooth, cv2.CV_64F, *order, ksize=3)).astype(np.int16)
        for order in ((1, 0), (0, 1))
    )
    edges = cv2.Canny(across, down, unit * _LOW, unit * _HIGH, L2gradient=True)
    return np.asarray(edges) > 0


def _edge_errors(predicted: Mask, target: Mask, to_target: Float[np.ndarray, "h w"]) -> tuple[float, float]:
    found = to_target[predicted]
    near = found[found < TRUNCATION]
    if not near.size:
        return TRUNCATION, TRUNCATION
    missed = np.minimum(_distance(predicted)[target], TRUNCATION)
    apart = np.minimum(found, TRUNCATION).sum() + missed.sum()
    return float(near.mean()), float(apart / (found.size + missed.size))


def _occlusions(disparity: Map, valid: Mask) -> list[Int[np.ndarray, "_h _w"]]:
    """Return for each direction how many `THRESHOLDS` the step towards the neighbour exceeds."""
    levels = []
    for near, far, here, there in (*_neighbours(disparity, valid), *_across(disparity, valid)):
        ratio = np.divide(near, far, out=np.ones_like(near), where=here & there)
        steep = ratio > THRESHOLDS[0]
        level = np.zeros(ratio.shape, np.int64)
        level[steep] = np.searchsorted(THRESHOLDS, ratio[steep])
        levels.append(level)
    return levels


def _scores(
    predicted: list[Int[np.ndarray, "_h _w"]], target: list[Int[np.ndarray, "_h _w"]]
) -> tuple[float, float]:
    precision, recall = np.zeros(len(THRESHOLDS)), np.zeros(len(THRESHOLDS))
    for p, t in zip(predicted, target, strict=True):
        both = _exceeding(np.minimum(p, t))
        precision += both / np.maximum(_exceeding(p), 1) / len(target)
        recall += both / np.maximum(_exceeding(t), 1) / len(target)
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    return float(_WEIGHTS @ f1), float(_WEIGHTS @ recall)


def _exceeding(level: Int[np.ndarray, "_h _w"]) -> Float[np.ndarray, "10"]:
    """Count, for each threshold, the steps larger than it."""
    count = np.bincount(level[level > 0], minlength=len(THRESHOLDS) + 1)[1:]
    return count[::-1].cumsum()[::-1].astype(np.float64)


def _neighbours(values: Map, mask: Mask) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Pair every pixel with the one to its right, both ways round."""
    left, right = np.s_[:, :-1], np.s_[:, 1:]
    return [
        (values[one], values[other], mask[one], mask[other]) for one, other in ((left, right), (right, left))
    ]


def _across(values: Map, mask: Mask) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Pair every pixel with the one below it, both ways round, rows and columns exchanged."""
    return _neighbours(np.ascontiguousarray(values.T), np.ascontiguousarray(mask.T))


def _largest_of_runs(ratio: Float64[np.ndarray, "h w"], threshold: float) -> Bool[np.ndarray, "h w"]:
    """Mark, in each unbroken run of ratios above `threshold` along a row, the first of the largest."""
    steep = np.pad(ratio > threshold, ((0, 0), (0, 1))).ravel()  # a gap between the rows
    values = np.pad(ratio, ((0, 0), (0, 1))).ravel()
    places = np.flatnonzero(steep)
    run = np.cumsum(np.diff(places, prepend=-2) > 1)
    order = np.lexsort((places, -values[places], run))
    first = order[np.diff(run[order], prepend=0) > 0]
    kept = np.zeros(steep.shape, np.bool_)
    kept[places[first]] = True
    return kept.reshape(ratio.shape[0], -1)[:, :-1]


def _distance(edges: Mask) -> Float[np.ndarray, "h w"]:
    """Return each pixel's distance to the nearest that is marked; a large number where none is."""
    if not edges.any():
        return np.full(edges.shape, np.inf)
    return np.asarray(cv2.distanceTransform((~edges).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE))


def _donors(valid: Mask) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Return the flat places of holes, and for each that of the nearest valid pixel."""
    holes = np.flatnonzero(~valid)
    if not holes.size:
        return holes, holes
    _, cells = cv2.distanceTransformWithLabels(
        (~valid).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    places = np.flatnonzero(valid)
    place_of_cell = np.zeros(cells.max() + 1, np.int64)
    place_of_cell[cells.ravel()[places]] = places
    return holes, place_of_cell[cells.ravel()[holes]]
