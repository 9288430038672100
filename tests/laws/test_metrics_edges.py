"""Edges: what they forgive, what they do not, and where they are not measured at all."""

import numpy as np
import pytest

from leadline.metrics import boundary_scores, edge_errors, matte_recall, measure
from leadline.metrics.edges import THRESHOLDS, canny
from leadline.types import Label, Prediction, Space

SIZE = (60, 80)
EVERYWHERE = np.ones(SIZE, np.bool_)


def card(*, left: int = 30, near: float = 1.0, far: float = 0.25) -> np.ndarray:
    """A near card before a far wall."""
    values = np.full(SIZE, far)
    values[15:45, left : left + 24] = near
    return values


def shape_of(
    prediction: np.ndarray, truth: np.ndarray, *, valid: np.ndarray = EVERYWHERE
) -> dict[str, float]:
    found = measure(
        Prediction(values=prediction.astype(np.float32), space=Space.AFFINE_DISPARITY),
        Label(values=truth.astype(np.float32), valid=valid, space=Space.DISPARITY),
    )
    return {name: value for name, value in found.items() if name.startswith(("edge", "boundary"))}


def test_edges__a_perfect_map_has_perfect_edges_whatever_its_scale_and_shift() -> None:
    assert shape_of(3 * card() + 5, card()) == pytest.approx(
        {"edge_accuracy": 0, "edge_completeness": 0, "boundary_f1": 1, "boundary_recall": 1}, abs=1e-6
    )


@pytest.mark.parametrize("space", list(Space))
def test_edges__of_what_has_no_metres_have_no_boundary_scores(space: Space) -> None:
    values = 1 / card() if space is Space.DEPTH else card()
    found = measure(
        Prediction(values=card().astype(np.float32), space=Space.AFFINE_DISPARITY),
        Label(values=values.astype(np.float32), valid=EVERYWHERE, space=space),
    )
    assert ("boundary_f1" in found) == (space is not Space.AFFINE_DISPARITY)
    assert found["edge_accuracy"] == 0


def test_edges__a_shifted_card_is_a_pixel_off_for_one_measure_and_wrong_for_the_other() -> None:
    for pixels in (1, 2, 4):
        found = shape_of(card(left=30 + pixels), card())
        straight = 2 * 30 / (2 * 30 + 2 * 24)  # the two upright sides are off, the level ones nearly in place
        assert found["edge_accuracy"] == pytest.approx(pixels * straight, rel=0.2)
        assert found["boundary_f1"] == pytest.approx(0.5, abs=0.1)


def test_edges__blur_costs_recall() -> None:
    blurred = card()
    for _ in range(8):
        blurred = (blurred + np.roll(blurred, 1, axis=1) + np.roll(blurred, -1, axis=1)) / 3
    sharp, soft = shape_of(card(), card()), shape_of(blurred, card())
    assert soft["boundary_recall"] < sharp["boundary_recall"]
    assert soft["boundary_f1"] < 0.7 * sharp["boundary_f1"]


def test_edges__of_a_constant_map_are_all_missing() -> None:
    assert shape_of(np.ones(SIZE), card()) == {
        "edge_accuracy": 10,
        "edge_completeness": 10,
        "boundary_f1": 0,
        "boundary_recall": 0,
    }


def test_edges__are_left_out_where_the_label_has_none_or_is_not_dense() -> None:
    slope = np.linspace(1, 1.1, SIZE[0])[:, None].repeat(SIZE[1], axis=1)
    flat = np.full(SIZE, 2.0)
    assert shape_of(card(), flat) == {}
    assert set(shape_of(card(), slope)) <= {"edge_accuracy", "edge_completeness"}
    sparse = np.random.default_rng(0).random(SIZE) > 0.06
    assert shape_of(card(), card(), valid=sparse) == {}


def test_edges__of_holes_are_nobodys() -> None:
    """A hole with wild values inside changes nothing away from it."""
    valid = EVERYWHERE.copy()
    valid[4:9, 4:9] = False
    wild = card()
    wild[4:9, 4:9] = 40
    assert shape_of(card(), wild, valid=valid) == pytest.approx(
        {"edge_accuracy": 0, "edge_completeness": 0, "boundary_f1": 1, "boundary_recall": 1}
    )
    assert shape_of(wild, card(), valid=valid)["boundary_recall"] == 1


def test_edges__inside_a_hole_are_not_judged() -> None:
    """What a camera of depth misses beside a card is where the card's edge lies."""
    moved, valid = card(), EVERYWHERE.copy()
    moved[15:45, 30:32] = 0.25
    valid[12:48, 28:33] = False
    assert shape_of(moved, card())["edge_accuracy"] > 0.2
    hidden = shape_of(moved, card(), valid=valid)
    assert hidden["edge_accuracy"] == pytest.approx(0, abs=0.02)
    assert hidden["edge_completeness"] == pytest.approx(0, abs=0.02)


def test_edges__a_hole_has_no_rim() -> None:
    """Or a constant map would be praised for finding it."""
    valid = EVERYWHERE.copy()
    valid[12:48, 28:33] = False
    assert shape_of(np.ones(SIZE), card(), valid=valid)["edge_completeness"] == 10


def test_edges__sky_has_an_edge_too() -> None:
    """It is as far as the label's farthest pixel, whatever the map says beyond."""
    truth = card()
    truth[:15] = 0
    assert shape_of(np.where(truth == 0, -3, truth), truth)["boundary_f1"] > 0.99
    near_sky = truth.copy()
    near_sky[:15] = 1
    assert shape_of(near_sky, truth)["boundary_recall"] < 0.8


def test_boundary_scores__only_steps_beyond_a_threshold_count() -> None:
    for count in range(len(THRESHOLDS) + 1):
        step = 1.04 if count == 0 else THRESHOLDS[count - 1] + 0.005
        f1, recall = boundary_scores(card(near=0.25 * step), card(), EVERYWHERE)
        expected = THRESHOLDS[:count].sum() / THRESHOLDS.sum()
        assert (f1, recall) == pytest.approx((expected, expected))


def test_boundary_scores__which_side_is_nearer_matters() -> None:
    assert boundary_scores(card(near=0.1), card(), EVERYWHERE) == (0, 0)


def test_boundary_scores__false_boundaries_cost_precision_alone() -> None:
    more = card()
    more[50:55, 5:20] = 1
    f1, recall = boundary_scores(more, card(), EVERYWHERE)
    assert recall == 1
    assert 0.5 < f1 < 1


def test_matte_recall__finds_a_sharp_border_and_misses_a_soft_one() -> None:
    matte = card() > 0.5
    assert matte_recall(card(), matte) == pytest.approx(1)
    assert matte_recall(np.ones(SIZE), matte) == 0
    soft = card()
    for _ in range(8):
        soft = (soft + np.roll(soft, 1, axis=1) + np.roll(soft, -1, axis=1)) / 3
    assert matte_recall(soft, matte) < 0.95
    assert matte_recall(card(near=0.1), matte) == 0  # the foreground must be nearer


def test_edge_errors__distances_by_hand() -> None:
    target, predicted = np.zeros(SIZE, np.bool_), np.zeros(SIZE, np.bool_)
    target[20, 10:30], predicted[23, 10:30] = True, True
    assert edge_errors(predicted, target) == (3, 3)
    predicted[50, 10:30] = True  # 30 pixels off: no match, and as much as can be counted
    accuracy, completeness = edge_errors(predicted, target)
    assert accuracy == 3
    assert completeness == pytest.approx((20 * 3 + 20 * 10 + 20 * 3) / 60)
    assert edge_errors(np.zeros(SIZE, np.bool_), target) == (10, 10)


def test_canny__does_not_know_scale_and_shift() -> None:
    np.testing.assert_array_equal(canny(card()), canny(100 * card() - 7))
    assert canny(card()).any()
    assert not canny(np.full(SIZE, 3.0)).any()
