"""Evaluation (reading, the network, every figure, the floors) against the bare network.

python benchmarks/evaluate.py [SHORT_SIDE [SOURCE]]: alternates the two in one process, on 48 pictures of a
source, or on 48 rendered ones of 240x320, which are dense, so that edges are measured too. The larger the
network and the side at which it looks, the less weighs what is around it.
"""

import sys
import tempfile
from pathlib import Path

import torch
from machine import describe, ratio

from leadline.engine.fit import launch
from leadline.engine.run import Machine
from leadline.evaluation.contest import hold, measured
from leadline.evaluation.contract import FLOORS, Contestant, Model
from leadline.evaluation.ledger import Ledger
from leadline.models.network import Network
from leadline.predict.predictor import Predictor
from leadline.stages.render import RenderConfig, render
from leadline.stages.sources import open_source
from leadline.types import Size

PICTURES = 48


def main() -> None:
    print(describe())
    launch(Machine(accelerator="cpu"))
    with tempfile.TemporaryDirectory() as made:
        place = sys.argv[2] if len(sys.argv) > 2 else None
        if place is None:
            place = str(render(RenderConfig(scenes=PICTURES // 2, size=Size(240, 320), out=Path(made))))
        joined = "&" if "?" in place else "?"
        source = open_source(f"{place}{joined}limit={PICTURES}")
        side = int(sys.argv[1]) if len(sys.argv) > 1 else None
        predictor = Predictor(Network("tiny"), size=side)
        prepared = [predictor.prepare(source[index].image) for index in range(len(source))]
        tasks = measured(source, "strict")

        def bare() -> None:
            for first in range(0, len(prepared), predictor.batch):
                predictor.views(prepared[first : first + predictor.batch])

        def whole() -> None:
            models: dict[str, Model] = {**FLOORS, "model": predictor}
            contestants = [
                Contestant(name=name, spec=name, model=model, ledger=Ledger(None))
                for name, model in models.items()
            ]
            hold(tasks, contestants, title="measuring", batch=predictor.batch)

        b, w, r = ratio(bare, whole, rounds=5)
    each = len(tasks) / torch.tensor([b, w])
    print(f"bare {each[0]:.1f}, evaluation {each[1]:.1f} pictures a second, ratio {r:.3f}")


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
