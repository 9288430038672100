"""Stage 4: models and measured pictures -> a table that others can hold against theirs."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from rich.table import Table
from tyro.conf import arg

from leadline.console import console
from leadline.data.sources.points import read_pairs
from leadline.engine.fit import launch
from leadline.engine.run import Machine
from leadline.evaluation.contest import Measured, Ranked, annotated, hold, measured, ranked
from leadline.evaluation.contestants import enter
from leadline.evaluation.contract import Contestant
from leadline.evaluation.ledger import Ledger
from leadline.evaluation.summary import comparisons, summarise, summarise_order
from leadline.evaluation.tables import tables
from leadline.metrics.protocols import Convention, find_protocol
from leadline.models.published import BUNDLED
from leadline.stages.sources import open_sources
from leadline.storage import write_atomic
from leadline.types import LeadlineError

REPORT = "report.json"
LEDGERS = "figures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """Where networks are computed."""

    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """What computes; ``auto`` takes the best there is."""
    threads: int | None = None
    """Threads for arithmetic; PyTorch's choice where not given."""


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """Measure models beside a constant map and the best vertical ramp."""

    models: Annotated[tuple[str, ...], arg(aliases=["--model"])] = (BUNDLED,)
    """What `leadline predict` takes, .onnx files, transformers:FOLDER or module:function, with ?name=x,
    ?network=NAME for an authors' file that fits several, and ?space=depth where needed."""
    benchmarks: Annotated[tuple[str, ...], arg(aliases=["--benchmark"])] = ()
    """Labelled sources, and those of point pairs."""
    ordinal: tuple[Path, ...] = ()
    """Annotations of point pairs, as DA-2K: {picture: [{point1: [h, w], point2: [h, w], closer_point}]}."""
    protocol: Convention = "strict"
    """``paper`` as the papers measured, where that is known; ``strict`` the same for every source."""
    short_side: int | None = None
    """Short side at which checkpoints and .onnx files look; their own where not given. Checkpoints of several
    looks keep those that are smaller."""
    batch: int = 8
    """Pictures that go through a checkpoint together."""
    out: Path = Path("runs/evaluation")
    """Folder of the report; what was measured there before is not measured again."""
    machine: Processor = field(default_factory=Processor)
    """Where it is computed."""

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        if self.batch < 1 or (self.short_side is not None and self.short_side < 1):
            raise ValueError(f"batch and short_side are at least 1, got {self.batch} and {self.short_side}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was measured: the report, and what pages need to show pictures again."""

    report: dict[str, Any]
    contestants: Sequence[Contestant]
    pictures: Sequence[Measured]


def evaluate(config: EvaluateConfig) -> dict[str, Any]:
    """Measure, print the tables, and write and return the report.

    Raises:
        LeadlineError: where there is nothing to measure with, a model or a picture cannot be used, or the
            annotations are malformed.
    """
    return run_evaluation(config).report


def run_evaluation(config: EvaluateConfig) -> Evaluation:
    """Evaluate, and return besides the report what it was made of; raises as `evaluate`."""
    if not config.benchmarks and not config.ordinal:
        raise LeadlineError("nothing to measure with: give --benchmarks or --ordinal")
    pictures, pairs = _tasks(config)
    machine = Machine(accelerator=config.machine.accelerator, threads=config.machine.threads)
    contestants = enter(
        config.models,
        device=launch(machine).device,
        short_side=config.short_side,
        batch=config.batch,
        ledgers=config.out / LEDGERS,
    )
    hold(pictures, contestants, title="measuring", batch=config.batch)
    hold(pairs, contestants, title="ranking", batch=config.batch)
    pictures, uncounted = _counted(contestants[0].ledger, pictures)
    report = {**_report(config, contestants, pictures, pairs), "uncounted": uncounted}
    config.out.mkdir(parents=True, exist_ok=True)
    write_atomic(config.out / REPORT, json.dumps(report, indent=1))
    _print(report)
    console.print(f"figures of every picture: {config.out / REPORT}")
    return Evaluation(report=report, contestants=contestants, pictures=pictures)


def _tasks(config: EvaluateConfig) -> tuple[list[Measured], list[Ranked]]:
    """List what there is to measure and to rank; benchmarks that have pairs of points are ranked."""
    sources = open_sources(config.benchmarks, role="benchmarks").sources if config.benchmarks else ()
    names = [source.name for source in sources]
    if len(set(names)) < len(names):
        raise LeadlineError(f"two benchmarks share a name in {', '.join(names)}: tell them apart with ?name=")
    by_source = [ranked(source) for source in sources]
    pictures = [
        task
        for source, some in zip(sources, by_source, strict=True)
        if not some
        for task in measured(source, config.protocol)
    ]
    by_file = [annotated(file, read_pairs(file)) for file in config.ordinal]
    if config.ordinal and not any(task.pairs for some in by_file for task in some):
        raise LeadlineError(f"{', '.join(map(str, config.ordinal))}: there is no pair to rank")
    return pictures, [task for some in (*by_source, *by_file) for task in some]


def _counted(ledger: Ledger, pictures: Sequence[Measured]) -> tuple[list[Measured], list[str]]:
    """Leave out pictures of whose labels nothing counts, and name them with the reason.

    Raises:
        LeadlineError: where none is left.
    """
    rows = [ledger[task.key] for task in pictures]
    uncounted = [f"{row['id']}: {row['uncounted']}" for row in rows if "uncounted" in row]
    if uncounted and len(uncounted) == len(rows):
        raise LeadlineError(f"no picture can be measured: {'; '.join(uncounted)}")
    return [task for task, row in zip(pictures, rows, strict=True) if "uncounted" not in row], uncounted


def _report(
    config: EvaluateConfig,
    contestants: Sequence[Contestant],
    pictures: Sequence[Measured],
    pairs: Sequence[Ranked],
) -> dict[str, Any]:
    plain = [contestants[0].ledger[task.key]["source"] for task in pictures]
    groups = _told_apart(plain, [task.source.name for task in pictures])
    rows = {
        one.name: [
            {**one.ledger[task.key], "source": group} for task, group in zip(pictures, groups, strict=True)
        ]
        for one in contestants
    }
    order = {one.name: [one.ledger[task.key] for task in pairs] for one in contestants}
    return {
        "protocol": config.protocol,
        "protocols": {
            group: asdict(find_protocol(config.protocol, name))
            for group, name in dict(zip(groups, plain, strict=True)).items()
        },
        "models": {
            one.name: {
                "spec": one.spec,
                **summarise(rows[one.name]),
                **({"ordinal": summarise_order(order[one.name])} if pairs else {}),
                "pictures": rows[one.name],
                "pairs": [
                    {"id": row["id"], **verdict} for row in order[one.name] for verdict in row["pairs"]
                ],
            }
            for one in contestants
        },
        "comparisons": comparisons(rows if pictures else {}, order if pairs else {}),
    }


def _told_apart(groups: Sequence[str], sources: Sequence[str]) -> list[str]:
    """Say behind a group in which source it is, where several have it: all renders are ``procedural``."""
    owners = Counter(group for group, _ in set(zip(groups, sources, strict=True)))
    return [
        f"{group} ({source})" if owners[group] > 1 else group
        for group, source in zip(groups, sources, strict=True)
    ]


def _print(report: Mapping[str, Any]) -> None:
    console.print(f"protocol {report['protocol']}")
    for named in report["uncounted"]:
        console.print(f"left out: {named}")
    for text in tables(report):
        table = Table(*text.header, title=text.title)
        for row in text.rows:
            table.add_row(*row)
        console.print(table)
