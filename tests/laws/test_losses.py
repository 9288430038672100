"""Laws of the losses: what each forgives, what it must not forgive, and what may never happen."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import pytest
import torch
from jaxtyping import TypeCheckError
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from leadline.losses import feature_alignment, gradient_matching, normalise, silog, ssi_mae, ssi_mse


class Loss(Protocol):
    """What every loss over maps looks like."""

    def __call__(
        self, prediction: Tensor, target: Tensor, valid: Tensor, *, weight: Tensor | None = None
    ) -> Tensor: ...


trimmed_ssi_mae: Loss = partial(ssi_mae, trim=0.2)
LOSSES: dict[str, Loss] = {
    "ssi_mae": ssi_mae,
    "trimmed_ssi_mae": trimmed_ssi_mae,
    "ssi_mse": ssi_mse,
    "gradient_matching": gradient_matching,
    "silog": silog,
}


def over(*names: str) -> pytest.MarkDecorator:
    """Run a test over the named losses, or over all of them."""
    names = names or tuple(LOSSES)
    return pytest.mark.parametrize("loss", [LOSSES[name] for name in names], ids=names)


def maps(b: int = 3, h: int = 12, w: int = 16, *, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Return prediction and target in 0.1..1.1 and a mask that misses about a quarter of the pixels."""
    generator = torch.Generator().manual_seed(seed)
    prediction, target, chance = torch.rand(3, b, 1, h, w, generator=generator)
    return prediction + 0.1, target + 0.1, chance > 0.25


def with_gradient(
    loss: Loss, prediction: Tensor, target: Tensor, valid: Tensor, weight: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the loss and its gradient with respect to the prediction."""
    prediction = prediction.detach().clone().requires_grad_()
    value = loss(prediction, target, valid, weight=weight)
    (gradient,) = torch.autograd.grad(value, prediction)
    return value.detach(), gradient


def one_map(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32)[None, None]


# What a loss forgives, and what not


@over("ssi_mae", "trimmed_ssi_mae", "ssi_mse", "gradient_matching")
@pytest.mark.parametrize("scale", [1e-3, 0.37, 25.0, 1e4])
@pytest.mark.parametrize("shift", [-5.0, 0.0, 5.0])
def test_affine_loss__is_blind_to_scale_and_shift_of_the_prediction(
    loss: Loss, scale: float, shift: float
) -> None:
    prediction, target, valid = maps()
    moved = scale * (prediction + shift)
    torch.testing.assert_close(loss(moved, target, valid), loss(prediction, target, valid), rtol=1e-4, atol=0)


@over("ssi_mae", "trimmed_ssi_mae", "gradient_matching")
@pytest.mark.parametrize("scale", [1e-3, 1e4])
def test_normalising_loss__is_blind_to_scale_and_shift_of_the_target(loss: Loss, scale: float) -> None:
    prediction, target, valid = maps()
    moved = scale * (target + 5)
    torch.testing.assert_close(
        loss(prediction, moved, valid), loss(prediction, target, valid), rtol=1e-4, atol=0
    )


@over("ssi_mae", "trimmed_ssi_mae", "ssi_mse", "gradient_matching")
def test_affine_loss__is_zero_for_affine_maps_and_positive_for_others(loss: Loss) -> None:
    prediction, target, valid = maps()
    assert loss(7 * target + 3, target, valid) < 1e-4
    assert loss(prediction, target, valid) > 0.05


@over("ssi_mae", "trimmed_ssi_mae", "gradient_matching")
def test_normalising_loss__does_not_forgive_a_flipped_sign(loss: Loss) -> None:
    _, target, valid = maps()
    assert loss(-target, target, valid) > 1


@pytest.mark.parametrize("scale", [-1e4, -1.0, -1e-3])
def test_ssi_mse__forgives_a_flipped_sign(scale: float) -> None:
    prediction, target, valid = maps()
    assert ssi_mse(scale * target + 3 * scale, target, valid) < 1e-6
    torch.testing.assert_close(ssi_mse(scale * prediction, target, valid), ssi_mse(prediction, target, valid))


def test_ssi_mse__has_the_square_of_the_targets_unit() -> None:
    prediction, target, valid = maps()
    torch.testing.assert_close(
        ssi_mse(prediction, 100 * target, valid), 1e4 * ssi_mse(prediction, target, valid)
    )


@over()
def test_loss__does_not_change_when_both_maps_are_flipped(loss: Loss) -> None:
    # Sub-sampling by 2, 4, 8 meets the same pixels from either side only where a side is 8 k + 1.
    given = maps(2, 9, 17)
    for axis in (-1, -2):
        flipped = (x.flip(axis) for x in given)
        torch.testing.assert_close(loss(*flipped), loss(*given))


@over()
def test_loss__treats_both_axes_alike(loss: Loss) -> None:
    given = maps()
    torch.testing.assert_close(loss(*(x.mT for x in given)), loss(*given))


# Pictures, masks and weights


@over()
@pytest.mark.parametrize("filler", [math.nan, math.inf, -math.inf, 1e30, 0.0])
def test_loss__invalid_pixels_reach_neither_value_nor_gradient(loss: Loss, filler: float) -> None:
    prediction, target, valid = maps()
    expected, expected_gradient = with_gradient(loss, prediction, target, valid)
    prediction, target = (torch.where(valid, x, filler) for x in (prediction, target))
    value, gradient = with_gradient(loss, prediction, target, valid)
    assert torch.equal(value, expected)
    assert torch.equal(gradient, expected_gradient)
    assert gradient[valid].abs().sum() > 0
    assert (gradient[~valid] == 0).all()


@over()
def test_loss__every_picture_weighs_the_same(loss: Loss) -> None:
    prediction, target, valid = maps()
    # The second picture is loud and has nine valid pixels; the third is nearly right.
    valid[1] = False
    valid[1, :, 3:6, 2:5] = True
    prediction[1] *= torch.linspace(1, 50, 16)
    prediction[2] = target[2] + 0.01 * prediction[2]
    alone = [loss(prediction[i : i + 1], target[i : i + 1], valid[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(loss(prediction, target, valid), torch.stack(alone).mean())


@over()
def test_loss__order_of_the_batch_does_not_matter(loss: Loss) -> None:
    given = maps(4)
    torch.testing.assert_close(loss(*(x[[2, 0, 3, 1]] for x in given)), loss(*given))


@over()
def test_loss__empty_picture_is_left_out(loss: Loss) -> None:
    prediction, target, valid = maps(2)
    prediction[1], target[1], valid[1] = math.nan, math.nan, False
    value, gradient = with_gradient(loss, prediction, target, valid)
    expected, expected_gradient = with_gradient(loss, prediction[:1], target[:1], valid[:1])
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradient[:1], expected_gradient)
    assert (gradient[1] == 0).all()


@over()
def test_loss__all_empty_gives_zero_with_zero_gradient(loss: Loss) -> None:
    prediction, target, valid = maps(2)
    for weight in (None, torch.tensor([0.25, 0.75])):
        value, gradient = with_gradient(loss, prediction, target, torch.zeros_like(valid), weight)
        assert value == 0
        assert (gradient == 0).all()


@over()
def test_loss__weights_pictures_as_told(loss: Loss) -> None:
    prediction, target, valid = maps()
    alone = torch.stack([loss(prediction[i : i + 1], target[i : i + 1], valid[i : i + 1]) for i in range(3)])
    weight = torch.tensor([0.2, 0.7, 0.6])
    weighted = loss(prediction, target, valid, weight=weight)
    torch.testing.assert_close(weighted, (alone * weight).sum() / 1.5)
    torch.testing.assert_close(loss(prediction, target, valid, weight=8 * weight), weighted)
    valid[1] = False  # an empty picture takes its weight along
    torch.testing.assert_close(
        loss(prediction, target, valid, weight=weight), (0.2 * alone[0] + 0.6 * alone[2]) / 0.8
    )


@over()
def test_loss__weight_zero_leaves_a_picture_out(loss: Loss) -> None:
    prediction, target, valid = maps(2)
    value, gradient = with_gradient(loss, prediction, target, valid, torch.tensor([0.0, 3.0]))
    torch.testing.assert_close(value, loss(prediction[1:], target[1:], valid[1:]))
    assert (gradient[0] == 0).all()
    assert with_gradient(loss, prediction, target, valid, torch.zeros(2))[0] == 0


@over("ssi_mae", "trimmed_ssi_mae", "ssi_mse", "gradient_matching")
def test_loss__regions_of_a_picture_are_normalised_each_on_their_own(loss: Loss) -> None:
    _, target, _ = maps(1)
    pasted = torch.zeros_like(target, dtype=torch.bool)
    pasted[..., 4:] = True
    prediction = torch.where(pasted, 9 * target - 4, target)  # another scale and shift in each region
    twice = prediction.expand(2, -1, -1, -1), target.expand(2, -1, -1, -1)
    area = torch.tensor([0.75, 0.25])
    assert loss(prediction, target, torch.ones_like(pasted)) > 0.01
    assert loss(*twice, torch.cat([pasted, ~pasted]), weight=area) < 1e-4
    # One region wrong: what it costs is its share of the area.
    wrong = torch.where(pasted, maps(1, seed=1)[0], target).expand(2, -1, -1, -1)
    torch.testing.assert_close(
        loss(wrong, twice[1], torch.cat([pasted, ~pasted]), weight=area),
        0.75 * loss(wrong[:1], target, pasted),
        rtol=1e-3,
        atol=0,
    )


# Degenerate maps


def degenerate(case: str) -> tuple[Tensor, Tensor, Tensor]:
    prediction, target, valid = maps(2)
    flat = torch.full_like(target, 0.7)
    one = torch.zeros_like(valid)
    one[..., 5, 7] = True
    zero = torch.zeros_like(target)
    return {
        "one valid pixel": (prediction, target, one),
        "one valid pixel, equal maps": (target, target, one),
        "constant prediction": (flat, target, valid),
        "constant target": (prediction, flat, valid),
        "both constant": (flat, flat / 7, valid),
        "equal maps": (target, target, valid),
        "nearly equal maps": (target * (1 + 1e-6 * prediction), target, valid),
        "prediction zero": (zero, target, valid),
        "target zero where invalid": (prediction, torch.where(valid, target, 0), valid),
        "target zero": (prediction, zero, valid),
        "all zero": (zero, zero, valid),
        "a single pixel large": (zero.index_fill(3, torch.tensor([3]), 1e6), target, valid),
    }[case]


@over()
@pytest.mark.parametrize(
    "case",
    [
        "one valid pixel",
        "one valid pixel, equal maps",
        "constant prediction",
        "constant target",
        "both constant",
        "equal maps",
        "nearly equal maps",
        "prediction zero",
        "target zero where invalid",
        "target zero",
        "all zero",
        "a single pixel large",
    ],
)
def test_loss__degenerate_maps_keep_value_and_gradient_finite(loss: Loss, case: str) -> None:
    value, gradient = with_gradient(loss, *degenerate(case))
    assert value.isfinite()
    assert value >= 0
    assert gradient.isfinite().all()


@over()
@pytest.mark.parametrize("constant", [0.1, 0.7, 3.3])
@pytest.mark.parametrize("size", [(3, 5), (7, 11), (64, 64)])
def test_loss__constant_prediction_has_a_gradient_of_ordinary_size(
    loss: Loss, constant: float, size: tuple[int, int]
) -> None:
    # Finite is not enough: a step along a gradient of 1e5 ends a training run all the same.
    _, target, valid = maps(2, *size)
    _, gradient = with_gradient(loss, torch.full_like(target, constant), target, valid)
    assert gradient.abs().max() < 10


@over("ssi_mae", "trimmed_ssi_mae", "ssi_mse", "gradient_matching")
def test_affine_loss__one_valid_pixel_costs_nothing(loss: Loss) -> None:
    value, gradient = with_gradient(loss, *degenerate("one valid pixel"))
    assert value == 0
    assert (gradient == 0).all()


# Each loss by hand


def test_normalise__gives_median_zero_and_mean_absolute_deviation_one() -> None:
    valid = one_map([[1, 1, 1, 1, 0]]).bool()
    result = normalise(one_map([[4.0, 1.0, 2.0, 9.0, math.nan]]), valid)
    # Lower median of 1, 2, 4, 9 is 2; deviations 2, 1, 0, 7 have mean 2.5.
    torch.testing.assert_close(result[valid], torch.tensor([0.8, -0.4, 0.0, 2.8]))
    assert result.isfinite().all()


def test_normalise__map_that_does_not_vary_is_only_shifted() -> None:
    flat = torch.full((1, 1, 2, 3), 0.3)
    assert (normalise(flat, torch.ones_like(flat).bool()) == 0).all()


@pytest.mark.parametrize(
    ("trim", "expected"), [(0.0, 25 / 30), (0.2, 25 / 48), (0.39, 25 / 48), (0.4, 25 / 72)]
)
def test_ssi_mae__by_hand(trim: float, expected: float) -> None:
    # Median 2 in both; mean deviations 1.2 and 3.2; residuals 25/24, 25/48, 0, 25/48, 25/12.
    prediction, target = one_map([[0.0, 1, 2, 3, 4]]), one_map([[0.0, 1, 2, 3, 14]])
    value = ssi_mae(prediction, target, torch.ones_like(target).bool(), trim=trim)
    torch.testing.assert_close(value, torch.tensor(expected))


def test_ssi_mae__trimming_counts_in_each_picture_on_its_own() -> None:
    prediction, target, valid = maps(2)
    prediction[0] = target[0] + 0.01 * prediction[0]  # quiet beside the second picture
    both = trimmed_ssi_mae(prediction, target, valid)
    alone = [trimmed_ssi_mae(prediction[i : i + 1], target[i : i + 1], valid[i : i + 1]) for i in (0, 1)]
    torch.testing.assert_close(both, (alone[0] + alone[1]) / 2)
    assert alone[0] < 0.9 * ssi_mae(prediction[:1], target[:1], valid[:1])


def test_ssi_mse__by_hand() -> None:
    # The best line through (0, 0), (1, 0), (2, 3) is 1.5 x - 0.5; it misses by -0.5, 1, -0.5.
    prediction, target = one_map([[0.0, 1, 2]]), one_map([[0.0, 0, 3]])
    torch.testing.assert_close(ssi_mse(prediction, target, torch.ones_like(target).bool()), torch.tensor(0.5))


def test_ssi_mse__of_a_constant_prediction_is_the_targets_variance() -> None:
    _, target, valid = maps(1)
    torch.testing.assert_close(
        ssi_mse(torch.ones_like(target), target, valid), target[valid].var(correction=0)
    )


STEP = [[0.0, 0, 2, 2]] * 4  # eight zeros and eight twos: median 0, mean deviation 1, normalised as it stands


@pytest.mark.parametrize(
    ("rows", "scales", "expected"),
    [
        (STEP, 1, 8 / 16),
        (STEP, 2, 8 / 16 + 4 / 4),
        (STEP, 4, 8 / 16 + 4 / 4),  # a single pixel has no neighbour
        ([[0.0, 2, 2, 0]] * 4, 2, 16 / 16 + 4 / 4),  # averaging instead of striding would give 1
        ([[0.0, 2, 0, 2], [2.0, 0, 2, 0]] * 2, 2, 48 / 16 + 0),
    ],
)
def test_gradient_matching__by_hand(rows: list[list[float]], scales: int, expected: float) -> None:
    prediction = one_map(rows)
    flat, valid = torch.full_like(prediction, 5), torch.ones_like(prediction).bool()
    for this in (prediction, prediction.mT):  # steps across and steps down
        value = gradient_matching(this, flat, valid, scales=scales)
        torch.testing.assert_close(value, torch.tensor(expected))


@pytest.mark.parametrize(
    ("hole", "expected"),
    [
        # Seven zeros and eight twos: the step is 15/7 high, and the pair at the hole does not count.
        ((0, 1), 15 / 7 * (3 / 15 + 2 / 4)),
        # This hole is met again at stride 2, where three pixels and one step remain.
        ((0, 0), 15 / 7 * (4 / 15 + 1 / 3)),
    ],
)
def test_gradient_matching__counts_pairs_and_pixels_of_each_scale(
    hole: tuple[int, int], expected: float
) -> None:
    prediction = one_map(STEP)
    flat, valid = torch.full_like(prediction, 5), torch.ones_like(prediction).bool()
    valid[..., hole[0], hole[1]] = False
    for axes in (slice(None), slice(None, None, -1)):
        turned = (x if axes.step is None else x.mT for x in (prediction, flat, valid))
        torch.testing.assert_close(gradient_matching(*turned, scales=2), torch.tensor(expected))


def test_gradient_matching__sees_maps_that_vary_along_one_axis_only() -> None:
    ramp = torch.linspace(0, 1, 16)[None, None, None].expand(1, 1, 12, 16)
    valid = torch.ones_like(ramp).bool()
    across, down = gradient_matching(ramp, 1 - ramp, valid), gradient_matching(ramp.mT, 1 - ramp.mT, valid.mT)
    torch.testing.assert_close(across, down)
    assert across > 0.5


@pytest.mark.parametrize(("focus", "expected"), [(0.5, math.sqrt(4.5)), (0.0, 3.0), (1.0, 0.0)])
def test_silog__of_maps_a_factor_apart(focus: float, expected: float) -> None:
    _, target, valid = maps()
    value = silog(target * math.exp(3), target, valid, variance_focus=focus)
    torch.testing.assert_close(value, torch.tensor(expected), rtol=1e-5, atol=1e-2)


def test_silog__by_hand_and_symmetric() -> None:
    one, other, valid = one_map([[1.0, 1.0]]), one_map([[math.e, math.e**3]]), torch.ones(1, 1, 1, 2).bool()
    expected = torch.tensor(math.sqrt((1 + 9) / 2 - 0.5 * 2**2))
    torch.testing.assert_close(silog(one, other, valid), expected)
    torch.testing.assert_close(silog(other, one, valid), expected)


def test_silog__values_below_a_millimetre_count_as_one() -> None:
    _, target, valid = maps()
    low = torch.full_like(target, 1e-3)
    assert torch.equal(silog(torch.zeros_like(target), target, valid), silog(low, target, valid))
    assert torch.equal(silog(target, -low, valid), silog(target, low, valid))


def test_silog__values_above_a_millimetre_count_as_they_are() -> None:
    one = one_map([[1.0]])
    value = silog(0.002 * one, one, one.bool(), variance_focus=0)
    torch.testing.assert_close(value, torch.tensor(math.log(500)))


def test_silog__small_errors_still_teach() -> None:
    target = one_map([[1.0, 1.0]])
    value, gradient = with_gradient(silog, one_map([[1.0001, 1.0]]), target, target.bool())
    assert value.item() == pytest.approx(1e-4 * math.sqrt(1 / 2 - 0.5 / 4), rel=1e-2)
    assert gradient.abs().max() > 0.1


def test_silog__equal_maps_have_zero_gradient() -> None:
    _, target, valid = maps()
    value, gradient = with_gradient(silog, target, target, valid)
    assert value == 0
    assert (gradient == 0).all()


# Feature alignment


def at_cosines(*cosines: float) -> tuple[Tensor, Tensor]:
    """Return features and frozen features of one picture whose cosines are given, at various lengths."""
    across = [3 * c for c in cosines]
    up = [3 * math.sqrt(1 - c * c) for c in cosines]
    features = torch.tensor([across, up])[None, :, None]
    return features, torch.tensor([[0.5], [0.0]]).expand(2, len(cosines))[None, :, None]


@pytest.mark.parametrize(
    ("tolerance", "expected"),
    [
        (0.85, (0.2 + 1 + 2) / 3),
        (0.5, (1 + 2) / 2),
        (0.0, (1 + 2) / 2),
        (-0.5, 2.0),
        (0.99, (0.1 + 0.2 + 1 + 2) / 4),
    ],
)
def test_feature_alignment__by_hand(tolerance: float, expected: float) -> None:
    value = feature_alignment(*at_cosines(1.0, 0.9, 0.8, 0.0, -1.0), tolerance=tolerance)
    torch.testing.assert_close(value, torch.tensor(expected))


def test_feature_alignment__is_zero_with_zero_gradient_for_identical_features() -> None:
    features = torch.randn(2, 8, 3, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    value = feature_alignment(features, features.detach().clone())
    (gradient,) = torch.autograd.grad(value, features)
    assert value == 0
    assert (gradient == 0).all()


def test_feature_alignment__tolerated_positions_have_no_gradient() -> None:
    features, frozen = at_cosines(0.95, 0.5, 0.86, 0.84)
    features.requires_grad_()
    (gradient,) = torch.autograd.grad(feature_alignment(features, frozen), features)
    assert (gradient.abs().sum(dim=(0, 1, 2)) > 0).tolist() == [False, True, False, True]


def test_feature_alignment__weighs_pictures_alike_and_counts_tolerated_ones_as_0() -> None:
    pairs = [at_cosines(0.5, 0.9, 0.9), at_cosines(0.0, -1.0, 0.9), at_cosines(0.9, 0.9, 0.99)]
    features, frozen = (torch.cat(x) for x in zip(*pairs, strict=True))
    torch.testing.assert_close(feature_alignment(features, frozen), torch.tensor((0.5 + 1.5) / 3))
    weight = torch.tensor([3.0, 1.0, 5.0])
    torch.testing.assert_close(
        feature_alignment(features, frozen, weight=weight), torch.tensor((3 * 0.5 + 1.5) / 9)
    )


def test_feature_alignment__of_parts_is_that_of_the_whole() -> None:
    generator = torch.Generator().manual_seed(0)
    frozen = torch.randn(8, 5, 3, 4, generator=generator)
    features = frozen + 0.1 * torch.randn(8, 5, 3, 4, generator=generator)
    features[3, :, 0, 0] *= -1  # one position in one picture that is not tolerated
    whole = feature_alignment(features, frozen)
    assert whole > 0
    for parts in (2, 4, 8):
        some = zip(features.chunk(parts), frozen.chunk(parts), strict=True)
        torch.testing.assert_close(torch.stack([feature_alignment(*part) for part in some]).mean(), whole)


def test_feature_alignment__zero_features_stay_finite() -> None:
    frozen = torch.randn(1, 8, 3, 4, generator=torch.Generator().manual_seed(0))
    features = torch.zeros_like(frozen).requires_grad_()
    value = feature_alignment(features, frozen)
    (gradient,) = torch.autograd.grad(value, features)
    assert value == 1
    assert gradient.isfinite().all()


# Gradients


@over()
def test_loss__gradient_agrees_with_finite_differences(loss: Loss) -> None:
    # Float32 and kinks allow no more than a few per cent; a detached statistic is off by far more.
    prediction, target, valid = maps(1, 9, 11)
    _, gradient = with_gradient(loss, prediction, target, valid)
    generator = torch.Generator().manual_seed(1)
    directions = [gradient / gradient.norm(), prediction / prediction.norm(), torch.ones_like(target) / 10]
    directions += [x / x.norm() for x in torch.randn(3, 1, 1, 9, 11, generator=generator)]
    for direction in directions:
        step = 2e-3 * direction
        measured = (loss(prediction + step, target, valid) - loss(prediction - step, target, valid)) / 4e-3
        expected = (gradient * direction).sum()
        torch.testing.assert_close(measured, expected, rtol=0.05, atol=0.03 * float(gradient.norm()))


@over()
def test_loss__falls_along_its_gradient(loss: Loss) -> None:
    prediction, target, valid = maps()
    start, _ = with_gradient(loss, prediction, target, valid)
    for _ in range(50):
        value, gradient = with_gradient(loss, prediction, target, valid)
        prediction = prediction - 0.05 * gradient / gradient.norm()
    assert value < 0.9 * start


# Precision and device


@over()
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_loss__is_float32_under_autocast(loss: Loss, dtype: torch.dtype) -> None:
    prediction, target, valid = maps()
    low = prediction.to(dtype)
    expected, expected_gradient = with_gradient(loss, low.float(), target, valid)
    with torch.autocast("cpu", torch.bfloat16):
        value, gradient = with_gradient(loss, low, target, valid)
        rounded_target = loss(prediction, target.to(dtype), valid)
    assert value.dtype == torch.float32
    assert torch.equal(value, expected)
    torch.testing.assert_close(gradient, expected_gradient.to(dtype))
    assert torch.equal(rounded_target, loss(prediction, target.to(dtype).float(), valid))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_feature_alignment__is_float32_under_autocast(dtype: torch.dtype) -> None:
    features, frozen = torch.randn(2, 2, 8, 3, 4, generator=torch.Generator().manual_seed(0)).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        value = feature_alignment(features, frozen)
    assert value.dtype == torch.float32
    assert torch.equal(value, feature_alignment(features.float(), frozen.float()))


class HostSyncError(AssertionError):
    """An operation made the host wait for the device."""


class NoHostSync(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuse the operations whose result the host must wait for on an accelerator."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        aten = torch.ops.aten
        packet = func.overloadpacket
        if packet in (
            aten._local_scalar_dense,
            aten.nonzero,
            aten.masked_select,
            aten.is_nonzero,
            aten.equal,
        ):
            raise HostSyncError(str(func))
        if packet in (aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_):
            masks = [x for x in args[1] if x is not None and x.dtype in (torch.bool, torch.uint8)]
            if masks:
                raise HostSyncError(f"{func} with a boolean mask")
        return func(*args, **(kwargs or {}))


class _ReadsInBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return values.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0] * gradients[0].sum().item()


def _through_backward(values: Tensor) -> None:
    result = _ReadsInBackward.apply(values.detach().requires_grad_())
    result.sum().backward()


@pytest.mark.parametrize(
    "waits",
    [
        lambda x: x.sum().item(),
        lambda x: float(x.max()),
        lambda x: bool(x.any()),
        lambda x: x[x > 0],
        lambda x: x.masked_select(x > 0),
        lambda x: (x > 0).nonzero(),
        lambda x: x.index_put_((x > 0,), x.flatten()),
        lambda x: torch.equal(x, x),
        _through_backward,
    ],
)
def test_host_sync_detector__catches_what_waits(waits: Callable[[Tensor], object]) -> None:
    with NoHostSync(), pytest.raises(HostSyncError):
        waits(torch.ones(2, 3))


def test_host_sync_detector__lets_the_rest_pass() -> None:
    x = torch.ones(2, 3)
    with NoHostSync():
        assert torch.where(x > 0, x, 0)[:, torch.tensor([0, 2])].shape == (2, 2)


@over()
def test_loss__never_waits_for_the_device(loss: Loss) -> None:
    prediction, target, valid = maps()
    weight = torch.tensor([0.2, 0.3, 0.5])
    with NoHostSync():
        with_gradient(loss, prediction, target, valid)
        with_gradient(loss, prediction, target, valid, weight)


def test_feature_alignment__never_waits_for_the_device() -> None:
    features, frozen = torch.randn(2, 2, 8, 3, 4, generator=torch.Generator().manual_seed(0))
    with NoHostSync():
        value = feature_alignment(features.requires_grad_(), frozen, weight=torch.tensor([0.4, 0.6]))
        torch.autograd.grad(value, features)


# Shapes


@over()
def test_loss__wrong_shapes_are_refused_in_tests(loss: Loss) -> None:
    prediction, target, valid = maps()
    for wrong in (
        (prediction[:, 0], target[:, 0], valid[:, 0]),  # no channel
        (prediction, target[..., :-1], valid),
        (prediction, target, valid[:1]),
        (prediction, target, valid.float()),
        (prediction.expand(-1, 3, -1, -1), target, valid),
    ):
        with pytest.raises(TypeCheckError):
            loss(*wrong)
    with pytest.raises(TypeCheckError):
        loss(prediction, target, valid, weight=torch.ones(2))
