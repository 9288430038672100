"""Several processes learn what one does from the same batches."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leadline.data.shards import Store
from leadline.engine.fit import LOG
from leadline.engine.run_log import read_log
from leadline.models.checkpoints import load_tensors
from leadline.models.network import Network
from leadline.models.published import BUNDLED_FILE
from miniature import Discs, write_folder

STOPPED = (1, -9)
"""Who finds another process gone stops by itself, or is stopped by Lightning, which looks now and then."""


def start(pseudo: str, out: Path, *, devices: int, **others: object) -> subprocess.Popen[str]:
    options: dict[str, object] = {
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
        **others,
    }
    flags = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "leadline", "student", "depth-anything-v2", *flags]
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


@pytest.mark.parametrize(("limit", "stops"), [(0.3, False), (0.2, True)])
def test_two_processes__count_together_what_is_unreadable_and_stop_without_a_traceback(
    limit: float, stops: bool, tmp_path: Path
) -> None:
    pseudo = write_folder(tmp_path / "data", Discs(count=8))
    for number in (1, 6):
        (tmp_path / "data" / "rgb" / f"{number}.png").write_bytes(b"")
    run = start(pseudo, tmp_path / "run", devices=2, **{"unreadable-limit": limit})
    output, _ = run.communicate()
    assert "Traceback" not in output
    assert run.returncode in (STOPPED if stops else (0,)), output
    assert ("2 files are unreadable, more than the limit of 1.6" in output) is stops, output


def test_a_process_whose_other_is_killed__stops_and_says_so(tmp_path: Path) -> None:
    pseudo = write_folder(tmp_path / "data", Discs(count=8))
    run = start(pseudo, tmp_path / "run", devices=2, **{"optim.steps": 2000})
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
    log = tmp_path / "run" / LOG
    try:
        if not children.exists():
            pytest.skip("needs Linux to find the other process")
        while run.poll() is None and not (log.exists() and log.read_text()):
            time.sleep(0.1)
        os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
        output, _ = run.communicate()
    finally:
        run.kill()
    assert "Traceback" not in output
    assert run.returncode in STOPPED, output
    assert run.returncode < 0 or "leadline student: another process of this run stopped" in output


def ends(pid: int) -> bool:
    """Wait for a process that is no child of ours; a dead one may be kept until someone asks for it."""
    status = Path(f"/proc/{pid}/stat")
    for _ in range(100):
        try:
            if status.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_process__ends_with_the_one_that_started_it() -> None:
    said_and_held = "print({}, flush=True); input()"
    child = f"from leadline.engine import interrupt; interrupt.end_with_parent(); {said_and_held.format('1')}"
    begun = "subprocess.Popen([sys.executable, '-c', sys.argv[1]]).pid"
    parent = f"import subprocess, sys; {said_and_held.format(begun)}"
    command = [sys.executable, "-c", parent, child]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        said = {run.stdout.readline().strip(), run.stdout.readline().strip()}
        assert "1" in said
        run.kill()
        assert ends(int((said - {"1"}).pop()))  # before its input is closed, which would end it too


@pytest.mark.parametrize("devices", [1, 2])
def test_pseudo_labels__have_one_limit_for_any_number_of_processes(devices: int, tmp_path: Path) -> None:
    write_folder(tmp_path / "data", Discs(count=6))
    (tmp_path / "data" / "rgb" / "4.png").write_bytes(b"")
    flags = (
        f"--unreadable-limit 0.2 --shard 3 --short-side 32 --machine.devices {devices} --machine.threads 1"
    )
    command = f"{sys.executable} -m leadline pseudo-label --machine.accelerator cpu {flags}".split()
    places = ["--pictures", str(tmp_path / "data" / "rgb"), "--out", str(tmp_path / "labels")]
    done = subprocess.run([*command, "--teacher", str(BUNDLED_FILE), *places], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Store(tmp_path / "labels").manifest["count"] == 5
