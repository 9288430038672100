"""The metrics beside numpy twins: float64, one equation a line, loops where the metrics have none."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.feature import canny as skimage_canny

from leadline.metrics import (
    NAMES,
    PAPER,
    STRICT,
    Protocol,
    boundary_scores,
    edge_errors,
    matte_recall,
    measure,
)
from leadline.metrics.edges import canny
from leadline.types import Label, Prediction, Space

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def fit(p: Array, t: Array) -> Array:
    (scale, shift), *_ = np.linalg.lstsq(np.stack([p, np.ones_like(p)], axis=1), t, rcond=None)
    return np.asarray(scale * p + shift)


def figures(p: Array, t: Array) -> dict[str, float]:
    g = np.log(p) - np.log(t)
    return {
        "abs_rel": float(np.mean(np.abs(p - t) / t)),
        "rmse": float(np.sqrt(np.mean((p - t) ** 2))),
        "log10": float(np.mean(np.abs(np.log10(p) - np.log10(t)))),
        "silog": float(100 * np.sqrt(np.mean(g**2) - np.mean(g) ** 2)),
        **{f"delta{n}": float(np.mean(np.maximum(p / t, t / p) < 1.25**n)) for n in (1, 2, 3)},
    }


def twin(nearness: Array, disparity: Array, rules: Protocol, *, metric: bool) -> dict[str, float]:
    """Of the comparable pixels, as columns."""
    aligned = fit(nearness, disparity)
    found = {"abs_rel_disparity": float(np.mean(np.abs(aligned - disparity) / disparity))}
    if not metric:
        return found | figures(np.maximum(aligned, disparity.min()), disparity)
    if rules.clamp:
        aligned = np.maximum(aligned, disparity.min())
    depth = np.array([1 / a if a > 0 else np.inf for a in aligned])
    if rules.caps is not None:
        depth = np.minimum(np.maximum(depth, rules.caps[0]), rules.caps[1])
    return found | figures(depth, 1 / disparity)


@pytest.mark.parametrize("rules", [STRICT, PAPER["sintel"]], ids=lambda rules: rules.name)
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("predicted", list(Space))
@pytest.mark.parametrize("known", list(Space))
def test_measure__agrees_with_its_numpy_twin(
    known: Space, predicted: Space, seed: int, rules: Protocol
) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.02, 2, (17, 23))
    truth[3, :4] = 1 / 75  # beyond Sintel's cap
    truth = (1 / truth if known is Space.DEPTH else truth).astype(np.float32)
    valid = rng.random(truth.shape) > 0.3
    truth[0, :4] = (0, -1, np.nan, np.inf)
    wide = truth.astype(np.float64)
    positive = wide > 0
    disparity = wide.copy()
    if known is Space.DEPTH:
        disparity = np.where(positive, 1 / np.where(positive, wide, 1), np.nan)
    compared = valid & np.isfinite(disparity) & (disparity > 0)
    if known is not Space.AFFINE_DISPARITY and rules.caps is not None:
        compared &= np.where(compared, 1 / np.where(compared, disparity, 1), 99) < rules.caps[1]
    noisy = np.where(np.isfinite(disparity), np.maximum(disparity, 0.01), 1)
    noisy = noisy * rng.uniform(0.5, 1.5, truth.shape) + 0.05
    values = (1 / noisy if predicted is Space.DEPTH else noisy).astype(np.float32)
    seen = values.astype(np.float64)
    nearness = 1 / seen if predicted is Space.DEPTH else seen
    metric = known is not Space.AFFINE_DISPARITY
    expected = twin(nearness[compared], disparity[compared], rules, metric=metric)
    if metric and predicted is not Space.AFFINE_DISPARITY:
        raw = figures(1 / nearness[compared], 1 / disparity[compared])
        expected |= {f"raw_{name}": value for name, value in raw.items()}
    found = measure(
        Prediction(values=values, space=predicted),
        Label(values=truth, valid=valid, space=known),
        protocol=rules,
    )
    assert tuple(found)[: len(NAMES)] == NAMES
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert found["abs_rel"] > 0.05
    assert found["delta1"] < 1


# ---------------------------------------------------------------- edges


def blocky(seed: int, size: tuple[int, int] = (24, 31)) -> Array:
    """Disparities of rectangles over a slope, with steps of all sizes."""
    rng = np.random.default_rng(seed)
    values = 1 + 0.02 * np.arange(size[0])[:, None] + rng.uniform(0, 0.01, size)
    for _ in range(6):
        top, left = rng.integers(0, size[0]), rng.integers(0, size[1])
        values[top : top + 9, left : left + 11] *= rng.uniform(1.02, 1.4)
    return np.asarray(values)


def boundary_twin(prediction: Array, target: Array, valid: Mask) -> tuple[float, float]:
    """Depth Pro's score, pair of pixels by pair of pixels."""
    thresholds = [1.05 + 0.2 * n / 9 for n in range(10)]
    f1 = recall = 0.0
    for t in thresholds:
        r, p = [], []
        for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            counts = np.zeros(3)
            for y in range(target.shape[0]):
                for x in range(target.shape[1]):
                    v, u = y + dy, x + dx
                    if not (0 <= v < target.shape[0] and 0 <= u < target.shape[1]):
                        continue
                    if valid[y, x] and valid[v, u]:
                        there = target[y, x] / target[v, u] > t
                        found = prediction[y, x] / prediction[v, u] > t
                        counts += (there and found, there, found)
            r.append(counts[0] / max(counts[1], 1))
            p.append(counts[0] / max(counts[2], 1))
        mean_r, mean_p = float(np.mean(r)), float(np.mean(p))
        weight = t / sum(thresholds)
        recall += weight * mean_r
        f1 += weight * (2 * mean_r * mean_p / (mean_r + mean_p) if mean_r + mean_p else 0)
    return f1, recall


@pytest.mark.parametrize("seed", range(2))
def test_boundary_scores__agree_with_their_twin(seed: int) -> None:
    target, other = blocky(seed), blocky(seed + 50)
    prediction = np.where(np.arange(31) < 15, np.roll(target, 0), other)
    valid = np.random.default_rng(seed).random(target.shape) > 0.05
    found = boundary_scores(prediction, target, valid)
    assert found == pytest.approx(boundary_twin(prediction, target, valid), rel=1e-6)
    assert 0.05 < found[0] < 0.95


def matte_twin(disparity: Array, matte: Mask) -> float:
    """Depth Pro's recall with its suppression of all but the largest step of a run, line by line."""
    thresholds = [1.05 + 0.2 * n / 9 for n in range(10)]
    score = 0.0
    for t in thresholds:
        shares = []
        for values, inside in ((disparity, matte), (disparity.T, matte.T)):
            for near, far in ((0, 1), (1, 0)):
                hit = border = 0
                for line, marks in zip(values, inside, strict=True):
                    ratios = [line[i + near] / line[i + far] for i in range(len(line) - 1)]
                    kept: set[int] = set()
                    run: list[int] = []
                    for i in [*range(len(ratios)), -1]:
                        if i >= 0 and ratios[i] > t:
                            run.append(i)
                        elif run:
                            kept.add(max(run, key=lambda place: (ratios[place], -place)))
                            run = []
                    edges = {i for i in range(len(ratios)) if marks[i + near] and not marks[i + far]}
                    hit, border = hit + len(kept & edges), border + len(edges)
                shares.append(hit / max(border, 1))
        score += t / sum(thresholds) * float(np.mean(shares))
    return score


@pytest.mark.parametrize("seed", range(2))
def test_matte_recall__agrees_with_its_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matte = np.zeros((24, 31), np.bool_)
    matte[5:17, 8:22] = True
    soft = 1 + 0.3 * matte + 0.15 * np.roll(matte, 1, axis=1) + rng.uniform(0, 0.3, matte.shape)
    found = matte_recall(soft, matte)
    assert found == pytest.approx(matte_twin(soft, matte), rel=1e-6)
    assert 0.05 < found < 0.95


@pytest.mark.parametrize("seed", range(3))
def test_edge_errors__agree_with_their_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    predicted, target = rng.random((40, 50)) > 0.995, rng.random((40, 50)) > 0.99
    to_target, to_predicted = distance_transform_edt(~target), distance_transform_edt(~predicted)
    near = predicted & (to_target < 10)
    accuracy = to_target[near].sum() / near.sum()
    apart = np.minimum(to_target, 10)[predicted].sum() + np.minimum(to_predicted, 10)[target].sum()
    completeness = apart / (predicted.sum() + target.sum())
    assert edge_errors(predicted, target) == pytest.approx((accuracy, completeness), rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_canny__finds_what_ibims_detector_finds(seed: int) -> None:
    """Within a pixel, inside: scikit-image interpolates along the gradient and masks the border."""
    values = np.kron(blocky(seed), np.ones((4, 4)))
    scaled = (values - values.min()) / (values.max() - values.min())
    inside = np.s_[6:-6, 6:-6]
    expected = skimage_canny(scaled, sigma=np.sqrt(2), low_threshold=0.15, high_threshold=0.3)[inside]  # type: ignore[no-untyped-call]
    found = canny(values)[inside]
    assert expected.sum() > 150
    assert (distance_transform_edt(~expected)[found] < 1.5).mean() > 0.98
    assert (distance_transform_edt(~found)[expected] < 1.5).mean() > 0.98
