"""What a training run is made of, as one frozen value."""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from leadline.data.perturb import Perturbation
from leadline.data.transforms import Crop
from leadline.engine.objective import Term
from leadline.engine.optim import Optim
from leadline.geometry import nearest_multiple
from leadline.models.variants import find_variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where a run is computed. It changes nothing of what is computed but the rounding, if all can be read.

    Devices, threads and accelerator decide in which order numbers are added.
    """

    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """What computes; ``auto`` takes the best there is."""
    devices: int = 1
    """Devices, one process each; on ``cpu`` that many processes."""
    threads: int | None = None
    """Threads for arithmetic in a process; PyTorch's choice where not given."""
    workers: int | None = None
    """Processes that prepare batches; 0 prepares them between the steps. Where not given, up to 8 beside a
    GPU, and 0 on a CPU, where they take more from the arithmetic than they save (benchmarks/step.py)."""
    save_every: int = 100
    """Steps between the states a killed run goes on from."""
    log_every: int = 10
    """Steps between the lines of the log."""
    tensorboard: bool = False
    """Also write the log for TensorBoard (needs the extra: ``pip install 'leadline[tensorboard]'``)."""

    def __post_init__(self) -> None:
        """Refuse what cannot run."""
        threads = 1 if self.threads is None else self.threads
        workers = self.workers or 0
        if min(self.devices, threads, self.save_every, self.log_every) < 1 or workers < 0:
            raise ValueError(
                "machine: devices, threads, save_every and log_every are at least 1 and workers at least 0, "
                f"got {self}"
            )


@dataclass(frozen=True, kw_only=True)
class Run:
    """A training run, whatever its stage: stages differ in sources, objective and starting weights."""

    recipe: str = "own"
    """Name of the recipe, carried along for the record."""
    network: str = "tiny"
    """Which network learns."""
    start: str = "pretrained"
    """First weights: ``pretrained`` encoder and fresh decoder, ``random``, or a model that `leadline predict`
    takes."""
    frozen: str | None = None
    """Network whose pretrained encoder feature_alignment compares with; the same one where not given."""
    objective: dict[str, Term]
    """What is minimised: terms by name."""
    optim: Optim
    """How weights are updated."""
    crop: Crop = field(default_factory=Crop)
    """How training pictures are cut out."""
    perturb: Perturbation
    """What the pictures go through while their labels stay those of the clean picture."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """Arithmetic of the network; losses are float32 either way."""
    seed: int = 0
    """Everything random follows from it."""
    unreadable_limit: float = 0.01
    """Largest share of a source's samples that may turn out unreadable before the run stops."""
    machine: Machine = field(default_factory=Machine)
    """Where it is computed."""

    def __post_init__(self) -> None:
        """Refuse what has no random numbers or no loss, and crops or networks that cannot be."""
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed: from 0 to {2**32 - 1}, got {self.seed}")
        if not 0 <= self.unreadable_limit <= 1:
            raise ValueError(f"unreadable_limit: a share is 0 to 1, got {self.unreadable_limit}")
        if not any(term.weight > 0 and term.loss != "feature_alignment" for term in self.objective.values()):
            raise ValueError("objective: a term that compares maps needs a weight above 0")
        for name in filter(None, (self.network, self.frozen)):
            multiple = find_variant(name).multiple
            if self.crop.size % multiple:
                near = nearest_multiple(self.crop.size, multiple)
                raise ValueError(
                    f"crop.size: {name} needs a multiple of {multiple}, such as {near}, got {self.crop.size}"
                )


def described(run: object) -> dict[str, Any]:
    """Return a config as plain data, as checkpoints and stores carry it."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(run), default=str))  # type: ignore[call-overload]
    return plain


def differences(old: dict[str, Any], new: dict[str, Any], *, prefix: str = "") -> list[str]:
    """List the fields in which two described configs differ, as ``name: old -> new``."""
    found = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            found += differences(before, after, prefix=f"{prefix}{name}.")
        elif before != after:
            found.append(f"{prefix}{name}: {before} -> {after}")
    return found
