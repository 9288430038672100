"""DA-2K: pictures of eight kinds, with pairs of points of which one is closer."""

from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path

from leadline.data.layout import Fields, Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.points import read_pairs
from leadline.types import PointPair

_SCENARIOS = (
    "indoor",
    "outdoor",
    "non_real",
    "transparent_reflective",
    "adverse_style",
    "aerial",
    "underwater",
    "object",
)
_ANNOTATIONS = "annotations.json"


@lru_cache(maxsize=4)
def _annotated(file: Path) -> Mapping[str, tuple[PointPair, ...]]:
    return {picture.removeprefix("./"): pairs for picture, pairs in read_pairs(file).items()}


def _listed(root: Path, *, scenario: str) -> Iterator[Fields]:
    for path in _annotated(root / _ANNOTATIONS) if (root / _ANNOTATIONS).exists() else ():
        kind, frame = Path(path).parts[-2:]
        if scenario in ("", kind):
            yield kind, frame


def _layout(scenario: str = "") -> Layout:
    return Layout({"picture": "images/{scenario}/{frame}"}, entries=partial(_listed, scenario=scenario))


def _pairs(frame: Frame) -> tuple[PointPair, ...]:
    return _annotated(frame.root / _ANNOTATIONS)[frame.layout.fill("picture", frame.fields)]


DATASET = Dataset(
    name="da-2k",
    title="DA-2K",
    roles="benchmark of V2: which of two points is closer",
    licence="not stated (unverified)",
    home="https://huggingface.co/datasets/depth-anything/DA-2K",
    size="1K pictures, 2K pairs",
    rules="annotations.json: points are [row, column], closer_point names the closer one (DA-2K.md of Depth "
    "Anything V2); the folder below images is the scenario. Ties and scores are the protocol's.",
    splits={"all": (_layout(),), **{scenario: (_layout(scenario),) for scenario in _SCENARIOS}},
    test="all",
    pairs=_pairs,
)
