"""Photographs that packages of the extra `demo` ship: pictures that everyone has and that may be shown."""

import importlib.util
from pathlib import Path

from leadline.types import LeadlineError

PHOTOGRAPHS = {
    "skimage/data/astronaut.png": "astronaut, NASA, public domain",
    "skimage/data/camera.png": "camera, Lav Varshney, CC0",
    "skimage/data/chelsea.png": "cat, Stefan van der Walt, CC0",
    "skimage/data/coffee.png": "coffee, Rachel Michetti, CC0",
    "skimage/data/rocket.jpg": "rocket, SpaceX, public domain",
    "sklearn/datasets/images/china.jpg": "palace, danielbuechele, CC BY 2.0",
    "sklearn/datasets/images/flower.jpg": "flower, vultilion, CC BY 2.0",
}
"""File in an installed package -> what it shows, by whom, on which terms."""


def located(place: str) -> Path:
    """Return the path of a file in an installed package, written ``package/path``.

    Raises:
        LeadlineError: where the package, or the file in it, is missing.
    """
    package, _, file = place.partition("/")
    spec = importlib.util.find_spec(package)
    path = None if spec is None or spec.origin is None else Path(spec.origin).parent / file
    if path is None or not path.exists():
        raise LeadlineError(f"{place} is missing: pip install 'leadline[demo]'")
    return path
