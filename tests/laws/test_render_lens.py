"""Laws of the lens: exposure, focus, shake, colour, noise, and nothing of it without a seed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float32

from leadline.render.lens import PERFECT, Lens, develop, draw_lens
from leadline.render.palette import Dice

EDGE = np.concatenate([np.full((48, 32, 3), 0.1, np.float32), np.full((48, 32, 3), 1.0, np.float32)], 1)
NEAR_AND_FAR = np.concatenate([np.full((48, 32), 2.0, np.float32), np.full((48, 32), 0.1, np.float32)], 1)


def taken(lens: Lens, light: Float32[np.ndarray, "h w 3"] = EDGE) -> np.ndarray:
    return develop(light, NEAR_AND_FAR, lens, rng=np.random.default_rng(1)).astype(float)


def steepness(picture: np.ndarray) -> float:
    return float(np.abs(np.diff(picture[..., 1], axis=1)).max())


def test_perfect_lens__keeps_edges_flats_and_the_mean() -> None:
    picture = taken(PERFECT)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 2
    assert picture.mean() / 255 == pytest.approx(PERFECT.brightness, abs=0.01)


def test_develop__rounds_to_the_nearest() -> None:
    assert (taken(PERFECT, np.full((48, 64, 3), 0.2, np.float32)) == 115).all()  # 0.45 * 255 is 114.75


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e4])
def test_exposure__makes_the_brightness_of_the_scene_irrelevant(factor: float) -> None:
    np.testing.assert_allclose(taken(PERFECT, EDGE * np.float32(factor)), taken(PERFECT), atol=1)


@pytest.mark.parametrize(
    "fault", [{"shake": 0.1, "shake_angle": 0.0}, {"softness": 0.05}, {"aperture": 0.05, "focus": 5.0}]
)
def test_blur__flattens_edges(fault: dict[str, Any]) -> None:
    assert steepness(taken(replace(PERFECT, **fault))) < 0.7 * steepness(taken(PERFECT))


def test_shake__blurs_along_its_direction_only() -> None:
    assert steepness(taken(replace(PERFECT, shake=0.1, shake_angle=np.pi / 2))) > 0.95 * steepness(
        taken(PERFECT)
    )


def test_focus__keeps_what_is_in_it_sharp() -> None:
    light = np.random.default_rng(0).random((48, 64, 3)).astype(np.float32)
    sharp = taken(PERFECT, light)
    blurred = taken(replace(PERFECT, aperture=0.04, focus=2.0), light)
    near, far = (slice(None), slice(2, 24)), (slice(None), slice(40, 62))
    assert blurred[near].std() > 0.9 * sharp[near].std()
    assert blurred[far].std() < 0.6 * sharp[far].std()


def test_fringe__draws_red_larger_than_blue() -> None:
    light = np.full((48, 64, 3), 0.1, np.float32)
    light[12:36, 16:48] = 1
    red, green, blue = taken(replace(PERFECT, fringe=0.05), light).mean((0, 1))
    assert red > green > blue


def test_vignette__darkens_the_corners() -> None:
    flat = np.full((48, 64, 3), 0.5, np.float32)
    picture = taken(replace(PERFECT, vignette=0.5), flat)
    assert picture[0, 0].mean() < 0.85 * picture[24, 32].mean()


def test_tint__warms_what_is_white() -> None:
    red, _, blue = taken(replace(PERFECT, tint=(1.2, 1.0, 0.8))).mean((0, 1))
    assert red > blue + 10


def test_saturation__of_zero_is_grey() -> None:
    light = np.random.default_rng(0).random((48, 64, 3)).astype(np.float32)
    assert np.ptp(taken(replace(PERFECT, saturation=0.0), light), axis=2).max() <= 1


def test_noise__is_drawn_from_the_seed_and_grows_with_grain() -> None:
    flat = np.full((48, 64, 3), 0.5, np.float32)
    weak, strong = (taken(replace(PERFECT, grain=grain), flat).std() for grain in (0.001, 0.01))
    assert 0 < weak < strong
    np.testing.assert_array_equal(taken(replace(PERFECT, grain=0.01)), taken(replace(PERFECT, grain=0.01)))


def test_jpeg__leaves_its_blocks() -> None:
    light = np.random.default_rng(0).random((48, 64, 3)).astype(np.float32)
    errors = [np.abs(taken(replace(PERFECT, jpeg=q), light) - taken(PERFECT, light)).mean() for q in (95, 40)]
    assert 0 < errors[0] < errors[1]


def test_drawn_lenses__differ_and_follow_their_seed() -> None:
    drawn = [draw_lens(Dice(np.random.default_rng(seed)), NEAR_AND_FAR) for seed in range(30)]
    assert len({lens.brightness for lens in drawn}) == 30
    assert draw_lens(Dice(np.random.default_rng(3)), NEAR_AND_FAR) == drawn[3]
    assert any(lens.aperture for lens in drawn)
    assert not all(lens.aperture for lens in drawn)
    assert all(0.25 <= lens.brightness <= 0.75 for lens in drawn)
