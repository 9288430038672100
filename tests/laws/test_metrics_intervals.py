"""Intervals and comparisons: they cover the truth as often as they say, and pairing is worth its name."""

import numpy as np
import pytest

from leadline.metrics import compare, intervals


def column(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values[:, None], np.ones((len(values), 1))


def test_intervals__the_value_is_the_mean_over_sources() -> None:
    values = np.array([1.0, 2.0, 3.0, 10.0])
    (found,) = intervals(*column(values), ["a", "a", "a", "b"])
    assert found.value == pytest.approx((2 + 10) / 2)
    assert 5.5 <= found.low < found.value < found.high <= 6.5


def test_intervals__are_the_same_every_time_and_hold_their_value() -> None:
    values = np.random.default_rng(0).uniform(0, 1, 30)
    sources = ["a"] * 10 + ["b"] * 20
    assert intervals(*column(values), sources) == intervals(*column(values), sources)
    (found,) = intervals(*column(values), sources)
    assert found.low < found.value < found.high


def test_intervals__shrink_with_the_number_of_pictures() -> None:
    rng = np.random.default_rng(1)
    widths = []
    for count in (10, 40, 160):
        (found,) = intervals(*column(rng.normal(0, 1, count)), ["a"] * count)
        widths.append(found.high - found.low)
    assert widths[1] == pytest.approx(widths[0] / 2, rel=0.5)
    assert widths[2] == pytest.approx(2 * 1.96 / 160**0.5, rel=0.2)


def test_intervals__cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        (found,) = intervals(*column(rng.normal(0.3, 1, 60)), ["a"] * 30 + ["b"] * 30, rounds=300)
        covered += found.low <= 0.3 <= found.high
    assert 0.88 <= covered / 200 <= 0.99


def test_intervals__sources_are_drawn_independently() -> None:
    values = np.random.default_rng(7).normal(0, 1, 40)
    (one,) = intervals(*column(values), ["a"] * 40)
    (two,) = intervals(*column(np.tile(values, 2)), ["a"] * 40 + ["b"] * 40)
    assert two.high - two.low == pytest.approx((one.high - one.low) / 2**0.5, rel=0.1)


def test_intervals__a_constant_figure_has_none_to_speak_of() -> None:
    (found,) = intervals(*column(np.full(9, 0.4)), ["a"] * 4 + ["b"] * 5)
    assert (found.low, found.value, found.high) == pytest.approx((0.4, 0.4, 0.4))


def test_intervals__pictures_without_the_figure_take_no_part() -> None:
    totals, counts = column(np.array([1.0, 2.0, 777.0, 5.0, 777.0]))
    counts[[2, 4]] = 0
    totals[[2, 4]] = 0
    sources = ["a", "a", "a", "b", "c"]
    (found,) = intervals(totals, counts, sources)
    assert found.value == pytest.approx((1.5 + 5) / 2)
    assert found.high <= (2 + 5) / 2
    with pytest.raises(ValueError, match="no picture has"):
        intervals(totals, 0 * counts, sources)


def test_intervals__a_picture_with_many_pairs_weighs_by_them_and_is_drawn_whole() -> None:
    totals, counts = np.array([[9.0], [0.0]]), np.array([[9.0], [1.0]])
    (found,) = intervals(totals, counts, ["a", "a"])
    assert found.value == pytest.approx(0.9)
    assert (found.low, found.high) == (0, 1)


def test_compare__pairing_sees_what_two_intervals_cannot() -> None:
    rng = np.random.default_rng(3)
    difficulty = rng.uniform(0, 1, 50)
    first, second = difficulty, difficulty + 0.02 + rng.normal(0, 0.01, 50)
    sources = ["a"] * 25 + ["b"] * 25
    one, other = (intervals(*column(values), sources)[0] for values in (first, second))
    assert one.high > other.low
    found = compare(first, second, np.ones(50), sources)
    assert found.high < 0
    assert found.difference == pytest.approx(-0.02, abs=0.005)
    assert found.p < 0.002


def test_compare__exchanging_the_models_changes_the_sign_alone() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.uniform(0, 1, (2, 20))
    one = compare(first, second, np.ones(20), ["a"] * 20)
    other = compare(second, first, np.ones(20), ["a"] * 20)
    assert (one.difference, one.low, one.high) == pytest.approx((-other.difference, -other.high, -other.low))
    assert one.p == other.p


def test_compare__equal_models_differ_by_nothing() -> None:
    values = np.random.default_rng(5).uniform(0, 1, 20)
    found = compare(values, values, np.ones(20), ["a"] * 20)
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_compare__p_is_uniform_where_there_is_no_difference() -> None:
    rng = np.random.default_rng(6)
    sources, ones = ["a"] * 6 + ["b"] * 6, np.ones(12)
    small = [
        compare(rng.normal(0, 1, 12), rng.normal(0, 1, 12), ones, sources, rounds=200).p < 0.1
        for _ in range(200)
    ]
    assert 0.04 < np.mean(small) < 0.17


def test_compare__signs_of_sources_are_flipped_independently() -> None:
    first = np.linspace(-0.8, 1.2, 40)
    one = compare(first, np.zeros(40), np.ones(40), ["a"] * 40)
    two = compare(np.tile(first, 2), np.zeros(80), np.ones(80), ["a"] * 40 + ["b"] * 40)
    assert 0.01 < one.p < 0.1
    assert two.p < one.p / 3


def test_compare__p_is_never_0() -> None:
    found = compare(np.ones(20), np.zeros(20), np.ones(20), ["a"] * 20, rounds=99)
    assert found.p == pytest.approx(1 / 100)


def test_compare__counts_weigh_pictures_and_sources_weigh_the_same() -> None:
    first, second = np.array([9.0, 0.0, 4.0]), np.array([0.0, 1.0, 0.0])
    found = compare(first, second, np.array([9.0, 1.0, 4.0]), ["a", "a", "b"])
    assert found.difference == pytest.approx((8 / 10 + 1) / 2)
