"""Picture, target and mask move together, and no value of a label is invented."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from leadline.data.transforms import (
    Crop,
    Interpolation,
    crop,
    cut_out,
    flip,
    metres,
    require_usable,
    resize,
    resize_picture,
    unit_range,
)
from leadline.types import Camera, Label, LeadlineError, Sample, Size, Space, UnreadableError

SHAPES = [
    Size(60, 90),
    Size(90, 60),
    Size(50, 50),
    Size(7, 200),
    Size(2, 3),
    Size(1, 40),
    Size(40, 1),
    Size(1, 1),
]
INTERPOLATIONS = ("cubic", "area")
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
every_interpolation = pytest.mark.parametrize("interpolation", INTERPOLATIONS)


def coordinates(size: Size) -> Sample:
    """Picture and label say where each pixel was: row and column; the mask is a function of the two."""
    rows, columns = np.mgrid[: size.h, : size.w]
    image = np.stack([rows, columns, rows % 2], axis=-1).astype(np.uint8)
    label = Label(
        values=(1000 * rows + columns).astype(np.float32),
        valid=(rows + columns) % 3 > 0,
        space=Space.DISPARITY,
    )
    return Sample(image=image, label=label, id="test/coordinates")


def origin(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and column from which each pixel of the label came, and check the mask by them."""
    assert sample.label is not None
    rows, columns = np.divmod(sample.label.values, 1000)
    np.testing.assert_array_equal(sample.label.valid, (rows + columns) % 3 > 0)
    return rows, columns


def assert_together(sample: Sample) -> None:
    """Hold picture and label against each other: half a pixel of sampling, half of rounding."""
    for channel, expected in enumerate(origin(sample)):
        assert np.abs(sample.image[..., channel] - expected).max() <= 1.01


# ---------------------------------------------------------------- resize, crop, flip


@every_shape
@every_interpolation
@pytest.mark.parametrize("size", [Size(30, 45), Size(13, 100), Size(180, 120), Size(1, 1)], ids=str)
def test_resize__picture_label_and_mask_stay_together(
    shape: Size, size: Size, interpolation: Interpolation
) -> None:
    resized = resize(coordinates(shape), size, interpolation)
    assert resized.size == size
    assert resized.label is not None
    assert resized.label.values.shape == size
    if shape.h >= size.h and shape.w >= size.w and size != (1, 1):
        assert_together(resized)  # a picture that grows from few pixels is all edge
    origin(resized)


@every_interpolation
def test_resize__growing_keeps_them_together_inside(interpolation: Interpolation) -> None:
    assert_together(resize(coordinates(Size(20, 30)), Size(67, 81), interpolation))


@every_shape
@every_interpolation
def test_resize__invents_no_value_of_the_label(shape: Size, interpolation: Interpolation) -> None:
    sample = coordinates(shape)
    for size in (Size(33, 21), Size(5, 9), Size(97, 101)):
        label = resize(sample, size, interpolation).label
        assert label is not None
        assert sample.label is not None
        assert set(label.values.flat) <= set(sample.label.values.flat)


@every_interpolation
def test_resize__keeps_label_values_that_are_no_numbers(interpolation: Interpolation) -> None:
    values = np.array([[np.inf, np.nan], [1, 2]], np.float32)
    label = Label(values=values, valid=np.array([[True, False], [True, True]]), space=Space.DEPTH)
    sample = Sample(image=np.zeros((2, 2, 3), np.uint8), label=label, id="test/sky")
    resized = resize(sample, Size(4, 4), interpolation).label
    assert resized is not None
    np.testing.assert_array_equal(resized.values, np.kron(values, np.ones((2, 2))).astype(np.float32))
    np.testing.assert_array_equal(resized.valid, np.kron(label.valid, np.ones((2, 2))) > 0)


def test_resize_picture__its_own_size_is_the_picture_itself() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    for interpolation in INTERPOLATIONS:
        assert resize_picture(image, Size(9, 7), cast(Interpolation, interpolation)) is image


def test_resize_picture__area_averages_where_it_shrinks() -> None:
    points = np.zeros((8, 8, 3), np.uint8)
    points[::4, ::4] = 160  # one pixel of sixteen
    np.testing.assert_array_equal(resize_picture(points, Size(2, 2), "area"), np.full((2, 2, 3), 10))


def test_resize_picture__area_grows_without_overshoot_and_without_steps() -> None:
    edge = np.zeros((4, 4, 3), np.uint8)
    edge[:, 2:] = 200
    row = resize_picture(edge, Size(16, 16), "area")[0, :, 0]
    assert row.min() == 0
    assert row.max() == 200
    assert len(np.unique(row)) > 2


def test_resize_picture__area_is_smooth_also_where_one_side_alone_grows() -> None:
    edge = np.zeros((4, 16, 3), np.uint8)
    edge[2:] = 200
    for picture, size in ((edge, Size(12, 12)), (edge.transpose(1, 0, 2), Size(12, 12))):
        assert len(np.unique(resize_picture(picture, size, "area"))) > 2


def test_require_usable__fifty_to_one_is_usable() -> None:
    require_usable(Size(50, 1))
    require_usable(Size(2, 100))
    with pytest.raises(UnreadableError, match="51x1 is too narrow"):
        require_usable(Size(51, 1))


@every_shape
def test_flip__mirrors_the_columns_of_all_three(shape: Size) -> None:
    sample = coordinates(shape)
    mirrored = flip(sample)
    assert_together(mirrored)
    assert origin(mirrored)[1][0, 0] == shape.w - 1
    np.testing.assert_array_equal(flip(mirrored).image, sample.image)


def test_crop__cuts_the_window_that_was_asked_for() -> None:
    window = crop(coordinates(Size(50, 60)), top=7, left=21, size=Size(10, 20))
    assert window.size == (10, 20)
    assert_together(window)
    rows, columns = origin(window)
    assert (rows[0, 0], columns[0, 0]) == (7, 21)
    assert (rows[-1, -1], columns[-1, -1]) == (16, 40)


# ---------------------------------------------------------------- the training crop


@every_shape
@every_interpolation
@pytest.mark.parametrize("seed", range(4))
def test_cut_out__keeps_picture_and_label_together(
    shape: Size, interpolation: Interpolation, seed: int
) -> None:
    config = Crop(size=14, min_scale=0.5)
    sample = cut_out(coordinates(shape), config, interpolation, rng=np.random.default_rng(seed))
    assert sample.size == (14, 14)
    rows, columns = origin(sample)
    if min(shape) > 14:
        assert_together(sample)
    assert rows.max() < shape.h
    assert columns.max() < shape.w


def test_cut_out__covers_the_share_of_the_short_side_that_was_drawn() -> None:
    shares = []
    for seed in range(40):
        config = Crop(size=50, min_scale=0.4, flip=0)
        rows, columns = origin(
            cut_out(coordinates(Size(100, 200)), config, "area", rng=np.random.default_rng(seed))
        )
        shares.append((rows.max() - rows.min() + 1) / 100)
        assert columns.max() - columns.min() == pytest.approx(rows.max() - rows.min(), abs=2)  # aspect kept
    assert min(shares) == pytest.approx(0.4, abs=0.05)
    assert max(shares) == pytest.approx(1, abs=0.05)
    assert np.mean(shares) == pytest.approx(0.7, abs=0.07)


def test_cut_out__scale_1_shows_the_whole_short_side() -> None:
    for seed in range(5):
        rows, _ = origin(
            cut_out(coordinates(Size(40, 90)), Crop(size=20), "area", rng=np.random.default_rng(seed))
        )
        assert rows.min() <= 1
        assert rows.max() >= 38


@pytest.mark.parametrize("size", [Size(10, 40), Size(40, 10), Size(20, 24)])
def test_cut_out__of_another_shape__keeps_the_aspect_and_touches_both_edges_of_one_side(size: Size) -> None:
    shape = Size(80, 120)
    for seed in range(10):
        sample = cut_out(
            coordinates(shape), Crop(size=40, flip=0), "area", size=size, rng=np.random.default_rng(seed)
        )
        assert sample.size == size
        rows, columns = (np.ptp(places) + 1 for places in origin(sample))
        assert rows / size.h == pytest.approx(columns / size.w, rel=0.15)
        assert max(rows / shape.h, columns / shape.w) == pytest.approx(1, abs=0.08)


def test_draw__sizes_are_multiples_below_the_largest() -> None:
    crop, rng = Crop(size=70, smallest=30), np.random.default_rng(0)
    drawn = {crop.draw(14, rng=rng) for _ in range(200)}
    assert drawn == {Size(h, w) for h in (42, 56, 70) for w in (42, 56, 70)}


@pytest.mark.parametrize("smallest", [0, 71, -3])
def test_crop__refuses_a_smallest_size_beyond_its_own(smallest: int) -> None:
    with pytest.raises(ValueError, match=f"from 1 to size, 70, got {smallest}"):
        Crop(size=70, smallest=smallest)


def test_cut_out__windows_reach_every_place() -> None:
    lefts = [
        origin(
            cut_out(coordinates(Size(20, 26)), Crop(size=20, flip=0), "area", rng=np.random.default_rng(s))
        )[1].min()
        for s in range(50)
    ]
    assert set(lefts) == set(range(7))


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.5, 10, 30), (1.0, 40, 40)])
def test_cut_out__mirrors_the_share_of_pictures(share: float, low: int, high: int) -> None:
    config, sample = Crop(size=8, flip=share), coordinates(Size(8, 8))
    mirrored = 0
    for seed in range(40):
        columns = origin(cut_out(sample, config, "area", rng=np.random.default_rng(seed)))[1]
        mirrored += int(columns[0, 0] > columns[0, -1])
    assert low <= mirrored <= high


def test_cut_out__does_not_depend_on_there_being_a_label() -> None:
    sample = coordinates(Size(40, 60))
    bare = Sample(image=sample.image, label=None, id=sample.id)
    one, other = (
        cut_out(s, Crop(size=16, min_scale=0.5), "cubic", rng=np.random.default_rng(3))
        for s in (sample, bare)
    )
    assert other.label is None
    np.testing.assert_array_equal(one.image, other.image)


@pytest.mark.parametrize(
    "wrong", [{"size": 0}, {"min_scale": 0.0}, {"min_scale": 1.1}, {"flip": -0.1}, {"flip": 2.0}]
)
def test_crop__refuses_what_no_picture_can_be_cut_to(wrong: dict[str, int | float]) -> None:
    with pytest.raises(ValueError, match="crop: needs size >= 1"):
        Crop(**wrong)  # type: ignore[arg-type]


# ---------------------------------------------------------------- unit range


def label(values: list[float], valid: list[bool] | None = None, space: Space = Space.DISPARITY) -> Label:
    mask = [True] * len(values) if valid is None else valid
    return Label(values=np.array([values], np.float32), valid=np.array([mask]), space=space)


@pytest.mark.parametrize("filler", [0.0, -1e9, 3e38, np.inf, -np.inf, np.nan])
def test_unit_range__only_valid_pixels_set_the_range(filler: float) -> None:
    unit = unit_range(label([0.25, filler, 0.3125, 0.5], [True, False, True, True]))
    assert unit.space is Space.AFFINE_DISPARITY
    np.testing.assert_array_equal(unit.values, [[0, 0, 0.25, 1]])
    np.testing.assert_array_equal(unit.valid, [[True, False, True, True]])


@pytest.mark.parametrize("wrong", [np.inf, -np.inf, np.nan])
def test_unit_range__what_is_no_number_is_not_valid(wrong: float) -> None:
    unit = unit_range(label([2, wrong, 4]))
    np.testing.assert_array_equal(unit.values, [[0, 0, 1]])
    np.testing.assert_array_equal(unit.valid, [[True, False, True]])


def test_unit_range__depth_is_inverted_and_sky_stays_0() -> None:
    unit = unit_range(label([np.inf, 1, 2, 4, 0], space=Space.DEPTH))
    np.testing.assert_array_equal(unit.values, [[0, 1, 0.5, 0.25, 0]])
    np.testing.assert_array_equal(unit.valid, [[True, True, True, True, False]])  # nothing is 0 metres away


def test_unit_range__sky_of_a_disparity_stays_0() -> None:
    np.testing.assert_array_equal(unit_range(label([0, 5, 10])).values, [[0, 0.5, 1]])


def test_unit_range__constants_between_datasets_cancel() -> None:
    values = np.random.default_rng(0).random(50).tolist()
    unit = unit_range(label(values))
    changed = unit_range(label([7 * value + 3 for value in values], space=Space.AFFINE_DISPARITY))
    np.testing.assert_allclose(changed.values, unit.values, atol=1e-6)


@pytest.mark.parametrize("values", [[5.0, 5.0], [0.0, 0.0], [7.0]])
def test_unit_range__constant_map_is_0_and_stays_valid(values: list[float]) -> None:
    unit = unit_range(label(values))
    np.testing.assert_array_equal(unit.values, [[0] * len(values)])
    assert unit.valid.all()


def test_unit_range__nothing_valid_gives_zeros() -> None:
    unit = unit_range(label([1, np.nan], [False, False]))
    np.testing.assert_array_equal(unit.values, [[0, 0]])
    assert not unit.valid.any()


def test_unit_range__leaves_the_label_it_was_given_alone() -> None:
    given = label([1, 2, np.inf])
    before = given.values.copy()
    unit_range(given)
    np.testing.assert_array_equal(given.values, before)
    assert given.valid.all()


# ---------------------------------------------------------------- camera


def seen(camera: Camera | None, row: float, column: float) -> tuple[float, float]:
    """Return the direction in which a pixel looks."""
    assert camera is not None
    return (column - camera.cx) / camera.fx, (row - camera.cy) / camera.fy


def with_camera(size: Size) -> Sample:
    return replace(coordinates(size), camera=Camera(fx=50, fy=40, cx=20.5, cy=11))


def test_crop__a_pixel_still_looks_the_same_way() -> None:
    sample = with_camera(Size(30, 40))
    cut = crop(sample, top=5, left=7, size=Size(20, 20))
    assert seen(cut.camera, 3, 4) == pytest.approx(seen(sample.camera, 8, 11))


def test_flip__a_pixel_looks_the_other_way_across() -> None:
    sample = with_camera(Size(30, 40))
    across, down = seen(flip(sample).camera, 6, 39 - 9)
    assert (-across, down) == pytest.approx(seen(sample.camera, 6, 9))


@pytest.mark.parametrize("size", [Size(60, 120), Size(10, 10), Size(30, 40)])
def test_resize__corners_of_the_picture_still_look_the_same_way(size: Size) -> None:
    sample = with_camera(Size(30, 40))
    small = resize(sample, size, "area")
    for h, w in ((0, 0), (1, 1), (0, 1)):
        old = seen(sample.camera, h * 30 - 0.5, w * 40 - 0.5)
        assert seen(small.camera, h * size.h - 0.5, w * size.w - 0.5) == pytest.approx(old)


def test_transforms__without_a_camera_there_is_none() -> None:
    sample = coordinates(Size(30, 40))
    rng = np.random.default_rng(0)
    assert cut_out(sample, Crop(size=16), "area", rng=rng).camera is None


# Metres


@pytest.mark.parametrize("space", [Space.DEPTH, Space.DISPARITY])
def test_metres__are_those_of_depth_and_of_disparity_within_the_limits(space: Space) -> None:
    depth = np.array([[0.0, 0.0005, 0.001, 2.5, 20.0, 20.5, np.inf]], np.float32)
    with np.errstate(divide="ignore"):
        values = depth if space is Space.DEPTH else 1 / depth
    found = metres(
        Label(values=values, valid=np.ones((1, 7), np.bool_), space=space), nearest=0.001, farthest=20
    )
    assert found.space is Space.DEPTH
    np.testing.assert_array_equal(found.valid, [[False, False, True, True, True, False, False]])
    np.testing.assert_allclose(found.values[found.valid], [0.001, 2.5, 20], rtol=1e-6)
    np.testing.assert_array_equal(found.values[~found.valid], 0)  # finite, whatever stood there


def test_metres__are_valid_only_where_the_label_is() -> None:
    values = np.array([[1, np.nan, 3]], np.float32)
    given = Label(values=values, valid=np.array([[True, False, False]]), space=Space.DEPTH)
    found = metres(given, nearest=0.001, farthest=20)
    np.testing.assert_array_equal(found.valid, [[True, False, False]])
    np.testing.assert_array_equal(found.values, [[1, 0, 0]])


def test_metres__there_are_none_in_affine_disparity() -> None:
    given = Label(
        values=np.ones((1, 1), np.float32), valid=np.ones((1, 1), np.bool_), space=Space.AFFINE_DISPARITY
    )
    with pytest.raises(LeadlineError, match="affine disparity has no metres"):
        metres(given, nearest=0.001, farthest=20)


def test_sparse_label__keeps_its_numbers_and_about_its_share_through_a_crop() -> None:
    rng = np.random.default_rng(0)
    valid = rng.random((120, 160)) < 0.04
    values = np.where(valid, rng.uniform(1, 80, valid.shape), np.nan).astype(np.float32)
    sample = Sample(
        image=np.zeros((120, 160, 3), np.uint8),
        label=Label(values=values, valid=valid, space=Space.DEPTH),
        id="test/lidar",
    )
    shares = []
    for seed in range(20):
        cut = cut_out(sample, Crop(size=64), "area", rng=np.random.default_rng(seed))
        assert cut.label is not None
        assert np.isin(cut.label.values[cut.label.valid], values[valid]).all()
        shares.append(cut.label.valid.mean())
    assert np.mean(shares) == pytest.approx(0.04, rel=0.15)
