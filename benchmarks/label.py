"""The label stage (reading, both forward passes, quality, encoding) against the two bare forward passes.

python benchmarks/label.py [FOLDER]: alternates the two in one process, on 64 pictures of a folder, or on 64
made-up ones of 256x341.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from machine import describe, ratio

from leadline.data.files import encode_jpeg
from leadline.engine.fit import launch
from leadline.engine.run import Machine
from leadline.models.network import Network
from leadline.predict.predictor import Predictor
from leadline.stages.pseudo_label import Labeller, PseudoLabelConfig
from leadline.stages.sources import open_source

PICTURES = 64


def make_pictures(folder: Path) -> None:
    for index in range(PICTURES):
        coarse = np.random.default_rng(index).integers(0, 256, (16, 22, 3), dtype=np.uint8)
        picture = coarse.repeat(16, 0).repeat(16, 1)[:, :341]
        (folder / f"{index:02d}.jpg").write_bytes(encode_jpeg(picture))


def main() -> None:
    print(describe())
    launch(Machine(accelerator="cpu"))
    with tempfile.TemporaryDirectory() as made:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(made)
        if len(sys.argv) == 1:
            make_pictures(folder)
        source = open_source(f"{folder}?limit={PICTURES}")
        predictor = Predictor(Network("tiny", pretrained=True))
        labeller = Labeller(PseudoLabelConfig(), source, (predictor,))
        prepared = [predictor.prepare(source[index].image) for index in range(len(source))]
        mirrored = [image[:, ::-1] for image in prepared]

        def bare() -> None:
            for first in range(0, len(prepared), 2 * predictor.batch):
                predictor.maps(prepared[first : first + 2 * predictor.batch])
                predictor.maps(mirrored[first : first + 2 * predictor.batch])

        b, w, r = ratio(bare, lambda: list(labeller.label(range(len(source)))), rounds=7)
    each = len(source) / np.array([b, w])
    print(f"bare {each[0]:.1f}, label stage {each[1]:.1f} pictures a second, ratio {r:.3f}")


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
