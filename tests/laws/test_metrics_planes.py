"""Surfaces: planes are planes whatever their scale, and bends and tilts are measured in their units."""

from typing import NamedTuple

import numpy as np
import pytest

from leadline.metrics import Protocol, measure, normal_error, plane_error, plane_errors
from leadline.metrics.planes import points_of
from leadline.types import Label, Prediction, Space

SIZE = (60, 80)
EVERYWHERE = np.ones(SIZE, np.bool_)


class Camera(NamedTuple):
    fx: float
    fy: float
    cx: float
    cy: float


CAMERA = Camera(fx=70, fy=75, cx=38, cy=31)


def plane(normal: tuple[float, float, float], distance: float = 2.0) -> np.ndarray:
    """Depth of the plane ``normal . point = distance``."""
    rows, columns = np.indices(SIZE)
    x, y = (columns - CAMERA.cx) / CAMERA.fx, (rows - CAMERA.cy) / CAMERA.fy
    unit = np.array(normal) / np.linalg.norm(normal)
    return np.asarray(distance / (unit[0] * x + unit[1] * y + unit[2]))


WALL, TILTED = plane((0, 0, 1)), plane((0.3, -0.2, 1))


def angle(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    a, b = np.array(one), np.array(other)
    return float(np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))))


def test_points__fall_back_on_their_pixels() -> None:
    points = points_of(TILTED, CAMERA)
    rows, columns = np.indices(SIZE)
    np.testing.assert_allclose(CAMERA.fx * points[..., 0] / points[..., 2] + CAMERA.cx, columns, atol=1e-9)
    np.testing.assert_allclose(CAMERA.fy * points[..., 1] / points[..., 2] + CAMERA.cy, rows, atol=1e-9)
    np.testing.assert_array_equal(points[..., 2], TILTED)


def test_planes__scale_costs_nothing() -> None:
    assert normal_error(3 * TILTED, TILTED, EVERYWHERE, CAMERA) == pytest.approx(
        {"normal_angle": 0}, abs=1e-6
    )
    assert plane_error(3 * TILTED, TILTED, EVERYWHERE, CAMERA) == pytest.approx((0, 0), abs=1e-6)
    assert plane_errors(3 * TILTED, TILTED, EVERYWHERE, CAMERA) == pytest.approx(
        {"plane_off": 0, "plane_angle": 0}, abs=1e-6
    )


def test_planes__a_tilt_is_measured_in_degrees() -> None:
    expected = angle((0.3, -0.2, 1), (0, 0, 1))
    assert normal_error(WALL, TILTED, EVERYWHERE, CAMERA)["normal_angle"] == pytest.approx(expected, rel=1e-5)
    assert plane_error(WALL, TILTED, EVERYWHERE, CAMERA)[1] == pytest.approx(expected, rel=1e-5)
    found = plane_errors(WALL, TILTED, EVERYWHERE, CAMERA)
    assert found["plane_angle"] == pytest.approx(expected, rel=1e-5)
    assert found["plane_off"] == pytest.approx(0, abs=1e-6)


def test_plane_error__is_off_by_what_it_is_off_in_centimetres() -> None:
    """A chequerboard 1 cm before and behind a wall."""
    ripple = WALL + 0.01 * (-1.0) ** np.indices(SIZE).sum(axis=0)
    off, tilt = plane_error(ripple, WALL, EVERYWHERE, CAMERA)
    assert off == pytest.approx(1, rel=0.02)
    assert tilt < 0.5
    for scale in (1, 5):
        found = plane_errors(scale * ripple, WALL, EVERYWHERE, CAMERA)
        assert found["plane_off"] == pytest.approx(0.5, rel=0.02)


def test_planes__distance_taken_for_depth_bends_them() -> None:
    """Distance along the ray, the usual mistake with Hypersim."""
    distance = np.linalg.norm(points_of(WALL, CAMERA), axis=-1)
    off, _ = plane_error(distance, WALL, EVERYWHERE, CAMERA)
    assert off > 3
    assert normal_error(distance, WALL, EVERYWHERE, CAMERA)["normal_angle"] > 3


def test_normal_error__neither_holes_nor_edges_count() -> None:
    truth, valid = TILTED.copy(), EVERYWHERE.copy()
    truth[20:40, 20:40] *= 0.5  # a card in front: its border belongs to two surfaces
    wrong = truth.copy()
    wrong[50:55, 50:55], valid[50:55, 50:55] = 9, False
    assert normal_error(wrong, truth, valid, CAMERA)["normal_angle"] == pytest.approx(0, abs=1e-5)
    assert normal_error(wrong, truth, EVERYWHERE, CAMERA)["normal_angle"] > 0.1
    assert normal_error(TILTED, truth, EVERYWHERE, CAMERA)["normal_angle"] == pytest.approx(0, abs=1e-5)


def test_normal_error__a_step_of_a_tenth_is_no_surface() -> None:
    truth = WALL.copy()
    truth[:, 40:] *= 1.1
    found = normal_error(WALL, truth, EVERYWHERE, CAMERA)
    assert found == pytest.approx({"normal_angle": 0}, abs=1e-6)


def test_plane_errors__only_flat_and_whole_blocks_count() -> None:
    rng = np.random.default_rng(0)
    rough = TILTED * rng.uniform(0.9, 1.1, SIZE)
    assert plane_errors(TILTED, rough, EVERYWHERE, CAMERA) == {}
    half = np.where(np.arange(SIZE[1]) < 40, TILTED, rough)
    assert plane_errors(np.where(np.arange(SIZE[1]) < 40, TILTED, 7 * rough), half, EVERYWHERE, CAMERA)[
        "plane_off"
    ] == pytest.approx(0, abs=1e-6)
    holes = EVERYWHERE.copy()
    holes[::4, ::4] = False
    assert plane_errors(TILTED, TILTED, holes, CAMERA) == {}
    assert normal_error(TILTED, TILTED, np.zeros(SIZE, np.bool_), CAMERA) == {}


def test_plane_error__needs_three_pixels() -> None:
    mask = np.zeros(SIZE, np.bool_)
    mask[0, :2] = True
    with pytest.raises(ValueError, match="three pixels"):
        plane_error(WALL, WALL, mask, CAMERA)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 50), (50, 3), (900, 50)])
def test_measure__a_picture_smaller_than_a_block_has_no_planes(size: tuple[int, int]) -> None:
    values = np.random.default_rng(0).uniform(1, 2, size).astype(np.float32)
    truth = Label(values=values, valid=np.ones(size, np.bool_), space=Space.DEPTH)
    found = measure(Prediction(values=values, space=Space.DEPTH), truth, camera=CAMERA)
    assert "plane_angle" not in found


def test_measure__surfaces_want_a_camera_and_metres() -> None:
    truth = Label(values=TILTED.astype(np.float32), valid=EVERYWHERE, space=Space.DEPTH)
    bent = Prediction(values=(1 / TILTED**1.2).astype(np.float32), space=Space.AFFINE_DISPARITY)
    found = measure(bent, truth, camera=CAMERA)
    assert {"normal_angle", "plane_off", "plane_angle"} <= set(found)
    assert found["normal_angle"] > 0.1
    assert "normal_angle" not in measure(bent, truth)
    unknown = Label(values=(1 / TILTED).astype(np.float32), valid=EVERYWHERE, space=Space.AFFINE_DISPARITY)
    assert "normal_angle" not in measure(bent, unknown, camera=CAMERA)


def test_measure__surfaces_outside_the_crop_do_not_count() -> None:
    bent = TILTED.copy()
    bent[:22] *= np.linspace(0.6, 1, 22)[:, None]  # Garg's crop begins at row 24
    found = measure(
        Prediction(values=(1 / bent).astype(np.float32), space=Space.AFFINE_DISPARITY),
        Label(values=TILTED.astype(np.float32), valid=EVERYWHERE, space=Space.DEPTH),
        protocol=Protocol(name="test", caps=(0.1, 5), crop="garg", origin="test"),
        camera=CAMERA,
    )
    for name in ("normal_angle", "plane_off", "plane_angle"):
        assert found[name] == pytest.approx(0, abs=1e-3), name
