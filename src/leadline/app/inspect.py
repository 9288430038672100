"""Is this data what one thinks it is? Samples of a source, measured, judged and drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table
from tyro.conf import Positional

from leadline.app.report import bars, gallery, page, paragraph, section, table
from leadline.console import console
from leadline.data.inspection import jumps
from leadline.data.source import Evenly
from leadline.data.sources.registry import DATASETS
from leadline.data.transforms import resize
from leadline.geometry import as_disparity, fit_size
from leadline.predict.figures import Picture, colourise
from leadline.stages.looking import Inspection, look
from leadline.stages.sources import PROCEDURAL, open_source
from leadline.storage import write_atomic
from leadline.types import LeadlineError, Sample, Size, Space, UnreadableError

_SHOWN = 6
_AXES = {
    Space.AFFINE_DISPARITY: "from the farthest to the nearest",
    Space.DEPTH: "1 cm to 100 km, in sixths of a power of ten",
    Space.DISPARITY: "1 cm to 100 km, in sixths of a power of ten",
}


@dataclass(frozen=True, kw_only=True)
class InspectConfig:
    """Look at samples of sources before training on them."""

    sources: Positional[tuple[str, ...]] = ()
    """Sources, as for training but for ?weight=; a data set's name and its folder may stand apart."""
    samples: int = 64
    """Samples of each source, evenly spaced."""
    threads: int = 2
    """Samples that are read and measured at the same time."""
    out: Path = Path("runs/inspection")
    """Folder of inspection.html."""

    def __post_init__(self) -> None:
        """Refuse what cannot look."""
        if min(self.samples, self.threads) < 1:
            raise ValueError(f"samples and threads are at least 1, got {self.samples}, {self.threads}")


def inspect(config: InspectConfig) -> list[Inspection]:
    """Measure, print and draw, and return what came out about each source.

    Raises:
        LeadlineError: where no source is given or one cannot be opened.
    """
    specs = join_words(config.sources)
    if not specs:
        raise LeadlineError("no source is given: name at least one, as in leadline inspect ~/Pictures")
    config.out.mkdir(parents=True, exist_ok=True)
    inspections = [
        look(spec, open_source(spec), samples=config.samples, threads=config.threads) for spec in specs
    ]
    write_atomic(config.out / "inspection.html", page("Inspection", [_draw(each) for each in inspections]))
    for each in inspections:
        _print(each)
    console.print(f"pictures and histograms: {config.out / 'inspection.html'}")
    return inspections


def join_words(words: Sequence[str]) -> list[str]:
    """Put the bare name of a data set and the folder after it together: ``hypersim ~/data`` is one source."""
    specs: list[str] = []
    for word in words:
        is_source = word.partition("?")[0].partition(":")[0] in {*DATASETS, PROCEDURAL}
        if specs and specs[-1] in DATASETS and not is_source:
            specs[-1] += f":{word}"
        else:
            specs.append(word)
    return specs


def _figures(inspection: Inspection) -> list[tuple[str, str]]:
    """Return what there is to say in numbers: medians over samples."""
    facts = inspection.facts
    sizes = [fact.size for fact in facts]
    rows = [
        ("samples", f"{len(facts)} of {len(inspection.source)}, {len(inspection.unreadable)} unreadable"),
        ("sizes", " to ".join(dict.fromkeys(str(f(sizes, key=lambda s: s.h * s.w)) for f in (min, max))))
        if sizes
        else ("sizes", "none"),
    ]
    labelled = [fact for fact in facts if fact.space is not None]
    if not labelled:
        return [*rows, ("label", "none")]
    measured = [fact for fact in labelled if fact.levels]
    for space in Space:
        some = [fact.quantiles for fact in measured if fact.space is space]
        if some:
            low, middle, high = np.median(some, axis=0)
            unit = {Space.DEPTH: " m", Space.DISPARITY: " / m"}.get(space, "")
            rows.append((f"{space}: 1 %, half, 99 %", f"{low:.4g}, {middle:.4g}, {high:.4g}{unit}"))
    return [
        *rows,
        ("valid", f"{np.mean([fact.valid for fact in labelled]):.1%}"),
        ("sky", f"{np.mean([fact.sky for fact in labelled]):.1%}"),
        ("different numbers", f"{np.median([fact.levels for fact in measured] or [0]):.0f}"),
    ]


def _print(inspection: Inspection) -> None:
    view = Table(title=inspection.spec, show_header=False)
    for name, value in _figures(inspection):
        view.add_row(name, value)
    console.print(view)
    for finding in inspection.findings:
        console.print(f"{finding.kind}: {finding.what}.\n  {finding.fix}.")
    if not inspection.findings:
        console.print("nothing suspicious")


def _draw(inspection: Inspection) -> str:
    facts = [fact for fact in inspection.facts if fact.histogram]
    parts = [
        *(paragraph(f"{each.kind}: {each.what}. {each.fix}.") for each in inspection.findings),
        *([] if inspection.findings else [paragraph("Nothing suspicious.")]),
        table(["", ""], _figures(inspection)),
    ]
    for space, axis in _AXES.items():
        some = [np.array(fact.histogram) for fact in facts if fact.space is space]
        shares = [counts / max(counts.sum(), 1) for counts in some]
        if shares:
            parts.append(bars(np.sum(shares, axis=0).tolist(), label=f"valid pixels by distance: {axis}"))
    rows = [(sample.id, _pictures(sample)) for sample in _readable(inspection)]
    if rows:
        heads = ["picture", "label, near is bright", "its jumps over the picture"]
        parts.append(gallery(heads[: len(rows[0][1])], rows))
    return section(inspection.spec, *parts)


def _readable(inspection: Inspection) -> list[Sample]:
    some, samples = Evenly(inspection.source, _SHOWN), []
    for index in range(len(some)):
        try:
            samples.append(some[index])
        except UnreadableError:
            continue  # it is named among the findings where it was sampled
    return samples


def _pictures(sample: Sample) -> list[Picture]:
    """Return the picture; where there is a label, also that, and where it jumps drawn into the picture."""
    sample = resize(sample, fit_size(sample.size, Size(240, 320), multiple=1, bound="upper"), "area")
    if sample.label is None:
        return [sample.image]
    label = as_disparity(sample.label)
    known = label.valid & np.isfinite(label.values)
    middle = np.float32(np.median(label.values[known]) if known.any() else 0)
    coloured = colourise(np.where(known, label.values, middle))
    coloured[~known] = 90
    marked = sample.image // 2 + 100
    marked[jumps(label.values.astype(np.float64), known)] = (200, 0, 0)
    return [sample.image, coloured, marked]
