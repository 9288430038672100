"""Laws of the log: each step once, whatever was killed when."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from leadline.engine.run import Machine
from leadline.engine.run_log import RunLog, read_log
from leadline.types import LeadlineError

QUIET = Machine(tensorboard=False)


def write(path: Path, steps: Sequence[int], *, after: int = 0, machine: Machine = QUIET) -> None:
    with RunLog(path, step=after, machine=machine, quiet=False) as log:
        for step in steps:
            log.write(step, {"loss": torch.tensor(1 / step), "ssi": torch.tensor(0.5)})


def steps_of(path: Path) -> list[int]:
    return [line["step"] for line in read_log(path)]


def test_line__holds_step_values_and_seconds(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", [4])
    (line,) = read_log(tmp_path / "log.jsonl")
    assert set(line) == {"step", "loss", "ssi", "seconds_per_step"}
    assert line["step"] == 4
    assert line["loss"] == 0.25
    assert line["seconds_per_step"] >= 0


def test_seconds__are_those_of_one_step_since_the_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([100.0, 108.0, 120.0])
    monkeypatch.setattr("leadline.engine.run_log.time.perf_counter", lambda: next(times))
    write(tmp_path / "log.jsonl", [14, 17], after=10)
    assert [line["seconds_per_step"] for line in read_log(tmp_path / "log.jsonl")] == [2, 4]


def test_line__is_on_disk_as_soon_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with RunLog(path, step=0, machine=QUIET, quiet=False) as log:
        log.write(1, {"loss": torch.tensor(1.0)})
        assert steps_of(path) == [1]


def test_half_a_last_line__is_ignored_and_removed_when_the_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write(path, [1, 2])
    with path.open("a") as file:
        file.write('{"step": 3, "lo')
    assert steps_of(path) == [1, 2]
    write(path, [3], after=2)
    assert steps_of(path) == [1, 2, 3]


@pytest.mark.parametrize(
    "junk", ["\0\0\0", '{"loss": 1}', "7", '{"step": 3, "lo', '{"step": null}', '{"step": "3"}']
)
def test_damaged_line__is_ignored_and_removed_when_the_run_goes_on(junk: str, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write(path, [1, 2])
    with path.open("a") as file:
        file.write(f"{junk}\n")
    assert steps_of(path) == [1, 2]
    write(path, [3], after=2)
    assert junk not in path.read_text().splitlines()
    assert steps_of(path) == [1, 2, 3]


def test_lines_after_the_resumed_step__are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write(path, [1, 2, 3, 4, 5])
    write(path, [4, 5, 6], after=3)
    assert steps_of(path) == [1, 2, 3, 4, 5, 6]


def test_lines_up_to_the_resumed_step__stay_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write(path, [1, 2, 3])
    before = path.read_text().splitlines()
    write(path, [], after=2)
    assert path.read_text().splitlines() == before[:2]


def test_first_line__is_that_of_the_run_and_not_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with RunLog(path, step=0, machine=QUIET, quiet=False) as log:
        assert log.first == {}
        for step in (1, 2):
            log.write(step, {"loss": torch.tensor(1 / step)})
        assert log.first["loss"] == 1
    with RunLog(path, step=2, machine=QUIET, quiet=False) as log:
        log.write(3, {"loss": torch.tensor(1 / 3)})
        assert log.first["loss"] == 1


def test_quiet_log__writes_nothing_and_still_answers(tmp_path: Path) -> None:
    with RunLog(tmp_path / "log.jsonl", step=0, machine=Machine(tensorboard=True), quiet=True) as log:
        line = log.write(1, {"loss": torch.tensor(2.0)})
    assert line["loss"] == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard__shows_every_scalar_once_also_after_a_resume(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

    machine = Machine(tensorboard=True)
    write(tmp_path / "log.jsonl", [1, 2, 3, 4], machine=machine)
    write(tmp_path / "log.jsonl", [3, 4, 5], after=2, machine=machine)
    board = EventAccumulator(str(tmp_path)).Reload()
    assert set(board.Tags()["scalars"]) == {"loss", "ssi", "seconds_per_step"}
    shown = [(event.step, event.value) for event in board.Scalars("loss")]
    assert shown == [(step, pytest.approx(1 / step)) for step in (1, 2, 3, 4, 5)]


def test_missing_tensorboard__is_answered_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(LeadlineError, match=r"pip install 'leadline\[tensorboard\]'"):
        write(tmp_path / "log.jsonl", [1], machine=Machine(tensorboard=True))


def test_values__survive_the_text_exactly(tmp_path: Path) -> None:
    path, value = tmp_path / "log.jsonl", torch.tensor(0.1, dtype=torch.float32)
    with RunLog(path, step=0, machine=QUIET, quiet=False) as log:
        log.write(1, {"loss": value})
    assert json.loads(path.read_text())["loss"] == value.item()
