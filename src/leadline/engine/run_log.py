"""The log of a run: a JSON object a line, appended as it goes."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from torch import Tensor

from leadline.engine.run import Machine
from leadline.storage import whole_objects, write_atomic
from leadline.types import LeadlineError


class RunLog:
    """Writes the lines of a run, going on after `step` where an earlier process left off."""

    def __init__(self, path: Path, *, step: int, machine: Machine, quiet: bool) -> None:
        """Open the log; lines of steps that will be repeated are dropped. `quiet` writes nothing.

        Raises:
            LeadlineError: where TensorBoard is asked for and not installed.
        """
        self.first: dict[str, float] = {}
        self._since = time.perf_counter(), step
        self._file, self._board = None, None
        if quiet:
            return
        kept = [line for line in read_log(path) if line["step"] <= step] if path.exists() else []
        self.first = kept[0] if kept else {}
        write_atomic(path, "".join(json.dumps(line) + "\n" for line in kept))
        self._board = _open_board(path.parent, step) if machine.tensorboard else None
        self._file = path.open("a", encoding="utf-8")

    def write(
        self, step: int, values: Mapping[str, Tensor], figures: Mapping[str, float] = MappingProxyType({})
    ) -> dict[str, float]:
        """Append one line with the seconds a step took on average since the last, and return it.

        `figures` are those of a validation, where there was one.
        """
        now = time.perf_counter()
        started, before = self._since
        self._since = now, step
        line = {name: value.item() for name, value in values.items()}
        line |= {f"validation_{name}": figure for name, figure in figures.items()}
        line["seconds_per_step"] = (now - started) / max(step - before, 1)
        self.first = self.first or line
        if self._file is not None:
            self._file.write(json.dumps({"step": step, **line}) + "\n")
            self._file.flush()
        if self._board is not None:
            for name, number in line.items():
                self._board.add_scalar(name, number, step)
        return line

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        for file in (self._file, self._board):
            if file is not None:
                file.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a log; what a kill or a power cut left of others is left out."""
    lines = whole_objects(path.read_text(encoding="utf-8", errors="replace"))
    return [line for line in lines if isinstance(line.get("step"), int)]


def seconds_taken(path: Path) -> float:
    """Return how long the steps of a run took, however often it was stopped."""
    seconds, before = 0.0, 0
    for line in read_log(path):
        seconds += line["seconds_per_step"] * (line["step"] - before)
        before = line["step"]
    return seconds


def _open_board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise LeadlineError("TensorBoard is missing: pip install 'leadline[tensorboard]'") from None
    return SummaryWriter(log_dir=str(folder), purge_step=step + 1)
