"""Stage 4: checkpoints and measured pictures -> a table that others can hold against theirs."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.table import Table

from leadline.console import console, progress
from leadline.data.files import read_picture
from leadline.engine.fit import launch
from leadline.engine.run import Machine
from leadline.metrics import Alignment, constant_map, measure, order_is_right, vertical_ramp
from leadline.models.checkpoints import load_network
from leadline.predict.overlap import overlapped
from leadline.predict.predictor import Predictor
from leadline.stages.sources import open_sources
from leadline.storage import write_atomic
from leadline.types import LeadlineError, Prediction, Sample, Size

REPORT = "evaluation.json"
_LEVEL = 0.12  # two points are of nearly equal height below this share of the picture's

Model = Callable[[Any], Prediction]
"""From an RGB picture to its map."""


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """Measure models beside a constant map and the best vertical ramp."""

    models: tuple[Path, ...] = ()
    """Checkpoints."""
    benchmarks: tuple[str, ...] = ()
    """Labelled sources."""
    ordinal: tuple[Path, ...] = ()
    """Annotations of point pairs, as DA-2K: {picture: [{point1: [h, w], point2: [h, w], closer_point}]}."""
    alignment: Alignment = "disparity"
    """Where scale and shift are fitted."""
    short_side: int | None = None
    """Short side at which the networks look; their own where not given."""
    out: Path = Path("runs/evaluation")
    """Folder of evaluation.json."""
    machine: Machine = field(default_factory=Machine)
    """Where it is computed."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two points of a picture, of which the first is closer to the camera."""

    closer: tuple[int, int]
    farther: tuple[int, int]


def evaluate(config: EvaluateConfig) -> dict[str, Any]:
    """Measure, print the tables, and write and return the report.

    Raises:
        LeadlineError: where there is nothing to measure with, or the annotations are malformed.
    """
    if not config.benchmarks and not config.ordinal:
        raise LeadlineError("nothing to measure with: give --benchmarks or --ordinal")
    device = launch(config.machine).device
    models: dict[str, Model] = {
        "constant": lambda image: constant_map(Size(*image.shape[:2])),
        "vertical ramp": lambda image: vertical_ramp(Size(*image.shape[:2])),
    }
    for path in config.models:
        network, _ = load_network(path)
        predictor = Predictor(network, device=device, size=config.short_side, precision="float32")
        models[_name(path, models)] = predictor
    pictures = _measure(models, config) if config.benchmarks else {}
    pairs = _rank(models, config.ordinal) if config.ordinal else {}
    report = {
        "alignment": config.alignment,
        "models": {
            name: {
                **_summary(pictures.get(name, [])),
                **({"ordinal": _ordinal_summary(pairs[name])} if pairs else {}),
                "pictures": pictures.get(name, []),
                "pairs": pairs.get(name, []),
            }
            for name in models
        },
    }
    config.out.mkdir(parents=True, exist_ok=True)
    write_atomic(config.out / REPORT, json.dumps(report, indent=1))
    _print(report)
    console.print(f"figures of every picture: {config.out / REPORT}")
    return report


def read_pairs(path: Path) -> dict[str, list[Pair]]:
    """Read annotations of point pairs, ``{picture: [{point1, point2, closer_point}]}``, points (row, column).

    Raises:
        LeadlineError: where the file is missing or malformed, with the picture.
    """
    try:
        annotations = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LeadlineError(f"{path} cannot be read as annotations: {error}") from None
    if not isinstance(annotations, dict):
        raise LeadlineError(f"{path}: expected {{picture: [pair, ...]}}, got {type(annotations).__name__}")
    pairs: dict[str, list[Pair]] = {}
    for picture, entries in annotations.items():
        try:
            pairs[picture] = [_pair(entry) for entry in entries]
        except (KeyError, TypeError, ValueError) as error:
            raise LeadlineError(
                f"{path}, {picture}: a pair needs point1 and point2, each [row, column], and closer_point, "
                f"got {error!r}"
            ) from None
    return pairs


def _pair(entry: Any) -> Pair:
    points = {name: _point(entry[name]) for name in ("point1", "point2")}
    closer = points.pop(entry["closer_point"])
    return Pair(closer, *points.values())


def _point(place: Any) -> tuple[int, int]:
    h, w = place
    if not (isinstance(h, int) and isinstance(w, int)):
        raise TypeError(f"{place} is no pair of whole numbers")
    return h, w


def _measure(models: Mapping[str, Model], config: EvaluateConfig) -> dict[str, list[dict[str, Any]]]:
    """Return the figures of every picture by model."""
    source = open_sources(config.benchmarks, role="benchmarks")
    names = [part.name for part in source.sources]
    if len(set(names)) < len(names):
        raise LeadlineError(f"two benchmarks share a name in {', '.join(names)}: tell them apart with ?name=")
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    samples = overlapped(source.__getitem__, range(len(source)), ahead=8)
    with progress("measuring", total=len(source)) as tick:
        for sample in samples:
            for name, model in models.items():
                rows[name].append(_row(sample, model, config.alignment))
            tick("")
    return rows


def _row(sample: Sample, model: Model, alignment: Alignment) -> dict[str, Any]:
    if sample.label is None:
        raise LeadlineError(f"{sample.id} has no label to measure with")
    try:
        figures = measure(model(sample.image), sample.label, alignment=alignment)
    except LeadlineError as error:
        raise LeadlineError(f"{sample.id}: {error}") from None
    return {"id": sample.id, "source": sample.id.split("/")[0], **figures}


def _rank(models: Mapping[str, Model], files: Sequence[Path]) -> dict[str, list[dict[str, Any]]]:
    """Return by model, for every pair, whether its order is right, tied, and the points level."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    annotated = [(file, picture, pairs) for file in files for picture, pairs in read_pairs(file).items()]
    if not any(pairs for *_, pairs in annotated):
        raise LeadlineError(f"{', '.join(map(str, files))}: there is no pair to rank")
    with progress("ranking", total=len(annotated)) as tick:
        for file, picture, pairs in annotated:
            image = read_picture(file.parent / picture)
            for name, model in models.items():
                values = model(image).values
                for pair in pairs:
                    _require_inside(pair, Size(*values.shape), f"{file}, {picture}")
                    row = {
                        "id": picture,
                        "right": order_is_right(values, pair.closer, pair.farther),
                        "tie": bool(values[pair.closer] == values[pair.farther]),
                        "level": abs(pair.closer[0] - pair.farther[0]) <= _LEVEL * values.shape[0],
                    }
                    rows[name].append(row)
            tick("")
    return rows


def _require_inside(pair: Pair, size: Size, where: str) -> None:
    for h, w in (pair.closer, pair.farther):
        if not (0 <= h < size.h and 0 <= w < size.w):
            raise LeadlineError(f"{where}: the point ({h}, {w}) lies outside the picture, which is {size}")


def _summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Average over the pictures of each source, then over sources, so that no large source decides.

    The root mean square is left out of the mean over sources, whose units differ.
    """
    by_source: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_source[row["source"]].append(row)
    sources = {
        source: {key: fmean(row[key] for row in some) for key in some[0] if key not in ("id", "source")}
        for source, some in by_source.items()
    }
    figures = list(sources.values())
    mean = {key: fmean(f[key] for f in figures) for key in figures[0] if key != "rmse"} if figures else {}
    return {"mean": mean, "sources": sources}


def _ordinal_summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    level = [row["right"] for row in rows if row["level"]]
    return {
        "accuracy": fmean(row["right"] for row in rows),
        **({"level_accuracy": fmean(level)} if level else {}),
        "pairs": len(rows),
        "level_pairs": len(level),
        "ties": sum(row["tie"] for row in rows),
    }


def _print(report: Mapping[str, Any]) -> None:
    models: Mapping[str, Any] = report["models"]
    first = next(iter(models.values()))
    if first["mean"]:
        table = Table("model", *first["mean"], title="mean over sources")
        for name, model in models.items():
            table.add_row(name, *(f"{value:.3f}" for value in model["mean"].values()))
        console.print(table)
        table = Table("AbsRel / delta1 / RMSE", *models, title="by source")
        for source in first["sources"]:
            figures = (model["sources"][source] for model in models.values())
            table.add_row(
                source, *(f"{f['abs_rel']:.3f} / {f['delta1']:.3f} / {f['rmse']:.3g}" for f in figures)
            )
        console.print(table)
    if "ordinal" in first:
        table = Table("model", *first["ordinal"], title="order of point pairs (a tie is wrong)")
        for name, model in models.items():
            cells = (f"{v:.3f}" if isinstance(v, float) else str(v) for v in model["ordinal"].values())
            table.add_row(name, *cells)
        console.print(table)


def _name(path: Path, taken: Mapping[str, Model]) -> str:
    """Name a model by its folder where its file's name says nothing."""
    name = path.parent.name if path.stem == "weights" else path.stem
    return name if name not in taken else str(path)
