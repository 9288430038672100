"""The predictor: maps of the picture's size, in order, the same alone or in company."""

import numpy as np
import pytest
import torch

from leadline.models.network import Network
from leadline.predict.predictor import Predictor, View
from leadline.types import Size, Space

SHAPES = [Size(64, 64), Size(37, 91), Size(91, 37), Size(64, 64), Size(12, 180), Size(1, 1), Size(37, 91)]


def picture(size: Size, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *size]).integers(0, 256, (*size, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    return Network("tiny").eval()


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


def test_restore__is_linear_from_corner_to_corner(predictor: Predictor) -> None:
    ramp = torch.arange(4.0)[None, None, None].expand(1, 1, 4, 4)
    found = predictor.restore(View(ramp), Size(5, 7)).values
    np.testing.assert_allclose(found, np.tile(np.linspace(0, 3, 7), (5, 1)), atol=1e-6)


def test_predictor__leaves_the_network_in_inference(network: Network) -> None:
    network.train()
    Predictor(network)
    assert not network.training


def test_predictor__no_gradients_are_kept(predictor: Predictor) -> None:
    assert not predictor.maps([picture(Size(32, 32))])[0].requires_grad
