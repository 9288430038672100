"""Laws of the masked statistics: only valid pixels count, each picture stands on its own."""

import math
import statistics
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from torch import Tensor

from leadline.masked import masked_mean, masked_median, trimmed_mean

Statistic = Callable[[Tensor, Tensor], Tensor]
STATISTICS: dict[str, Statistic] = {
    "mean": masked_mean,
    "median": masked_median,
    "trimmed_mean": partial(trimmed_mean, trim=0.2),
    "trimmed_mean_0": partial(trimmed_mean, trim=0.0),
}
every_statistic = pytest.mark.parametrize("statistic", STATISTICS.values(), ids=STATISTICS.keys())
deterministic = settings(derandomize=True, max_examples=40, deadline=None, database=None)


def values_and_mask(b: int = 3, h: int = 7, w: int = 9) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(b, 1, h, w, generator=generator), torch.rand(b, 1, h, w, generator=generator) > 0.3


def row(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float32)[None, None, None]


def with_gradient(statistic: Statistic, values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    values = values.detach().clone().requires_grad_()
    result = statistic(values, valid)
    (gradient,) = torch.autograd.grad(result.sum(), values)
    return result.detach(), gradient


@every_statistic
@pytest.mark.parametrize("filler", [math.nan, math.inf, -math.inf, 1e30, 0.0])
def test_statistic__invalid_pixels_reach_neither_value_nor_gradient(
    statistic: Statistic, filler: float
) -> None:
    values, valid = values_and_mask()
    expected, expected_gradient = with_gradient(statistic, values, valid)
    result, gradient = with_gradient(statistic, torch.where(valid, values, filler), valid)
    assert torch.equal(result, expected)
    assert torch.equal(gradient, expected_gradient)
    assert (gradient[~valid] == 0).all()


@every_statistic
def test_statistic__belongs_to_each_picture_alone(statistic: Statistic) -> None:
    values, valid = values_and_mask()
    values[1] *= 1e4
    valid[2, :, 2:] = False
    alone = [statistic(values[i : i + 1], valid[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(statistic(values, valid), torch.cat(alone))
    assert statistic(values, valid).shape == (3, 1, 1, 1)


@every_statistic
def test_statistic__empty_picture_gives_zero_with_zero_gradient(statistic: Statistic) -> None:
    values, valid = values_and_mask(2)
    values[0], valid[0] = math.nan, False
    result, gradient = with_gradient(statistic, values, valid)
    assert result[0] == 0
    assert result[1] != 0
    assert (gradient[0] == 0).all()
    assert gradient.isfinite().all()


@every_statistic
def test_statistic__of_one_pixel_is_that_pixel(statistic: Statistic) -> None:
    values, valid = values_and_mask(1)
    valid[:] = False
    valid[..., 3, 4] = True
    result, gradient = with_gradient(statistic, values, valid)
    assert result.item() == values[0, 0, 3, 4].item()
    assert torch.equal(gradient, valid.float())


@every_statistic
def test_statistic__of_a_constant_is_the_constant(statistic: Statistic) -> None:
    _, valid = values_and_mask()
    torch.testing.assert_close(
        statistic(torch.full(valid.shape, -2.5), valid), torch.full((3, 1, 1, 1), -2.5)
    )


@every_statistic
def test_statistic__gradient_sums_to_one(statistic: Statistic) -> None:
    _, gradient = with_gradient(statistic, *values_and_mask())
    torch.testing.assert_close(gradient.sum(dim=(1, 2, 3)), torch.ones(3))


@every_statistic
def test_statistic__wrong_shapes_are_refused_in_tests(statistic: Statistic) -> None:
    values, valid = values_and_mask()
    for wrong in ((values[0], valid[0]), (values, valid[:1]), (values, valid.float()), (values.mT, valid)):
        with pytest.raises(TypeCheckError):
            statistic(*wrong)


def test_masked_mean__by_hand() -> None:
    result, gradient = with_gradient(masked_mean, row(1, 2, 6, 100), row(1, 1, 1, 0).bool())
    assert result.item() == 3
    torch.testing.assert_close(gradient, row(1 / 3, 1 / 3, 1 / 3, 0))


def test_masked_median__is_not_pulled_down_by_masked_zeros() -> None:
    # The circulating copies take the median of mask * target: 0 here.
    values, valid = row(0, 0, 0, 0, 5, 7, 9), row(0, 0, 0, 0, 1, 1, 1).bool()
    assert masked_median(values, valid).item() == 7


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((4.0, 1.0, 9.0, 2.0), 2.0),
        ((4.0, 1.0, 90.0), 4.0),
        ((-4.0, -1.0, -9.0, 3.0), -4.0),
        ((8.0, 3.0), 3.0),
    ],
)
def test_masked_median__is_the_lower_median_and_not_the_mean(
    numbers: tuple[float, ...], expected: float
) -> None:
    assert masked_median(row(*numbers), row(*numbers).isfinite()).item() == expected


@deterministic
@given(
    st.lists(
        st.tuples(st.floats(width=32, allow_nan=False, allow_infinity=False), st.booleans()),
        min_size=1,
        max_size=40,
    )
)
def test_masked_median__agrees_with_the_standard_library(pixels: list[tuple[float, bool]]) -> None:
    values, valid = row(*(v for v, _ in pixels)), row(*(k for _, k in pixels)).bool()
    kept = [v for v, k in pixels if k]
    expected = statistics.median_low(kept) if kept else 0
    result, gradient = with_gradient(masked_median, values, valid)
    assert result.item() == expected
    assert (gradient[values != expected] == 0).all()


@pytest.mark.parametrize(
    ("trim", "expected"),
    [(0.0, 5.5), (0.05, 5.5), (0.1, 5.0), (0.2, 4.5), (0.29, 4.5), (0.5, 3.0), (0.99, 1.0)],
)
def test_trimmed_mean__drops_the_floor_of_the_share(trim: float, expected: float) -> None:
    values = row(9, 3, 10, 1, 5, 7, 2, 8, 4, 6, 50, -50)
    assert trimmed_mean(values, row(*[1] * 10, 0, 0).bool(), trim=trim).item() == pytest.approx(expected)


@pytest.mark.parametrize("tenths", [1, 2, 5])
def test_trimmed_mean__floor_is_exact_for_every_count(tenths: int) -> None:
    longest = 600
    rank = torch.arange(longest, dtype=torch.float32)
    valid = torch.ones(longest, longest).tril().bool()[:, None, None]  # picture i has i + 1 valid pixels
    result = trimmed_mean(rank.expand(longest, 1, 1, longest), valid, trim=tenths / 10)
    kept = torch.tensor([n - n * tenths // 10 for n in range(1, longest + 1)])
    torch.testing.assert_close(result.flatten(), (kept - 1) / 2)  # the mean of 0, 1, ..., kept - 1


def test_trimmed_mean__takes_a_share_that_is_whole_only_when_rounded() -> None:
    values = row(*range(100))  # 0.29 * 100 is 29 in float32, and less in float64
    assert trimmed_mean(values, values >= 0, trim=0.29).item() == pytest.approx(35)


def test_trimmed_mean__is_blind_to_outliers_up_to_the_share() -> None:
    values, valid = values_and_mask(1, 5, 4)
    valid[:] = True
    values = values.abs()
    top = values.flatten().argsort(descending=True)
    expected = trimmed_mean(values, valid, trim=0.2)
    for n, same in ((1, True), (4, True), (5, False)):
        loud = values.flatten().scatter(0, top[:n], 1e6).reshape(values.shape)
        assert torch.equal(trimmed_mean(loud, valid, trim=0.2), expected) is same


def test_trimmed_mean__loud_picture_does_not_use_up_anothers_budget() -> None:
    values, valid = torch.arange(1.0, 11).expand(2, 1, 1, 10).clone(), torch.ones(2, 1, 1, 10).bool()
    values[1] *= 1000
    assert trimmed_mean(values, valid, trim=0.2).flatten().tolist() == [4.5, 4500]


def test_trimmed_mean__dropped_pixels_have_no_gradient() -> None:
    values, valid = row(9, 3, 10, 1, 5), torch.ones(1, 1, 1, 5).bool()
    _, gradient = with_gradient(partial(trimmed_mean, trim=0.4), values, valid)
    torch.testing.assert_close(gradient, row(0, 1 / 3, 0, 1 / 3, 1 / 3))
