"""The renderer as a labelled source."""

import itertools
from collections.abc import Sequence

import numpy as np

from leadline.render.places import draw_scene
from leadline.render.raycast import Caster, Hits
from leadline.render.scene import Scene
from leadline.render.shading import take_picture
from leadline.types import Label, Sample, Size, Space

VERSION = "1"
"""Of the pictures: raised whenever a seed would give others than before."""

_SIZE = Size(192, 256)

_PROBE = Size(36, 48)
"""Rays that judge a view; the same for every picture size, so that the size never changes the scene."""


class ProceduralSource:
    """Pictures of drawn rooms, table tops and open ground with their exact disparity.

    A sample is a pure function of the seed, its index and the size, and the view one of seed and index
    alone. Every pixel is valid, sky with disparity 0.
    """

    name = "procedural"

    def __init__(self, count: int, *, size: Size = _SIZE, seed: int = 0) -> None:
        """Offer `count` samples; raises `ValueError` where `count` or a side of `size` is below 1."""
        if count < 1 or min(size) < 1:
            raise ValueError(f"count and size must be at least 1, got {count=}, size={size}")
        self._count, self._size, self._seed = count, size, seed

    def __len__(self) -> int:
        """Return the number of samples."""
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """Render one sample.

        Raises:
            IndexError: outside ``0 <= index < len(self)``, which also ends an iteration.
            LeadlineError: where embreex is not installed.
        """
        if not 0 <= index < self._count:
            raise IndexError(f"sample {index} of a source of {self._count}")
        scene, caster = draw_view((self._seed, index))
        noise = np.random.default_rng((self._seed, index, 1))
        return Sample(
            image=take_picture(scene, caster, size=self._size, rng=noise),
            label=label_view(scene, caster, size=self._size),
            id=f"{self.name}/{self._seed}/{index:06d}",
        )

    def provenance(self) -> dict[str, str]:
        """Say which generator made the pictures, and from what."""
        return {
            "name": self.name,
            "version": VERSION,
            "seed": str(self._seed),
            "size": str(self._size),
            "licence": "Apache-2.0 (generated)",
        }


def draw_view(seed: Sequence[int]) -> tuple[Scene, Caster]:
    """Draw scenes until one is worth showing: the same for the same seed, and fresh ones by turns."""
    for attempt in itertools.count():
        scene = draw_scene(np.random.default_rng((*seed, 0, attempt)))
        caster = Caster(scene.bodies)
        if worth_showing(caster.cast(scene.camera.position, scene.camera.rays(_PROBE))):
            return scene, caster
    raise AssertionError("unreachable: counting does not end")


def worth_showing(hits: Hits) -> bool:
    """Whether a view teaches something.

    Not where one body fills more than 60 %, sky more than 85 %, or something is nearer than 0.15 m.
    """
    share = np.bincount(hits.body + 1) / len(hits.body)
    return bool(share[0] <= 0.85 and share[1:].max(initial=0) <= 0.6 and hits.depth.min() >= 0.15)


def label_view(scene: Scene, caster: Caster, *, size: Size) -> Label:
    """Return the disparity along the rays through the pixel centres."""
    hits = caster.cast(scene.camera.position, scene.camera.rays(size))
    values = (1 / hits.depth).astype(np.float32).reshape(size)
    return Label(values=values, valid=np.ones(size, bool), space=Space.DISPARITY)
