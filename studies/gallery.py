"""The gallery of the documentation: what the model in the box makes of pictures that may be shown.

    python studies/gallery.py --out docs/gallery

Photographs are those of scikit-image and scikit-learn, named with their terms. Renders are of a seed of
their own, wear no photographs, and carry exact labels, so the best and the worst are chosen by AbsRel. The
pictures are written to --out, the page beside it, docs/gallery.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import tyro

import leadline
from leadline.app.evaluation import COLUMNS, compared
from leadline.app.shipped import PHOTOGRAPHS, located
from leadline.data.files import encode_jpeg, read_map, read_picture
from leadline.data.shards import Store
from leadline.metrics import STRICT, Reference
from leadline.models.published import BUNDLED
from leadline.predict.figures import Picture, side_by_side
from leadline.predict.predictor import Predictor
from leadline.render.scene import Kind
from leadline.stages.render import RenderConfig, render
from leadline.storage import write_atomic
from leadline.types import LeadlineError, Prediction, Size

WIDTH = 900  # pixels of a row of pictures
BUDGET = 1_000_000  # bytes of the folder
OFF = 0.25  # relative error from which a pixel is counted as off
LEAST = 0.02  # share of the picture from which a kind of thing is named


@dataclass(frozen=True, kw_only=True)
class GalleryConfig:
    """Draw the gallery."""

    model: str = BUNDLED
    """What `leadline predict` takes."""
    out: Path = Path("docs/gallery")
    """Folder of the pictures; the page is its name with .md."""
    renders: Path = Path("runs/gallery")
    """Store of held-out renders, made where it is missing."""
    scenes: int = 64
    """Renders among which the best and the worst are looked for."""
    seed: int = 20_260
    """Of the renders; no training set may share it."""
    shown: int = 4
    """Best ones, and as many of the worst."""


class Row(NamedTuple):
    """A row of the gallery."""

    name: str
    picture: Picture
    caption: str


class Judged(NamedTuple):
    """A render and how well its map fits its label."""

    number: int
    abs_rel: float
    prediction: Prediction


def main(config: GalleryConfig) -> None:
    predictor = leadline.load(config.model, disagreement=True)
    size = RenderConfig().size
    store = Store(render(RenderConfig(scenes=config.scenes, views=1, seed=config.seed, out=config.renders)))
    ranking = sorted((judge(store, index, predictor) for index in range(len(store))), key=lambda j: j.abs_rel)
    count = min(config.shown, len(ranking) // 2)
    sections = {
        "Photographs": photographs(predictor),
        f"The {count} best of {len(ranking)} renders": rows(store, ranking[:count], "best"),
        f"The {count} worst of them": rows(store, ranking[::-1][:count], "worst"),
    }
    write(config, sections, size)


def photographs(predictor: Predictor) -> list[Row]:
    """Predict the photographs of installed packages."""
    found = []
    for place, credit in PHOTOGRAPHS.items():
        image = read_picture(located(place))
        prediction = predictor(image)
        assert prediction.disagreement is not None, "it was asked for"
        caption = (
            f"{credit}. Disagreement with the mirrored picture's map: {prediction.disagreement.mean():.2f}"
        )
        pair = side_by_side(image, prediction)
        found.append(Row(f"photo-{Path(place).stem}", fitted(pair, WIDTH * 2 // 3), caption))
    return found


def judge(store: Store, index: int, predictor: Predictor) -> Judged:
    sample = store[index]
    assert sample.label is not None, "a render has one"
    prediction = predictor(sample.image)
    measured = Reference(sample.label, protocol=STRICT).measure(prediction)
    return Judged(index, measured["abs_rel"], prediction)


def rows(store: Store, some: Sequence[Judged], name: str) -> list[Row]:
    """Draw renders beside label, map and error."""
    found = []
    for number, judged in enumerate(some, start=1):
        sample = store[judged.number]
        assert sample.label is not None, "it has been judged"
        reference = Reference(sample.label, protocol=STRICT)
        strip = np.hstack(compared(sample.image, reference, judged.prediction))
        kinds = read_map(store.read_extra(judged.number)["kinds.png"])
        told = verdict(reference.errors(judged.prediction), kinds)
        layout = store.describe(judged.number)["layout"]
        caption = f"{layout}, AbsRel {judged.abs_rel:.3f}: {told}"
        found.append(Row(f"{name}-{number}", fitted(strip, WIDTH), caption))
    return found


def verdict(errors: np.ndarray, kinds: np.ndarray) -> str:
    """Say by a rule how much of a picture is off, and on what kind of thing it is worst."""
    counts = np.isfinite(errors)
    off = float((errors[counts] > OFF).mean())
    means = {
        kind: float(errors[counts & (kinds == kind)].mean())
        for kind in Kind
        if (counts & (kinds == kind)).mean() >= LEAST
    }
    worst = max(means, key=lambda kind: means[kind])
    return (
        f"{off:.0%} of the pixels are off by more than {OFF:.0%}; "
        f"worst on {worst.name.lower()}, off by {means[worst]:.0%} on average"
    )


def fitted(picture: Picture, width: int) -> Picture:
    """Shrink a picture to a width."""
    h, w = picture.shape[:2]
    size = Size(max(1, round(h * width / w)), width)
    return picture if w <= width else cv2.resize(picture, (size.w, size.h), interpolation=cv2.INTER_AREA)


def write(config: GalleryConfig, sections: dict[str, list[Row]], size: Size) -> None:
    """Write pictures and page.

    Raises:
        LeadlineError: where the pictures are larger than a repository should bear.
    """
    encoded = {row.name: encode_jpeg(row.picture, quality=80) for row in chain(*sections.values())}
    if (total := sum(map(len, encoded.values()))) > BUDGET:
        raise LeadlineError(
            f"{len(encoded)} pictures take {total} bytes, at most {BUDGET} are wanted: --shown"
        )
    config.out.mkdir(parents=True, exist_ok=True)
    for kind in ("photo", "best", "worst"):
        for old in config.out.glob(f"{kind}-*.jpg"):
            old.unlink()
    for name, data in encoded.items():
        write_atomic(config.out / f"{name}.jpg", data)
    text = [
        "# Gallery\n",
        f"Made by `python studies/gallery.py` with `{config.model}`. Maps are affine disparity: bright is "
        f"near. Renders ({size.h}x{size.w}, seed {config.seed}) were never trained on; from left to right: "
        f"{', '.join(COLUMNS)}. Grey has no label that counts. Photographs have no label at all; how much "
        "their maps differ from those of their mirror images is in mean absolute deviations, 0 is sure "
        "([how](predict.md)).\n",
    ]
    for title, some in sections.items():
        text.append(f"## {title}\n")
        text += [f"![{row.caption}]({config.out.name}/{row.name}.jpg)\n\n{row.caption}\n" for row in some]
    write_atomic(config.out.with_suffix(".md"), "\n".join(text))


if __name__ == "__main__":
    main(tyro.cli(GalleryConfig))
