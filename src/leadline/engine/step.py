"""One update of the weights, the same for every stage."""

from collections.abc import Mapping, Sequence

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule
from torch import Tensor

from leadline.engine.objective import Term, evaluate_terms
from leadline.types import Batch, LeadlineError


class NonFiniteError(LeadlineError):
    """A loss or a gradient that is not a number; the message names the pictures."""


def train_step(
    fabric: Fabric,
    model: _FabricModule,
    optimiser: torch.optim.Optimizer,
    parts: Sequence[Batch],
    *,
    objective: Mapping[str, Term],
    clip: float | None,
) -> dict[str, Tensor]:
    """Update the weights once from the mean gradient of `parts`, and return what there is to log.

    Raises:
        NonFiniteError: before the weights are touched, where the loss or the gradient is not finite.
    """
    sums: dict[str, Tensor] = {}
    made: list[tuple[Tensor, Tensor]] = []
    for number, batch in enumerate(parts):
        with fabric.no_backward_sync(model, enabled=number + 1 < len(parts)):
            prediction, features = model(batch.image)
            terms = evaluate_terms(objective, prediction, batch, features)
            total = torch.stack([objective[name].weight * value for name, value in terms.items()]).sum()
            fabric.backward(total / len(parts))
        made.append((total.detach(), prediction.detach()))
        seen = {"loss": total, **terms, **_magnitude(prediction)}
        sums = {name: sums.get(name, 0) + value.detach() / len(parts) for name, value in seen.items()}
    norm = fabric.clip_gradients(model, optimiser, max_norm=clip or torch.inf, error_if_nonfinite=False)
    assert norm is not None
    if not torch.isfinite(norm + 0 * sums["loss"]):  # the one place where a GPU is waited for
        raise _not_finite(norm, made, parts, others=fabric.world_size - 1)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return {**sums, "gradient_norm": norm}


def _magnitude(prediction: Tensor) -> dict[str, Tensor]:
    """Measure the size of the output, which affine-invariant losses leave free to drift."""
    values = prediction.detach().float()
    mean = values.mean()
    return {
        "output_mean": mean,
        "output_deviation": (values - mean).abs().mean(),
        "output_zeros": (values <= 0).float().mean(),
    }


def _not_finite(
    norm: Tensor, made: Sequence[tuple[Tensor, Tensor]], parts: Sequence[Batch], *, others: int
) -> NonFiniteError:
    """Tell what is no number: a part's loss, of what was `made` of its pictures, else the gradient of all."""
    what, value, ids = "gradient", norm, [name for batch in parts for name in batch.ids]
    if others:
        ids.append(f"those of {others} other processes")
    for batch, (loss, prediction) in zip(parts, made, strict=True):
        if not torch.isfinite(loss):
            bad = ~prediction.flatten(1).isfinite().all(dim=1)
            named = [name for name, is_bad in zip(batch.ids, bad.tolist(), strict=True) if is_bad]
            what, value, ids = "loss", loss, named or list(batch.ids)
            break
    return NonFiniteError(
        f"the {what} is {value.item()}; the pictures are {', '.join(ids)}. The weights were not touched: "
        "look at these pictures and labels, lower optim.lr or set optim.clip, "
        "which is another run, in another --out"
    )
