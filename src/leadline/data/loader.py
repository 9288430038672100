"""Batches as a pure function of the step.

The order of an epoch is a function of (seed, epoch), what happens to a sample one of (seed, epoch, index),
so the number of workers, of processes and of parts a step is accumulated from change nothing, and a resumed
run goes on with the very batch the interrupted one would have seen.
"""

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from leadline.data.perturb import Perturbation, cutmix_box, distort
from leadline.data.source import Mix, draw_epoch, mix_of
from leadline.data.transforms import Crop, Interpolation, cut_out, unit_range
from leadline.types import Batch, Label, LeadlineError, Sample, Size, Source, Space, UnreadableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A source's part in every step."""

    source: Source
    batch: int
    """Pictures per step, over all processes."""
    perturb: Perturbation
    pseudo: bool
    """Whether the labels are a teacher's."""
    target: Callable[[Label], Label] = unit_range
    """What is learnt of a label's crop: its disparity from 0 to 1, or `leadline.data.transforms.metres`."""


@dataclass(frozen=True, slots=True)
class _Item:
    """A sample ready for its batch."""

    sample: Sample
    box: tuple[slice, slice] | None
    error: tuple[str, str] | None
    """Which sample could not be read, wherever it lies, and why."""


class Batches(Dataset[Batch]):
    """The batches of a run by index; a step consists of `parts` of them, for processes and accumulation."""

    def __init__(
        self,
        streams: Sequence[Stream],
        *,
        crop: Crop,
        interpolation: Interpolation,
        seed: int,
        parts: int = 1,
        multiple: int = 32,
    ) -> None:
        """Lay out the batches of `streams`, whose crops, where their sizes vary, vary by `multiple`.

        Raises:
            LeadlineError: where a stream's batch cannot be divided into `parts`, or its source is empty.
            ValueError: for CutMix on labels that are not a teacher's, which no objective here expects, and
                for targets in different spaces.
        """
        for stream in streams:
            if stream.perturb.cutmix and not stream.pseudo:
                raise ValueError(
                    "CutMix is for pictures with pseudo-labels: set its share to 0 for the others"
                )
            if stream.batch % parts:
                raise LeadlineError(
                    f"{stream.batch} pictures of {stream.source.name} a step cannot be divided by {parts} "
                    "(processes x accumulation): choose a multiple"
                )
            if not len(stream.source):
                raise LeadlineError(f"the source {stream.source.name} is empty")
        self.streams = sorted((s for s in streams if s.batch), key=lambda stream: stream.pseudo)
        spaces = {stream.target(_nothing(Size(1, 1))).space for stream in self.streams}
        if len(spaces) > 1:
            raise ValueError(f"a batch has one space, the targets of its streams have {sorted(spaces)}")
        (self.space,) = spaces
        self.crop, self.interpolation, self.multiple = crop, interpolation, multiple
        self.seed, self.parts = seed, parts

    def __getitem__(self, index: int) -> Batch:
        """Build part ``index % parts`` of step ``index // parts``."""
        step, part = divmod(index, self.parts)
        size = self.crop.draw(self.multiple, rng=np.random.default_rng([self.seed, step]))
        rows = [row for number in range(len(self.streams)) for row in self._rows(number, step, part, size)]
        items = [item for item, _ in rows]
        images, targets, valids = (np.stack(arrays) for arrays in zip(*map(_arrays, items), strict=True))
        cut = [row for row, (_, partner) in enumerate(rows) if partner is not None]
        pasted = np.zeros((len(cut), *images.shape[1:3]), dtype=np.bool_)
        for mask, row in zip(pasted, cut, strict=True):
            item, partner = rows[row]
            assert partner is not None
            assert item.box is not None
            mask[item.box] = True
            for own, other in zip((images, targets, valids), _arrays(partner), strict=True):
                own[row][item.box] = other[item.box]
        return Batch(
            image=torch.from_numpy(images).permute(0, 3, 1, 2),
            target=torch.from_numpy(targets)[:, None],
            valid=torch.from_numpy(valids)[:, None],
            space=self.space,
            cut=torch.tensor(cut, dtype=torch.int64),
            pasted=torch.from_numpy(pasted)[:, None],
            labelled=sum(stream.batch for stream in self.streams if not stream.pseudo) // self.parts,
            ids=tuple(item.sample.id for item in items),
            unreadable=tuple(item.error for item in items if item.error is not None),
        )

    def _rows(self, number: int, step: int, part: int, size: Size) -> Iterator[tuple[_Item, _Item | None]]:
        """Yield this part's items of a stream, each with the neighbour that CutMix pastes from, if any."""
        batch = self.streams[number].batch
        share = batch // self.parts
        # A neighbour may belong to another part, so what is pasted does not depend on the division.
        item = cache(lambda slot: self._item(number, step * batch + slot, size))
        for slot in range(part * share, (part + 1) * share):
            own, neighbour = item(slot), slot ^ 1
            usable = own.box is not None and neighbour < batch
            partner = item(neighbour) if usable else None
            yield own, (None if partner is None or partner.error else partner)

    def _item(self, number: int, position: int, size: Size) -> _Item:
        """Read, cut out and perturb the sample at `position` of a stream's endless order."""
        stream = self.streams[number]
        mix = mix_of(stream.source)
        epoch, place = divmod(position, sum(draws for _, draws in mix))
        index, *again = (int(numbers[place]) for numbers in _order(self.seed, number, epoch, mix))
        rng = np.random.default_rng([self.seed, number, epoch, index, *filter(None, again)])
        try:
            sample = stream.source[index]
            if sample.label is None:
                raise LeadlineError(f"{sample.id} has no label, and training needs one")
            sample = cut_out(sample, self.crop, self.interpolation, size=size, rng=rng)
        except UnreadableError as error:
            return _Item(_blank(stream, size, index=index), None, (f"{number}/{index}", str(error)))
        assert sample.label is not None
        image = distort(sample.image, stream.perturb, rng=rng)
        sample = Sample(image=image, label=stream.target(sample.label), id=sample.id)
        box = cutmix_box(sample.size, rng=rng) if rng.random() < stream.perturb.cutmix else None
        return _Item(sample, box, None)


class _Guarded(Dataset[Batch | LeadlineError]):
    """Hands a worker's error over as a value: raised there, it would reach the user as a traceback."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __getitem__(self, index: int) -> Batch | LeadlineError:
        try:
            return self.batches[index]
        except LeadlineError as error:
            return error


def _unguarded(item: Batch | LeadlineError) -> Batch:
    if isinstance(item, LeadlineError):
        raise item
    return item


def load(
    batches: Batches, *, steps: range, workers: int, rank: int = 0, processes: int = 1, pin: bool = False
) -> Iterator[list[Batch]]:
    """Yield this process's batches of each step: one, or as many as gradients are accumulated over."""
    accumulate = batches.parts // processes
    own = [(step * accumulate + part) * processes + rank for step in steps for part in range(accumulate)]
    loader = DataLoader(
        _Guarded(batches),
        batch_size=None,
        sampler=own,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_begin_worker,
        pin_memory=pin,
    )
    if not workers:
        cv2.setNumThreads(0)  # OpenCV's own would compete with those of the arithmetic
    stream = map(_unguarded, loader)
    for _ in steps:
        yield [next(stream) for _ in range(accumulate)]


def _begin_worker(worker: int) -> None:
    cv2.setNumThreads(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the step under way needs its batches


@lru_cache(maxsize=4)
def _order(seed: int, number: int, epoch: int, mix: Mix) -> tuple[np.ndarray, np.ndarray]:
    return draw_epoch(mix, seed=(seed, number), epoch=epoch)


def _arrays(item: _Item) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    label = item.sample.label
    assert label is not None
    return item.sample.image, label.values, label.valid


def _blank(stream: Stream, size: Size, *, index: int) -> Sample:
    """Stand in for what could not be read: no valid pixel, so no loss and no gradient."""
    image = np.zeros((*size, 3), np.uint8)
    return Sample(image=image, label=stream.target(_nothing(size)), id=f"{stream.source.name}/{index}")


def _nothing(size: Size) -> Label:
    empty = np.zeros(size, np.float32)
    return Label(values=empty, valid=empty.astype(np.bool_), space=Space.DEPTH)
