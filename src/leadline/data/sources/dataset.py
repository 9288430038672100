"""What a published data set is, as data, and the source that reads it where it lies."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from leadline.data.archives import read_member
from leadline.data.files import naming, read_picture
from leadline.data.layout import Fields, Layout, only_file
from leadline.data.sources.labels import fingerprint
from leadline.types import Camera, Label, LeadlineError, PointPair, Sample, Size, UnreadableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture of a data set, and what belongs to it."""

    root: Path
    layout: Layout
    fields: Mapping[str, str]
    size: Size = Size(0, 0)  # noqa: RUF009 (a tuple cannot change)
    """Of the picture, which is read first."""
    upright: bool = True
    """Whether EXIF may turn the picture: the labels of data sets belong to the pixels as they are stored."""

    def file(self, what: str) -> Path:
        """Return where a file of this frame lies; raises `UnreadableError` where that is not one place."""
        return only_file(self.root / self.layout.fill(what, self.fields))

    def __getitem__(self, field: str) -> str:
        """Return what stands for a field of the templates."""
        return self.fields[field]


def _read_file(frame: Frame) -> UInt8[np.ndarray, "_h _w 3"]:
    outside, member = frame.layout.place("picture", frame.fields)
    if not member:
        return read_picture(frame.file("picture"), upright=frame.upright)
    archive = frame.root / outside
    return read_picture(read_member(archive, member), name=f"{archive}!{member}", upright=frame.upright)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A data set as its authors publish it."""

    name: str
    """As on the command line."""
    title: str
    roles: str
    """What the papers use it for."""
    licence: str
    home: str
    """Where to get it."""
    size: str
    rules: str
    """How its numbers are read, and what says so."""
    splits: Mapping[str, Sequence[Layout]]
    """Name -> layouts, whose frames are taken together."""
    train: str | None = None
    """The split to learn from; None where it is for measuring alone."""
    test: str | None = None
    """The split to measure with."""
    picture: Callable[[Frame], UInt8[np.ndarray, "_h _w 3"]] = _read_file
    label: Callable[[Frame], Label] | None = None
    camera: Callable[[Frame], Camera | None] | None = None
    pairs: Callable[[Frame], tuple[PointPair, ...]] | None = None
    """Reads the pairs of points of a frame, where people said which one is closer."""


class DatasetSource:
    """One split of a data set, read where it lies; ids are ``name/field/field``."""

    def __init__(
        self, dataset: Dataset, root: Path, *, split: str | None = None, name: str | None = None
    ) -> None:
        """List the frames below `root`; no picture is read yet. By default the split to learn from.

        `name` stands for the data set's own where two splits of it must be told apart.

        Raises:
            LeadlineError: where there is no such split, nothing of it below `root`, or a malformed list of
                what belongs to it.
        """
        self.dataset, self.root, self.name = dataset, root.resolve(), name or dataset.name
        self.split = split or dataset.train or dataset.test or next(iter(dataset.splits))
        if self.split not in dataset.splits:
            raise LeadlineError(
                f"{dataset.name} has no split {self.split!r}; there are: {', '.join(dataset.splits)}"
            )
        self._layouts = tuple(dataset.splits[self.split])
        with naming(self.root, None, f"{dataset.title}, split {self.split}"):
            self._frames: list[tuple[int, Fields]] = [
                (number, fields)
                for number, layout in enumerate(self._layouts)
                for fields in layout.find(self.root)
            ]
        if not self._frames:
            expected = "; or ".join(", ".join(dict.fromkeys(lay.files.values())) for lay in self._layouts)
            raise LeadlineError(
                f"{self.root} holds nothing of {dataset.title}, split {self.split}. Expected below it: "
                f"{expected}. Get it from {dataset.home}"
            )

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._frames)

    def frame(self, index: int) -> Frame:
        """Return where one picture and what belongs to it lie; raises `IndexError` out of range."""
        number, fields = self._frames[index]
        layout = self._layouts[number]
        return Frame(
            root=self.root,
            layout=layout,
            fields=dict(zip(layout.fields, fields, strict=True)),
            upright=self.dataset.label is None,
        )

    def __getitem__(self, index: int) -> Sample:
        """Read one picture with its label.

        Raises:
            IndexError: out of range.
            UnreadableError: where picture or label cannot be read, or they differ in size.
        """
        frame = self.frame(index)
        image = self.dataset.picture(frame)
        frame = replace(frame, size=Size(*image.shape[:2]))
        name = "/".join((self.name, *frame.fields.values()))
        with naming(self.root, name, "a sample"):  # whatever is odd in what other people's files hold
            label = None if self.dataset.label is None else self.dataset.label(frame)
            camera = self._camera(frame)
        if label is not None and label.values.shape != frame.size:
            raise UnreadableError(
                f"{name}: the label is {Size(*label.values.shape)}, but its picture is {frame.size}: "
                "they must agree"
            )
        return Sample(image=image, label=label, id=name, camera=camera)

    def _camera(self, frame: Frame) -> Camera | None:
        """Return the camera where the data set has one and its file, often a separate download, is there."""
        if self.dataset.camera is None:
            return None
        missing = "camera" in frame.layout.files and not frame.file("camera").exists()
        return None if missing else self.dataset.camera(frame)

    def pairs(self, index: int) -> tuple[PointPair, ...]:
        """Return the pairs of points of a picture; empty where the data set has none."""
        return () if self.dataset.pairs is None else self.dataset.pairs(self.frame(index))

    def provenance(self) -> dict[str, str]:
        """Name, split, count, licence and origin, and a fingerprint over pictures and labels."""
        return {
            "name": self.name,
            "split": self.split,
            "count": str(len(self)),
            "licence": self.dataset.licence,
            "home": self.dataset.home,
            "fingerprint": fingerprint(
                (
                    frame.layout.fill(what, frame.fields),
                    _place(self.root / frame.layout.place(what, frame.fields)[0]),
                )
                for frame in map(self.frame, range(len(self)))
                for what in frame.layout.files
            ),
        }


def _place(path: Path) -> Path:
    """Return the file, or the first that fits a ``*``."""
    return min(path.parent.glob(path.name), default=path) if "*" in path.name else path
