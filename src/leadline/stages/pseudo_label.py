"""Stage 2: a teacher and pictures -> a store of pseudo-labels."""

import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch

from leadline.console import console, progress
from leadline.data.files import encode_jpeg
from leadline.data.shards import (
    Record,
    Shard,
    Store,
    Unreadable,
    encode_record,
    finish_store,
    finished_shards,
    open_store,
    write_store,
)
from leadline.data.transforms import resize_picture
from leadline.engine.fit import launch
from leadline.engine.run import Machine
from leadline.geometry import fit_size
from leadline.losses import ssi_mae
from leadline.models.checkpoints import digest
from leadline.models.network import Network
from leadline.models.published import load_model
from leadline.predict.figures import colourise, montage
from leadline.predict.overlap import overlapped
from leadline.predict.predictor import Predictor, View
from leadline.stages.sources import open_sources
from leadline.storage import sweep, write_atomic
from leadline.types import Label, LeadlineError, Sample, Size, Source, UnreadableError

WORST = "worst.jpg"


@dataclass(frozen=True, kw_only=True)
class PseudoLabelConfig:
    """Label pictures with a teacher."""

    teacher: Path = Path("runs/teacher/weights.safetensors")
    """The teacher: a checkpoint, or any model that `leadline predict` takes."""
    network: str | None = None
    """Which network an authors' file holds, where the file does not tell."""
    pictures: tuple[str, ...] = ()
    """Sources of pictures; labels they may have are ignored."""
    out: Path = Path("runs/labels")
    """Folder of the store."""
    short_side: int | None = None
    """Short side at which the teacher looks at a picture; its network's own where not given."""
    stored_side: int = 640
    """Pictures with a longer short side are stored, with their labels, at this one."""
    flip_average: bool = False
    """Store the mean of the map and that of the mirrored picture; the papers store the map."""
    shard: int = 256
    """Pictures in a shard: what a kill loses at most."""
    unreadable_limit: float = 0.01
    """Largest share of pictures that may turn out unreadable before the run stops."""
    dry_run: bool = False
    """Only say how long it would take and how much disk it would fill."""
    batch: int = 8
    """Pictures that go through the teacher together."""
    machine: Machine = field(default_factory=Machine)
    """Where it is computed."""

    def __post_init__(self) -> None:
        """Refuse what cannot label."""
        if min(self.shard, self.batch, self.stored_side) < 1:
            raise ValueError("shard, batch and stored_side are at least 1")


def pseudo_label(config: PseudoLabelConfig) -> Path:
    """Write the store, or what is missing of it, and return its folder.

    Raises:
        LeadlineError: where the store was made otherwise, the disk is too small, or too much is unreadable.
    """
    source = open_sources(config.pictures, role="pictures")
    network, about_teacher = load_model(config.teacher, network=config.network)
    fabric = launch(config.machine)
    predictor = _predictor(config, network, fabric.device)
    labeller = Labeller(config, source, predictor)
    total, counts = len(source), _shards(len(source), config.shard)
    about = _about(labeller, about_teacher)
    missing = total - sum(counts[number] for number in finished_shards(config.out, range(len(counts))))
    if fabric.is_global_zero:
        _estimate(labeller, missing, config)
    if config.dry_run:
        return config.out
    if fabric.is_global_zero:
        open_store(config.out, counts, about=about)
        sweep(config.out)
    fabric.barrier()
    own = range(fabric.global_rank, len(counts), fabric.world_size)
    share = sum(counts[number] for number in own)
    finished = sum(counts[number] for number in finished_shards(config.out, own))
    unreadable = 0
    title, quiet = f"labelling {config.out.name}", not fabric.is_global_zero
    with progress(title, total=share, done=finished, quiet=quiet) as tick:

        def done(number: int, left_out: int) -> None:
            nonlocal unreadable
            unreadable += left_out
            if unreadable > config.unreadable_limit * share:
                raise LeadlineError(
                    f"{unreadable} of {share} pictures are unreadable, more than unreadable_limit = "
                    f"{config.unreadable_limit:g}; {config.out} lists them beside its shards. Raise "
                    "the limit to go on, or mend them and begin again in another --out"
                )

        def make(number: int) -> Shard:
            first = sum(counts[:number])
            shard = []
            for record in labeller.label(range(first, first + counts[number])):
                shard.append(record)
                tick("")
            return shard

        write_store(config.out, counts, make, about=about, done=done, numbers=own)
    fabric.barrier()
    if fabric.is_global_zero:
        manifest = finish_store(config.out)
        _draw_worst(Store(config.out), config.out / WORST)
        console.print(
            f"{manifest['count']} labels in {config.out}, {len(manifest['unreadable'])} pictures left out, "
            f"the least certain in {config.out / WORST}"
        )
    fabric.barrier()
    return config.out


@dataclass(frozen=True, slots=True)
class _Read:
    """A picture as it will be stored, and as the teacher sees it."""

    sample: Sample
    prepared: np.ndarray


@dataclass(frozen=True, slots=True)
class _Labelled:
    """A picture with its label, and figures about that."""

    sample: Sample
    quality: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Labeller:
    """Reads, predicts and encodes at the same time."""

    config: PseudoLabelConfig
    source: Source
    predictor: Predictor

    def label(self, numbers: range) -> Iterator[Record | Unreadable]:
        """Yield the record of each picture, in order."""
        ahead = 4 * self.config.batch
        read = overlapped(self._read, numbers, ahead=ahead)
        seen = self.predictor.follow(
            read, lambda item: item.prepared if isinstance(item, _Read) else None, mirrored=True
        )
        # Arithmetic stays in this thread: in another it would compete with the network's own threads.
        return overlapped(self._encode, map(self._judge, seen), ahead=ahead)

    def _read(self, number: int) -> _Read | Unreadable:
        try:
            sample = self.source[number]
            prepared = self.predictor.prepare(sample.image)
        except UnreadableError as error:
            return Unreadable(id=f"{self.source.name}/{number}", reason=str(error))
        if min(sample.size) > self.config.stored_side:
            side = self.config.stored_side
            size = fit_size(sample.size, Size(side, side), multiple=1, bound="lower")
            sample = Sample(image=resize_picture(sample.image, size, "area"), label=None, id=sample.id)
        return _Read(sample, prepared)

    def _judge(self, item: tuple[_Read | Unreadable, View | None]) -> _Labelled | Unreadable:
        """Bring a map to its picture's size, and measure how far it can be trusted."""
        picture, view = item
        if isinstance(picture, Unreadable):
            return picture
        assert view is not None
        assert view.mirrored is not None
        straight, mirrored = view.straight, view.mirrored
        # Every second row and column tell the agreement well enough, at a quarter of the cost.
        few, few_mirrored = straight[..., ::2, ::2], mirrored[..., ::2, ::2]
        quality = {
            "flip_disagreement": float(ssi_mae(few_mirrored, few, torch.ones_like(few, dtype=torch.bool))),
            "zeros": float((straight <= 0).float().mean()),
        }
        prediction = self.predictor.restore(view, picture.sample.size)
        valid = np.ones(picture.sample.size, np.bool_)
        label = Label(values=prediction.values, valid=valid, space=prediction.space)
        return _Labelled(replace(picture.sample, label=label), quality)

    def _encode(self, item: _Labelled | Unreadable) -> Record | Unreadable:
        if isinstance(item, Unreadable):
            return item
        sample = item.sample
        assert sample.label is not None
        jpeg = sample.jpeg or encode_jpeg(sample.image)
        return encode_record(sample.id, jpeg, sample.label, quality=item.quality)


def _predictor(config: PseudoLabelConfig, network: Network, device: torch.device) -> Predictor:
    return Predictor(
        network,
        device=device,
        size=config.short_side,
        batch=config.batch,
        precision="float32",
        flip_average=config.flip_average,
    )


def _about(labeller: Labeller, teacher: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the store says of its origin."""
    network, config = labeller.predictor.network, labeller.config
    return {
        "stage": "pseudo_label",
        "teacher": {"weights": digest(network), **teacher},
        "preprocessing": asdict(network.variant),
        "short_side": labeller.predictor.size,
        "stored_side": config.stored_side,
        "flip_average": config.flip_average,
        "pictures": labeller.source.provenance(),
    }


def _shards(total: int, size: int) -> list[int]:
    return [min(size, total - first) for first in range(0, total, size)]


def _estimate(labeller: Labeller, missing: int, config: PseudoLabelConfig) -> None:
    """Label a few pictures to say what the whole will cost, and refuse a disk that is too small.

    Work that is hardly longer than the estimate goes without.
    """
    count = 4 * config.batch
    if missing <= count and not (config.dry_run and missing):
        console.print(f"{missing} pictures to label")
        return
    total = len(labeller.source)
    console.print(f"estimating from {min(count, total)} of {missing} pictures")
    some = range(0, total, max(1, total // count))[:count]
    list(labeller.label(some[: config.batch]))  # the first pictures pay for warming up
    start = time.perf_counter()
    records = [r for r in labeller.label(some) if isinstance(r, Record)]
    each = (time.perf_counter() - start) / len(some) / config.machine.devices
    size = sum(len(r.jpeg) + len(r.png) + 4096 for r in records) / max(len(records), 1)
    free = shutil.disk_usage(_existing(config.out)).free
    console.print(
        f"{missing} pictures to label: about {timedelta(seconds=round(each * missing))} and "
        f"{size * missing / 1e6:.0f} MB of disk ({free / 1e6:.0f} MB free)"
    )
    if size * missing > free:
        raise LeadlineError(
            f"{config.out} would need {size * missing / 1e6:.0f} MB and the disk has {free / 1e6:.0f} MB free"
        )


def _draw_worst(store: Store, path: Path) -> None:
    """Draw the 24 labels that agree least with those of the mirrored pictures."""
    order = np.argsort([-quality["flip_disagreement"] for quality in store.quality], kind="stable")
    tiles = []
    for index in order[:24]:
        sample = store[int(index)]
        assert sample.label is not None
        tiles.append(np.hstack([sample.image, colourise(sample.label.values)]))
    if tiles:
        write_atomic(path, encode_jpeg(montage(tiles, columns=4, tile=Size(120, 320))))


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())
