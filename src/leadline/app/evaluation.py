"""The page of an evaluation: the tables, and each model's best and worst pictures with their errors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from leadline.app.report import gallery, page, paragraph, section, table
from leadline.console import console
from leadline.data.transforms import resize_picture
from leadline.evaluation.contest import Measured
from leadline.evaluation.contract import FLOORS, Contestant
from leadline.evaluation.tables import tables
from leadline.geometry import fit_size
from leadline.metrics import Reference
from leadline.stages.evaluate import EvaluateConfig, Evaluation, run_evaluation
from leadline.storage import write_atomic
from leadline.types import Prediction, Size

PAGE = "report.html"
_SHOWN = 3  # best and worst pictures of a model
_LIMIT = Size(240, 320)
_WORST_ERROR = 0.5  # what is drawn brightest
_GREY = 90
COLUMNS = ("picture", "label", "map, aligned", f"error, 0 to {_WORST_ERROR:.0%}")
"""What `compared` draws."""

Picture = UInt8[np.ndarray, "_h _w 3"]


def evaluate_and_show(config: EvaluateConfig) -> Path:
    """Evaluate, write the page beside the report, and return its path; raises as `evaluate`."""
    evaluation = run_evaluation(config)
    path = config.out / PAGE
    write_atomic(path, _page(evaluation))
    console.print(f"the same with pictures: {path}")
    return path


def _page(evaluation: Evaluation) -> str:
    report = evaluation.report
    parts = [paragraph(_how(report))]
    parts += [section(text.title, table(text.header, text.rows)) for text in tables(report)]
    if evaluation.pictures:
        rules = [
            [source, rules["name"], rules["crop"], _caps(rules["caps"]), rules["origin"]]
            for source, rules in report["protocols"].items()
        ]
        parts.append(section("Protocols", table(["source", "protocol", "crop", "metres", "origin"], rules)))
    for contestant in evaluation.contestants:
        if evaluation.pictures and contestant.name not in FLOORS:
            parts.append(_extremes(contestant, evaluation.pictures))
    return page("leadline evaluation", parts)


def _how(report: Mapping[str, Any]) -> str:
    count, out = len(next(iter(report["models"].values()))["pictures"]), report["uncounted"]
    left = f"Left out: {'; '.join(out)}. " if out else ""
    return left + (
        f"{len(report['models'])} models with the two floors, {count} measured pictures of "
        f"{len(report['protocols'])} sources, protocol {report['protocol']}. Figures are averaged over the "
        "pictures of a source, then over sources; intervals are bootstrapped over pictures. p is that of a "
        "sign-flip test over pictures; many comparisons make a small p likelier."
    )


def _caps(caps: Sequence[float] | None) -> str:
    return "any" if caps is None else f"{caps[0]:g} to {caps[1]:g}"


def _extremes(contestant: Contestant, tasks: Sequence[Measured]) -> str:
    """Show the pictures of smallest and largest AbsRel."""
    ranking = sorted(tasks, key=lambda task: float(contestant.ledger[task.key]["abs_rel"]))
    count = min(_SHOWN, (len(ranking) + 1) // 2)
    best, worst = ranking[:count], ranking[count:][::-1][:count]
    rows = [
        _row(contestant, task, kind) for kind, some in (("best", best), ("worst", worst)) for task in some
    ]
    return section(f"{contestant.name}: best and worst", gallery(COLUMNS, rows))


def _row(contestant: Contestant, task: Measured, kind: str) -> tuple[str, list[Picture]]:
    """Measure a picture once more, and draw it; disparity is drawn, near is bright."""
    sample = task.read()
    assert sample.label is not None, "it has been measured"
    model = contestant.model
    [view] = model.views([model.prepare(sample.image)])
    prediction = model.restore(view, sample.size)
    reference = Reference(sample.label, protocol=task.protocol(sample))
    row = contestant.ledger[task.key]
    caption = f"{kind}: {sample.id}, AbsRel {row['abs_rel']:.3f}, delta1 {row['delta1']:.3f}"
    return caption, compared(sample.image, reference, prediction)


def compared(picture: Picture, reference: Reference, prediction: Prediction) -> list[Picture]:
    """Draw a picture, its label, the aligned map, and the error where it counts, small, for `COLUMNS`."""
    size = Size(*picture.shape[:2])
    low, high = np.quantile(reference.disparity[reference.compared], (0.01, 0.99))
    drawn = (
        picture,
        _heat(reference.disparity, reference.compared, low, high),
        _heat(reference.aligned(prediction), np.ones(size, np.bool_), low, high),
        _heat(reference.errors(prediction), reference.compared, 0, _WORST_ERROR),
    )
    small = fit_size(size, _LIMIT, multiple=1, bound="upper")
    return [resize_picture(one, small, "area") for one in drawn]


def _heat(
    values: Float[np.ndarray, "h w"], mask: Bool[np.ndarray, "h w"], low: float, high: float
) -> UInt8[np.ndarray, "h w 3"]:
    """Colour values from `low` to `high`; what is not in the mask is grey."""
    scaled = (np.where(mask, values, low) - low) / (high - low if high > low else 1)
    heat = cv2.applyColorMap((255 * np.clip(scaled, 0, 1)).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    return np.where(mask[..., None], heat, np.uint8(_GREY))
