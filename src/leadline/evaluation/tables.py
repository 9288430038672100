"""A report as tables of text, the same for the terminal and for the page."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Report = Mapping[str, Any]

_TITLES = {
    "abs_rel": "AbsRel",
    "abs_rel_disparity": "disparity AbsRel",
    "boundary_f1": "boundary F1",
    "boundary_recall": "boundary recall",
    "edge_accuracy": "edge accuracy, px",
    "edge_completeness": "edge completeness, px",
    "normal_angle": "normals, degrees",
    "plane_angle": "planes, degrees",
    "plane_off": "planes, % off",
    "silog": "SILog",
}
_GROUPS = {
    "Depth and disparity, after scale and shift": (
        "abs_rel",
        "delta1",
        "abs_rel_disparity",
        "log10",
        "silog",
    ),
    "Metres, nothing aligned": ("raw_abs_rel", "raw_delta1", "raw_log10", "raw_silog"),
    "Edges, where labels are dense": ("boundary_f1", "boundary_recall", "edge_accuracy", "edge_completeness"),
    "Surfaces, where the camera is known": ("normal_angle", "plane_angle", "plane_off"),
}
_HEADLINES = ("abs_rel", "delta1", "raw_abs_rel", "raw_delta1", "boundary_f1", "normal_angle")


class TextTable(NamedTuple):
    """A table with its heading."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(report: Report) -> list[TextTable]:
    """Lay out what there is to say: means with intervals, sources, order of points, comparisons."""
    models: Mapping[str, Any] = report["models"]
    found = [_means(title, names, models) for title, names in _GROUPS.items()]
    found += [_sources(models), _order(models), _scenarios(models), _comparisons(report["comparisons"])]
    return [table for table in found if table is not None]


def _means(title: str, names: Sequence[str], models: Mapping[str, Any]) -> TextTable | None:
    """Set one group of figures, the headlines with their intervals."""
    names = [name for name in names if any(name in model["mean"] for model in models.values())]
    if not names:
        return None
    header, rows = ["model"], [[name] for name in models]
    for name in names:
        title_of = name.removeprefix("raw_")
        header += [_TITLES.get(title_of, title_of), *(["95 %"] if name in _HEADLINES else [])]
        for row, model in zip(rows, models.values(), strict=True):
            row.append(_number(model["mean"].get(name)))
            if name in _HEADLINES:
                row.append(_bounds(model["intervals"].get(name)))
    return TextTable(f"{title} (mean over sources)", header, rows)


def _sources(models: Mapping[str, Any]) -> TextTable | None:
    first = next(iter(models.values()))["sources"]
    if not first:
        return None
    rows = []
    for source in first:
        figures = [model["sources"][source] for model in models.values()]
        rows.append([source, *(f"{f['abs_rel']:.3f} / {f['delta1']:.3f}" for f in figures)])
    return TextTable("AbsRel / delta1 by source", ["source", *models], rows)


def _order(models: Mapping[str, Any]) -> TextTable | None:
    rows = []
    for name, model in models.items():
        if (order := model.get("ordinal")) is not None:
            right = [_number(order["accuracy"]), _bounds(order["interval"])]
            counts = [str(order[count]) for count in ("pairs", "level_pairs", "ties")]
            rows.append([name, *right, _number(order.get("level_accuracy")), *counts])
    header = ["model", "right", "95 %", "level pairs right", "pairs", "level", "ties"]
    return TextTable("Order of point pairs; a tie is wrong", header, rows) if rows else None


def _scenarios(models: Mapping[str, Any]) -> TextTable | None:
    """Set the share of right pairs by scenario, as DA-2K's table does."""
    by_model = {name: model.get("ordinal", {}).get("scenarios", {}) for name, model in models.items()}
    rows = [
        [scenario or "-", *(_number(found[scenario]) for found in by_model.values())]
        for scenario in next(iter(by_model.values()))
    ]
    return TextTable("Order of point pairs by scenario", ["scenario", *models], rows) if rows else None


def _comparisons(found: Sequence[Mapping[str, Any]]) -> TextTable | None:
    rows = [
        [
            f"{line['first']} - {line['second']}",
            line["figure"],
            f"{line['difference']:+.3f}",
            f"{line['low']:+.3f} to {line['high']:+.3f}",
            f"{line['p']:.2g}",
        ]
        for line in found
        if line["figure"] in (*_HEADLINES, "order")
    ]
    header = ["models", "figure", "difference", "95 %", "p"]
    return TextTable("The same pictures, model against model", header, rows) if rows else None


def _number(value: float | None) -> str:
    """Write a figure; what was not measured is a dash."""
    return "-" if value is None else f"{value:.3f}"


def _bounds(bounds: Sequence[float] | None) -> str:
    return "-" if bounds is None else " to ".join(map(_number, bounds))
