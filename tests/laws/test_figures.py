"""Maps as pictures: near is bright, and every tile stands where it belongs."""

import numpy as np
import pytest

from leadline.predict.figures import (
    LONGEST,
    _bar,
    _number,
    colour_picture,
    colourise,
    montage,
    shown_size,
    side_by_side,
)
from leadline.types import Prediction, Size, Space


def brightness(picture: np.ndarray) -> np.ndarray:
    return np.asarray(picture @ np.array([0.299, 0.587, 0.114]))


def test_colourise__near_is_bright_and_far_is_dark() -> None:
    ramp = np.tile(np.linspace(0, 1, 256, dtype=np.float32), (2, 1))
    row = brightness(colourise(ramp))[0]
    assert row[0] < 10
    assert row[-1] > 230
    assert (np.diff(row) > -3).all()


def test_colourise__is_rgb() -> None:
    middle = colourise(np.array([[0, 0.5, 1]], np.float32))[0, 1]
    assert middle[0] > middle[2]  # the middle of this scale is red


def test_colourise__single_pixels_do_not_spend_the_colours() -> None:
    values = np.random.default_rng(0).random((40, 50)).astype(np.float32)
    plain, spike = values.copy(), values.copy()
    spike[0, 0] = 1e6
    np.testing.assert_allclose(brightness(colourise(spike))[1:], brightness(colourise(plain))[1:], atol=6)


@pytest.mark.parametrize("change", [(3.0, 2.0), (1e-6, 0.0)])
def test_colourise__scale_and_shift_do_not_show(change: tuple[float, float]) -> None:
    values = np.random.default_rng(0).integers(0, 9, (8, 9)).astype(np.float32)
    difference = colourise(values).astype(int) - colourise(
        (change[0] * values + change[1]).astype(np.float32)
    )
    assert np.abs(difference).max() <= 4  # a step of the scale


@pytest.mark.parametrize("size", [(1, 1), (4, 5)])
def test_colourise__constant_map_is_one_colour(size: tuple[int, int]) -> None:
    assert len(np.unique(colourise(np.full(size, 0.7, np.float32)).reshape(-1, 3), axis=0)) == 1


def test_montage__lays_tiles_out_by_rows_on_white() -> None:
    pictures = [np.full((10, 20, 3), 10 * number, np.uint8) for number in range(5)]
    sheet = montage(pictures, columns=2, tile=Size(20, 40))
    assert sheet.shape == (60, 80, 3)
    for number in range(5):
        top, left = 20 * (number // 2), 40 * (number % 2)
        assert (sheet[top : top + 20, left : left + 40] == 10 * number).all()
    assert (sheet[40:, 40:] == 255).all()


@pytest.mark.parametrize(("shape", "filled"), [((50, 10), (20, 4)), ((10, 50), (8, 40)), ((1, 400), (1, 40))])
def test_montage__keeps_the_aspect(shape: tuple[int, int], filled: tuple[int, int]) -> None:
    sheet = montage([np.zeros((*shape, 3), np.uint8)], columns=1, tile=Size(20, 40))
    assert (sheet[: filled[0], : filled[1]] == 0).all()
    assert (sheet == 0).all(axis=-1).sum() == filled[0] * filled[1]


# Figures with a scale of colours


def ramp(space: Space, low: float = 1, high: float = 9, h: int = 200, w: int = 300) -> Prediction:
    """Return a map that grows from left to right."""
    values = np.tile(np.linspace(low, high, w, dtype=np.float32), (h, 1))
    return Prediction(values=values, space=space)


@pytest.mark.parametrize("space", Space)
def test_colour_picture__near_is_bright_in_every_space(space: Space) -> None:
    row = brightness(colour_picture(ramp(space)))[100, :300]
    near, far = (row[5], row[-5]) if space is Space.DEPTH else (row[-5], row[5])
    assert near > 200
    assert far < 60


@pytest.mark.parametrize("space", Space)
def test_colour_picture__the_bar_runs_from_near_above_to_far_below(space: Space) -> None:
    figure = colour_picture(ramp(space))
    assert figure.shape[0] == 200
    bar = brightness(figure[30:170, 300 + 12])
    assert bar[0] > 200
    assert bar[-1] < 60
    assert (np.diff(bar) <= 3).all()


def test_colour_picture__only_a_space_with_a_unit_has_numbers() -> None:
    def bar(space: Space, scale: float) -> np.ndarray:
        return colour_picture(ramp(space, scale, 9 * scale))[:, 305:]

    np.testing.assert_array_equal(bar(Space.AFFINE_DISPARITY, 1), bar(Space.AFFINE_DISPARITY, 3))
    for space in (Space.DEPTH, Space.DISPARITY):
        assert bar(space, 1).shape == bar(space, 3).shape
        assert (bar(space, 1) != bar(space, 3)).any()
    assert bar(Space.DEPTH, 1).shape[1] > bar(Space.AFFINE_DISPARITY, 1).shape[1]


def test_colour_picture__numbers_fall_from_near_to_far(monkeypatch: pytest.MonkeyPatch) -> None:
    metres: list[float] = []

    def spy(nearness: float, space: Space) -> str:
        metres.append(float(_number(nearness, space)))
        return ""

    monkeypatch.setattr("leadline.predict.figures._number", spy)
    monkeypatch.setattr("leadline.predict.figures._bar", _bar.__wrapped__)  # draws anew
    colour_picture(ramp(Space.DEPTH, 2, 200))
    assert metres == sorted(metres)
    assert metres[0] < 5
    assert metres[-1] > 190


@pytest.mark.parametrize(("nearness", "text"), [(0.5, "2"), (0.004, "250"), (1 / 123.4, "123"), (0.0, "∞")])
def test_number__is_metres_without_an_exponent(nearness: float, text: str) -> None:
    assert _number(nearness, Space.DEPTH) == text


def test_colour_picture__sky_at_infinity_is_the_darkest() -> None:
    map = ramp(Space.DEPTH)
    map.values[:50] = np.inf
    figure = colour_picture(map)
    assert brightness(figure[20, :300]).max() < 5
    assert brightness(figure[120, 5:6]).max() > 200


def test_side_by_side__shows_the_picture_then_the_map() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    map = ramp(Space.AFFINE_DISPARITY)
    figure, alone = side_by_side(picture, map), colour_picture(map)
    np.testing.assert_array_equal(figure[:, :300], picture)
    np.testing.assert_array_equal(figure[:, -alone.shape[1] :], alone)


@pytest.mark.parametrize(
    ("size", "shown"),
    [(Size(3000, 4000), (1440, 1920)), (Size(40, 30), (40, 30)), (Size(1, 9600), (1, 1920))],
)
def test_shown_size__is_what_a_screen_shows(size: Size, shown: tuple[int, int]) -> None:
    assert shown_size(size) == shown


def test_figures__of_a_large_picture_are_no_larger_than_a_screen() -> None:
    map = ramp(Space.DEPTH, h=1500, w=4000)
    figure = side_by_side(np.zeros((1500, 4000, 3), np.uint8), map)
    assert figure.shape[0] == 720
    assert 2 * LONGEST < figure.shape[1] < 2.2 * LONGEST
