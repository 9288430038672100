"""The model in the box: its size, pictures a second, at its smallest look too, and how long a start takes.

python benchmarks/box.py [FOLDER]: single pictures and a folder of them through the predictor, then fresh
processes that import and load, part by part. Generated pictures stand in for a folder.
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from machine import describe, ratio, seconds
from predict_folder import make_pictures, throughput

import leadline
from leadline.models.folding import folded
from leadline.models.network import Network
from leadline.models.published import BUNDLED, BUNDLED_FILE
from leadline.predict.predictor import Predictor
from leadline.predict.selection import select_pictures
from leadline.stages.predict import PredictConfig

PICTURES = 24
ROUNDS = 3
PARTS = {
    "import torch": "import torch",
    "import timm": "import timm",
    "import the rest": "import leadline; leadline.load",
    "load": "predictor = leadline.load()",
    "first picture": "predictor(numpy.zeros((256, 341, 3), numpy.uint8))",
}
"""What a process does one after another until it has its first map, and the code for it."""


def start() -> list[float]:
    """Return the seconds of each part in a fresh process."""
    lines = [
        f"before = time.perf_counter(); {part}; print(time.perf_counter() - before)"
        for part in PARTS.values()
    ]
    code = "\n".join(["import numpy, time", *lines])
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return [float(line) for line in done.stdout.split()]


def single(folder: Path, predictor: Predictor) -> str:
    """Say how fast single pictures go from their file to their map, as a caller in Python sees it."""
    paths = [picture.path for picture in select_pictures([str(folder)], results=folder / "maps")[0]]

    def work() -> None:
        for path in paths:
            predictor(path)

    work()
    rate = len(paths) / statistics.median(seconds(work) for _ in range(ROUNDS))
    return f"one after another, from file to map: {rate:.1f} pictures a second"


def folding(network: Network, count: int) -> str:
    """Say what folding batch normalisation brings to `count` pictures of 4:3 at once, and what it changes."""
    inference, pictures = folded(network), network.normalise(torch.rand(count, 3, 224, 288) * 255)
    expected = network(pictures)
    difference = (expected - inference(pictures)).abs().max() / expected.max()
    *_, faster = ratio(lambda: network(pictures), lambda: inference(pictures), rounds=5 * ROUNDS)
    return f"folded, {count} at a time: {faster:.2f} times as fast, largest difference {difference:.1e}"


def main() -> None:
    print(describe())
    print(f"{BUNDLED}: {BUNDLED_FILE.stat().st_size / 1e6:.2f} MB")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(made) / "photos"
        if len(sys.argv) == 1:
            folder.mkdir()
            make_pictures(folder, count=PICTURES, h=256, w=341)
        config = PredictConfig(out=Path(made) / "maps", overwrite=True, format=("png",))
        config.out.mkdir()
        whole = leadline.load()
        smallest = whole.sides[-1]
        predictors = {"as it looks": whole, f"at {smallest} alone": leadline.load(size=smallest)}
        for name, predictor in predictors.items():
            print(f"{name}, {single(folder, predictor)}")
        for name, predictor in predictors.items():  # behind what a caller in Python has: memory is kept now
            print(f"{name}, {throughput(folder, config, predictor)}")
        for count in (1, 8):
            print(folding(whole.network, count))
    medians = [statistics.median(part) for part in zip(*(start() for _ in range(ROUNDS)), strict=True)]
    parts = ", ".join(f"{part} {median:.2f}" for part, median in zip(PARTS, medians, strict=True))
    print(f"from nothing to the first map {sum(medians):.2f} s: {parts}")


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
