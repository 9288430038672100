"""For everyone: a model and pictures -> maps in any format, each saying what it means."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tyro.conf import Positional

from leadline.console import console, progress
from leadline.data.files import read_picture
from leadline.data.transforms import resize_picture
from leadline.geometry import as_depth, require_metres
from leadline.memory import keep_memory
from leadline.models.checkpoints import digest, manner
from leadline.models.published import BUNDLED
from leadline.predict.figures import shown_size
from leadline.predict.formats import Format, encode, suffixes
from leadline.predict.overlap import READERS, overlapped
from leadline.predict.predictor import Precision, Predictor, View, load
from leadline.predict.record import Record, State
from leadline.predict.selection import Selected, select_pictures
from leadline.storage import sweep, write_atomic
from leadline.types import LeadlineError, Prediction, Size, Space, UnreadableError

_WRITERS = 4
"""Threads that write: mostly they wait for the disk, which is told to keep every file."""
_LONGEST_NAME = 255
"""Bytes of a file's name that the usual systems take."""


@dataclass(frozen=True, kw_only=True)
class PredictConfig:
    """Write the maps of pictures."""

    pictures: Positional[tuple[str, ...]] = ()
    """Pictures, folders (with all below them) and patterns such as "photos/**/*.jpg"."""
    model: str | Path = BUNDLED
    """The model in the box, another name that `leadline models` lists, a repository of the Hugging Face hub,
    or the path of a checkpoint: ours, the authors' .pth, a .safetensors file, or a folder of transformers."""
    network: str | None = None
    """Which network an authors' file holds, where the file does not tell (V1 and V2 look alike)."""
    out: Path = Path("predictions")
    """Folder of the maps, named as their pictures, and of predictions.json, which says what they are."""
    format: tuple[Format, ...] = ("png", "colour")
    """What to write: numbers as 16-bit png, npz, exr or pfm (float32), and pictures for the eye."""
    unit: Literal["own", "metres"] = "own"
    """What the numbers are in: what the model predicts, or metres, which affine disparity cannot be."""
    size: int | None = None
    """Short side in pixels at which the network looks, more for finer maps; its own where not given. Some,
    such as the model in the box, look at smaller sizes too and make one map of all."""
    flip_average: bool = False
    """Take the mean of the map and that of the mirrored picture; takes twice the time."""
    disagreement: bool = False
    """Also write how much these two differ, pixel by pixel: where not to trust the map."""
    overwrite: bool = False
    """Make maps that exist already again."""
    device: str = "auto"
    """Where it is computed: auto, cpu, cuda, cuda:1, mps."""
    precision: Precision = "auto"
    """Arithmetic of the network; auto is float16 on CUDA and float32 elsewhere."""
    batch: int = 8
    """Pictures of one size that go through the network together."""

    def __post_init__(self) -> None:
        """Refuse what cannot predict."""
        if not self.format:
            raise ValueError("format: at least one is needed")
        if self.batch < 1 or (self.size is not None and self.size < 1):
            raise ValueError("batch and size are at least 1")


def predict(config: PredictConfig) -> Path:
    """Write what is missing of the maps, and return their folder.

    Raises:
        LeadlineError: at the end, where pictures could not be read, with the reason for each; at once, where
            there is nothing to predict, the folder holds maps made otherwise, or the disk is full.
    """
    pictures, failures = select_pictures(config.pictures, results=config.out)
    if not pictures:
        reasons = "".join(f"; {failure}" for failure in failures)
        raise LeadlineError(f"there is nothing to predict: name pictures, folders or patterns{reasons}")
    keep_memory()
    predictor = load(
        config.model,
        network=config.network,
        device=config.device,
        size=config.size,
        batch=config.batch,
        precision=config.precision,
        flip_average=config.flip_average,
        disagreement=config.disagreement,
    )
    if config.unit == "metres":
        require_metres(predictor.network.space)
    model = {
        "network": predictor.network.name,
        "weights": digest(predictor.network)[:16],
        "manner": manner(predictor.network.variant)[:16],
    }
    job = Job(config, predictor, model, Record(config.out))
    todo = {picture: missing for picture in pictures if (missing := job.missing(picture))}
    if not config.overwrite:
        job.require_free(todo)
    for folder in {config.out, *((config.out / picture.name).parent for picture in todo)}:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
    job.record.begin(chain.from_iterable(todo.values()))
    if config.overwrite:
        job.strike(todo)
    before, made = len(pictures) - len(todo), 0
    try:
        with progress("predicting", total=len(pictures), done=before) as tick:
            for failure in job.run(todo):
                failures += [] if failure is None else [failure]
                made += failure is None
                tick("")
    finally:
        job.record.save()
    job.record.end()
    stood = f", {before} stood there already (--overwrite makes them again)" if before else ""
    console.print(f"{made} of {len(pictures)} pictures predicted into {config.out}{stood}")
    if failures:
        raise LeadlineError("\n  ".join([f"{len(failures)} could not be predicted:", *failures]))
    return config.out


@dataclass(frozen=True, slots=True)
class _Read:
    """A picture as the network sees it, and what is needed to write its maps."""

    picture: Selected
    size: Size
    prepared: np.ndarray
    shown: np.ndarray | None
    """At the size of a figure, where one shows it."""
    about: dict[str, Any]
    """What its maps are about."""
    of: State
    """Its file as it was before it was read."""


@dataclass(frozen=True, slots=True)
class Job:
    """Reads, predicts and writes at the same time."""

    config: PredictConfig
    predictor: Predictor
    model: Mapping[str, str]
    record: Record

    def missing(self, picture: Selected) -> set[str]:
        """Return which of the picture's files are to be written."""
        try:
            of = _state(picture.path)
        except OSError:  # reading it will say why
            of = None
        return self._missing(picture, self._about(picture), of)

    def run(self, pictures: Iterable[Selected]) -> Iterator[str | None]:
        """Yield, for each picture in order, None once its files are written, or why it cannot be read."""
        ahead = 2 * self.predictor.batch
        read = overlapped(self._read, pictures, ahead=ahead, threads=READERS)
        seen = self.predictor.follow(read, lambda item: item.prepared if isinstance(item, _Read) else None)
        # Arithmetic stays in this thread: in another it would compete with the network's own threads.
        return overlapped(self._write, map(self._restore, seen), ahead=ahead, threads=_WRITERS)

    @property
    def space(self) -> Space:
        """The space of what is written."""
        return Space.DEPTH if self.config.unit == "metres" else self.predictor.network.space

    def require_free(self, pictures: Iterable[Selected]) -> None:
        """Refuse to write over files of which the record does not say that they are maps."""
        for picture in pictures:
            if strange := self.record.strange(picture.name, self._files(picture)):
                raise LeadlineError(
                    f"{strange[0]} stands there already, and {self.record.path} does not say that it is a "
                    "map: choose another --out, or --overwrite it"
                )

    def strike(self, pictures: Iterable[Selected]) -> None:
        """Strike what will be replaced out of the record."""
        for picture in pictures:
            self.record.forget(picture.name, set(self._files(picture)), about=self._about(picture))
        self.record.save()

    def _missing(self, picture: Selected, about: Mapping[str, Any], of: State | None) -> set[str]:
        files = self._files(picture)
        if self.config.overwrite:
            return set(files)
        return self.record.missing(picture.name, files, about=about, of=of)

    def _files(self, picture: Selected) -> list[str]:
        return [
            picture.name + suffix
            for format in self.config.format
            for suffix in suffixes(format, self.space, disagreement=self.config.disagreement)
        ]

    def _read(self, picture: Selected) -> _Read | str:
        names = (os.fsencode(Path(file).name) for file in self._files(picture))
        if os.name == "posix" and any(len(name) > _LONGEST_NAME for name in names):
            return f"{picture.path}: with what is added to it, its name is longer than {_LONGEST_NAME} bytes"
        try:
            of = _state(picture.path)
            image = read_picture(picture.path)
        except UnreadableError as error:
            return str(error)
        except OSError as error:
            return f"{picture.path} cannot be read as a picture: {error.strerror}"
        size = Size(*image.shape[:2])
        try:
            prepared = self.predictor.prepare(image)
        except UnreadableError as error:
            return f"{picture.path}: {error}"
        drawn = "side-by-side" in self.config.format
        return _Read(
            picture=picture,
            size=size,
            prepared=prepared,
            shown=resize_picture(image, shown_size(size), "area") if drawn else None,
            about={**self._about(picture), "size": list(size)},
            of=of,
        )

    def _restore(self, item: tuple[_Read | str, View | None]) -> tuple[_Read, Prediction] | str:
        read, view = item
        if isinstance(read, str) or view is None:
            return str(read)
        return read, self.predictor.restore(view, read.size)

    def _write(self, item: tuple[_Read, Prediction] | str) -> str | None:
        if isinstance(item, str):
            return item
        read, prediction = item
        if self.config.unit == "metres":
            values = as_depth(prediction.values, prediction.space)
            prediction = replace(prediction, values=values, space=Space.DEPTH)
        picture, files = read.picture, {}
        missing = self._missing(picture, read.about, read.of)
        for format in self.config.format:
            for encoded in encode(prediction, format, picture=read.shown):
                name = picture.name + encoded.suffix
                if name in missing:
                    write_atomic(self.config.out / name, encoded.data)
                    files[name] = {"format": format, **encoded.facts}
        self.record.add(picture.name, read.about, files, of=read.of)
        return None

    def _about(self, picture: Selected) -> dict[str, Any]:
        return {
            "source": str(picture.path),
            "space": self.space.value,
            "unit": self.space.unit,
            "model": dict(self.model),
            "made": {
                "sides": list(self.predictor.sides),
                "precision": str(self.predictor.dtype).removeprefix("torch."),
                "flip_average": self.predictor.flip_average,
                "disagreement": self.config.disagreement,
            },
        }


def _state(path: Path) -> State:
    status = path.stat()
    return {"bytes": status.st_size, "modified_ns": status.st_mtime_ns}
