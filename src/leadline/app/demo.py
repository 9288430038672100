"""The whole recipe of Depth Anything V2 in miniature, and a page that shows what came out.

Rendered scenes train a teacher, the teacher labels photographs, a student learns from those labels alone.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leadline.app.report import curves, gallery, page, paragraph, section, table
from leadline.app.shipped import PHOTOGRAPHS, located
from leadline.console import console
from leadline.data.files import encode_map
from leadline.data.shards import Store
from leadline.data.source import Evenly
from leadline.data.transforms import Crop, resize_picture
from leadline.engine.fit import LOG
from leadline.engine.run_log import read_log
from leadline.geometry import fit_size
from leadline.metrics import NAMES
from leadline.models.checkpoints import load_network
from leadline.models.variants import find_variant
from leadline.predict.figures import colourise
from leadline.predict.predictor import Predictor
from leadline.presets import depth_anything_v2, tiny
from leadline.stages.evaluate import EvaluateConfig, evaluate
from leadline.stages.pseudo_label import PseudoLabelConfig, pseudo_label
from leadline.stages.render import RenderConfig, render
from leadline.stages.sources import open_source, require_apart
from leadline.stages.student import train_student
from leadline.stages.teacher import train_teacher
from leadline.storage import write_atomic
from leadline.types import LeadlineError, Sample, Size

_TEACHER = tiny.teacher(depth_anything_v2.TEACHER)


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """Run the whole pipeline in minutes and write a report."""

    photos: Path | None = None
    """Folder of photographs to learn from; those that installed packages ship where not given."""
    max_photos: int = 300
    """Of a larger folder only this many, evenly spaced, are used."""
    out: Path = Path("demo")
    """Folder of everything that is made; a demo that was stopped goes on there."""
    renders: int = 256
    """Rendered scenes to learn from."""
    held_out: int = 24
    """Rendered scenes to measure with, of another seed."""
    steps: int = 300
    """Updates of the teacher, and as many of the student."""
    crop: int = 128
    """Side of the training pictures in pixels."""
    short_side: int = 160
    """Short side at which the trained networks look at a picture, in pixels."""

    def __post_init__(self) -> None:
        """Refuse what would stop the demo half-way."""
        names = ("max_photos", "renders", "held_out", "steps", "crop", "short_side")
        if wrong := [name for name in names if getattr(self, name) < 1]:
            raise ValueError(f"at least 1 is needed: {', '.join(wrong)}")
        if self.crop % (multiple := find_variant(_TEACHER.network).multiple):
            raise ValueError(f"crop: a multiple of {multiple}, got {self.crop}")


def demo(config: DemoConfig) -> Path:
    """Run what is missing of the pipeline and return the path of the report.

    Scenes and teacher are shared by all photographs; labels, student and figures have a folder for each set
    of photographs.

    Raises:
        LeadlineError: where the photographs cannot be found, before any work.
    """
    start, out = time.perf_counter(), config.out
    if config.photos is not None:
        require_apart(out, [str(config.photos.absolute())])
    photos = _photos(config)
    source = open_source(photos)
    here = out / f"learnt-from-{source.provenance()['fingerprint'][:8]}-{len(source)}"
    renders, held_out, labels = out / "renders", out / "held-out", here / "labels"
    optim = replace(_TEACHER.optim, steps=config.steps, warmup=20, ema=0.97)
    crop = Crop(size=config.crop, min_scale=0.7)
    teacher = replace(
        _TEACHER,
        optim=optim,
        crop=crop,
        labelled=(str(renders),),
        out=out / "teacher",
    )
    student = replace(
        tiny.student(depth_anything_v2.STUDENT),
        optim=optim,
        crop=crop,
        pseudo=(str(labels),),
        out=here / "student",
    )
    render(RenderConfig(scenes=config.renders, views=1, out=renders))
    render(RenderConfig(scenes=config.held_out, views=1, seed=1, out=held_out))
    weights = {"teacher": train_teacher(teacher)}
    pseudo_label(
        PseudoLabelConfig(
            teacher=(weights["teacher"],),
            pictures=(photos,),
            short_side=(config.short_side,),
            unreadable_limit=0.1,
            out=labels,
        )
    )
    weights["student"] = train_student(student)
    figures = evaluate(
        EvaluateConfig(
            models=tuple(map(str, weights.values())),
            benchmarks=(str(held_out), *_measured(out)),
            short_side=config.short_side,
            out=here / "evaluation",
        )
    )
    report = out / "report.html"
    write_atomic(report, _report(config, weights, figures, Store(labels), Store(held_out)))
    console.print(f"{report} after {time.perf_counter() - start:.0f} s")
    return report


def _photos(config: DemoConfig) -> str:
    """Return the source of the photographs, copying those of installed packages into one folder."""
    if config.photos is not None:
        return f"{config.photos.absolute()}?name=photos&limit={config.max_photos}"
    folder = config.out / "photos"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for place in PHOTOGRAPHS:
            write_atomic(folder / Path(place).name, located(place).read_bytes())
    except LeadlineError as error:
        raise LeadlineError(f"{error}, or give --photos FOLDER") from error
    return f"{folder}?licence=see scikit-image and scikit-learn"


def _measured(out: Path) -> tuple[str, ...]:
    """Write down the one photograph with a measured disparity that scikit-image ships, where it is installed.

    It is Middlebury 2014's motorcycle; its disparities are in pixels, so only their order and ratio count.
    """
    folder = out / "measured"
    try:
        left, measured = (
            located(f"skimage/data/{name}") for name in ("motorcycle_left.png", "motorcycle_disp.npz")
        )
    except LeadlineError:
        return ()
    folder.mkdir(parents=True, exist_ok=True)
    with np.load(measured) as archive:
        disparity = archive["arr_0"]
    stored = np.where(np.isfinite(disparity), np.rint(disparity * 256), 0).astype(np.uint16)
    write_atomic(folder / "motorcycle.png", left.read_bytes())
    write_atomic(folder / "motorcycle_disparity.png", encode_map(stored))
    header = "source,rgb,depth,kind,scale,invalid"
    row = "measured,motorcycle.png,motorcycle_disparity.png,disparity,0.00390625,0"
    write_atomic(folder / "pairs.csv", f"{header}\n{row}\n")
    return (str(folder / "pairs.csv"),)


def _report(
    config: DemoConfig,
    weights: Mapping[str, Path],
    figures: Mapping[str, Any],
    labelled: Store,
    held_out: Store,
) -> str:
    predictors = {
        name: Predictor(load_network(path)[0], size=config.short_side) for name, path in weights.items()
    }
    few = Evenly(labelled, 12)
    shown = [replace(few[index], label=None) for index in range(len(few))]
    truths = [held_out[index] for index in range(min(6, len(held_out)))]
    return page(
        "leadline: Depth Anything V2 in miniature",
        [
            paragraph(
                f"{config.renders} rendered scenes trained a teacher for {config.steps} steps; it labelled "
                f"{len(labelled)} photographs, from whose labels alone a student learnt. Maps are affine "
                "disparity: bright is near, dark is far, and there is no unit."
            ),
            section("Photographs", _rows(shown, predictors)),
            section("Scenes that neither has seen, with their exact labels", _rows(truths, predictors)),
            section("Figures", *_tables(figures)),
            section("Training", *(_curve(path.parent / LOG, name) for name, path in weights.items())),
        ],
    )


def _rows(samples: Sequence[Sample], predictors: Mapping[str, Predictor]) -> str:
    labelled = samples[0].label is not None
    rows = []
    for sample in samples:
        size = fit_size(sample.size, Size(240, 320), multiple=1, bound="upper")
        maps = [predictor(sample.image).values for predictor in predictors.values()]
        if sample.label is not None:
            maps.insert(0, sample.label.values)
        small = [cv2.resize(values, (size.w, size.h), interpolation=cv2.INTER_AREA) for values in maps]
        picture = resize_picture(sample.image, size, "area")
        rows.append((sample.id, [picture, *(colourise(values) for values in small)]))
    return gallery(["picture", *(["label"] if labelled else []), *predictors], rows)


def _tables(figures: Mapping[str, Any]) -> list[str]:
    models: Mapping[str, Any] = figures["models"]
    parts = []
    for source in next(iter(models.values()))["sources"]:
        rows = [
            [name, *(f"{model['sources'][source][figure]:.3f}" for figure in NAMES)]
            for name, model in models.items()
        ]
        parts += [paragraph(f"On {source}:"), table(["model", *NAMES], rows)]
    return [*parts, paragraph("Every model is aligned to the label by scale and shift in disparity first.")]


def _curve(log: Path, name: str) -> str:
    lines = read_log(log)
    terms = [key for key in lines[0] if key in ("loss", "ssi", "gradient", "features")]
    return curves(
        {term: [(line["step"], line[term]) for line in lines] for term in terms},
        label=f"{name}: loss and its terms",
    )
