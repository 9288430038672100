"""The predictor: maps of the picture's size, in order, the same alone or in company."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from leadline.data.files import read_picture
from leadline.models.checkpoints import digest
from leadline.models.network import Network
from leadline.models.variants import VARIANTS
from leadline.predict.looks import flip_disagreement, merged_look
from leadline.predict.predictor import Predictor, View, find_device
from leadline.types import LeadlineError, Size, Space, UnreadableError
from miniature import varied_network

SHAPES = [Size(64, 64), Size(37, 91), Size(91, 37), Size(64, 64), Size(12, 180), Size(1, 1), Size(37, 91)]


def picture(size: Size, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *size]).integers(0, 256, (*size, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def network() -> Network:
    return varied_network()


@pytest.fixture(scope="module")
def predictor(network: Network) -> Predictor:
    return Predictor(network, size=32, batch=2)


def test_predictor__mixed_sizes_together_equal_one_by_one(predictor: Predictor) -> None:
    pictures = [picture(size, seed) for seed, size in enumerate(SHAPES)]
    together = predictor(pictures)
    assert len(together) == len(pictures)
    for number, found in enumerate(together):
        alone = predictor(pictures[number])
        assert found.space is alone.space is Space.AFFINE_DISPARITY
        np.testing.assert_allclose(found.values, alone.values, rtol=1e-5, atol=1e-5)
    assert not np.allclose(together[0].values, together[3].values)  # of one size, and told apart


@pytest.mark.parametrize("size", [*SHAPES, Size(33, 65), Size(200, 7)], ids=str)
def test_predictor__the_map_has_the_size_of_the_picture(predictor: Predictor, size: Size) -> None:
    found = predictor(picture(size))
    assert found.values.shape == size
    assert found.values.dtype == np.float32
    assert np.isfinite(found.values).all()
    assert (found.values >= 0).all()


@pytest.mark.parametrize(
    ("size", "expected"), [(Size(64, 64), (32, 32)), (Size(37, 91), (32, 64)), (Size(10, 5), (64, 32))]
)
def test_prepare__short_side_and_multiple_are_the_networks(
    predictor: Predictor, size: Size, expected: tuple[int, int]
) -> None:
    assert predictor.prepare(picture(size)).shape == (*expected, 3)


def test_predictor__short_side_is_the_networks_own_unless_asked(network: Network) -> None:
    assert Predictor(network).prepare(picture(Size(10, 10))).shape == (224, 224, 3)


def test_maps__are_those_of_the_network(predictor: Predictor, network: Network) -> None:
    images = np.stack([picture(Size(32, 64), seed) for seed in range(3)])
    with torch.inference_mode():
        expected = network(network.normalise(torch.from_numpy(images).permute(0, 3, 1, 2)))
    found = predictor.maps(list(images))
    assert [tuple(one.shape) for one in found] == [(1, 1, 32, 64)] * 3
    torch.testing.assert_close(torch.cat(found), expected, rtol=1e-5, atol=1e-5)


def test_maps__of_nothing_are_none(predictor: Predictor) -> None:
    assert predictor.maps([]) == []
    assert predictor([]) == []


def test_predictor__takes_an_iterator(predictor: Predictor) -> None:
    assert len(predictor(picture(Size(32, 32), seed) for seed in range(3))) == 3


def test_restore__corners_keep_their_place_and_no_value_overshoots(predictor: Predictor) -> None:
    values = torch.zeros(1, 1, 4, 4)
    values[0, 0, 0, 0], values[0, 0, 3, 3] = 1, 2
    found = predictor.restore(View(values), Size(13, 31)).values
    assert found.shape == (13, 31)
    assert (found[0, 0], found[-1, -1]) == (1, 2)
    assert (found.min(), found.max()) == (0, 2)


@pytest.mark.parametrize("size", [Size(112, 160), Size(60, 84), Size(33, 50)])
def test_restore__puts_a_map_where_its_picture_was(predictor: Predictor, size: Size) -> None:
    columns = np.tile(np.arange(size.w, dtype=np.float32), (size.h, 1))
    small = cv2.resize(columns, (24, 16), interpolation=cv2.INTER_AREA)  # as pictures are made smaller
    found = predictor.restore(View(torch.from_numpy(small)[None, None]), size).values
    inside = slice(size.w // 24, -(size.w // 24))
    np.testing.assert_allclose(found[:, inside], columns[:, inside], atol=0.05)


def test_predictor__leaves_the_network_in_inference(network: Network) -> None:
    network.train()
    Predictor(network)
    assert not network.training


def test_predictor__no_gradients_are_kept(predictor: Predictor) -> None:
    assert not predictor.maps([picture(Size(32, 32))])[0].requires_grad


# What counts as a picture


def test_predictor__one_picture_gives_one_map_and_a_list_gives_a_list(predictor: Predictor) -> None:
    image = picture(Size(40, 56))
    one, several = predictor(image), predictor([image])
    assert isinstance(several, list)
    np.testing.assert_array_equal(one.values, several[0].values)
    assert np.ptp(one.values) > 0.01


def test_predictor__path_text_bytes_and_pil_give_what_the_array_gives(
    predictor: Predictor, tmp_path: Path
) -> None:
    image = picture(Size(40, 56))
    path = tmp_path / "a.png"
    Image.fromarray(image).save(path)
    expected = predictor(image).values
    for given in (path, str(path), path.read_bytes(), Image.open(path), Image.fromarray(image)):
        np.testing.assert_array_equal(predictor(given).values, expected)


def test_predictor__grey_is_three_equal_channels_and_views_of_memory_are_read_right(
    predictor: Predictor,
) -> None:
    grey, image = picture(Size(40, 56))[..., 0], picture(Size(40, 56))
    np.testing.assert_array_equal(predictor(grey).values, predictor(np.stack([grey] * 3, axis=2)).values)
    np.testing.assert_array_equal(
        predictor(image[::-1, :, ::-1]).values, predictor(image[::-1, :, ::-1].copy()).values
    )


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def odd_pictures() -> Iterator[tuple[str, bytes]]:
    rgb = Image.fromarray(picture(Size(20, 30)))
    turned = Image.Exif()
    turned[0x0112] = 6
    yield "rgba", saved(rgb.convert("RGBA"), "PNG")
    yield "grey with alpha", saved(Image.merge("LA", (rgb.getchannel(0), rgb.getchannel(1))), "PNG")
    yield "cmyk", saved(rgb.convert("CMYK"), "TIFF")
    yield "palette", saved(rgb.quantize(16), "PNG", transparency=3)
    yield "16 bit", saved(Image.fromarray(picture(Size(20, 30))[..., 0].astype(np.uint16) * 257), "PNG")
    yield "bilevel", saved(rgb.convert("1"), "PNG")
    yield "one pixel", saved(rgb.resize((1, 1)), "PNG")
    yield "rotated by EXIF", saved(rgb, "PNG", exif=turned)


def test_predictor__a_pil_image_without_a_pixel_is_refused(predictor: Predictor) -> None:
    with pytest.raises(UnreadableError, match="cannot be read as a picture: it has no pixel"):
        predictor(Image.new("RGB", (0, 5)))


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in odd_pictures()])
def test_predictor__a_pil_image_of_any_mode_is_what_its_file_is(predictor: Predictor, data: bytes) -> None:
    found = predictor(Image.open(BytesIO(data)))
    image = read_picture(data)
    assert found.values.shape == image.shape[:2]
    np.testing.assert_array_equal(found.values, predictor(image).values)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((4, 5, 3), np.float32), r"array of float32; values of 0 to 1 .*255"),
        (np.zeros((4, 5, 3), np.uint16), r"array of uint16; 16-bit values .*>> 8"),
        (np.zeros((4, 5, 3), bool), r"array of bool$"),
        (np.zeros((4, 5, 4), np.uint8), r"shape \(4, 5, 4\); .*RGBA.* BGRA is not guessed"),
        (np.zeros((3, 4, 5), np.uint8), r"shape \(3, 4, 5\); channels come last"),
        (np.zeros((2, 4, 5, 3), np.uint8), r"shape \(2, 4, 5, 3\); several go in as a list"),
        (np.zeros((0, 5, 3), np.uint8), r"shape \(0, 5, 3\)"),
        (torch.zeros(3, 4, 5, dtype=torch.uint8), r"got Tensor: .*permute"),
        (None, r"got NoneType"),
        (7, r"got int"),
        (io.BytesIO(b"a\nb"), r"got BytesIO"),
        (bytearray(b"ab"), r"got bytearray"),
    ],
)
def test_predictor__what_is_no_picture_is_refused_with_what_would_be_one(
    predictor: Predictor, given: Any, message: str
) -> None:
    start = "a picture is a path, a file's bytes, a PIL image, or "
    with pytest.raises(LeadlineError, match=rf"{start}.*{message}"):
        predictor(given)


def test_predictor__a_file_that_cannot_be_read_is_named(predictor: Predictor, tmp_path: Path) -> None:
    whole = saved(Image.fromarray(picture(Size(40, 56))), "PNG")
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    for given in (str(tmp_path / "gone.png"), tmp_path / "cut.png"):
        with pytest.raises(UnreadableError, match=rf"^{given} cannot be read as a picture"):
            predictor(given)
    with (
        Image.open(tmp_path / "cut.png") as lazy,
        pytest.raises(UnreadableError, match=r"cut\.png cannot be read as a picture"),
    ):
        predictor(lazy)
    with pytest.raises(UnreadableError, match="too narrow"):
        predictor(np.zeros((1, 51, 3), np.uint8))


def test_predictor__a_large_picture_costs_the_network_no_more(predictor: Predictor) -> None:
    image = np.zeros((3000, 4000, 3), np.uint8)
    assert predictor.prepare(image).shape == (32, 32, 3)
    assert predictor(image).values.shape == (3000, 4000)


def test_predict__takes_pictures_as_they_are_asked_for(predictor: Predictor) -> None:
    taken = []

    def pictures() -> Iterator[np.ndarray]:
        for number in range(100):
            taken.append(number)
            yield picture(Size(32, 32), number)

    maps = predictor.predict(pictures())
    next(maps)
    assert len(taken) <= 4 * predictor.batch + 1
    maps.close()  # type: ignore[attr-defined]


# Options


def test_size__is_the_short_side_that_the_network_sees(network: Network) -> None:
    assert Predictor(network, size=70).prepare(picture(Size(10, 20))).shape == (96, 128, 3)


@pytest.mark.parametrize(
    "option", [{"size": 0}, {"batch": 0}, {"size": -3}, {"size": 10**11}, {"batch": 10**9}]
)
def test_predictor__numbers_that_mean_nothing_are_refused(network: Network, option: dict[str, Any]) -> None:
    with pytest.raises(LeadlineError, match=r"(size|batch) is a whole number from 1 to 32767, got"):
        Predictor(network, **option)


@pytest.mark.parametrize("device", ["cuda:99", "gpu", "mps:7", "", "meta", "hpu"])
def test_device__one_that_is_not_there_is_refused_by_name(network: Network, device: str) -> None:
    with pytest.raises(LeadlineError, match=f"there is no device '{device}' here .*use auto, cpu, cuda"):
        Predictor(network, device=device)


def test_device__auto_is_the_best_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for cuda, mps, best in ((True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")):
        monkeypatch.setattr("torch.cuda.is_available", lambda found=cuda: found)
        monkeypatch.setattr("torch.backends.mps.is_available", lambda found=mps: found)
        assert find_device("auto") == torch.device(best)


def test_flip_average__is_the_mean_of_both_and_knows_no_left_and_right(network: Network) -> None:
    image = picture(Size(32, 64))
    plain, averaged = Predictor(network, size=32), Predictor(network, size=32, flip_average=True)
    mean = (plain(image).values + plain(image[:, ::-1]).values[:, ::-1]) / 2
    found = averaged(image).values
    np.testing.assert_allclose(found, mean, atol=1e-5)
    np.testing.assert_allclose(averaged(image[:, ::-1]).values, found[:, ::-1], atol=1e-5)
    assert not np.allclose(found, plain(image).values, atol=1e-3)


@pytest.fixture
def looking() -> Network:
    network = varied_network()
    network.variant = replace(network.variant, looks=(32, 96, 64))
    return network


def test_looks__move_the_finest_smoothly_to_their_mean_in_its_unit(looking: Network) -> None:
    image, alone = picture(Size(96, 128)), varied_network()
    singles = [one.maps([one.prepare(image)])[0] for one in (Predictor(alone, size=s) for s in (96, 64, 32))]
    resized = [
        F.interpolate(map, size=singles[0].shape[-2:], mode="bilinear")[0, 0].numpy() for map in singles
    ]
    medians = [np.sort(map.ravel())[(map.size - 1) // 2] for map in resized]
    spreads = [np.abs(map - median).mean() for map, median in zip(resized, medians, strict=True)]
    alike = [(map - median) / spread for map, median, spread in zip(resized, medians, spreads, strict=True)]
    assert np.abs(alike[0] - alike[1]).max() > 0.1, "looks alike would show nothing"
    change = medians[0] + spreads[0] * np.mean(alike, axis=0) - resized[0]
    change = cv2.resize(cv2.resize(change, (16, 12), interpolation=cv2.INTER_AREA), (128, 96))
    expected = resized[0] + change
    assert np.abs(change).max() > 0.1 * spreads[0], "looks that agree would show nothing"
    predictor = Predictor(looking)
    assert predictor.sides == (96, 64, 32)
    np.testing.assert_allclose(predictor.maps([image])[0][0, 0], expected, rtol=1e-4, atol=1e-5)


def test_looks__are_at_the_mirror_image_too_where_that_is_asked_for(looking: Network) -> None:
    image = picture(Size(96, 128))
    plain, averaged = Predictor(looking), Predictor(looking, flip_average=True)
    found = averaged(image).values
    np.testing.assert_allclose(averaged(image[:, ::-1]).values[:, ::-1], found, atol=1e-5)
    assert not np.allclose(plain(image).values, found, atol=1e-3)


def test_looks__of_several_pictures_are_those_of_each(looking: Network) -> None:
    predictor = Predictor(looking, batch=2)
    pictures = [picture(size, seed) for seed, size in enumerate(SHAPES)]
    for image, found in zip(pictures, predictor(pictures), strict=True):
        np.testing.assert_allclose(found.values, predictor(image).values, rtol=1e-4, atol=1e-4)


def test_looks__that_are_not_smaller_give_way_to_the_size_that_is_asked_for(
    looking: Network, network: Network
) -> None:
    assert Predictor(looking, size=224).sides == (224, 96, 64, 32)
    assert Predictor(looking, size=96).sides == (96, 64, 32)
    assert Predictor(network, size=224).sides == (224,)
    image = picture(Size(40, 56))
    one, plain = Predictor(looking, size=32), Predictor(network, size=32)
    np.testing.assert_array_equal(one(image).values, plain(image).values)


def step(near: float, far: float) -> torch.Tensor:
    """Return a map of 56x70 with a thin near strip before what is far."""
    map = torch.full((1, 1, 56, 70), far)
    map[..., 30:33] = near
    return map


def test_looks__keep_the_edges_of_the_finest_and_the_whole_of_all() -> None:
    slope = torch.linspace(0, 20, 56)[:, None].expand(56, 70)
    finest, coarse = step(9.0, 1.0) + slope, slope[None, None, ::2, ::2] * 2
    found = merged_look([finest, coarse], Space.AFFINE_DISPARITY)
    for column in (29, 32):  # both sides of the strip
        assert (found[..., column : column + 2].diff(dim=-1).abs() > 7).all()
    assert (found - finest).abs().max() > 0.5
    assert (found - finest).diff(dim=-1).abs().max() < 0.4
    blurred = torch.cat([finest, F.interpolate(coarse, size=(56, 70), mode="bilinear", align_corners=True)])
    assert blurred.mean(dim=0)[0, :, 29:31].diff(dim=-1).abs().max() < 5, "the mean would do"


@pytest.mark.parametrize("space", [Space.DEPTH, Space.DISPARITY])
def test_looks__of_metres_are_moved_by_a_factor_within_what_was_seen(space: Space) -> None:
    maps = [torch.full((1, 1, 4, 4), 2.0), torch.full((1, 1, 2, 2), 5.0)]
    torch.testing.assert_close(merged_look(maps, space), torch.full((1, 1, 4, 4), 3.5))
    found = merged_look([step(0.5, 8.0), torch.full((1, 1, 28, 35), 3.0)], space)
    assert found.min() >= 0.5
    assert found.max() <= 8.0
    assert found[0, 0, :, 31].max() < 0.8, "the strip stays near"
    assert found[0, 0, 28, 5] == pytest.approx(5.5, rel=0.02)
    holes = merged_look([torch.zeros(1, 1, 4, 4), torch.full((1, 1, 2, 2), 5.0)], space)
    assert torch.isfinite(holes).all()


def test_looks__of_a_flat_map_are_flat() -> None:
    maps = [torch.full((1, 1, 4, 4), 2.0), torch.full((1, 1, 2, 2), 5.0)]
    assert torch.equal(merged_look(maps, Space.AFFINE_DISPARITY), torch.full((1, 1, 4, 4), 2.0))


@pytest.mark.parametrize(("precision", "error"), [("float32", 1e-5), ("bfloat16", 0.05)])
def test_predictor__runs_what_was_folded_and_keeps_the_network(
    network: Network, precision: Any, error: float
) -> None:
    before, image = digest(network), picture(Size(64, 64))
    predictor = Predictor(network, size=64, precision=precision)
    [map] = predictor.maps([image])
    with torch.inference_mode():
        pictures = torch.from_numpy(image).permute(2, 0, 1)[None]
        expected = network(network.normalise(pictures))
    assert (map - expected).abs().max() < error * expected.abs().max()
    assert digest(predictor.network) == before
    assert predictor.network is network


def test_disagreement__is_given_when_asked_for_and_leaves_the_map_alone(network: Network) -> None:
    image = picture(Size(48, 64))
    plain, sure = Predictor(network, size=32)(image), Predictor(network, size=32, disagreement=True)(image)
    assert plain.disagreement is None
    np.testing.assert_allclose(sure.values, plain.values, atol=1e-5)
    assert sure.disagreement is not None
    assert sure.disagreement.shape == (48, 64)
    assert (sure.disagreement >= 0).all()
    assert sure.disagreement.max() > 0.01


def test_disagreement__of_affine_disparity_is_blind_to_scale_and_shift() -> None:
    straight = torch.rand(1, 1, 8, 9)
    same = flip_disagreement(straight, 3 * straight + 5, Space.AFFINE_DISPARITY)
    assert same.max() < 1e-4
    values = torch.tensor([-3.0, -1, 0, 1, 3])[None, None, None]
    other = values.clone()
    other[..., 0], other[..., -1] = 3, -3  # median 0 and mean absolute deviation 8/5 stay
    found = flip_disagreement(values, other, Space.AFFINE_DISPARITY)
    np.testing.assert_allclose(found[0, 0, 0], [6 / 1.6, 0, 0, 0, 6 / 1.6], rtol=1e-6)


def test_disagreement__is_never_negative_where_maps_are_enlarged_bicubically() -> None:
    network = Network("tiny")
    network.variant = replace(network.variant, enlargement="bicubic")
    straight = torch.rand(1, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    mirrored = straight.clone()
    mirrored[..., 5, 5] += 0.5
    predictor = Predictor(network, device="cpu", disagreement=True)
    found = predictor.restore(View(straight, mirrored), Size(60, 60)).disagreement
    assert found is not None
    assert found.min() >= 0


@pytest.mark.parametrize("space", [Space.DEPTH, Space.DISPARITY])
def test_disagreement__of_a_metric_map_is_a_share_of_its_mean(space: Space) -> None:
    straight, mirrored = torch.tensor([1.0, 0, 9, 0]), torch.tensor([1.0, 0, 11, 2])
    found = flip_disagreement(straight[None, None, None], mirrored[None, None, None], space)
    np.testing.assert_allclose(found[0, 0, 0], [0, 0, 0.2, 2], rtol=1e-6)


def test_precision__bfloat16_is_near_and_leaves_the_network_as_it_is(network: Network) -> None:
    image = picture(Size(32, 64))
    exact = Predictor(network, size=32, precision="float32")(image).values
    predictor = Predictor(network, size=32, precision="bfloat16")
    found = predictor(image).values
    assert found.dtype == np.float32
    error = np.abs(found - exact).max() / np.ptp(exact)
    assert 1e-5 < error < 0.1
    assert {p.dtype for p in predictor.network.parameters()} == {torch.float32}


def test_precision__auto_is_exact_on_a_cpu(network: Network) -> None:
    assert Predictor(network, device="cpu").dtype == torch.float32


@pytest.fixture
def broken(network: Network, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Predictor]:
    def breaking(behaviour: Any) -> Predictor:
        monkeypatch.setattr(network, "forward", behaviour)
        return Predictor(network, size=32)

    return breaking


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_predictor__a_map_that_is_not_finite_is_refused(
    broken: Callable[[Any], Predictor], value: float
) -> None:
    predictor = broken(lambda image: torch.full_like(image[:, :1], value))
    with pytest.raises(LeadlineError, match="not finite: its weights are damaged"):
        predictor(picture(Size(32, 32)))


def test_predictor__too_little_memory_says_what_to_lower(broken: Callable[[Any], Predictor]) -> None:
    def full(image: torch.Tensor) -> torch.Tensor:
        raise torch.cuda.OutOfMemoryError("out of memory")

    with pytest.raises(
        LeadlineError, match=r"cpu has too little memory for 1 pictures of 32x32 at once: lower batch"
    ):
        broken(full)(picture(Size(32, 32)))


@pytest.mark.parametrize("error", [MemoryError(), cv2.error("Insufficient memory (Failed)")])
def test_predictor__too_little_memory_to_resize_says_what_to_lower(
    predictor: Predictor, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr("leadline.predict.predictor.resize_for_network", full)
    with pytest.raises(LeadlineError, match=r"cpu has too little memory for a picture of .*lower batch"):
        predictor(picture(Size(32, 32)))


def test_predict__of_one_picture_alone_is_refused(predictor: Predictor) -> None:
    for alone in (picture(Size(32, 32)), "photo.jpg"):
        with pytest.raises(LeadlineError, match="for one, call the predictor itself"):
            list(predictor.predict(alone))


def test_restore__enlarges_as_the_authors_do() -> None:
    small = torch.rand(1, 1, 6, 8, generator=torch.Generator().manual_seed(0))
    size = Size(30, 41)
    network = Network("tiny")
    for enlargement, options in (
        ("bilinear", {"mode": "bilinear", "align_corners": True}),
        ("bicubic", {"mode": "bicubic", "align_corners": False}),  # MiDaS, run.py
        ("centres", {"mode": "bilinear", "align_corners": False}),  # ours, as pictures are made smaller
    ):
        network.variant = replace(network.variant, enlargement=enlargement)  # type: ignore[arg-type]
        found = Predictor(network, device="cpu").restore(View(small), size).values
        expected = F.interpolate(small, size=tuple(size), **options)[0, 0]  # type: ignore[arg-type]
        np.testing.assert_array_equal(found, expected.numpy())


def test_published_networks__enlarge_as_theirs_and_ours_by_centres() -> None:
    how = {"midas": "bicubic", "depth": "bilinear"}
    for name, variant in VARIANTS.items():
        assert variant.enlargement == how.get(name.partition("-")[0], "centres")
