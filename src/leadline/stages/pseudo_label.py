"""Stage 2: one teacher or several, and pictures -> a store of pseudo-labels."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float32

from leadline.console import console, progress
from leadline.data.files import encode_jpeg
from leadline.data.records import Record, Shard, Unreadable, encode_record
from leadline.data.shards import (
    Store,
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
from leadline.predict.looks import mean_normalised
from leadline.predict.overlap import READERS, overlapped
from leadline.predict.predictor import Predictor, View
from leadline.stages.sources import open_sources, require_apart
from leadline.storage import sweep, write_atomic
from leadline.types import Label, LeadlineError, Sample, Size, Source, Space, UnreadableError

WORST = "worst.jpg"


@dataclass(frozen=True, kw_only=True)
class PseudoLabelConfig:
    """Label pictures with a teacher, or with the mean of several."""

    teacher: tuple[str | Path, ...] = ("runs/teacher/weights.safetensors",)
    """Checkpoints, or any models that `leadline predict` takes. With several, a label is the mean of their
    maps, each brought to median 0 and mean absolute deviation 1 as in the loss."""
    network: str | None = None
    """Which network all authors' files given hold, where the files do not tell."""
    pictures: tuple[str, ...] = ()
    """Sources of pictures; labels they may have are ignored."""
    out: Path = Path("runs/labels")
    """Folder of the store."""
    short_side: tuple[int, ...] = ()
    """Short side at which teachers look at a picture: one for all, or one for each; their networks' own where
    not given."""
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
    """Pictures that go through a teacher together."""
    machine: Machine = field(default_factory=Machine)
    """Where it is computed."""

    def __post_init__(self) -> None:
        """Refuse what cannot label."""
        if min(self.shard, self.batch, self.stored_side) < 1 or not 0 <= self.unreadable_limit <= 1:
            raise ValueError("shard, batch and stored_side are at least 1, unreadable_limit is a share")
        if not self.teacher or len(self.short_side) not in (0, 1, len(self.teacher)):
            raise ValueError(
                "teacher and short_side: at least one teacher, and one short side for all or one for each, "
                f"got {len(self.teacher)} and {len(self.short_side)}"
            )
        if any(side < 1 for side in self.short_side):
            raise ValueError(f"short_side: at least 1 pixel, got {self.short_side}")


def pseudo_label(config: PseudoLabelConfig) -> Path:
    """Write the store, or what is missing of it, and return its folder.

    Raises:
        LeadlineError: where the store was made otherwise, the disk is too small, too much is unreadable, or
            a teacher predicts metres.
    """
    require_apart(config.out, config.pictures)
    source = open_sources(config.pictures, role="pictures")
    teachers = [load_model(path, network=config.network) for path in config.teacher]
    fabric = launch(config.machine)
    predictors = _predictors(config, [network for network, _ in teachers], fabric.device)
    labeller = Labeller(config, source, predictors)
    total, counts = len(source), _shards(len(source), config.shard)
    about = _about(labeller, [about for _, about in teachers])
    finished = finished_shards(config.out, range(len(counts)))
    missing = total - sum(counts[number] for number in finished)
    if fabric.is_global_zero:
        _estimate(labeller, missing)
    if config.dry_run:
        return config.out
    if fabric.is_global_zero:
        open_store(config.out, counts, about=about)
        sweep(config.out)
    fabric.barrier()
    rest = [number for number in range(len(counts)) if number not in finished]
    own = [number for some in (finished, rest) for number in some[fabric.global_rank :: fabric.world_size]]
    share = sum(counts[number] for number in own)
    before, unreadable = sum(counts[number] for number in finished if number in own), 0
    title, quiet = f"labelling {config.out.name}", not fabric.is_global_zero
    with progress(title, total=share, done=before, quiet=quiet) as tick:

        def done(number: int, left_out: int) -> None:
            nonlocal unreadable
            unreadable += left_out
            _require_readable(config, unreadable, total)

        def make(number: int) -> Shard:
            first = sum(counts[:number])
            shard = []
            for record in labeller.label(range(first, first + counts[number])):
                shard.append(record)
                tick("")
            return shard

        write_store(config.out, counts, make, about=about, done=done, numbers=own)
    together = fabric.all_reduce(torch.tensor(unreadable), reduce_op="sum")  # and all shards are written
    _require_readable(config, int(cast(torch.Tensor, together)), total)
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
    """A picture as it will be stored, and as each teacher sees it."""

    sample: Sample
    prepared: tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True)
class _Labelled:
    """A picture with its label, and figures about that."""

    sample: Sample
    quality: Mapping[str, float]


_Seen = tuple[_Read | Unreadable, tuple[View, ...]]
"""A picture, and what the teachers who looked at it so far say."""


@dataclass(frozen=True, slots=True)
class Labeller:
    """Reads, predicts and encodes at the same time."""

    config: PseudoLabelConfig
    source: Source
    predictors: tuple[Predictor, ...]

    def label(self, numbers: range) -> Iterator[Record | Unreadable]:
        """Yield the record of each picture, in order."""
        ahead = 4 * self.config.batch
        read = overlapped(self._read, numbers, ahead=ahead, threads=READERS)
        seen: Iterator[_Seen] = ((picture, ()) for picture in read)
        for number in range(len(self.predictors)):
            seen = self._look(seen, number)
        # Arithmetic stays in this thread: in another it would compete with the network's own threads.
        return overlapped(self._encode, map(self._judge, seen), ahead=ahead)

    def _look(self, seen: Iterator[_Seen], teacher: int) -> Iterator[_Seen]:
        """Let one more teacher look at pictures and their mirror images."""

        def prepared(item: _Seen) -> np.ndarray | None:
            return item[0].prepared[teacher] if isinstance(item[0], _Read) else None

        for (picture, views), view in self.predictors[teacher].follow(seen, prepared, mirrored=True):
            yield picture, views if view is None else (*views, view)

    def _read(self, number: int) -> _Read | Unreadable:
        try:
            sample = self.source[number]
            prepared = tuple(predictor.prepare(sample.image) for predictor in self.predictors)
        except UnreadableError as error:
            return Unreadable(id=f"{self.source.name}/{number}", reason=str(error))
        if min(sample.size) > self.config.stored_side:
            side = self.config.stored_side
            size = fit_size(sample.size, Size(side, side), multiple=1, bound="lower")
            sample = Sample(image=resize_picture(sample.image, size, "area"), label=None, id=sample.id)
        return _Read(sample, prepared)

    def _judge(self, item: _Seen) -> _Labelled | Unreadable:
        """Bring maps to their picture's size, average them, and measure how far they can be trusted."""
        picture, views = item
        if isinstance(picture, Unreadable):
            return picture
        size = picture.sample.size
        maps = [predictor.restore(view, size) for predictor, view in zip(self.predictors, views, strict=True)]
        valid = np.ones(size, np.bool_)
        label = Label(values=_mean([map.values for map in maps]), valid=valid, space=maps[0].space)
        figures = [_quality(view) for view in views]
        quality = {name: fmean(each[name] for each in figures) for name in figures[0]}
        return _Labelled(replace(picture.sample, label=label), quality)

    def _encode(self, item: _Labelled | Unreadable) -> Record | Unreadable:
        if isinstance(item, Unreadable):
            return item
        sample = item.sample
        assert sample.label is not None
        jpeg = sample.jpeg or encode_jpeg(sample.image)
        return encode_record(sample.id, jpeg, sample.label, quality=item.quality)


def _quality(view: View) -> dict[str, float]:
    """Measure how far one teacher's map can be trusted."""
    straight, mirrored = view.straight, view.mirrored
    assert mirrored is not None
    # Every second row and column tell the agreement well enough, at a quarter of the cost.
    few, few_mirrored = straight[..., ::2, ::2], mirrored[..., ::2, ::2]
    return {
        "flip_disagreement": float(ssi_mae(few_mirrored, few, torch.ones_like(few, dtype=torch.bool))),
        "zeros": float((straight == 0).float().mean()),
    }


def _mean(maps: Sequence[Float32[np.ndarray, "h w"]]) -> Float32[np.ndarray, "h w"]:
    """Return a single map as it is, and the mean of several normalised: affine maps have no common unit."""
    if len(maps) == 1:
        return maps[0]
    mean: np.ndarray = mean_normalised(torch.from_numpy(np.stack(maps))[:, None])[0, 0].numpy()
    return mean


def _predictors(
    config: PseudoLabelConfig, networks: Sequence[Network], device: torch.device
) -> tuple[Predictor, ...]:
    predictors = []
    sides = cycle(config.short_side or (None,))  # one for all, or one for each
    for path, network, side in zip(config.teacher, networks, sides, strict=False):
        if network.space is not Space.AFFINE_DISPARITY:
            raise LeadlineError(
                f"{path} predicts {network.space.value}, and pseudo-labels are affine disparity: give a "
                "teacher without metres"
            )
        predictors.append(
            Predictor(
                network,
                device=device,
                size=side,
                batch=config.batch,
                precision="float32",
                flip_average=config.flip_average,
            )
        )
    return tuple(predictors)


def _about(labeller: Labeller, teachers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the store says of its origin."""
    config = labeller.config
    each: list[dict[str, Any]] = [
        {
            "teacher": {"weights": digest(predictor.network), **about},
            "preprocessing": asdict(predictor.network.variant),
            "sides": list(predictor.sides),
        }
        for predictor, about in zip(labeller.predictors, teachers, strict=True)
    ]
    return {
        "stage": "pseudo_label",
        **(each[0] if len(each) == 1 else {"teachers": each}),
        "stored_side": config.stored_side,
        "flip_average": config.flip_average,
        "pictures": labeller.source.provenance(),
    }


def _shards(total: int, size: int) -> list[int]:
    return [min(size, total - first) for first in range(0, total, size)]


def _estimate(labeller: Labeller, missing: int) -> None:
    """Say who looks at what, label a few pictures to say what the whole will cost, and refuse a small disk.

    Work that is hardly longer than the estimate goes without.
    """
    config = labeller.config
    for path, predictor in zip(config.teacher, labeller.predictors, strict=True):
        sides = ", ".join(map(str, predictor.sides))
        console.print(f"{path} looks at a short side of {sides} pixels")
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
    there = next(folder for folder in (config.out, *config.out.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free
    console.print(
        f"{missing} pictures to label: about {timedelta(seconds=round(each * missing))} and "
        f"{size * missing / 1e6:.0f} MB of disk ({free / 1e6:.0f} MB free)"
    )
    if size * missing > free:
        raise LeadlineError(
            f"{config.out} would need {size * missing / 1e6:.0f} MB and the disk has {free / 1e6:.0f} MB free"
        )


def _require_readable(config: PseudoLabelConfig, unreadable: int, total: int) -> None:
    if unreadable > config.unreadable_limit * total:
        raise LeadlineError(
            f"{unreadable} of {total} pictures are unreadable, more than unreadable_limit = "
            f"{config.unreadable_limit:g}; {config.out} lists them beside its shards. Raise the limit to go "
            "on, or mend them and begin again in another --out"
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
