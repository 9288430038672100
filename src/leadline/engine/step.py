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
    for number, batch in enumerate(parts):
        with fabric.no_backward_sync(model, enabled=number + 1 < len(parts)):
            prediction, features = model(batch.image)
            terms = evaluate_terms(objective, prediction, batch, features)
            total = torch.stack([objective[name].weight * value for name, value in terms.items()]).sum()
            _require_finite(total, "loss", parts=[batch], prediction=prediction)
            fabric.backward(total / len(parts))
        seen = {"loss": total, **terms, **_magnitude(prediction)}
        sums = {name: sums.get(name, 0) + value.detach() / len(parts) for name, value in seen.items()}
    norm = fabric.clip_gradients(model, optimiser, max_norm=clip or torch.inf, error_if_nonfinite=False)
    assert norm is not None
    _require_finite(norm, "gradient", parts=parts)
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


def _require_finite(
    value: Tensor, what: str, *, parts: Sequence[Batch], prediction: Tensor | None = None
) -> None:
    if torch.isfinite(value):
        return
    ids = [name for batch in parts for name in batch.ids]
    if prediction is not None:
        bad = ~prediction.flatten(1).isfinite().all(dim=1)
        ids = [name for name, is_bad in zip(ids, bad.tolist(), strict=True) if is_bad] or ids
    raise NonFiniteError(
        f"the {what} is {value.item()}; the pictures are {', '.join(ids)}. The weights were not touched: "
        "look at these pictures and labels, lower optim.lr or set optim.clip, "
        "which is another run, in another --out"
    )
