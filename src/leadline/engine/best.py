"""How good the weights are while they are trained, and the best of them."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline.console import console
from leadline.engine.checkpoint import State
from leadline.models.checkpoints import describe, save_network
from leadline.models.network import Network
from leadline.types import LeadlineError

BEST = "best.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Asks every so many steps, before the first and after the last, how good the network is."""

    measure: Callable[[Network], Mapping[str, float]]
    """Returns figures by name of a network that it may keep; the same for the same weights."""
    every: int
    """Steps from one question to the next."""
    decisive: str
    """The figure that decides which weights are best; smaller is better, and the earlier of equals."""


class Best:
    """Keeps the best weights of a run in a file of their own."""

    def __init__(self, validation: Validation | None, folder: Path, about: Mapping[str, Any]) -> None:
        """Keep them in `folder`, with what is said `about` the run."""
        self.validation, self.path, self.about = validation, folder / BEST, about

    def due(self, state: State, *, last: bool) -> bool:
        """Whether the weights are measured after this step."""
        return self.validation is not None and (last or state.step % self.validation.every == 0)

    def measure(self, state: State, *, title: str) -> dict[str, float]:
        """Return the figures of the state's weights, and keep the weights where they are the best so far.

        The state remembers which are. It is to be saved after this: a run that is killed in between measures
        the same weights again.
        """
        assert self.validation is not None, "asked only when it is due"
        network = copy.deepcopy(state.learner.network)
        network.load_state_dict(state.result())
        figures = dict(self.validation.measure(network.eval()))
        console.print(f"{title}: {shown(figures)}")
        decisive = self.validation.decisive
        if not state.best or figures[decisive] < state.best["validation"][decisive]:
            state.best = {"step": state.step, "validation": figures}
            about = {**self.about, **state.best}
            save_network(self.path, network.name, state.result(), about=about, variant=network.variant)
        return figures

    def require(self, state: State) -> None:
        """Refuse to go on where the best weights that a state remembers are gone or damaged.

        Those of a later step are no reason: a run that was killed before it saved its state measures them
        again.

        Raises:
            LeadlineError: naming the file.
        """
        if not state.best:
            return
        try:
            kept = describe(self.path).get("step", -1)
        except LeadlineError:
            kept = -1
        if kept < state.best["step"]:
            raise LeadlineError(
                f"{self.path} is gone or damaged, which held the best weights so far, those of step "
                f"{state.best['step']}: put it back, or begin again in another --out"
            )


def shown(figures: Mapping[str, float]) -> str:
    """Write figures in a line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
