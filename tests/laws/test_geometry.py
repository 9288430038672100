"""Laws of sizes, of scale-and-shift alignment and of the conversions between spaces."""

import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from torch import Tensor

from leadline.geometry import Bound, align_least_squares, as_depth, as_disparity, fit_size
from leadline.types import Label, LeadlineError, Size, Space

deterministic = settings(derandomize=True, max_examples=200, deadline=None, database=None)


@pytest.mark.parametrize(
    ("size", "target", "multiple", "bound", "expected"),
    [
        # Depth Anything: reach both sides, patches of 14.
        ((480, 640), (518, 518), 14, "lower", (518, 686)),  # landscape: 690.7 to the nearest 14
        ((640, 480), (518, 518), 14, "lower", (686, 518)),
        ((1080, 1920), (518, 518), 14, "lower", (518, 924)),  # 920.9, rounded up
        ((518, 518), (518, 518), 14, "lower", (518, 518)),
        ((100, 1000), (518, 518), 14, "lower", (518, 5180)),  # panorama
        ((1, 1), (518, 518), 14, "lower", (518, 518)),
        ((500, 600), (495, 495), 14, "lower", (504, 588)),  # 495 rounds to 490, below the bound
        ((480, 640), (196, 518), 14, "lower", (392, 518)),
        ((480, 640), (384, 384), 32, "lower", (384, 512)),
        # MiDaS: exceed neither side, or change as little as possible, multiples of 32.
        ((480, 640), (384, 384), 32, "upper", (288, 384)),
        ((640, 480), (384, 384), 32, "upper", (384, 288)),
        ((1080, 1920), (384, 384), 32, "upper", (224, 384)),
        ((480, 640), (410, 410), 32, "upper", (320, 384)),  # 410 rounds to 416, above the bound
        ((480, 640), (196, 518), 14, "upper", (196, 266)),
        ((100, 1000), (384, 384), 32, "upper", (32, 384)),
        ((20, 1000), (384, 384), 32, "upper", (32, 384)),  # 7.7 pixels become one multiple, not none
        ((1, 1), (384, 384), 32, "upper", (384, 384)),
        ((480, 640), (384, 384), 32, "minimal", (384, 512)),  # 0.8 is nearer to 1 than 0.6
        ((640, 480), (384, 384), 32, "minimal", (512, 384)),
        ((200, 300), (384, 384), 32, "minimal", (256, 384)),  # 1.28 is nearer to 1 than 1.92
        ((100, 1000), (384, 384), 32, "minimal", (32, 384)),
        ((480, 640), (518, 518), 14, "minimal", (518, 686)),
        ((480, 640), (410, 410), 32, "minimal", (416, 544)),  # bound to nothing: 410 becomes 416
        ((1, 1), (384, 384), 32, "minimal", (384, 384)),
        # MiDaS with Swin: the size it was trained with, whatever the picture's aspect.
        ((480, 640), (256, 256), 32, "exact", (256, 256)),
        ((100, 1000), (256, 384), 32, "exact", (256, 384)),
        ((480, 640), (410, 300), 32, "exact", (416, 288)),
    ],
)
def test_fit_size__by_hand(
    size: tuple[int, int], target: tuple[int, int], multiple: int, bound: Bound, expected: tuple[int, int]
) -> None:
    assert fit_size(Size(*size), Size(*target), multiple=multiple, bound=bound) == Size(*expected)


def test_fit_size__reaches_both_sides_unless_told_otherwise() -> None:
    assert fit_size(Size(480, 640), Size(518, 518), multiple=14) == Size(518, 686)


sizes = st.builds(Size, st.integers(1, 5000), st.integers(1, 5000))
targets = st.builds(Size, st.integers(32, 1100), st.integers(32, 1100))


@deterministic
@given(sizes, targets, st.sampled_from([14, 32]), st.sampled_from(get_args(Bound)))
def test_fit_size__is_a_multiple_within_its_bound_and_keeps_the_aspect(
    size: Size, target: Size, multiple: int, bound: Bound
) -> None:
    result = fit_size(size, target, multiple=multiple, bound=bound)
    assert all(side >= multiple and side % multiple == 0 for side in result)
    if bound == "lower":
        assert result.h >= target.h
        assert result.w >= target.w
    if bound == "upper":
        assert result.h <= target.h
        assert result.w <= target.w
    if bound == "exact":
        assert all(abs(new - side) <= multiple / 2 for new, side in zip(result, target, strict=True))
        return
    # Both sides are one of the two scales away from the picture, but for less than a multiple.
    room = multiple / 2 + 1e-6 if bound == "minimal" else multiple
    assert any(
        all(abs(new - scale * old) <= room or new == multiple for new, old in zip(result, size, strict=True))
        for scale in (target.h / size.h, target.w / size.w)
    )


@deterministic
@given(sizes, targets, st.sampled_from([14, 32]), st.sampled_from(get_args(Bound)))
def test_fit_size__turns_with_the_picture(size: Size, target: Size, multiple: int, bound: Bound) -> None:
    scales = target.h / size.h, target.w / size.w
    if bound == "minimal" and abs(1 - scales[0]) == abs(1 - scales[1]):
        return  # a tie goes to the height, whichever side that is
    upright = fit_size(size, target, multiple=multiple, bound=bound)
    turned = fit_size(Size(size.w, size.h), Size(target.w, target.h), multiple=multiple, bound=bound)
    assert turned == Size(upright.w, upright.h)


@pytest.mark.parametrize(
    ("size", "target", "multiple"),
    [((0, 5), (5, 5), 1), ((5, 5), (5, 0), 1), ((5, -1), (5, 5), 1), ((5, 5), (5, 5), 0)],
)
def test_fit_size__refuses_what_is_not_positive(
    size: tuple[int, int], target: tuple[int, int], multiple: int
) -> None:
    with pytest.raises(ValueError, match="positive"):
        fit_size(Size(*size), Size(*target), multiple=multiple)


# Scale and shift


def maps(b: int = 3, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    prediction, target = torch.randn(2, b, 1, 10, 13, generator=generator).to(dtype)
    return prediction, target + 0.5 * prediction, torch.rand(b, 1, 10, 13, generator=generator) > 0.3


def lstsq(prediction: Tensor, target: Tensor, valid: Tensor) -> tuple[list[float], list[float]]:
    """Return scale and shift of each picture from numpy, in float64."""
    solutions = []
    for p, t, v in zip(prediction.double().numpy(), target.double().numpy(), valid.numpy(), strict=True):
        design = np.stack([p[v], np.ones(v.sum())], axis=1)
        solutions.append(np.linalg.lstsq(design, t[v], rcond=None)[0])
    return [float(s[0]) for s in solutions], [float(s[1]) for s in solutions]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_align_least_squares__agrees_with_numpy_in_the_dtype_given(
    dtype: torch.dtype, tolerance: float
) -> None:
    prediction, target, valid = maps(dtype=dtype)
    prediction[1] = 1e3 * prediction[1] + 50  # pictures of their own scale
    target[2] = -target[2]
    expected = lstsq(prediction, target, valid)
    for result, numbers in zip(align_least_squares(prediction, target, valid), expected, strict=True):
        assert result.dtype == dtype
        assert result.shape == (3, 1, 1, 1)
        np.testing.assert_allclose(result.flatten(), numbers, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("scale", "shift"), [(3.0, -2.0), (-0.5, 7.0), (1e-3, 0.0), (1e4, 1e4)])
def test_align_least_squares__finds_what_was_applied(scale: float, shift: float) -> None:
    prediction, _, valid = maps()
    found = align_least_squares(prediction, scale * prediction + shift, valid)
    torch.testing.assert_close(found[0], torch.full((3, 1, 1, 1), scale), rtol=1e-4, atol=0)
    torch.testing.assert_close(found[1], torch.full((3, 1, 1, 1), shift), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("filler", [math.nan, math.inf, 1e30])
def test_align_least_squares__invalid_pixels_may_hold_anything(filler: float) -> None:
    prediction, target, valid = maps()
    expected = align_least_squares(prediction, target, valid)
    prediction, target = (torch.where(valid, x, filler) for x in (prediction, target))
    for result, before in zip(align_least_squares(prediction, target, valid), expected, strict=True):
        assert torch.equal(result, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (7, 11), (64, 64), (255, 257)])
@pytest.mark.parametrize("constant", [0.0, 1e-8, 0.1, 0.7, -3.3, 1234.567, 1e6])
def test_align_least_squares__constant_prediction_gets_scale_zero_and_the_targets_mean(
    constant: float, size: tuple[int, int], dtype: torch.dtype
) -> None:
    # The mean of equal numbers is not always that number: the rest must not pass for variation.
    target = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0)).to(dtype)
    valid = torch.ones_like(target).bool()
    valid[..., 1:, 0] = False
    scale, shift = align_least_squares(torch.full_like(target, constant), target, valid)
    assert scale.item() == 0
    assert shift.item() == pytest.approx(target[valid].mean().item(), rel=1e-5)


def test_align_least_squares__empty_picture_gets_zeros() -> None:
    prediction, target, valid = maps(2)
    valid[0] = False
    scale, shift = align_least_squares(prediction, target, valid)
    assert scale[0] == shift[0] == 0
    assert scale[1] != 0


def test_align_least_squares__one_pixel_is_met_by_the_shift_alone() -> None:
    prediction, target, valid = maps(1)
    valid[:] = False
    valid[..., 4, 6] = True
    scale, shift = align_least_squares(prediction, target, valid)
    assert scale.item() == 0
    assert shift.item() == target[0, 0, 4, 6].item()


def test_align_least_squares__keeps_its_digits_under_a_large_offset() -> None:
    # Around 1e4, uncentred float32 sums of squares have no digit of a variance of 1 left.
    prediction, target, valid = maps()
    prediction, target = prediction + 1e4, target + 1e4
    scale, shift = align_least_squares(prediction, target, valid)
    scales, shifts = (
        torch.tensor(x, dtype=torch.float64)[:, None, None, None] for x in lstsq(prediction, target, valid)
    )
    np.testing.assert_allclose(scale, scales, rtol=1e-3)
    fitted, expected = scale.double() * prediction + shift, scales * prediction.double() + shifts
    assert (fitted - expected)[valid].abs().max() < 1e-2


def test_align_least_squares__wrong_shapes_are_refused_in_tests() -> None:
    prediction, target, valid = maps()
    for wrong in (
        (prediction[0], target[0], valid[0]),
        (prediction, target.mT, valid),
        (prediction, target, prediction),
    ):
        with pytest.raises(TypeCheckError):
            align_least_squares(*wrong)


# Spaces


def label(rows: list[list[float]], space: Space, valid: list[list[bool]] | None = None) -> Label:
    values = np.array(rows, np.float32)
    return Label(
        values=values, valid=np.ones(values.shape, bool) if valid is None else np.array(valid), space=space
    )


def test_as_disparity__inverts_depth_and_makes_sky_zero() -> None:
    result = as_disparity(label([[0.5, 2.0], [4.0, math.inf]], Space.DEPTH))
    assert result.space is Space.DISPARITY
    np.testing.assert_array_equal(result.values, np.array([[2.0, 0.5], [0.25, 0.0]], np.float32))
    assert result.valid.all()


def test_as_disparity__depth_that_is_not_positive_becomes_invalid() -> None:
    given_label = label([[0.0, -1.0, math.nan, -math.inf, 2.0]], Space.DEPTH)
    result = as_disparity(given_label)
    assert result.valid.tolist() == [[False, False, False, False, True]]
    assert np.isfinite(result.values).all()
    assert given_label.valid.all()  # the label given is left as it was


def test_as_disparity__the_source_decides_whether_sky_counts() -> None:
    result = as_disparity(label([[math.inf, math.inf, 1.0]], Space.DEPTH, [[True, False, False]]))
    assert result.valid.tolist() == [[True, False, False]]


@pytest.mark.parametrize("space", [Space.DISPARITY, Space.AFFINE_DISPARITY])
def test_as_disparity__leaves_disparity_as_it_is(space: Space) -> None:
    given_label = label([[0.0, 3.0, -1.0]], space, [[True, False, True]])
    result = as_disparity(given_label)
    assert result.space is space
    np.testing.assert_array_equal(result.values, given_label.values)
    np.testing.assert_array_equal(result.valid, given_label.valid)


def test_as_depth__undoes_as_disparity_sky_included() -> None:
    depth = np.geomspace(1e-2, 1e4, 30).reshape(5, 6).astype(np.float32)
    depth[0, 0] = np.inf
    there = as_disparity(Label(values=depth, valid=np.ones((5, 6), bool), space=Space.DEPTH))
    back = as_depth(there.values, there.space)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, depth, rtol=1e-6)


def test_as_depth__disparity_zero_and_below_is_infinitely_far() -> None:
    result = as_depth(np.array([[0.0, -2.0, 4.0]], np.float32), Space.DISPARITY)
    np.testing.assert_array_equal(result, np.array([[np.inf, np.inf, 0.25]], np.float32))


def test_as_depth__leaves_depth_as_it_is() -> None:
    depth = np.array([[0.0, 2.0, np.inf]], np.float32)
    np.testing.assert_array_equal(as_depth(depth, Space.DEPTH), depth)


def test_as_depth__refuses_affine_disparity_and_says_what_to_do() -> None:
    with pytest.raises(LeadlineError, match="align_least_squares"):
        as_depth(np.ones((1, 1), np.float32), Space.AFFINE_DISPARITY)
