"""The state of an unfinished run: everything needed to go on as if nothing had happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from leadline.engine.learner import Learner
from leadline.engine.run import differences
from leadline.models.checkpoints import load_tensors, save_tensors
from leadline.types import LeadlineError

Averages = dict[str, Tensor]


@dataclass(slots=True, kw_only=True)
class State:
    """What changes while a run goes on."""

    step: int
    """Updates done. The position in the data and every random number follow from it."""
    learner: Learner
    optimiser: torch.optim.Optimizer
    averages: Averages | None
    """Moving averages of the network's weights, where the run keeps them."""
    best: dict[str, Any] = field(default_factory=dict)
    """Step and figures of the best weights so far, where the run asks for them; empty before the first."""

    def result(self) -> dict[str, Tensor]:
        """Return the network's weights as the run would hand them over now."""
        return self.averages or self.learner.network.state_dict()

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors under names of their own."""
        named = {f"learner.{name}": tensor for name, tensor in self.learner.trained_state().items()}
        for name, tensor in (self.averages or {}).items():
            named[f"average.{name}"] = tensor
        for name, parameter in _trained(self.learner):
            for key, moment in self.optimiser.state[parameter].items():
                named[f"optimiser.{key}.{name}"] = moment
        return named

    def restore(self, tensors: Mapping[str, Tensor], *, step: int) -> None:
        """Take over what `tensors` returned in an earlier process."""
        self.step = step
        self.learner.load_state_dict(_below(tensors, "learner."), strict=False)
        if self.averages is not None:
            for name, tensor in _below(tensors, "average.").items():
                self.averages[name].copy_(tensor)
        for name, parameter in _trained(self.learner):
            moments = self.optimiser.state[parameter]
            for key in ("step", "exp_avg", "exp_avg_sq"):
                moment = tensors[f"optimiser.{key}.{name}"].to(parameter.device)
                # AdamW keeps its moments in the layout of the weights.
                moments[key] = moment if key == "step" else torch.empty_like(parameter).copy_(moment)


def save_state(folder: Path, state: State, about: Mapping[str, Any]) -> None:
    """Write the state, then remove the one before: at every moment at least one is whole."""
    newest = folder / f"state-{state.step:09d}.safetensors"
    save_tensors(newest, state.tensors(), {**about, "step": state.step, "best": state.best})
    for old in set(folder.glob("state-*.safetensors")) - {newest}:
        old.unlink()


def load_state(folder: Path, state: State, about: Mapping[str, Any]) -> dict[str, Any]:
    """Go on from the newest state in `folder`, if there is one, and return what was saved about it.

    Raises:
        LeadlineError: where that state is damaged, or belongs to a run with another config or other data.
    """
    for newest in sorted(folder.glob("state-*.safetensors"))[-1:]:
        try:
            tensors, before = load_tensors(newest)
        except LeadlineError as error:
            raise LeadlineError(f"{error}; delete it to begin again, or give another --out") from error
        require_same_run(newest, before, about)
        state.restore(tensors, step=before["step"])
        state.best = before.get("best", {})
        return before
    return {}


def require_same_run(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with a run that is not the one `path` belongs to.

    Raises:
        LeadlineError: naming every field that differs.
    """
    fields = ("run", "data")
    old, new = ({key: about.get(key) or {} for key in fields} for about in (before, now))
    if "start" in old["data"] and "start" in new["data"]:  # told by its weights, so its path may change
        old["run"], new["run"] = ({**about["run"], "start": None} for about in (old, new))
    elif "start" not in old["data"]:  # told by its path, as runs of earlier versions were
        new["data"] = {key: value for key, value in new["data"].items() if key != "start"}
    changed = differences(old, new)
    if changed:
        raise LeadlineError(
            f"{path} belongs to another run: {'; '.join(changed)}. "
            f"Give another --out, or delete {path.parent}"
        )


def _trained(learner: Learner) -> list[tuple[str, torch.nn.Parameter]]:
    return [(name, p) for name, p in learner.named_parameters() if p.requires_grad]


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
