"""What reaches the network is what the authors' own preprocessing gives."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from leadline.geometry import fit_size
from leadline.models.network import Network
from leadline.models.variants import Pyramid, find_variant
from leadline.predict.predictor import Predictor
from leadline.types import Size

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def authors_input(image: np.ndarray, side: int = 518) -> np.ndarray:
    """Preprocess as depth_anything_v2/dpt.py's image2tensor: float64, lower bound, multiple of 14, cubic."""
    scaled = image / 255.0
    scale = max(side / image.shape[0], side / image.shape[1])

    def rounded(length: int) -> int:
        value = int(np.round(scale * length / 14) * 14)
        return value if value >= side else int(np.ceil(scale * length / 14) * 14)

    h, w = rounded(image.shape[0]), rounded(image.shape[1])
    resized = cv2.resize(scaled, (w, h), interpolation=cv2.INTER_CUBIC)
    return np.transpose((resized - MEAN) / DEVIATION, (2, 0, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    """Return a predictor that prepares as Depth Anything's, around a network that is never run."""
    variant = find_variant("depth-anything-v2-small")
    small = replace(variant, encoder=Pyramid(name="tf_efficientnet_lite0"), widths=())
    return Predictor(Network("x", variant=small), device="cpu")


@pytest.mark.parametrize("size", [(518, 518), (480, 640), (333, 500), (1100, 700), (37, 53), (600, 599)])
def test_prepared_picture__is_the_authors(predictor: Predictor, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    prepared = torch.from_numpy(predictor.prepare(image)).permute(2, 0, 1)[None]
    found = predictor.network.normalise(prepared)[0].numpy()
    expected = authors_input(image)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=5e-6)
    beyond = (image.max() / 255 - MEAN.min()) / DEVIATION.min()
    assert size == (518, 518) or found.max() > beyond  # cubic interpolation overshoots, and that is kept


@pytest.mark.parametrize("size", [(480, 640), (1000, 333), (518, 700), (2000, 3001)])
def test_input_size__is_the_authors(size: tuple[int, int]) -> None:
    small = np.zeros((*size, 3), np.uint8)
    expected = authors_input(small).shape[1:]
    assert fit_size(Size(*size), Size(518, 518), multiple=14, bound="lower") == expected
