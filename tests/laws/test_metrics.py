"""Metrics: what must not change them, what must, and what is refused."""

import numpy as np
import pytest

from leadline.metrics import NAMES, Alignment, constant_map, measure, order_is_right, vertical_ramp
from leadline.types import Label, LeadlineError, Prediction, Size, Space

SIZE = Size(12, 18)
PERFECT = {"abs_rel": 0, "rmse": 0, "log10": 0, "silog": 0, "delta1": 1, "delta2": 1, "delta3": 1}


def disparity(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.05, 2, SIZE).astype(np.float32)


def label(values: np.ndarray, *, valid: np.ndarray | None = None, space: Space = Space.DISPARITY) -> Label:
    mask = np.ones(values.shape, np.bool_) if valid is None else valid
    return Label(values=values.astype(np.float32), valid=mask, space=space)


def predicted(values: np.ndarray, space: Space = Space.AFFINE_DISPARITY) -> Prediction:
    return Prediction(values=values.astype(np.float32), space=space)


def noisy(values: np.ndarray) -> np.ndarray:
    factors = np.random.default_rng(1).uniform(0.5, 1.5, values.shape)
    return np.asarray((values * factors).astype(np.float32))


# ---------------------------------------------------------------- what changes nothing


@pytest.mark.parametrize("space", [Space.DEPTH, Space.DISPARITY, Space.AFFINE_DISPARITY])
@pytest.mark.parametrize("alignment", ["disparity", "depth"])
def test_measure__a_perfect_prediction_has_no_error(space: Space, alignment: Alignment) -> None:
    truth = 1 / disparity() if space is Space.DEPTH else disparity()
    if space is Space.AFFINE_DISPARITY:
        alignment = "disparity"
    found = measure(predicted(3 * disparity() + 1), label(truth, space=space), alignment=alignment)
    assert found == pytest.approx(PERFECT, abs=2e-5)


@pytest.mark.parametrize(("scale", "shift"), [(7.0, 0.0), (0.01, 3.0), (100.0, -5.0)])
@pytest.mark.parametrize("alignment", ["disparity", "depth"])
def test_measure__scale_and_shift_of_affine_disparity_change_nothing(
    scale: float, shift: float, alignment: Alignment
) -> None:
    truth, guess = label(disparity()), noisy(disparity())
    one = measure(predicted(guess), truth, alignment=alignment)
    other = measure(predicted(scale * guess + shift), truth, alignment=alignment)
    assert one["abs_rel"] > 0.1
    assert other == pytest.approx(one, rel=1e-4)


@pytest.mark.parametrize("alignment", ["disparity", "depth"])
def test_measure__depth_and_its_disparity_get_the_same_figures(alignment: Alignment) -> None:
    """As predictions and as labels."""
    guess, truth = noisy(disparity()), disparity()
    figures = [
        measure(prediction, known, alignment=alignment)
        for prediction in (
            predicted(guess),
            predicted(1 / guess, Space.DEPTH),
            predicted(guess, Space.DISPARITY),
        )
        for known in (label(truth), label(1 / truth, space=Space.DEPTH))
    ]
    for found in figures[1:]:
        assert found == pytest.approx(figures[0], rel=1e-4)


@pytest.mark.parametrize("alignment", ["disparity", "depth"])
@pytest.mark.parametrize("space", [Space.DEPTH, Space.DISPARITY])
@pytest.mark.parametrize("filler", [0.0, -3.0, np.nan, np.inf, 1e-20])
def test_measure__invalid_pixels_and_sky_do_not_count(
    filler: float, space: Space, alignment: Alignment
) -> None:
    truth, guess = disparity(), noisy(disparity())
    values = 1 / truth if space is Space.DEPTH else truth
    valid = np.ones(SIZE, np.bool_)
    valid[3:5] = False
    values[3:5] = filler
    sky = np.inf if space is Space.DEPTH else 0
    values[:2] = sky
    seen = np.vstack([guess[2:3], guess[5:]])
    expected = measure(
        predicted(seen), label(np.vstack([values[2:3], values[5:]]), space=space), alignment=alignment
    )
    wild = guess.copy()
    wild[:2], wild[3:5] = 1e6, -1e6
    found = measure(predicted(wild), label(values, valid=valid, space=space), alignment=alignment)
    assert found == pytest.approx(expected, rel=1e-6)


def test_measure__a_single_pixel_is_fitted_exactly() -> None:
    valid = np.zeros(SIZE, np.bool_)
    valid[4, 4] = True
    assert measure(predicted(noisy(disparity())), label(disparity(), valid=valid)) == pytest.approx(
        PERFECT, abs=1e-6
    )


# ---------------------------------------------------------------- what the figures are


def test_measure__figures_by_hand() -> None:
    """Prediction 1, 2, 4 and truth 1, 4, 2: covariance 2 / 9, variance 14 / 9, both means 7 / 3."""
    found = measure(
        predicted(np.array([[1, 2, 4]])), label(np.array([[1, 4, 2]]), space=Space.AFFINE_DISPARITY)
    )
    p, t = np.array([15, 16, 18]) / 7, np.array([1, 4, 2])
    assert tuple(found) == NAMES
    assert found["abs_rel"] == pytest.approx(np.mean(np.abs(p - t) / t))
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean((p - t) ** 2)))
    assert found["log10"] == pytest.approx(np.mean(np.abs(np.log10(p / t))))
    assert found["silog"] == pytest.approx(100 * np.std(np.log(p / t)))
    ratios = (15 / 7, 7 / 4, 9 / 7)  # 1.25, 1.56 and 1.95 are the limits
    for name, limit in (("delta1", 1.25), ("delta2", 1.5625), ("delta3", 1.953125)):
        assert found[name] == pytest.approx(np.mean([ratio < limit for ratio in ratios]))


def test_measure__rmse_is_in_metres_where_the_label_has_them() -> None:
    far = label(10 / disparity(), space=Space.DEPTH)
    near = label(1 / disparity(), space=Space.DEPTH)
    guess = predicted(noisy(disparity()))
    one, ten = measure(guess, near), measure(guess, far)
    assert ten["rmse"] == pytest.approx(10 * one["rmse"], rel=1e-4)
    assert {**ten, "rmse": 0} == pytest.approx({**one, "rmse": 0}, rel=1e-4)


def test_measure__a_disparity_near_zero_is_no_farther_than_the_farthest_target() -> None:
    """Without the clamp the aligned disparity is negative in half the pixels, and depth has no bound."""
    truth = np.full(SIZE, 0.1, np.float32)
    truth[:, 0] = 10
    guess = truth.copy()
    guess[:, 1:3] = -5
    found = measure(predicted(guess), label(truth))
    assert found["abs_rel"] <= 1.0  # aligned depth lies between 0 and the farthest target's 10 metres
    assert np.isfinite(list(found.values())).all()


def test_measure__depth_alignment_is_at_least_as_near_in_metres() -> None:
    for seed in range(5):
        truth = label(disparity(seed))
        guess = predicted(noisy(disparity(seed)) ** 1.5)
        rmse = [measure(guess, truth, alignment=a)["rmse"] for a in ("disparity", "depth")]
        assert rmse[1] < rmse[0]


def test_measure__depth_alignment_stays_in_front_of_the_camera() -> None:
    """The second fit alone would put pixels behind it, and their logarithm nowhere."""
    truth = np.array([[0.1, 0.1, 0.1, 100, 100, 100]])
    guess = 1 / np.array([[1, 5, 5, 6, 6, 6]])  # where its depth goes on, the truth's leaps
    found = measure(predicted(guess), label(truth, space=Space.DEPTH), alignment="depth")
    assert np.isfinite(list(found.values())).all()


def test_measure__errors_grow_with_the_noise() -> None:
    truth, rng = disparity(), np.random.default_rng(2)
    noise = rng.uniform(-1, 1, SIZE)
    found = [measure(predicted(truth * (1 + share * noise)), label(truth)) for share in (0.05, 0.2, 0.6)]
    for name in NAMES:
        values = [figures[name] for figures in found]
        assert values == sorted(values, reverse=name.startswith("delta")), name
    assert found[2]["delta1"] < found[2]["delta2"] < found[2]["delta3"]


def test_measure__leaves_its_inputs_alone() -> None:
    truth, guess = label(disparity()), predicted(noisy(disparity()))
    values, target = guess.values.copy(), truth.values.copy()
    measure(guess, truth)
    np.testing.assert_array_equal(guess.values, values)
    np.testing.assert_array_equal(truth.values, target)


# ---------------------------------------------------------------- floors and order


def test_constant_map__is_fitted_by_the_mean_disparity() -> None:
    truth = disparity()
    found = measure(constant_map(SIZE), label(truth, space=Space.AFFINE_DISPARITY))
    assert found["rmse"] == pytest.approx(truth.std(), rel=1e-5)
    assert constant_map(Size(2, 5)).values.shape == (2, 5)


@pytest.mark.parametrize("slope", [1.0, -1.0])
def test_vertical_ramp__fits_ground_and_ceiling(slope: float) -> None:
    truth = np.repeat((2 + slope * np.linspace(-1, 1, SIZE.h))[:, None], SIZE.w, axis=1)
    assert measure(vertical_ramp(SIZE), label(truth)) == pytest.approx(PERFECT, abs=1e-5)


def test_vertical_ramp__is_nearer_towards_the_bottom() -> None:
    values = vertical_ramp(Size(5, 3)).values
    assert (np.diff(values, axis=0) > 0).all()
    assert (np.diff(values, axis=1) == 0).all()
    assert vertical_ramp(Size(1, 1)).values.shape == (1, 1)


def test_order_is_right__nearer_is_larger_and_a_tie_is_wrong() -> None:
    values = np.array([[1, 2, 2], [0, 5, 1]], np.float32)
    assert order_is_right(values, (1, 1), (0, 2))
    assert not order_is_right(values, (0, 2), (1, 1))
    assert not order_is_right(values, (0, 1), (0, 2))
    assert order_is_right(values, [0, 2], [1, 2])


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "known",
    [
        label(disparity(), valid=np.zeros(SIZE, np.bool_)),
        label(np.zeros(SIZE)),
        label(np.full(SIZE, np.inf), space=Space.DEPTH),
        label(np.full(SIZE, np.nan)),
        label(np.full(SIZE, -1.0), space=Space.DEPTH),
    ],
    ids=["nothing valid", "all sky", "all sky in metres", "no numbers", "negative"],
)
def test_measure__a_label_without_a_comparable_pixel_is_refused(known: Label) -> None:
    with pytest.raises(LeadlineError, match="no valid pixel at a finite, positive distance"):
        measure(predicted(disparity()), known)


def test_measure__metres_of_an_affine_label_are_refused() -> None:
    with pytest.raises(LeadlineError, match="no metres to align in: use alignment 'disparity'"):
        measure(predicted(disparity()), label(disparity(), space=Space.AFFINE_DISPARITY), alignment="depth")
