"""Perturbations: zeros change nothing, strengths do what they say, everything follows from the generator."""

from typing import Any

import numpy as np
import pytest

from leadline.data.perturb import NONE, Perturbation, cutmix_box, distort
from leadline.types import Size

LUMA = np.array([0.299, 0.587, 0.114])
NAMES = ("jitter", "brightness", "contrast", "saturation", "hue", "grey", "blur", "cutmix")


def picture(h: int = 24, w: int = 31, *, low: int = 0, high: int = 256) -> np.ndarray:
    return np.random.default_rng(5).integers(low, high, (h, w, 3), dtype=np.uint8)


def only(**strengths: float) -> Perturbation:
    return Perturbation(**{**dict.fromkeys(NAMES, 0.0), **strengths})


class Fixed(np.random.Generator):
    """Draws the given shares, strengths (brightness, contrast, saturation, hue) and deviation of the blur."""

    def __init__(
        self, *strengths: float, shares: tuple[float, float, float] = (0.0, 0.0, 0.0), sigma: float = 1
    ) -> None:
        super().__init__(np.random.PCG64(0))
        self.strengths, self.shares, self.sigma = strengths, shares, sigma

    def random(self, *args: Any, **options: Any) -> Any:
        return np.array(self.shares)

    def uniform(self, *args: Any, size: Any = None, **options: Any) -> Any:
        return self.sigma if size is None else np.array(self.strengths or (0.0, 0.0, 0.0, 0.0))


# ---------------------------------------------------------------- nothing changes


@pytest.mark.parametrize("config", [NONE, only(), only(jitter=1)], ids=["NONE", "zeros", "jitter of zeros"])
def test_distort__zeros_change_nothing_bit_for_bit(config: Perturbation) -> None:
    image = picture()
    for seed in range(20):
        np.testing.assert_array_equal(distort(image, config, rng=np.random.default_rng(seed)), image)


def test_distort__leaves_the_picture_it_was_given_alone() -> None:
    image = picture()
    before = image.copy()
    for seed in range(20):
        distort(image, only(jitter=1, brightness=1, grey=1, blur=1), rng=np.random.default_rng(seed))
    np.testing.assert_array_equal(image, before)


def test_distort__follows_from_the_generator_alone() -> None:
    image, config = picture(), Perturbation()
    first, second, other = (
        [distort(image, config, rng=rng) for _ in range(4)] for rng in map(np.random.default_rng, (1, 1, 2))
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[0], first[1])


def test_distort__strengths_do_not_change_what_is_drawn_after_them() -> None:
    left = []
    for config in (NONE, Perturbation(), only(blur=1)):
        rng = np.random.default_rng(3)
        distort(picture(), config, rng=rng)
        left.append(rng.random())
    assert len(set(left)) == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_distort__takes_tiny_and_mirrored_pictures(size: tuple[int, int]) -> None:
    image = picture(*size)
    config = Perturbation(jitter=1, grey=0, blur=1)
    for seed in range(5):
        done = distort(image[:, ::-1], config, rng=np.random.default_rng(seed))
        assert done.shape == image.shape
        assert done.dtype == np.uint8
        straight = distort(np.ascontiguousarray(image[:, ::-1]), config, rng=np.random.default_rng(seed))
        np.testing.assert_array_equal(done, straight)


# ---------------------------------------------------------------- each strength by hand


@pytest.mark.parametrize(("strength", "factor"), [(1.0, 1.4), (-1.0, 0.6), (0.5, 1.2)])
def test_brightness__multiplies_and_clips(strength: float, factor: float) -> None:
    image = picture()
    done = distort(image, only(jitter=1, brightness=0.4), rng=Fixed(strength, 0, 0, 0))
    np.testing.assert_allclose(done, np.clip(image * factor, 0, 255), atol=0.6)


@pytest.mark.parametrize(("strength", "factor"), [(1.0, 1.5), (-1.0, 0.5), (-0.2, 0.9)])
def test_contrast__spreads_about_the_mean_grey(strength: float, factor: float) -> None:
    image = picture(low=30, high=200)
    mean = (image @ LUMA).mean()
    done = distort(image, only(jitter=1, contrast=0.5), rng=Fixed(0, strength, 0, 0))
    np.testing.assert_allclose(done, np.clip(mean + factor * (image - mean), 0, 255), atol=0.6)


def test_contrast__comes_after_brightness() -> None:
    image = picture(low=40, high=120)
    bright = image * 1.25
    mean = (bright @ LUMA).mean()
    done = distort(image, only(jitter=1, brightness=0.5, contrast=0.5), rng=Fixed(0.5, 1, 0, 0))
    np.testing.assert_allclose(done, np.clip(mean + 1.5 * (bright - mean), 0, 255), atol=0.6)


@pytest.mark.parametrize(("strength", "factor"), [(-1.0, 0.5), (1.0, 1.5)])
def test_saturation__moves_colours_from_their_grey(strength: float, factor: float) -> None:
    image = picture(low=60, high=160)
    grey = (image @ LUMA)[..., None]
    done = distort(image, only(jitter=1, saturation=0.5), rng=Fixed(0, 0, strength, 0))
    np.testing.assert_allclose(done, np.clip(grey + factor * (image - grey), 0, 255), atol=0.6)


@pytest.mark.parametrize(("strength", "channels"), [(1.0, [2, 0, 1]), (-1.0, [1, 2, 0])])
def test_hue__a_third_of_the_circle_moves_the_channels_on(strength: float, channels: list[int]) -> None:
    image = picture()
    done = distort(image, only(jitter=1, hue=1 / 3), rng=Fixed(0, 0, 0, strength))
    np.testing.assert_array_equal(done, image[..., channels])


def test_hue__keeps_greys_and_the_sum_of_the_channels() -> None:
    greys = np.repeat(picture()[..., :1], 3, axis=-1)
    colours = picture(low=100, high=150)
    config = only(jitter=1, hue=0.5)
    for seed in range(20):
        np.testing.assert_array_equal(distort(greys, config, rng=np.random.default_rng(seed)), greys)
        turned = distort(colours, config, rng=np.random.default_rng(seed))
        assert np.abs(turned.sum(axis=-1) - 1.0 * colours.sum(axis=-1)).max() <= 2  # three roundings


def test_saturation__keeps_greys() -> None:
    greys = np.repeat(picture()[..., :1], 3, axis=-1)
    for seed in range(20):
        done = distort(greys, only(jitter=1, saturation=1), rng=np.random.default_rng(seed))
        np.testing.assert_array_equal(done, greys)


@pytest.mark.parametrize("jitter", [0, 1])
def test_grey__gives_equal_channels(jitter: float) -> None:
    config = Perturbation(jitter=jitter, grey=1, blur=0)
    for seed in range(10):
        done = distort(picture(), config, rng=np.random.default_rng(seed))
        np.testing.assert_array_equal(done[..., 0], done[..., 1])
        np.testing.assert_array_equal(done[..., 0], done[..., 2])


def test_grey__is_the_luma_of_the_picture() -> None:
    done = distort(picture(), only(grey=1), rng=Fixed())
    np.testing.assert_allclose(done[..., 0], picture() @ LUMA, atol=0.6)


def test_grey__comes_after_the_jitter() -> None:
    done = distort(picture(), only(jitter=1, brightness=0.5, grey=1), rng=Fixed(-1, 0, 0, 0))
    np.testing.assert_allclose(done[..., 0], 0.5 * picture() @ LUMA, atol=0.6)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_blur__spreads_a_point_as_a_gaussian_does(sigma: float) -> None:
    point = np.zeros((21, 21, 3), np.uint8)
    point[10, 10] = 255
    done = distort(point, only(blur=1), rng=Fixed(sigma=sigma))
    offsets = np.arange(-10, 11)
    row = np.exp(-(offsets**2) / (2 * sigma**2))
    np.testing.assert_allclose(done[..., 0], 255 * np.outer(row, row) / row.sum() ** 2, atol=1.5)


def test_blur__deviates_by_up_to_two_pixels() -> None:
    point = np.zeros((21, 21, 3), np.uint8)
    point[10, 10] = 255
    peaks = [distort(point, only(blur=1), rng=np.random.default_rng(s)).max() for s in range(200)]
    assert max(peaks) == 255  # 0.1 pixels
    assert 10 <= min(peaks) <= 11  # 2 pixels: 255 / (2 * pi * 2**2)


@pytest.mark.parametrize(("name", "place"), [("jitter", 0), ("grey", 1), ("blur", 2)])
def test_distort__a_draw_below_the_share_switches_it_on(name: str, place: int) -> None:
    config = only(**{"brightness": 0.5, name: 0.4})
    for draw, changes in ((0.39, True), (0.41, False)):
        shares = [0.0, 0.0, 0.0]  # the others are off whatever they draw
        shares[place] = draw
        done = distort(picture(), config, rng=Fixed(-1, 0, 0, 0, shares=(shares[0], shares[1], shares[2])))
        assert np.array_equal(done, picture()) is not changes


def test_distort__draws_strengths_on_both_sides_and_up_to_their_limit() -> None:
    grey = np.full((2, 2, 3), 100, np.uint8)
    means = [
        distort(grey, only(jitter=1, brightness=0.5), rng=np.random.default_rng(s)).mean() for s in range(200)
    ]
    assert 50 <= min(means) <= 53
    assert 147 <= max(means) <= 150


@pytest.mark.parametrize("name", ["jitter", "grey", "blur", "cutmix"])
@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_perturbation__refuses_shares_that_are_none(name: str, share: float) -> None:
    with pytest.raises(ValueError, match=rf"perturb\.{name}: a share .* got {share}"):
        Perturbation(**{name: share})


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue"])
@pytest.mark.parametrize("strength", [-0.1, np.nan, np.inf])
def test_perturbation__refuses_strengths_that_are_none(name: str, strength: float) -> None:
    with pytest.raises(ValueError, match=rf"perturb\.{name}: a strength is 0 or more, got {strength}"):
        Perturbation(**{name: strength})


# ---------------------------------------------------------------- CutMix


def boxes(size: Size, count: int = 400) -> list[tuple[int, int, int, int]]:
    drawn = [cutmix_box(size, rng=np.random.default_rng(seed)) for seed in range(count)]
    return [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in drawn]


@pytest.mark.parametrize(
    "size",
    [
        Size(518, 518),
        Size(160, 160),
        Size(64, 96),
        Size(7, 7),
        Size(3, 2),
        Size(2, 2),
        Size(1, 9),
        Size(1, 1),
    ],
    ids=str,
)
def test_cutmix_box__lies_inside_and_is_never_empty(size: Size) -> None:
    for top, bottom, left, right in boxes(size):
        assert 0 <= top < bottom <= size.h
        assert 0 <= left < right <= size.w


@pytest.mark.parametrize("size", [Size(518, 518), Size(64, 64), Size(100, 160), Size(9, 9)], ids=str)
def test_cutmix_box__covers_2_to_40_percent(size: Size) -> None:
    area = size.h * size.w
    shares = []
    for top, bottom, left, right in boxes(size):
        h, w = bottom - top, right - left
        assert h * w <= max(1, 0.4 * area)
        assert (h + 1) * (w + 1) >= 0.02 * area  # sides are rounded down
        shares.append(h * w / area)
    assert min(shares) < 0.05
    assert max(shares) > 0.3


def test_cutmix_box__reaches_2_and_40_percent() -> None:
    drawn = boxes(Size(518, 518))
    shares = [(bottom - top) * (right - left) / 518**2 for top, bottom, left, right in drawn]
    assert min(shares) < 0.025
    assert max(shares) > 0.38


def test_cutmix_box__is_neither_too_long_nor_too_high_and_reaches_all_borders() -> None:
    drawn = boxes(Size(200, 200))
    ratios = [(bottom - top) / (right - left) for top, bottom, left, right in drawn]
    assert min(ratios) >= 0.27  # 0.3, but for rounding
    assert max(ratios) <= 3.7
    assert min(ratios) < 0.5
    assert max(ratios) > 2
    assert min(box[0] for box in drawn) <= 2
    assert max(box[1] for box in drawn) >= 198
    assert min(box[2] for box in drawn) <= 2
    assert max(box[3] for box in drawn) >= 198
    assert max(box[0] for box in drawn) > 120
    assert max(box[2] for box in drawn) > 120


def test_cutmix_box__touches_every_border_of_a_small_picture() -> None:
    drawn = boxes(Size(16, 16))
    low = [(top, bottom) for top, bottom, _, _ in drawn if bottom - top < 16]
    narrow = [(left, right) for _, _, left, right in drawn if right - left < 16]
    for spans in (low, narrow):
        assert min(start for start, _ in spans) == 0
        assert max(stop for _, stop in spans) == 16


def test_cutmix_box__follows_from_the_generator() -> None:
    assert boxes(Size(50, 50), 5) == boxes(Size(50, 50), 5)
    assert len(set(boxes(Size(50, 50), 50))) > 40
