"""Kill a run at any moment and start it again: the weights are those of a run that nobody disturbed."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from leadline.data.perturb import Perturbation
from leadline.engine import checkpoint
from leadline.engine import fit as engine
from leadline.engine.fit import LOG
from leadline.engine.objective import Term
from leadline.engine.run import Run
from leadline.engine.run_log import read_log
from leadline.engine.step import train_step
from miniature import ONE_THREAD, Discs, killed_at, small_run, train, write_folder

STEPS = 6


def make_run() -> Run:
    return small_run(
        steps=STEPS,
        accumulate=2,
        ema=0.9,
        clip=1.0,
        warmup=2,
        perturb=Perturbation(cutmix=0.7),
        objective={"ssi": Term(loss="ssi_mae", trim=0.1), "gradient": Term(loss="gradient_matching")},
        machine=replace(ONE_THREAD, save_every=2),
    )


def train_perturbed(run: Run, out: Path) -> Path:
    return train(run, out, source=Discs(count=7), pseudo=True, batch=2)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """Return a config, and the weights of the run that nobody disturbed."""
    run = make_run()
    return run, train_perturbed(run, tmp_path_factory.mktemp("straight") / "run")


def values(path: Path) -> list[dict[str, Any]]:
    """Return the lines of the log but for what the clock says."""
    return [
        {name: value for name, value in line.items() if name != "seconds_per_step"}
        for line in read_log(path.parent / LOG)
    ]


def assert_same(path: Path, straight: Path) -> None:
    assert path.read_bytes() == straight.read_bytes()
    assert [line["step"] for line in read_log(path.parent / LOG)] == list(range(1, STEPS + 1))
    assert values(path) == values(straight)


# The states are those of steps 2, 4 and 6: before the first, right after one, between two, in the last step.
@pytest.mark.parametrize("step", [1, 3, 4, 6])
def test_run_killed_in_a_step__ends_as_if_it_had_not_been(
    tmp_path: Path, straight: tuple[Run, Path], step: int
) -> None:
    run, expected = straight
    with killed_at(step, engine, "train_step"):
        train_perturbed(run, tmp_path / "run")
    assert_same(train_perturbed(run, tmp_path / "run"), expected)


@pytest.mark.parametrize(
    ("call", "where", "name"),
    [
        (1, checkpoint, "save_tensors"),  # the first state
        (2, checkpoint, "save_tensors"),  # a state after another
        (4, Path, "unlink"),  # between a new state and the removal of the one before
        (1, engine, "save_network"),  # after the last step
    ],
)
def test_run_killed_between_its_files__ends_as_if_it_had_not_been(
    tmp_path: Path, straight: tuple[Run, Path], call: int, where: Any, name: str
) -> None:
    run, expected = straight
    with killed_at(call, where, name):
        train_perturbed(run, tmp_path / "run")
    assert_same(train_perturbed(run, tmp_path / "run"), expected)


def test_run_killed_again_and_again__ends_as_if_it_had_not_been(
    tmp_path: Path, straight: tuple[Run, Path]
) -> None:
    run, expected = straight
    for _ in range(2):
        with killed_at(3, engine, "train_step"):  # the first two steps of what is left are done
            train_perturbed(run, tmp_path / "run")
    assert_same(train_perturbed(run, tmp_path / "run"), expected)


def test_resumed_run__does_not_repeat_what_its_state_holds(
    tmp_path: Path, straight: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = straight
    with killed_at(6, engine, "train_step"):
        train_perturbed(run, tmp_path / "run")
    seen = []

    def spy(fabric: Any, model: Any, optimiser: Any, parts: Any, **options: Any) -> dict[str, Tensor]:
        seen.append(parts)
        return train_step(fabric, model, optimiser, parts, **options)

    monkeypatch.setattr(engine, "train_step", spy)
    train_perturbed(run, tmp_path / "run")
    assert len(seen) == STEPS - 4


def test_run_stopped_by_the_keyboard__saves_the_step_it_was_in(
    tmp_path: Path, straight: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, expected = straight
    before, steps = signal.getsignal(signal.SIGINT), iter(range(1, STEPS))

    def press(*arguments: Any, **options: Any) -> dict[str, Tensor]:
        if next(steps) == 3:
            signal.raise_signal(signal.SIGINT)
        return train_step(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "train_step", press)
        with pytest.raises(KeyboardInterrupt):
            train_perturbed(replace(run, machine=replace(run.machine, save_every=1000)), tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").glob("state-*")] == ["state-000000003.safetensors"]
    assert signal.getsignal(signal.SIGINT) == before
    assert_same(train_perturbed(run, tmp_path / "run"), expected)


def test_run_stopped_by_the_keyboard_twice__stops_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(*arguments: Any, **options: Any) -> dict[str, Tensor]:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it went on")

    monkeypatch.setattr(engine, "train_step", press)
    with pytest.raises(KeyboardInterrupt):
        train_perturbed(make_run(), tmp_path / "run")
    assert list((tmp_path / "run").glob("state-*")) == []


# The same through the command line, with signal 9


@dataclass(frozen=True)
class Commands:
    """The same training in different folders."""

    data: str
    workers: int
    accumulate: int

    def start(self, out: Path, **options: Any) -> subprocess.Popen[bytes]:
        settings = {
            "labelled": self.data,
            "out": str(out),
            "batch": 2 * self.accumulate,
            "crop.size": 64,
            "crop.smallest": 32,
            "optim.steps": 12,
            "optim.warmup": 2,
            "optim.ema": 0.9,
            "optim.accumulate": self.accumulate,
            "machine.accelerator": "cpu",
            "machine.workers": self.workers,
            "machine.threads": 1,
            "machine.save-every": 3,
            "machine.log-every": 1,
        }
        flags = [text for name, value in settings.items() for text in (f"--{name}", str(value))]
        command = [sys.executable, "-m", "leadline", "teacher", "depth-anything-v2", *flags]
        with out.with_suffix(".err").open("ab") as errors:  # no pipe: orphaned workers would keep it open
            return subprocess.Popen(command, stdout=errors, stderr=errors, **options)

    def finish(self, out: Path) -> Path:
        assert self.start(out).wait() == 0, out.with_suffix(".err").read_text()
        return out / "weights.safetensors"

    def kill(self, out: Path, moment: Callable[[], bool], *, after: float = 0) -> None:
        """Start, wait for the moment and some seconds more, and kill."""
        process = self.start(out)
        while not moment():
            assert process.poll() is None, out.with_suffix(".err").read_text()
            time.sleep(0.002)
        time.sleep(after)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "the run ended before it could be killed"


def newest_state(out: Path) -> int:
    return max((int(path.stem.split("-")[1]) for path in out.glob("state-*.safetensors")), default=0)


@pytest.mark.timeout(600)  # five starts of Python and PyTorch, on a machine that may be busy
@pytest.mark.parametrize(("workers", "accumulate"), [(0, 1), (2, 2)])
def test_kill_nine_at_any_moment__then_the_same_command__gives_the_same_bytes(
    tmp_path: Path, workers: int, accumulate: int
) -> None:
    commands = Commands(write_folder(tmp_path / "data", Discs(count=7)), workers, accumulate)
    straight, out = tmp_path / "straight", tmp_path / "killed"
    undisturbed = commands.start(straight)
    # Before the first state; then after one, and at a moment of no choosing.
    commands.kill(out, (out / LOG).exists)
    assert newest_state(out) == 0
    commands.kill(out, lambda: newest_state(out) >= 3)
    assert newest_state(out) >= 3
    seconds = random.uniform(0, 0.3)
    commands.kill(out, lambda: len(read_log(out / LOG)) > newest_state(out), after=seconds)
    weights = commands.finish(out)
    assert undisturbed.wait() == 0, straight.with_suffix(".err").read_text()
    assert weights.read_bytes() == (straight / "weights.safetensors").read_bytes(), f"after {seconds=}"
    assert [line["step"] for line in read_log(out / LOG)] == list(range(1, 13))
    assert values(weights) == values(straight / "weights.safetensors")
    assert list(out.glob("state-*")) == []


@pytest.mark.skipif(os.name != "posix", reason="a terminal's Ctrl-C goes to a group of processes")
@pytest.mark.timeout(600)
def test_keyboard__stops_a_run_with_workers_after_its_step(tmp_path: Path) -> None:
    commands = Commands(write_folder(tmp_path / "data", Discs(count=7)), workers=2, accumulate=1)
    out = tmp_path / "run"
    process = commands.start(out, process_group=0)
    while not ((out / LOG).exists() and read_log(out / LOG)):
        assert process.poll() is None, out.with_suffix(".err").read_text()
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait() == 130
    said = out.with_suffix(".err").read_text()
    assert "interrupted; the same command goes on from here" in said
    assert "Traceback" not in said
    assert newest_state(out) == read_log(out / LOG)[-1]["step"] >= 1
    commands.finish(out)
