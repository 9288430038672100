"""Maps as pictures: near is bright, and every tile stands where it belongs."""

import numpy as np
import pytest

from leadline.predict.figures import colourise, montage
from leadline.types import Size


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
