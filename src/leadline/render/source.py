"""The renderer as a labelled source: a scene is a pure function of a recipe, a seed and a number."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from leadline.render import path
from leadline.render.labels import Truth, label_view
from leadline.render.lens import PERFECT, develop, draw_lens
from leadline.render.light import lit_by, read_panorama
from leadline.render.open_air import OUTDOOR
from leadline.render.palette import Dice
from leadline.render.photographs import draw_photographs, fingerprint, list_files
from leadline.render.picture import take_picture
from leadline.render.portraits import draw_portrait
from leadline.render.raycast import Caster
from leadline.render.rooms import INDOOR
from leadline.render.scene import Camera, Scene
from leadline.render.views import draw_camera
from leadline.types import Sample, Size

VERSION = "12"
"""Of the pictures and their labels: raised whenever a seed would give others than before."""

ENDLESS = 1_000_000
"""Samples of a source that is asked for no number: more than a training sees."""

Quality = Literal["fast", "path"]
LAYOUTS: dict[str, Callable[[Dice, str], Scene]] = {**INDOOR, "portrait": draw_portrait, **OUTDOOR}

SIZE = Size(192, 256)
_PICTURES, _TEXTURES = 5, 5  # photographs that a scene may use


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What scenes are made of, and how they are shown."""

    layouts: tuple[str, ...] = tuple(LAYOUTS)
    """Kinds of places, each as likely as another."""
    views: int = 2
    """Pictures of each scene."""
    quality: Quality = "fast"
    """How light is computed: by the fast shading, or by tracing paths (needs the extra render-path)."""
    textures: Path | None = None
    """Folder of photographs that surfaces may wear."""
    environment: Path | None = None
    """Folder of Radiance HDR pictures that light scenes."""
    lens: bool = True
    """Whether pictures suffer from a camera's imperfections."""

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        unknown = [name for name in self.layouts if name not in LAYOUTS]
        if unknown or not self.layouts:
            near = get_close_matches("".join(unknown[:1]), LAYOUTS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(LAYOUTS)}"
            raise ValueError(f"layouts: got {', '.join(unknown) or 'none'}; {hint}")
        if self.views < 1:
            raise ValueError(f"views: at least 1 picture a scene, got {self.views}")


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A scene, ready to be shown."""

    scene: Scene
    caster: Caster
    cameras: tuple[Camera, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A picture and what is known about it."""

    image: UInt8[np.ndarray, "h w 3"]
    truth: Truth
    layout: str


class ProceduralSource:
    """Pictures of drawn scenes with their exact disparity.

    A sample is a pure function of recipe, seed, index and size, and the view one of all but the size.
    Every pixel is valid, sky with disparity 0.
    """

    name = "procedural"

    def __init__(
        self, count: int = ENDLESS, *, size: Size = SIZE, seed: int = 0, recipe: Recipe | None = None
    ) -> None:
        """Offer `count` samples.

        Raises:
            ValueError: where `count` or a side of `size` is below 1, or `seed` below 0.
        """
        if count < 1 or min(size) < 1 or seed < 0:
            raise ValueError(
                f"count and size are at least 1 and seed at least 0, got {count=}, size={size}, {seed=}"
            )
        self._count, self._size, self._seed = count, size, seed
        self.recipe = recipe or Recipe()

    def __len__(self) -> int:
        """Return the number of samples."""
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """Render one sample.

        Raises:
            IndexError: outside ``0 <= index < len(self)``, which also ends an iteration.
            UnreadableError: where the path tracer gave a picture that is not finite.
            LeadlineError: where a package is not installed, or a folder has nothing that can be read.
        """
        shot = self.shoot(index)
        truth = shot.truth
        return Sample(image=shot.image, label=truth.label(), id=self.identify(index), camera=truth.pinhole())

    def identify(self, index: int) -> str:
        """Name a sample: source, seed, scene and view."""
        scene, view = divmod(index, self.recipe.views)
        return f"{self.name}/{self._seed}/{scene:06d}-{view}"

    def shoot(self, index: int) -> Shot:
        """Render one sample with all that is known about it; raises as ``__getitem__``."""
        if not 0 <= index < self._count:
            raise IndexError(f"sample {index} of a source of {self._count}")
        number, view = divmod(index, self.recipe.views)
        stage = draw_stage(self.recipe, self._seed, number)
        camera = stage.cameras[view]
        rng = np.random.default_rng((self._seed, number, 1 + view))
        truth = label_view(stage.scene, stage.caster, camera, size=self._size)
        shade = path.take_picture if self.recipe.quality == "path" else take_picture
        light = shade(stage.scene, stage.caster, camera, size=self._size, rng=rng)
        dice = Dice(np.random.default_rng((self._seed, number, 1 + view, 1)))
        lens = draw_lens(dice, truth.disparity) if self.recipe.lens else PERFECT
        return Shot(develop(light, truth.disparity, lens, rng=dice.rng), truth, stage.scene.layout)

    def provenance(self) -> dict[str, str]:
        """Say which generator made the pictures, and from what."""
        recipe = self.recipe
        given = {}
        if recipe.textures is not None:
            given["textures"] = fingerprint(recipe.textures, list_files(recipe.textures))
        if recipe.environment is not None:
            given["environment"] = fingerprint(recipe.environment, list_files(recipe.environment, ".hdr"))
        return {
            "name": self.name,
            "version": VERSION,
            "seed": str(self._seed),
            "size": str(self._size),
            "layouts": ",".join(recipe.layouts),
            "views": str(recipe.views),
            "quality": recipe.quality,
            **(path.tracer() if recipe.quality == "path" else {}),
            "lens": str(recipe.lens),
            **given,
            "licence": "Apache-2.0 (generated)"
            + (", with what --textures and --environment hold" if given else ""),
        }


@lru_cache(maxsize=2)
def draw_stage(recipe: Recipe, seed: int, number: int) -> Stage:
    """Draw scenes until one has enough views worth showing: the same for the same arguments."""
    for attempt in itertools.count():
        rng = np.random.default_rng((seed, number, 0, attempt))
        scene = _draw_scene(recipe, rng)
        caster, dice = Caster(scene.things), Dice(rng)
        cameras = tuple(
            camera for _ in range(recipe.views) if (camera := draw_camera(dice, scene, caster)) is not None
        )
        if len(cameras) == recipe.views:
            return Stage(scene, caster, cameras)
    raise AssertionError("unreachable: counting does not end")


def _draw_scene(recipe: Recipe, rng: np.random.Generator) -> Scene:
    """Draw a scene, its photographs and its light."""
    has_photographs = recipe.textures is not None
    dice = Dice(rng, _PICTURES * has_photographs, _TEXTURES * has_photographs)
    layout = dice.pick(recipe.layouts)
    scene = LAYOUTS[layout](dice, layout)
    if recipe.textures is not None:
        files = list_files(recipe.textures)
        squares = draw_photographs(files, pictures=_PICTURES, textures=_TEXTURES, rng=rng)
        scene = replace(scene, photographs=squares)
    if recipe.environment is not None and dice.chance(0.7):
        panorama = read_panorama(dice.pick(list_files(recipe.environment, ".hdr")))
        scene = replace(scene, sky=lit_by(scene.sky, panorama, turn=dice.turn()))
    return scene
