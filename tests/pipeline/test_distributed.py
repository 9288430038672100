"""Several processes learn what one does from the same batches."""

import subprocess
import sys
from pathlib import Path

import pytest

from leadline.engine.fit import LOG
from leadline.engine.run_log import read_log
from leadline.models.checkpoints import load_tensors
from leadline.models.network import Network
from miniature import Discs, write_folder


def start(pseudo: str, out: Path, *, devices: int) -> subprocess.Popen[str]:
    options = {
        "pseudo": pseudo,
        "out": str(out),
        "batch": 4,
        "crop.size": 64,
        "perturb.cutmix": 1,
        "optim.steps": 3,
        "optim.warmup": 0,
        "optim.ema": None,
        "optim.lr": 5e-5,
        "machine.accelerator": "cpu",
        "machine.devices": devices,
        "machine.workers": 0,
        "machine.threads": 1,
        "machine.log-every": 1,
    }
    flags = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "leadline.cli", "student", "depth-anything-v2", *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_two_processes__learn_what_one_does(tmp_path: Path) -> None:
    pseudo = write_folder(tmp_path / "data", Discs(count=8))
    runs = [start(pseudo, tmp_path / str(devices), devices=devices) for devices in (1, 2)]
    for run in runs:
        output, _ = run.communicate()
        assert run.returncode == 0, output
    (one, about_one), (two, about_two) = (
        load_tensors(tmp_path / name / "weights.safetensors") for name in ("1", "2")
    )
    assert {**about_one, "machine": None} == {**about_two, "machine": None}
    assert (about_one["machine"]["devices"], about_two["machine"]["devices"]) == (1, 2)
    assert one.keys() == two.keys()
    for name, expected in one.items():
        assert float((two[name] - expected).abs().max()) <= 1e-5, name
    # The tolerance is small beside what was learnt.
    begun = Network("tiny", pretrained=True).encoder.state_dict()["conv_stem.weight"]
    assert (one["encoder.conv_stem.weight"] - begun).abs().mean() > 4e-5
    lines = (read_log(tmp_path / name / LOG) for name in ("1", "2"))
    for alone, together in zip(*lines, strict=True):
        # A line is about the whole batch, not about the part of the process that writes it.
        for key in ("step", "loss", "ssi", "gradient", "gradient_norm", "output_mean", "output_zeros"):
            assert together[key] == pytest.approx(alone[key], rel=1e-3), key
