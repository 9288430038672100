"""The papers in miniature: do the findings of Depth Anything V1 and V2 show in a network of this size?

    python studies/papers.py --labelled "renders?limit=1000" --held-out held --pictures photographs \
        --benchmarks pairs.csv --ordinal annotations.json --results docs/results.md

trains teachers and students, measures every one, and writes a section of the document and its figures.
Each training and each measurement has its folder in --out and is not made again, so a study that was stopped
goes on; `--only-write` writes the section from what is there.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import tyro
from depth_camera import write_captured
from findings import Run
from papers_section import write_papers
from questions import ask

from leadline.console import console
from leadline.data.perturb import NONE
from leadline.data.transforms import Crop
from leadline.engine.fit import LOG
from leadline.engine.objective import Term
from leadline.engine.optim import Optim
from leadline.engine.run import Machine, described
from leadline.engine.run_log import seconds_taken
from leadline.presets import depth_anything_v1, depth_anything_v2, tiny
from leadline.stages.evaluate import EvaluateConfig, Processor, evaluate
from leadline.stages.pseudo_label import PseudoLabelConfig, pseudo_label
from leadline.stages.sources import open_source
from leadline.stages.student import StudentConfig, train_student
from leadline.stages.teacher import TeacherConfig, train_teacher
from leadline.storage import write_atomic
from leadline.types import LeadlineError

SETTINGS, MEASURED = "study.json", "measured.json"


@dataclass(frozen=True, kw_only=True)
class Study:
    """Train, measure, and write what came out."""

    labelled: str = ""
    """Store of renders to learn from; ?limit=N takes N of them."""
    held_out: str = ""
    """Store of renders of another seed, on which edges are measured."""
    pictures: str = ""
    """Photographs without labels, for the students."""
    benchmarks: tuple[str, ...] = ()
    """Measured photographs."""
    ordinal: tuple[Path, ...] = ()
    """Annotations of point pairs."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Everything is trained once for every seed, from the teacher on."""
    steps: int = 250
    """Updates of every network."""
    crop: int = 128
    """Side of the training pictures in pixels."""
    batch: int = 8
    """Pictures a step; students that learn from labelled pictures too get half as many of these besides."""
    short_side: int = 160
    """Short side at which networks label and are measured, in pixels."""
    amounts: tuple[int, ...] = (250, 1000)
    """Numbers of photographs to learn from, besides all of them."""
    threads: int | None = None
    """Threads for arithmetic; PyTorch's choice where not given."""
    quick: bool = False
    """Two steps on small crops: to see that all of it works."""
    only_write: bool = False
    """Train and measure nothing; write the section from the files in --out."""
    out: Path = Path("runs/papers")
    """Folder of trainings, labels and measurements."""
    results: Path | None = None
    """Document whose section is replaced; --out/papers.md where not given."""


class Arms:
    """Every training of one seed by name. `teacher` labels the photographs that all students learn from."""

    def __init__(self, study: Study, seed: int) -> None:
        self.study, self.seed = study, seed
        self.warmup, self.ema = (20, 0.97) if study.steps >= 100 else (0, 0.5)
        self.labels = study.out / f"labels-seed{seed}"

    def configs(self) -> dict[str, Callable[[], TeacherConfig | StudentConfig]]:
        """Return what makes each config; students' sources exist only once the teacher has labelled."""
        v1, v2 = depth_anything_v1.STUDENT.objective, depth_anything_v2.STUDENT.objective
        labels_alone = {name: replace(v1[name], weight=1 / 2) for name in ("labelled", "pseudo")}
        both = {
            **v2,
            "labelled": Term(loss="ssi_mae", on="labelled"),
            "gradient": replace(v2["gradient"], on="all"),
        }
        return {
            "teacher": self.teacher,
            "student": self.student,
            "v1-naive": partial(self.mixed, objective=labels_alone, perturb=NONE),
            "v1-perturbed": partial(self.mixed, objective=labels_alone),
            "v1-semantic": self.mixed,
            "v2-both": partial(self.mixed, depth_anything_v2.STUDENT, objective=both),
            **{f"gradient-{weight:g}": partial(self.teacher, gradient=weight) for weight in (0, 0.5, 1, 4)},
            **{f"ignored-{share:g}": partial(self.ignoring, share) for share in (0, 0.2)},
            "captured": self.captured,
            **{f"photographs-{n}": partial(self.student, limit=n) for n in self.study.amounts},
        }

    def teacher(self, *, gradient: float = 2, labelled: str | None = None) -> TeacherConfig:
        recipe = depth_anything_v2.TEACHER
        objective = {**recipe.objective, "gradient": replace(recipe.objective["gradient"], weight=gradient)}
        config = replace(
            tiny.teacher(recipe), objective=objective, labelled=(labelled or self.study.labelled,)
        )
        return replace(config, batch=self.study.batch, **self.common(config.optim))

    def student(
        self, recipe: StudentConfig = depth_anything_v2.STUDENT, *, limit: int | None = None, **changes: Any
    ) -> StudentConfig:
        pseudo = str(self.labels) if limit is None else f"{self.labels}?limit={limit}"
        config = replace(tiny.student(recipe), pseudo=(pseudo,), batch=self.study.batch, **changes)
        return replace(config, **self.common(config.optim))

    def captured(self) -> TeacherConfig:
        return self.teacher(labelled=write_captured(self.study.labelled, self.study.out / "captured"))

    def ignoring(self, share: float) -> StudentConfig:
        objective = depth_anything_v2.STUDENT.objective
        return self.student(objective={**objective, "ssi": replace(objective["ssi"], trim=share)})

    def mixed(self, recipe: StudentConfig = depth_anything_v1.STUDENT, **changes: Any) -> StudentConfig:
        """Learn from labelled and pseudo-labelled pictures 1:2 (V1, section 4.1)."""
        half = max(1, self.study.batch // 2)
        return self.student(recipe, labelled=(self.study.labelled,), labelled_batch=half, **changes)

    def common(self, optim: Optim) -> dict[str, Any]:
        return {
            "optim": replace(optim, steps=self.study.steps, warmup=self.warmup, ema=self.ema),
            "crop": Crop(size=self.study.crop, min_scale=0.7),
            "seed": self.seed,
            "machine": Machine(threads=self.study.threads),
        }


def main(study: Study) -> None:
    if study.quick:
        study = replace(study, steps=2, crop=32, batch=2, short_side=32)
    settings = study.out / SETTINGS
    if not study.only_write:
        study.out.mkdir(parents=True, exist_ok=True)
        write_atomic(settings, json.dumps(begin(study), indent=1))
        for seed in study.seeds:
            train_all(study, seed)
    elif not settings.exists():
        raise LeadlineError(f"there is no study in {study.out}: run it without --only-write")
    document = study.results or study.out / "papers.md"
    about = json.loads(settings.read_text(encoding="utf-8"))
    write_papers(document, about, gather(study.out, about))
    console.print(f"{document} is written")


def begin(study: Study) -> dict[str, Any]:
    """Return what the section says of a study, once everything is found that it needs."""
    for name in ("labelled", "held_out", "pictures", "benchmarks", "ordinal"):
        if not getattr(study, name):
            raise LeadlineError(f"nothing is given for --{name.replace('_', '-')} (see --help)")
    counts = {name: len(open_source(getattr(study, name))) for name in ("labelled", "held_out", "pictures")}
    kept = ("seeds", "steps", "crop", "batch", "short_side", "amounts")
    return {"counts": counts, **{name: getattr(study, name) for name in kept}}


def train_all(study: Study, seed: int) -> None:
    """Train and measure every arm of a seed, or what is missing."""
    arms = Arms(study, seed)
    for name, config in arms.configs().items():
        made = replace(config(), out=folder(study.out, name, seed))
        weights = train_student(made) if isinstance(made, StudentConfig) else train_teacher(made)
        if name == "teacher":
            label(study, weights, arms.labels)
        measure(study, weights)


def label(study: Study, teacher: Path, out: Path) -> None:
    """Label the photographs once for all students of a seed."""
    pseudo_label(
        PseudoLabelConfig(
            teacher=(teacher,),
            pictures=(study.pictures,),
            short_side=(study.short_side,),
            machine=Machine(threads=study.threads),
            out=out,
        )
    )


def measure(study: Study, weights: Path) -> None:
    """Keep beside the weights what every picture says of them.

    All share one folder of what has been measured, so the floors are measured once.
    """
    path = weights.parent / MEASURED
    config = EvaluateConfig(
        models=(str(weights),),
        short_side=study.short_side,
        machine=Processor(threads=study.threads),
        out=study.out / "evaluation",
    )
    photographs = replace(config, benchmarks=study.benchmarks, ordinal=study.ordinal)
    renders = replace(config, benchmarks=(study.held_out,))
    asked = [described(photographs), described(renders)]
    if path.exists() and json.loads(path.read_text(encoding="utf-8"))["asked"] == asked:
        return
    rows = {}
    for part, asked_for in (("photographs", photographs), ("renders", renders)):
        report = evaluate(asked_for)["models"][weights.parent.name]
        rows[part] = {"pictures": report["pictures"], "pairs": report["pairs"]}
    write_atomic(path, json.dumps({"asked": asked, **rows}))


def gather(out: Path, about: Mapping[str, Any]) -> list[Run]:
    """Read the runs of the seeds that are whole.

    Raises:
        LeadlineError: where no seed is.
    """
    runs = []
    for seed in about["seeds"]:
        arms = {arm for question in ask(about["amounts"]) for arm in question.arms}
        folders = {arm: folder(out, arm, seed) for arm in arms}
        if all((path / MEASURED).exists() for path in folders.values()):
            runs += [read_run(arm, seed, folders[arm]) for arm in sorted(arms)]
    if not runs:
        raise LeadlineError(f"no seed of the study in {out} is finished: run it again, it goes on")
    return runs


def read_run(arm: str, seed: int, out: Path) -> Run:
    """Read one run's figures, and how long it took from its log, however often it was stopped."""
    measured = json.loads((out / MEASURED).read_text(encoding="utf-8"))
    return Run(arm=arm, seed=seed, seconds=seconds_taken(out / LOG), measured=measured)


def folder(out: Path, arm: str, seed: int) -> Path:
    return out / f"{arm}-seed{seed}"


if __name__ == "__main__":
    try:
        main(tyro.cli(Study))
    except LeadlineError as error:
        sys.exit(str(error))
