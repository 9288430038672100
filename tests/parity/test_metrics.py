"""The metrics beside a numpy twin: float64, one equation a line."""

import numpy as np
import pytest
from numpy.typing import NDArray

from leadline.metrics import NAMES, Alignment, measure
from leadline.types import Label, Prediction, Space

Array = NDArray[np.float64]


def fit(p: Array, t: Array) -> Array:
    (scale, shift), *_ = np.linalg.lstsq(np.stack([p, np.ones_like(p)], axis=1), t, rcond=None)
    return np.asarray(scale * p + shift)


def twin(nearness: Array, disparity: Array, alignment: Alignment, *, metric: bool) -> dict[str, float]:
    """Of the comparable pixels, as columns."""
    p, t = np.maximum(fit(nearness, disparity), disparity.min()), disparity
    if metric:
        p, t = 1 / p, 1 / t
    if alignment == "depth":
        p = np.maximum(fit(p, t), 1e-3)
    g = np.log(p) - np.log(t)
    return {
        "abs_rel": float(np.mean(np.abs(p - t) / t)),
        "rmse": float(np.sqrt(np.mean((p - t) ** 2))),
        "log10": float(np.mean(np.abs(np.log10(p) - np.log10(t)))),
        "silog": float(100 * np.sqrt(np.mean(g**2) - np.mean(g) ** 2)),
        **{f"delta{n}": float(np.mean(np.maximum(p / t, t / p) < 1.25**n)) for n in (1, 2, 3)},
    }


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("predicted", list(Space))
@pytest.mark.parametrize(
    ("known", "alignment"),
    [
        (Space.DEPTH, "disparity"),
        (Space.DISPARITY, "disparity"),
        (Space.AFFINE_DISPARITY, "disparity"),
        (Space.DEPTH, "depth"),
        (Space.DISPARITY, "depth"),
    ],
)
def test_measure__agrees_with_its_numpy_twin(
    known: Space, alignment: Alignment, predicted: Space, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.02, 2, (17, 23)).astype(np.float32)
    if known is Space.DEPTH:
        truth = (1 / truth).astype(np.float32)
    valid = rng.random(truth.shape) > 0.3
    truth[0, :4] = (0, -1, np.nan, np.inf)
    disparity = truth.copy()
    if known is Space.DEPTH:
        disparity.fill(np.nan)
        np.divide(1, truth, out=disparity, where=truth > 0)
    compared = valid & np.isfinite(disparity) & (disparity > 0)
    noisy = np.where(compared, disparity, 1) * rng.uniform(0.5, 1.5, truth.shape) + 0.05
    values = (1 / noisy if predicted is Space.DEPTH else noisy).astype(np.float32)
    nearness = np.float32(1) / values if predicted is Space.DEPTH else values
    expected = twin(
        nearness[compared].astype(np.float64),
        disparity[compared].astype(np.float64),
        alignment,
        metric=known is not Space.AFFINE_DISPARITY,
    )
    found = measure(
        Prediction(values=values, space=predicted),
        Label(values=truth, valid=valid, space=known),
        alignment=alignment,
    )
    assert tuple(found) == NAMES
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert found["abs_rel"] > 0.05
    assert found["delta1"] < 1
