"""Every model on every picture: reading runs ahead of the networks, judging behind them."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, runtime_checkable

from leadline.console import progress
from leadline.data.files import read_picture
from leadline.data.transforms import resize
from leadline.evaluation.contract import Contestant
from leadline.geometry import fit_size
from leadline.metrics import NothingCountsError, Reference, find_protocol, judge, nearness, require_inside
from leadline.metrics import Protocol as Rules
from leadline.metrics.protocols import PROTOCOLS, Convention
from leadline.predict.overlap import overlapped
from leadline.types import LeadlineError, PointPair, Prediction, Sample, Size, Source

Row = Mapping[str, Any]
_THREADS = min(8, os.cpu_count() or 1)  # that read, and as many that judge: a GPU would wait for one


@runtime_checkable
class Task(Protocol):
    """One picture with what is known about it."""

    @property
    def key(self) -> str:
        """Tells the picture, what is known of it and how it is judged from everything else."""

    def read(self) -> Sample:
        """Read the picture."""

    def judge(self, sample: Sample) -> Callable[[Prediction], Row]:
        """Return what makes a row of a prediction."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A labelled picture of a source."""

    source: Source
    index: int
    convention: Convention
    key: str

    def read(self) -> Sample:
        """Read picture and label, reduced where the protocol says so."""
        sample = self.source[self.index]
        side = self.protocol(sample).long_side
        if side is None or max(sample.size) <= side:
            return sample
        size = fit_size(sample.size, Size(side, side), multiple=1, bound="upper")
        return resize(sample, size, "area")

    def judge(self, sample: Sample) -> Callable[[Prediction], Row]:
        """Measure against the label; where none of its pixels counts, the row says why it is `uncounted`.

        Raises:
            LeadlineError: where there is no label.
        """
        if sample.label is None:
            raise LeadlineError("there is no label to measure with")
        camera = sample.camera
        row = {"id": sample.id, "source": group_of(sample)}
        try:
            reference = Reference(sample.label, protocol=self.protocol(sample), camera=camera)
        except NothingCountsError as error:
            uncounted = {**row, "uncounted": str(error)}
            return lambda prediction: uncounted
        return lambda prediction: {**row, **reference.measure(prediction)}

    def protocol(self, sample: Sample) -> Rules:
        """Return the protocol of the picture's group."""
        return find_protocol(self.convention, group_of(sample))


@runtime_checkable
class Paired(Protocol):
    """A source of whose pictures people said which of two points is closer; DA-2K and DIW are like that."""

    def pairs(self, index: int) -> Sequence[PointPair]:
        """Return the pairs of a picture."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A picture with pairs of points."""

    open: Callable[[], Sample]
    pairs: Sequence[PointPair]
    key: str
    name: str | None = None
    """What it is called in rows; as its sample where not given. The folder in it is the scenario."""

    def read(self) -> Sample:
        """Read the picture."""
        return self.open()

    def judge(self, sample: Sample) -> Callable[[Prediction], Row]:
        """Judge the order of every pair.

        Raises:
            LeadlineError: where a point lies outside the picture.
        """
        for pair in self.pairs:
            require_inside(pair, sample.size)
        name = self.name or sample.id
        folder = PurePosixPath(name).parent.name

        def row(prediction: Prediction) -> Row:
            near = nearness(prediction, sample.size)
            return {
                "id": name,
                "scenario": "" if folder == "images" else folder,
                "pairs": [asdict(judge(near, pair)) for pair in self.pairs],
            }

        return row


def group_of(sample: Sample) -> str:
    """Return the name under which a picture is averaged: the beginning of its id."""
    return sample.id.split("/")[0]


def measured(source: Source, convention: Convention) -> list[Measured]:
    """List the pictures of one source; their protocol is that of their group."""
    about = digest(
        source.provenance(), convention, {name: asdict(rules) for name, rules in PROTOCOLS.items()}
    )
    return [Measured(source, index, convention, f"{about}/{index}") for index in range(len(source))]


def ranked(source: Source) -> list[Ranked]:
    """List the pictures of a source that is `Paired`; empty where it is not, or has no pairs."""
    if not isinstance(source, Paired):
        return []
    about = digest(source.provenance())
    every = [source.pairs(index) for index in range(len(source))]
    return [
        Ranked(partial(source.__getitem__, index), pairs, f"{about}/{index}")
        for index, pairs in enumerate(every)
        if pairs
    ]


def annotated(file: Path, pairs: Mapping[str, Sequence[PointPair]]) -> list[Ranked]:
    """List the pictures of a file of annotations; their paths are relative to its folder."""
    tasks = []
    for name, some in pairs.items():
        picture = file.parent / name
        size = picture.stat().st_size if picture.is_file() else None
        key = digest(name, str(picture.resolve()), size, [pair._asdict() for pair in some])
        tasks.append(Ranked(partial(_annotated_sample, picture, f"{file}, {name}"), some, key, name))
    return tasks


def _annotated_sample(picture: Path, where: str) -> Sample:
    return Sample(image=read_picture(picture), label=None, id=where)


def digest(*parts: Any) -> str:
    """Return a short name for plain data, another one for each version of this package."""
    text = json.dumps([version("leadline"), *parts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def hold(tasks: Sequence[Task], contestants: Sequence[Contestant], *, title: str, batch: int) -> None:
    """Put into every contestant's ledger the rows of those tasks that it lacks.

    Raises:
        LeadlineError: for a picture that cannot be read, judged or predicted, naming it and the model.
    """
    work = [(task, [one for one in contestants if task.key not in one.ledger]) for task in tasks]
    work = [(task, lacking) for task, lacking in work if lacking]
    if not tasks:
        return
    read = overlapped(_read, work, ahead=batch + _THREADS, threads=_THREADS)
    judged = overlapped(_judge, _predict(read, batch), ahead=batch + _THREADS, threads=_THREADS)
    with progress(title, total=len(tasks), done=len(tasks) - len(work)) as tick:
        for task, rows in judged:
            for contestant, row in rows:
                contestant.ledger.add(task.key, row)
            tick("")


@dataclass(frozen=True, slots=True)
class _Item:
    """A picture on its way: what each model that lacks it takes, or gave."""

    task: Task
    sample: Sample
    lacking: Sequence[Contestant]
    maps: list[Any]


def _read(work: tuple[Task, Sequence[Contestant]]) -> _Item:
    task, lacking = work
    sample = task.read()
    prepared = []
    for one in lacking:
        with _explained(f"{sample.id}, {one.name}"):
            prepared.append(one.model.prepare(sample.image))
    return _Item(task, sample, lacking, prepared)


def _predict(items: Iterator[_Item], batch: int) -> Iterator[_Item]:
    """Replace what networks take by what they give, several pictures at a time."""
    while some := list(islice(items, batch)):
        contestants = {one.name: one for item in some for one in item.lacking}
        for one in contestants.values():
            places = [(item, item.lacking.index(one)) for item in some if one in item.lacking]
            maps = one.model.views([item.maps[place] for item, place in places])
            for (item, place), map in zip(places, maps, strict=True):
                item.maps[place] = map
        yield from some


def _judge(item: _Item) -> tuple[Task, list[tuple[Contestant, Row]]]:
    sample = item.sample
    rows = []
    with _explained(sample.id):
        row_of = item.task.judge(sample)
    for one, map in zip(item.lacking, item.maps, strict=True):
        with _explained(f"{sample.id}, {one.name}"):
            rows.append((one, row_of(one.model.restore(map, sample.size))))
    return item.task, rows


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """Tell an error where it happened."""
    try:
        yield
    except LeadlineError as error:
        raise LeadlineError(f"{where}: {error}") from error
