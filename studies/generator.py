"""Which renders make the better teacher? The tiny teacher, equally long on each set, measured on photographs.

    python studies/generator.py --benchmarks pairs.csv --ordinal annotations.json --photos photos/

Each set, each training and each measurement is kept in --out and not made again, so the script goes on
where it was stopped. The table is written to --out/study.md and, with --results docs/results.md, into that
file too, in the place of the one that an earlier run wrote.
"""

import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import tyro
from section import replace_section, table, wrapped

from leadline.presets.recipes import TEACHERS, fitted
from leadline.stages.evaluate import EvaluateConfig, evaluate
from leadline.stages.render import RenderConfig, render
from leadline.stages.teacher import train_teacher
from leadline.storage import write_atomic
from leadline.types import Size

FIRST_SIMPLE = "e492cc1"  # the last commit whose generator was the first, simple one
HEADING = "## Which renders make the better teacher"
COLUMNS = ("renders", "pictures", "AbsRel", "delta1", "order", "order, level pairs")


@dataclass(frozen=True, kw_only=True)
class Study:
    """Render sets, train the tiny teacher on each, measure, and write the table."""

    benchmarks: tuple[str, ...]
    """Measured sources."""
    ordinal: tuple[Path, ...] = ()
    """Annotations of point pairs."""
    photos: Path | None = None
    """Photographs for textures; arms that need them are left out without."""
    environment: Path | None = None
    """Panoramas for light."""
    pictures: int = 400
    """Pictures in each set; both shadings together are half of each."""
    size: tuple[int, int] = (240, 320)
    """Height and width."""
    network: str = "tiny"
    """Which network learns."""
    crop: int = 160
    """Side of the training pictures in pixels."""
    short_side: int = 192
    """Short side at which networks are measured; crops show 0.7 to all of one, enlarged to their size."""
    steps: int = 800
    """Steps of each teacher."""
    seeds: tuple[int, ...] = (0, 1)
    """Each arm is trained once for every seed; the renders stay the same."""
    arms: tuple[str, ...] = ()
    """Arms to run; all where none is named."""
    out: Path = Path("runs/study")
    """Folder of sets, teachers and figures."""
    results: Path | None = None
    """Document whose section is replaced by the table."""


@dataclass(frozen=True)
class Arm:
    """A set of renders: what the generator was told, or None for the first, simple generator."""

    changes: dict[str, Any] | None = field(default_factory=dict)
    with_arm: str = ""
    """Another arm whose first half joins the first half of this one."""


ARMS = {
    "simple": Arm(None),
    "fast": Arm({"textures": True, "environment": True}),
    "fast, no photographs": Arm({"environment": True}),
    "fast, perfect lens": Arm({"textures": True, "environment": True, "lens": False}),
    "path": Arm({"textures": True, "environment": True, "quality": "path"}),
    "fast and path": Arm({"textures": True, "environment": True}, with_arm="path"),
}
"""Name -> arm."""


def main(study: Study) -> None:
    if unknown := set(study.arms) - set(ARMS):
        raise SystemExit(f"arms: there is no {', '.join(sorted(unknown))}; there are {', '.join(ARMS)}")
    rows = {}
    for name in study.arms or ARMS:
        arm = ARMS[name]
        if arm.changes and arm.changes.get("textures") and study.photos is None:
            continue
        sources = labelled(study, name)
        rows[name] = [measured(study, train(study, name, sources, seed)) for seed in study.seeds]
        write_table(study, rows)


def labelled(study: Study, name: str) -> list[str]:
    """Render what an arm learns from, and return its sources."""
    arm = ARMS[name]
    if arm.changes is None:
        return [first_simple(study)]
    if arm.with_arm:
        half = study.pictures // 2
        return [
            f"{source}?limit={half}" for other in ("fast", arm.with_arm) for source in labelled(study, other)
        ]
    given = {"textures": study.photos, "environment": study.environment}
    changes = {key: given.get(key, value) for key, value in arm.changes.items()}
    out = study.out / f"renders-{slug(name)}"
    config = RenderConfig(scenes=study.pictures // 2, views=2, size=Size(*study.size), seed=1, out=out)
    return [str(render(replace(config, **changes)))]


def first_simple(study: Study) -> str:
    """Render with the first generator, taken out of the history."""
    source, out = study.out / "first-simple", study.out / "renders-simple"
    if not source.exists():
        archive = subprocess.run(["git", "archive", FIRST_SIMPLE, "src"], check=True, capture_output=True)
        with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
            tar.extractall(source, filter="data")
    h, w = study.size
    command = [sys.executable, "-m", "leadline.cli", "render", "--count", str(study.pictures), "--seed", "1"]
    command += ["--size.h", str(h), "--size.w", str(w), "--out", str(out)]
    paths = {"PYTHONPATH": str(source / "src")}
    subprocess.run(command, check=True, env={**os.environ, **paths})
    return str(out)


def train(study: Study, name: str, sources: Sequence[str], seed: int) -> Path:
    recipe = fitted(TEACHERS["depth-anything-v2"][1], study.network)
    return train_teacher(
        replace(
            recipe,
            labelled=tuple(sources),
            seed=seed,
            crop=replace(recipe.crop, size=study.crop),
            optim=replace(recipe.optim, steps=study.steps),
            out=study.out / f"teacher-{slug(name)}-{seed}",
        )
    )


def measured(study: Study, weights: Path) -> dict[str, Any]:
    """Measure a teacher; what was measured before is remembered."""
    config = EvaluateConfig(
        models=(str(weights),),
        benchmarks=study.benchmarks,
        ordinal=study.ordinal,
        short_side=study.short_side,
        out=weights.parent / "evaluation",
    )
    figures: dict[str, Any] = evaluate(config)["models"][weights.parent.name]
    return figures


def write_table(study: Study, rows: Mapping[str, Sequence[dict[str, Any]]]) -> None:
    lines: list[list[object]] = []
    for name, seeds in rows.items():
        cells = [spread([figures["mean"].get(key) for figures in seeds]) for key in ("abs_rel", "delta1")]
        if study.ordinal:
            keys = ("accuracy", "level_accuracy")
            cells += [spread([figures["ordinal"].get(key) for figures in seeds]) for key in keys]
        lines.append([name, study.pictures, *cells])
    h, w = study.size
    about = f"""
        The teacher of `depth-anything-v2` with the network `{study.network}`, {study.steps} steps on crops of
        {study.crop} pixels of each set of {h}x{w} renders, measured at a short side of {study.short_side}
        (`python studies/generator.py --pictures {study.pictures}`). Mean over the measured sources, and order
        of point pairs, each with the least and the largest of {len(study.seeds)} seeds.
    """
    text = f"{HEADING}\n\n{wrapped(about)}\n\n{table(COLUMNS[: len(lines[0])], lines)}\n"
    write_atomic(study.out / "study.md", text)
    if study.results is not None:
        replace_section(study.results, text)
    print(text)


def spread(values: Sequence[float | None]) -> str:
    """Mean, least and largest; a dash where nothing was measured."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    return f"{sum(known) / len(known):.3f} ({min(known):.3f} to {max(known):.3f})"


def slug(name: str) -> str:
    return re.sub(r"\W+", "-", name)


if __name__ == "__main__":
    main(tyro.cli(Study))
