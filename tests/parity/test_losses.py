"""The losses beside numpy twins: float64, one picture after the other, as the papers write them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from leadline.losses import feature_alignment, gradient_matching, silog, ssi_mae, ssi_mse

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Twin = Callable[[Array, Array, Mask], float]  # of one picture with a valid pixel, (h, w)


def normalise(values: Array, valid: Mask) -> Array:
    inside = np.sort(values[valid])
    shift = inside[(len(inside) - 1) // 2]
    return np.asarray((values - shift) / np.mean(np.abs(inside - shift)))


def ssi_mae_twin(prediction: Array, target: Array, valid: Mask, share: float = 0) -> float:
    residual = np.sort(np.abs(normalise(prediction, valid) - normalise(target, valid))[valid])
    kept = len(residual) - int(np.floor(share * len(residual)))
    return float(np.mean(residual[:kept]))


def ssi_mse_twin(prediction: Array, target: Array, valid: Mask) -> float:
    p, t = prediction[valid], target[valid]
    design = np.stack([p, np.ones_like(p)], axis=1)
    solution = np.linalg.lstsq(design, t, rcond=None)[0]
    return float(np.mean((design @ solution - t) ** 2))


def gradient_matching_twin(prediction: Array, target: Array, valid: Mask, scales: int = 4) -> float:
    residual, total = normalise(prediction, valid) - normalise(target, valid), 0.0
    for stride in [2**k for k in range(scales)]:
        r, v, steps = residual[::stride, ::stride], valid[::stride, ::stride], 0.0
        for y, x in np.ndindex(*r.shape):
            for below, right in ((y + 1, x), (y, x + 1)):
                if below < r.shape[0] and right < r.shape[1] and v[y, x] and v[below, right]:
                    steps += abs(r[below, right] - r[y, x])
        total += steps / max(v.sum(), 1)
    return float(total)


def silog_twin(prediction: Array, target: Array, valid: Mask, focus: float = 0.5) -> float:
    g = np.log(np.maximum(prediction[valid], 1e-3)) - np.log(np.maximum(target[valid], 1e-3))
    return float(np.sqrt(np.mean(g**2) - focus * np.mean(g) ** 2))


def feature_alignment_twin(features: Array, frozen: Array, tolerance: float) -> float:
    costs = []
    for y, x in np.ndindex(*features.shape[1:]):
        a, b = features[:, y, x], frozen[:, y, x]
        cosine = a @ b / np.sqrt(a @ a) / np.sqrt(b @ b)
        if cosine <= tolerance:
            costs.append(1 - cosine)
    return float(np.mean(costs)) if costs else 0.0


def batch(seed: int) -> tuple[Array, Array, Mask]:
    """Four pictures, 21 x 30: about 3/4, 1/20 and none of the pixels valid, and all; smooth and rough."""
    rng = np.random.default_rng(seed)
    prediction, target = rng.gamma(2, 1, (2, 4, 1, 21, 30)) + 0.05
    prediction[0] = target[0] * 3 + 0.1 * prediction[0] - 0.1
    target[3] = np.linspace(0.1, 9, 30)
    valid = rng.random((4, 1, 21, 30)) < np.array([0.75, 0.05, 0, 1])[:, None, None, None]
    return (
        prediction.astype(np.float32).astype(np.float64),
        target.astype(np.float32).astype(np.float64),
        valid,
    )


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("loss", "twin"),
    [
        pytest.param(ssi_mae, ssi_mae_twin, id="ssi_mae"),
        pytest.param(partial(ssi_mae, trim=0.2), partial(ssi_mae_twin, share=0.2), id="ssi_mae trim 0.2"),
        pytest.param(partial(ssi_mae, trim=0.1), partial(ssi_mae_twin, share=0.1), id="ssi_mae trim 0.1"),
        pytest.param(ssi_mse, ssi_mse_twin, id="ssi_mse"),
        pytest.param(gradient_matching, gradient_matching_twin, id="gradient_matching"),
        pytest.param(
            partial(gradient_matching, scales=1), partial(gradient_matching_twin, scales=1), id="one scale"
        ),
        pytest.param(silog, silog_twin, id="silog"),
        pytest.param(
            partial(silog, variance_focus=0.85), partial(silog_twin, focus=0.85), id="silog variance 0.85"
        ),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_loss__agrees_with_its_numpy_twin(
    loss: Callable[..., torch.Tensor], twin: Twin, seed: int, weighted: bool
) -> None:
    prediction, target, valid = batch(seed)
    weight = np.array([0.1, 0.2, 0.3, 0.4]) if weighted else np.ones(4)
    present = [i for i in range(4) if valid[i].any()]
    costs = [twin(prediction[i, 0], target[i, 0], valid[i, 0]) for i in present]
    expected = np.average(costs, weights=weight[present])
    options: dict[str, Any] = {"weight": torch.from_numpy(weight).float()} if weighted else {}
    value = loss(*(torch.from_numpy(x) for x in (prediction, target, valid)), **options)
    assert len(present) == 3
    assert value.item() == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("tolerance", [0.85, 0.3, 0.0])
def test_feature_alignment__agrees_with_its_numpy_twin(tolerance: float) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(3, 6, 5, 7))
    frozen = features + rng.normal(size=features.shape) * np.array([1.0, 0.4, 0.01])[:, None, None, None]
    costs = [feature_alignment_twin(a, b, tolerance) for a, b in zip(features, frozen, strict=True)]
    expected = np.mean(costs)
    value = feature_alignment(torch.from_numpy(features), torch.from_numpy(frozen), tolerance=tolerance)
    assert costs[2] == 0
    assert value.item() == pytest.approx(expected, rel=1e-5, abs=1e-5)
