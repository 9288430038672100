"""Metrics: what must not change them, what must, and what is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from leadline.metrics import (
    NAMES,
    PAPER,
    STRICT,
    Protocol,
    Reference,
    constant_map,
    find_protocol,
    judge,
    measure,
    nearness,
    order_is_right,
    vertical_ramp,
)
from leadline.metrics.protocols import Crop, inside_crop
from leadline.types import Label, LeadlineError, PointPair, Prediction, Size, Space

SIZE = Size(12, 18)
PERFECT = {
    "abs_rel": 0,
    "abs_rel_disparity": 0,
    "rmse": 0,
    "log10": 0,
    "silog": 0,
    "delta1": 1,
    "delta2": 1,
    "delta3": 1,
}


def disparity(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.05, 2, SIZE).astype(np.float32)


def label(values: np.ndarray, *, valid: np.ndarray | None = None, space: Space = Space.DISPARITY) -> Label:
    mask = np.ones(values.shape, np.bool_) if valid is None else valid
    return Label(values=values.astype(np.float32), valid=mask, space=space)


def predicted(values: np.ndarray, space: Space = Space.AFFINE_DISPARITY) -> Prediction:
    return Prediction(values=values.astype(np.float32), space=space)


def figures(prediction: Prediction, truth: Label, protocol: Protocol = STRICT) -> dict[str, float]:
    """Return those figures that every pair has."""
    found = measure(prediction, truth, protocol=protocol)
    return {name: found[name] for name in NAMES}


def noisy(values: np.ndarray) -> np.ndarray:
    factors = np.random.default_rng(1).uniform(0.5, 1.5, values.shape)
    return np.asarray((values * factors).astype(np.float32))


# ---------------------------------------------------------------- what changes nothing


@pytest.mark.parametrize("space", [Space.DEPTH, Space.DISPARITY, Space.AFFINE_DISPARITY])
def test_measure__a_perfect_prediction_has_no_error(space: Space) -> None:
    truth = 1 / disparity() if space is Space.DEPTH else disparity()
    found = figures(predicted(3 * disparity() + 1), label(truth, space=space))
    assert found == pytest.approx(PERFECT, abs=2e-5)


@pytest.mark.parametrize(("scale", "shift"), [(7.0, 0.0), (0.01, 3.0), (100.0, -5.0)])
def test_measure__scale_and_shift_of_affine_disparity_change_nothing(scale: float, shift: float) -> None:
    truth, guess = label(disparity()), noisy(disparity())
    one = figures(predicted(guess), truth)
    other = figures(predicted(scale * guess + shift), truth)
    assert one["abs_rel"] > 0.1
    assert other == pytest.approx(one, rel=1e-4)


def test_measure__depth_and_its_disparity_get_the_same_figures() -> None:
    """As predictions and as labels."""
    guess, truth = noisy(disparity()), disparity()
    found = [
        figures(prediction, known)
        for prediction in (
            predicted(guess),
            predicted(1 / guess, Space.DEPTH),
            predicted(guess, Space.DISPARITY),
        )
        for known in (label(truth), label(1 / truth, space=Space.DEPTH))
    ]
    for other in found[1:]:
        assert other == pytest.approx(found[0], rel=1e-4)


@pytest.mark.parametrize("space", [Space.DEPTH, Space.DISPARITY])
@pytest.mark.parametrize("filler", [0.0, -3.0, np.nan, np.inf, 1e-20])
def test_measure__invalid_pixels_and_sky_do_not_count(filler: float, space: Space) -> None:
    truth, guess = disparity(), noisy(disparity())
    values = 1 / truth if space is Space.DEPTH else truth
    valid = np.ones(SIZE, np.bool_)
    valid[3:5] = False
    values[3:5] = filler
    sky = np.inf if space is Space.DEPTH else 0
    values[:2] = sky
    seen = np.vstack([guess[2:3], guess[5:]])
    expected = figures(predicted(seen), label(np.vstack([values[2:3], values[5:]]), space=space))
    wild = guess.copy()
    wild[:2], wild[3:5] = 1e6, -1e6
    found = figures(predicted(wild), label(values, valid=valid, space=space))
    assert found == pytest.approx(expected, rel=1e-6)


def test_measure__a_single_pixel_is_fitted_exactly() -> None:
    valid = np.zeros(SIZE, np.bool_)
    valid[4, 4] = True
    assert figures(predicted(noisy(disparity())), label(disparity(), valid=valid)) == pytest.approx(
        PERFECT, abs=1e-6
    )


# ---------------------------------------------------------------- what the figures are


def test_measure__figures_by_hand() -> None:
    """Prediction 1, 2, 4 and truth 1, 4, 2: covariance 2 / 9, variance 14 / 9, both means 7 / 3."""
    found = figures(
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
    one, ten = figures(guess, near), figures(guess, far)
    assert ten["rmse"] == pytest.approx(10 * one["rmse"], rel=1e-4)
    assert {**ten, "rmse": 0} == pytest.approx({**one, "rmse": 0}, rel=1e-4)


def test_measure__a_disparity_near_zero_is_no_farther_than_the_farthest_target() -> None:
    """Without the clamp the aligned disparity is negative in half the pixels, and depth has no bound."""
    truth = np.full(SIZE, 0.1, np.float32)
    truth[:, 0] = 10
    guess = truth.copy()
    guess[:, 1:3] = -5
    found = figures(predicted(guess), label(truth))
    assert found["abs_rel"] <= 1.0  # aligned depth lies between 0 and the farthest target's 10 metres
    assert np.isfinite(list(found.values())).all()


def test_measure__errors_grow_with_the_noise() -> None:
    truth, rng = disparity(), np.random.default_rng(2)
    noise = rng.uniform(-1, 1, SIZE)
    found = [figures(predicted(truth * (1 + share * noise)), label(truth)) for share in (0.05, 0.2, 0.6)]
    for name in NAMES:
        values = [one[name] for one in found]
        assert values == sorted(values, reverse=name.startswith("delta")), name
    assert found[2]["delta1"] < found[2]["delta2"] < found[2]["delta3"]


def test_measure__leaves_its_inputs_alone() -> None:
    truth, guess = label(disparity()), predicted(noisy(disparity()))
    values, target = guess.values.copy(), truth.values.copy()
    figures(guess, truth)
    np.testing.assert_array_equal(guess.values, values)
    np.testing.assert_array_equal(truth.values, target)


# ---------------------------------------------------------------- protocols


def limited(**changes: Any) -> Protocol:
    return replace(Protocol(name="test", caps=(0.1, 5), origin="test"), **changes)


def test_find_protocol__paper_knows_its_benchmarks_and_is_strict_elsewhere() -> None:
    assert find_protocol("paper", "NYU-v2") is PAPER["nyuv2"] is find_protocol("paper", "nyu")
    assert find_protocol("paper", "kitti").crop == "garg"
    assert find_protocol("paper", "kitchen") is STRICT
    assert all(find_protocol("strict", name) is STRICT for name in (*PAPER, "kitchen"))


def test_protocols__are_pinned() -> None:
    """A figure under a name must stay what it was; a change belongs under another name."""
    pinned = {name: (rules.caps, rules.crop, rules.clamp, rules.outliers) for name, rules in PAPER.items()}
    assert pinned == {
        "nyuv2": ((1e-3, 10), "eigen", False, None),
        "kitti": ((1e-3, 80), "garg", False, None),
        "sintel": ((1e-3, 70), "none", False, None),
        "eth3d": ((1e-3, 80), "none", False, None),
        "diode": ((1e-3, 50), "none", False, None),
        "ddad": ((1e-3, 80), "garg", False, None),
        "ibims1": ((1e-3, 10), "eigen", False, None),
    }
    assert (STRICT.caps, STRICT.crop, STRICT.clamp, STRICT.outliers) == (None, "none", True, 1000)


def test_protocol__without_caps_and_clamp_is_refused() -> None:
    with pytest.raises(ValueError, match="needs caps or clamp"):
        limited(caps=None)


@pytest.mark.parametrize(
    ("crop", "size", "rows", "columns"),
    [
        ("eigen", Size(480, 640), (45, 471), (41, 601)),
        ("garg", Size(375, 1242), (153, 371), (44, 1197)),
        ("garg", Size(352, 1216), (143, 349), (43, 1172)),
        ("none", Size(7, 9), (0, 7), (0, 9)),
    ],
)
def test_inside_crop__keeps_the_published_rectangle(
    crop: Crop, size: Size, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    kept = inside_crop(crop, size)
    expected = np.zeros(size, np.bool_)
    expected[slice(*rows), slice(*columns)] = True
    np.testing.assert_array_equal(kept, expected)


def test_measure__eigens_crop_of_another_size_is_refused() -> None:
    with pytest.raises(LeadlineError, match="defined for pictures of 480x640, this one is 12x18"):
        measure(predicted(disparity()), label(disparity()), protocol=PAPER["nyuv2"])


def test_measure__labels_beyond_the_caps_do_not_count() -> None:
    truth, guess = 1 / disparity(), noisy(disparity())
    inside = (truth > 0.8) & (truth < 5)
    assert 0.1 < inside.mean() < 0.9
    found = figures(predicted(guess), label(truth, space=Space.DEPTH), limited(caps=(0.8, 5)))
    expected = figures(
        predicted(guess), label(truth, valid=inside, space=Space.DEPTH), limited(caps=(0.8, 5))
    )
    assert found == expected
    assert found != figures(predicted(guess), label(truth, space=Space.DEPTH), limited(caps=(0.1, 50)))


@pytest.mark.parametrize("cap", [0.5, 5])
def test_measure__a_label_exactly_at_a_cap_does_not_count(cap: float) -> None:
    truth, guess = np.random.default_rng(0).uniform(1, 4, SIZE), predicted(noisy(disparity()))
    truth[:, :3] = cap
    found, expected = (
        figures(guess, label(truth, valid=valid, space=Space.DEPTH), limited(caps=(0.5, 5)))
        for valid in (None, truth != cap)
    )
    assert found == expected


def test_measure__predictions_are_clipped_to_the_caps_and_behind_the_camera_is_far() -> None:
    """The least-squares line itself is clipped, and where it is not positive depth is the far cap."""
    truth = np.array([[1.0, 2.0, 4.0]])
    guess = predicted(-np.array([[0.0, 1.0, 9.0]]))
    wide = figures(guess, label(truth, space=Space.DEPTH), limited(caps=(0.1, 1000)))
    narrow = figures(guess, label(truth, space=Space.DEPTH), limited(caps=(0.1, 5)))
    slope, shift = np.polyfit([0, -1, -9], [1, 0.5, 0.25], 1)
    depth = 1 / (slope * np.array([0, -1, -9]) + shift)
    for caps, found in (((0.1, 1000), wide), ((0.1, 5), narrow)):
        expected = np.mean(np.abs(np.clip(depth, *caps) - truth) / truth)
        assert found["abs_rel"] == pytest.approx(expected, rel=1e-6)
    behind = predicted(np.array([[1.0, 0.99, 0.2, 0.19, -0.6]]))
    far = label(np.array([[0.2, 0.21, 3.0, 3.1, 4.9]]), space=Space.DEPTH)
    fitted = np.polyfit([1, 0.99, 0.2, 0.19, -0.6], 1 / np.array([0.2, 0.21, 3.0, 3.1, 4.9]), 1)
    assert fitted[0] * -0.6 + fitted[1] < 0
    errors = Reference(far, protocol=limited()).errors(behind)
    assert errors[0, 4] == pytest.approx((5 - 4.9) / 4.9, rel=1e-6)


def test_measure__clamp_keeps_predictions_from_beyond_the_farthest_label() -> None:
    truth = label(np.array([[1.0, 0.9, 0.5, 0.1]]))
    guess = predicted(np.array([[1.0, 0.9, 0.5, -0.3]]))
    errors = Reference(truth).errors(guess)
    assert errors[0, 3] == pytest.approx(0, abs=1e-6)
    assert errors[0, :3].min() > 0.005


def test_measure__disparity_abs_rel_knows_neither_clamp_nor_caps() -> None:
    truth, guess = np.array([1.0, 0.9, 0.5, 0.1]), np.array([1.0, 0.9, 0.5, -0.3])
    slope, shift = np.polyfit(guess, truth, 1)
    expected = np.mean(np.abs(slope * guess + shift - truth) / truth)
    for rules in (STRICT, limited(caps=(0.1, 50))):
        found = figures(predicted(guess[None]), label(truth[None]), rules)
        assert found["abs_rel_disparity"] == pytest.approx(expected, rel=1e-5)
        assert found["abs_rel_disparity"] != pytest.approx(found["abs_rel"], rel=0.1)


def test_measure__label_pixels_a_thousand_times_too_far_do_not_count() -> None:
    truth = np.full(SIZE, 2.0)
    truth[0, :6], truth[1:6] = 1, 3
    lone = truth.copy()
    lone[0, 0] = 1100
    valid = np.ones(SIZE, np.bool_)
    valid[0, 0] = False
    guess = predicted(noisy(1 / truth))
    found = figures(guess, label(lone, space=Space.DEPTH))
    assert found == figures(guess, label(truth, valid=valid, space=Space.DEPTH))
    lone[0, 0] = 900
    assert found != figures(guess, label(lone, space=Space.DEPTH))


def test_measure__a_protocol_that_leaves_nothing_is_named() -> None:
    with pytest.raises(LeadlineError, match="limits of the protocol test leave no valid pixel"):
        measure(predicted(disparity()), label(np.full(SIZE, 9.0), space=Space.DEPTH), protocol=limited())


# ---------------------------------------------------------------- metres without alignment


def test_measure__metres_are_compared_raw_besides() -> None:
    truth = 1 / disparity()
    guess = predicted(1.1 * truth, Space.DEPTH)
    found = measure(guess, label(truth, space=Space.DEPTH))
    assert found["raw_abs_rel"] == pytest.approx(0.1, rel=1e-5)
    assert found["raw_silog"] == pytest.approx(0, abs=1e-4)
    assert found["abs_rel"] == pytest.approx(0, abs=1e-5)
    assert measure(predicted(1 / (1.1 * truth), Space.DISPARITY), label(truth, space=Space.DEPTH))[
        "raw_abs_rel"
    ] == pytest.approx(0.1, rel=1e-5)


def test_measure__millimetres_taken_for_metres_show() -> None:
    truth = 1 / disparity()
    found = measure(predicted(1000 * truth, Space.DEPTH), label(truth, space=Space.DEPTH))
    assert found["raw_abs_rel"] == pytest.approx(999, rel=1e-4)
    assert found["raw_delta3"] == 0


@pytest.mark.parametrize(
    ("predicted_as", "known_as"),
    [(Space.AFFINE_DISPARITY, Space.DEPTH), (Space.DISPARITY, Space.AFFINE_DISPARITY)],
)
def test_measure__what_has_no_metres_is_not_compared_raw(predicted_as: Space, known_as: Space) -> None:
    found = measure(predicted(disparity(), predicted_as), label(disparity(), space=known_as))
    assert not any(name.startswith("raw_") for name in found)


def test_measure__infinitely_far_counts_as_the_farthest_label_and_zero_as_nearest() -> None:
    truth = np.array([[1.0, 2.0, 4.0]])
    found = measure(predicted(np.array([[1.0, 2.0, np.inf]]), Space.DEPTH), label(truth, space=Space.DEPTH))
    assert found["raw_abs_rel"] == pytest.approx(0, abs=1e-6)
    zero = nearness(predicted(np.array([[0.0, 2.0, np.inf]]), Space.DEPTH), Size(1, 3))
    np.testing.assert_allclose(zero, [[1000, 0.5, 0]])


@pytest.mark.parametrize("unit", [1e-5, 3e-4, 1.0, 1e3])
def test_measure__of_depth_in_any_unit_is_the_same_where_it_is_aligned_or_ranked(unit: float) -> None:
    truth = np.array([[1.0, 2.0, 4.0], [0.5, 3.0, 8.0]])
    found = measure(predicted(unit * truth, Space.DEPTH), label(truth, space=Space.DEPTH))
    assert found["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert found["delta1"] == 1
    near = nearness(predicted(unit * truth, Space.DEPTH), Size(2, 3))
    assert (np.argsort(near.ravel()) == np.argsort(-truth.ravel())).all()


def test_nearness__depth_in_a_large_unit_is_held_by_its_median_not_by_its_farthest() -> None:
    values = np.full(SIZE, 0.01)
    values[0, 0], values[-1, -1] = 0, 50
    assert nearness(predicted(values, Space.DEPTH), SIZE)[0, 0] == pytest.approx(1e5)


def test_measure__raw_depth_below_a_millimetre_counts_as_one() -> None:
    truth = np.full((1, 3), 0.5)
    found = measure(predicted(np.full((1, 3), 1e-5), Space.DEPTH), label(truth, space=Space.DEPTH))
    assert found["raw_abs_rel"] == pytest.approx(1 - 1e-3 / 0.5)


@pytest.mark.parametrize("space", list(Space))
def test_measure__a_prediction_that_is_no_number_is_refused(space: Space) -> None:
    broken = disparity()
    broken[2, 3] = np.nan
    with pytest.raises(LeadlineError, match=f"the map of {space} is not a number in 1 of 216 pixels"):
        measure(predicted(broken, space), label(disparity()))


def test_measure__a_prediction_of_another_size_is_refused() -> None:
    with pytest.raises(LeadlineError, match="the map is 18x12, but what it belongs to is 12x18"):
        measure(predicted(disparity().T), label(disparity()))


# ---------------------------------------------------------------- floors and order


def test_constant_map__is_fitted_by_the_mean_disparity() -> None:
    truth = disparity()
    found = figures(constant_map(SIZE), label(truth, space=Space.AFFINE_DISPARITY))
    assert found["rmse"] == pytest.approx(truth.std(), rel=1e-5)
    assert constant_map(Size(2, 5)).values.shape == (2, 5)


@pytest.mark.parametrize("slope", [1.0, -1.0])
def test_vertical_ramp__fits_ground_and_ceiling(slope: float) -> None:
    truth = np.repeat((2 + slope * np.linspace(-1, 1, SIZE.h))[:, None], SIZE.w, axis=1)
    assert figures(vertical_ramp(SIZE), label(truth)) == pytest.approx(PERFECT, abs=1e-5)


def test_vertical_ramp__is_nearer_towards_the_bottom() -> None:
    values = vertical_ramp(Size(5, 3)).values
    assert (np.diff(values, axis=0) > 0).all()
    assert (np.diff(values, axis=1) == 0).all()
    assert vertical_ramp(Size(1, 1)).values.shape == (1, 1)


def test_judge__level_is_twelve_per_cent_of_the_height() -> None:
    values = np.arange(50.0)[:, None].repeat(4, axis=1)
    assert judge(values, PointPair((30, 0), (24, 1))).level
    assert not judge(values, PointPair((31, 0), (24, 1))).level
    tie = judge(values, PointPair((30, 0), (30, 3)))
    assert (tie.right, tie.tie, tie.level) == (False, True, True)


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
        figures(predicted(disparity()), known)


# ---------------------------------------------------------------- without alignment


@pytest.mark.parametrize("space", [Space.DEPTH, Space.DISPARITY])
def test_raw_figures__are_those_of_measure_under_their_short_names(space: Space) -> None:
    truth = label(disparity())
    near = 3 * noisy(disparity())
    prediction = predicted(1 / near if space is Space.DEPTH else near, space)
    whole = measure(prediction, truth)
    raw = Reference(truth).raw(prediction)
    assert raw == {name.removeprefix("raw_"): whole[name] for name in whole if name.startswith("raw_")}
    assert raw["abs_rel"] == pytest.approx(np.abs(disparity() / near - 1).mean(), rel=1e-5)
    assert raw["abs_rel"] != pytest.approx(whole["abs_rel"], rel=0.5)  # which is aligned


@pytest.mark.parametrize(
    ("seen", "known"),
    [(Space.AFFINE_DISPARITY, Space.DISPARITY), (Space.DEPTH, Space.AFFINE_DISPARITY)],
)
def test_raw_figures__need_metres_on_both_sides(seen: Space, known: Space) -> None:
    with pytest.raises(LeadlineError, match="affine disparity has no metres"):
        Reference(label(disparity(), space=known)).raw(predicted(disparity(), seen))
