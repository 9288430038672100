"""The engine's step, data and loss included, against the same network's bare forward, backward and update.

python benchmarks/step.py [ROUNDS]: alternates blocks of steps of the two in one process, for the teacher's
objective and for the student's, whose bare step includes the frozen encoder's forward pass.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from machine import describe, ratio

from leadline.data.files import encode_jpeg
from leadline.data.loader import Batches, Stream, load
from leadline.data.records import Record, encode_record
from leadline.data.shards import Store, finish_store, write_store
from leadline.engine.fit import _average, launch
from leadline.engine.learner import Learner
from leadline.engine.optim import build_optimiser
from leadline.engine.run import Machine, Run
from leadline.engine.step import train_step
from leadline.models.encoders import build_encoder
from leadline.models.network import Network
from leadline.presets import depth_anything_v2, tiny
from leadline.types import Label, Space

BLOCK = 4  # steps
PICTURES = 64


def make_store(folder: Path) -> Store:
    """Write pictures of 256x341, as large as typical small photographs."""

    def record(index: int) -> Record:
        rng = np.random.default_rng(index)
        noise = rng.integers(0, 256, (16, 22, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)[:, :341]
        values = rng.random((256, 341), dtype=np.float32)
        label = Label(values=values, valid=np.ones_like(values, np.bool_), space=Space.AFFINE_DISPARITY)
        return encode_record(f"noise/{index}", encode_jpeg(noise), label)

    write_store(
        folder, [PICTURES], lambda _: [record(i) for i in range(PICTURES)], about={}, done=lambda *_: None
    )
    finish_store(folder)
    return Store(folder)


def compare(title: str, run: Run, store: Store, *, pseudo: bool, batch: int, rounds: int) -> None:
    fabric = launch(Machine(accelerator="cpu"))
    network = Network(run.network, pretrained=True)
    frozen = build_encoder(network.variant.encoder, pretrained=True) if pseudo else None
    learner = Learner(network.train(), frozen=frozen).to(memory_format=torch.channels_last)
    others = torch.nn.ModuleList([network.decoder, learner.projection])
    model, optimiser = fabric.setup(learner, build_optimiser(network.encoder, others, run.optim))
    stream = Stream(source=store, batch=batch, perturb=run.perturb, pseudo=pseudo)
    batches = Batches([stream], crop=run.crop, interpolation=network.variant.interpolation, seed=0)
    weights = network.state_dict()
    averages = {name: t.clone() for name, t in weights.items()}
    steps = iter(load(batches, steps=range(10_000), workers=0))
    constant = torch.zeros(batch, 3, run.crop.size, run.crop.size, dtype=torch.uint8)
    constant = constant.contiguous(memory_format=torch.channels_last)

    def bare() -> None:
        for _ in range(BLOCK):
            model(constant)[0].mean().backward()
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def whole() -> None:
        for _ in range(BLOCK):
            train_step(fabric, model, optimiser, next(steps), objective=run.objective, clip=run.optim.clip)
            _average(averages, weights, run.optim.ema or 0)

    b, w, r = ratio(bare, whole, rounds=rounds)
    print(f"{title}: bare {b / BLOCK:.3f} s, engine {w / BLOCK:.3f} s a step, ratio {r:.3f}", flush=True)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print(describe())
    teacher, student = tiny.teacher(depth_anything_v2.TEACHER), tiny.student(depth_anything_v2.STUDENT)
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder))
        compare("teacher", teacher, store, pseudo=False, batch=teacher.batch, rounds=rounds)
        compare("student", student, store, pseudo=True, batch=student.batch, rounds=rounds)
        plain = replace(student.perturb, cutmix=0)
        student = replace(student, perturb=plain)
        compare("student without CutMix", student, store, pseudo=True, batch=student.batch, rounds=rounds)


if __name__ == "__main__":
    main()
