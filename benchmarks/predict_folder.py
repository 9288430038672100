"""What reading and writing cost a folder of pictures, and how much memory predicting takes.

python benchmarks/predict_folder.py [FOLDER [SIZE [NETWORK]]]: the network alone on prepared pictures, against
the command's own work on their files, alternating in one process. Without a NETWORK it is `tiny` on 64
pictures, and the command's peak memory follows for folders of 200 and 2,000 small pictures and for one of
4000x3000, each in a process of its own; with one it has random weights and 8 pictures. `generated` in the
place of FOLDER, or nothing, stands for generated pictures of 256x341.
"""

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from machine import describe, ratio

from leadline.data.files import encode_jpeg, read_picture
from leadline.memory import keep_memory
from leadline.models.checkpoints import save_network
from leadline.models.network import Network
from leadline.predict.predictor import Predictor
from leadline.predict.record import Record
from leadline.predict.selection import Selected, select_pictures
from leadline.stages.predict import Job, PredictConfig

PICTURES = 64


def make_pictures(folder: Path, *, count: int, h: int, w: int) -> None:
    for index in range(count):
        coarse = np.random.default_rng(index).integers(0, 256, (-(-h // 16), -(-w // 16), 3), dtype=np.uint8)
        picture = coarse.repeat(16, 0).repeat(16, 1)[:h, :w]
        (folder / f"{index:04d}.jpg").write_bytes(encode_jpeg(picture))


def throughput(folder: Path, config: PredictConfig, predictor: Predictor) -> str:
    """Compare the command's work on a folder with the network's alone."""
    keep_memory()  # as the command does
    pictures, _ = select_pictures([str(folder)], results=config.out)
    pictures = pictures[: PICTURES if predictor.network.name == "tiny" else PICTURES // 8]
    prepared = [predictor.prepare(read_picture(picture.path)) for picture in pictures]
    step = 2 * predictor.batch

    def bare() -> None:
        for first in range(0, len(prepared), step):
            predictor.views(prepared[first : first + step])

    def whole() -> None:
        run(config, predictor, pictures)

    b, w, r = ratio(bare, whole, rounds=7)
    each = len(pictures) / np.array([b, w])
    formats = " ".join(config.format)
    return f"{formats}: bare {each[0]:.1f}, folder {each[1]:.1f} pictures a second, ratio {r:.3f}"


def run(config: PredictConfig, predictor: Predictor, pictures: list[Selected]) -> None:
    job = Job(config, predictor, {}, Record(config.out))
    assert list(job.run(pictures)) == [None] * len(pictures)
    job.record.save()


def peak(folder: Path, out: Path, model: Path, *options: str) -> float:
    """Return the peak memory of the command in megabytes, measured by a child that runs it."""
    command = [sys.executable, "-m", "leadline", "predict", str(folder), "--model", str(model)]
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, capture_output=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    measured = subprocess.run(
        [sys.executable, "-c", code, *command, "--out", str(out), *options],
        check=True,
        capture_output=True,
        text=True,
    )
    unit = 1 if sys.platform == "darwin" else 1024
    return int(measured.stdout) * unit / 1e6


def main() -> None:
    print(describe())
    size = int(sys.argv[2]) if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        given = sys.argv[1] if len(sys.argv) > 1 else "generated"
        folder = root / "photos" if given == "generated" else Path(given)
        if given == "generated":
            folder.mkdir()
            make_pictures(folder, count=PICTURES, h=256, w=341)
        config = PredictConfig(out=root / "maps", overwrite=True, size=size)
        config.out.mkdir()
        name = sys.argv[3] if len(sys.argv) > 3 else "tiny"
        predictor = Predictor(Network(name, pretrained=name == "tiny"), size=config.size)
        for formats in (("png",), ("png", "colour"), ("npz",)):
            print(throughput(folder, replace(config, format=formats), predictor))
        if name != "tiny":
            return
        model = root / "weights.safetensors"
        save_network(model, "tiny", Network("tiny", pretrained=True).state_dict(), about={})
        for count in (200, 2000):
            small = root / f"small-{count}"
            small.mkdir()
            make_pictures(small, count=count, h=96, w=128)
            used = peak(small, root / f"small-maps-{count}", model, "--size", "64")
            print(f"{count} pictures of 96x128: peak {used:.0f} MB")
        large = root / "large"
        large.mkdir()
        make_pictures(large, count=1, h=3000, w=4000)
        every = ("--format", "png", "npz", "exr", "pfm", "colour", "side-by-side")
        print(f"a picture of 3000x4000: peak {peak(large, root / 'large-maps', model):.0f} MB")
        print(f"... in every format: peak {peak(large, root / 'large-every', model, *every):.0f} MB")


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
