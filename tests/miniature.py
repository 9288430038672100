"""Training runs small enough for a test: pictures in memory or in a folder, and configs of a few steps."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from leadline.data.loader import Stream
from leadline.data.perturb import NONE
from leadline.data.transforms import Crop
from leadline.engine.fit import fit
from leadline.engine.objective import Term
from leadline.engine.optim import Optim
from leadline.engine.run import Machine, Run
from leadline.models.network import Network
from leadline.types import Label, Sample, Size, Space, UnreadableError

ONE_THREAD = Machine(accelerator="cpu", threads=1, workers=0, save_every=100, log_every=1)


@dataclass(frozen=True, kw_only=True)
class Discs:
    """Pictures of discs over a slope, nearer things brighter, drawn in memory from their index."""

    count: int = 5
    size: Size = Size(40, 56)  # noqa: RUF009 (a tuple cannot change)
    seed: int = 0
    name: str = "discs"
    unreadable: Collection[int] = ()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        if index in self.unreadable:
            raise UnreadableError(f"{self.name}/{index} was made unreadable")
        rng = np.random.default_rng([self.seed, index])
        rows, columns = np.mgrid[: self.size.h, : self.size.w] / min(self.size)
        disparity = 0.1 + 0.3 * rows
        colour = np.repeat(disparity[..., None], 3, axis=2)
        for _ in range(4):
            top, left, near = rng.uniform(0, 1, 3)
            disc = (rows - top) ** 2 + (columns - left) ** 2 < 0.04 + 0.05 * near
            disparity[disc] = 0.4 + near
            colour[disc] = (0.3 + 0.5 * near) * rng.uniform(0.5, 1.2, 3)
        image = (255 * np.clip(colour + rng.normal(0, 0.03, colour.shape), 0, 1)).astype(np.uint8)
        valid = rng.random(self.size) > 0.1
        label = Label(values=disparity.astype(np.float32), valid=valid, space=Space.DISPARITY)
        return Sample(image=image, label=label, id=f"{self.name}/{index}")

    def provenance(self) -> dict[str, str]:
        return {"name": self.name, "seed": str(self.seed), "licence": "none"}


def small_run(**changes: Any) -> Run:
    """Return a run of two steps from random weights; `changes` to the fields of `Optim` are given plainly."""
    optim = {name: changes.pop(name) for name in list(changes) if name in Optim.__dataclass_fields__}
    run = Run(
        network="tiny",
        start="random",
        objective={"ssi": Term(loss="ssi_mae"), "gradient": Term(loss="gradient_matching", weight=2)},
        optim=Optim(steps=2, lr=1e-4),
        crop=Crop(size=32),
        perturb=NONE,
        machine=ONE_THREAD,
    )
    return replace(run, optim=replace(run.optim, **optim), **changes)


def train(run: Run, out: Path, *, source: Discs | None = None, pseudo: bool = False, batch: int = 2) -> Path:
    """Train on one stream of `source`."""
    source = source or Discs()
    stream = Stream(source=source, batch=batch, perturb=run.perturb, pseudo=pseudo)
    return fit(run, [stream], out, origin={"stage": "test", "data": source.provenance()})


def varied_network(seed: int = 3) -> Network:
    """Return a network of random weights whose maps vary with the picture."""
    torch.manual_seed(seed)
    network = Network("tiny").eval()
    with torch.no_grad():
        network.decoder.head.weight.mul_(50)
    return network


def write_folder(root: Path, source: Discs) -> str:
    """Write the pictures and their disparities to a folder, and return it as the command line names it."""
    for folder in ("rgb", "disparity"):
        (root / folder).mkdir(parents=True)
    for index in range(len(source)):
        sample = source[index]
        assert sample.label is not None
        stored = np.where(sample.label.valid, sample.label.values * 10_000, 0).astype(np.uint16)
        Image.fromarray(sample.image).save(root / "rgb" / f"{index}.png")
        Image.fromarray(stored).save(root / "disparity" / f"{index}.png")
    return f"{root / 'rgb'}?labels=../disparity&space=disparity&scale=1/10000"


class Killed(BaseException):
    """What stands for a kill inside this process: nothing catches it."""


@contextmanager
def killed_at(call: int, where: Any, name: str) -> Iterator[None]:
    """Die instead of the `call`-th call of a function."""
    calls = 0
    original: Callable[..., Any] = getattr(where, name)

    def die(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Killed
        return original(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, name, die)
        with pytest.raises(Killed):
            yield
