"""What a stage minimises, as data: named terms with a loss, a weight and the pictures they look at."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses import feature_alignment, gradient_matching, normalised_residual, silog, ssi_mae, ssi_mse
from leadline.types import Batch

Part = Literal["all", "labelled", "pseudo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One summand of an objective."""

    loss: Literal["ssi_mae", "ssi_mse", "gradient_matching", "silog", "feature_alignment"]
    """Which of `leadline.losses`."""
    weight: float = 1.0
    """Factor of the term in the total."""
    on: Part = "all"
    """Which pictures of the batch it looks at."""
    trim: float = 0.0
    """Share of each picture's pixels to leave out, those with the largest loss (ssi_mae only)."""
    variance_focus: float = 0.5
    """How far an error of the whole picture's scale is forgiven: not at 0, quite at 1 (silog only)."""
    tolerance: float = 0.85
    """Cosine above which a position is left out (feature_alignment only)."""

    def __post_init__(self) -> None:
        """Refuse what would be ignored silently."""
        if self.trim and self.loss != "ssi_mae":
            raise ValueError(f"objective: only ssi_mae can be trimmed, {self.loss} got trim={self.trim}")
        if not 0 <= self.weight < math.inf:
            raise ValueError(f"objective: a weight is 0 or more, got {self.weight}")
        if not -1 <= self.tolerance <= 1:
            raise ValueError(f"objective: tolerance is a cosine, from -1 to 1, got {self.tolerance}")
        if not 0 <= self.trim < 1:
            raise ValueError(f"objective: trim is a share from 0 to below 1, got {self.trim}")
        if not 0 <= self.variance_focus <= 1:
            raise ValueError(f"objective: variance_focus lies from 0 to 1, got {self.variance_focus}")


@dataclass(frozen=True)
class Regions:
    """A batch as the losses see it: each CutMix region is a picture of its own, weighted by its area."""

    prediction: Float[Tensor, "n 1 h w"]
    target: Float[Tensor, "n 1 h w"]
    valid: Bool[Tensor, "n 1 h w"]
    weight: Float[Tensor, "n"]

    @cached_property
    def residual(self) -> Float[Tensor, "n 1 h w"]:
        """What several losses look at, computed once."""
        return normalised_residual(self.prediction, self.target, self.valid)


def rows_of(batch: Batch, part: Part) -> slice:
    """Return the rows of `batch` that belong to `part`."""
    return {
        "all": slice(None),
        "labelled": slice(0, batch.labelled),
        "pseudo": slice(batch.labelled, None),
    }[part]


def regions(prediction: Float[Tensor, "b 1 h w"], batch: Batch, part: Part) -> Regions:
    """Split the pictures of `part` into their regions: the pictures first, what was pasted after.

    CutMix touches pictures with pseudo-labels alone.
    """
    rows = rows_of(batch, part)
    prediction, target, valid = prediction[rows], batch.target[rows], batch.valid[rows]
    weight = torch.ones(len(prediction), device=prediction.device)
    if part == "labelled" or len(batch.cut) == 0:
        return Regions(prediction, target, valid, weight)
    cut = batch.cut - (rows.start or 0)
    share = batch.pasted.flatten(1).float().mean(dim=1)
    return Regions(
        torch.cat([prediction, prediction.index_select(0, cut)]),  # whose gradient is cheaper than [cut]'s
        torch.cat([target, target[cut]]),
        torch.cat([valid.index_copy(0, cut, valid[cut] & ~batch.pasted), valid[cut] & batch.pasted]),
        torch.cat([weight.index_copy(0, cut, 1 - share), share]),
    )


def evaluate_terms(
    objective: Mapping[str, Term],
    prediction: Float[Tensor, "b 1 h w"],
    batch: Batch,
    features: tuple[Float[Tensor, "b c _h _w"], Float[Tensor, "b c _h _w"]] | None = None,
) -> dict[str, Float[Tensor, ""]]:
    """Compute every term of `objective` on its own, unweighted.

    `features` are the student's and the frozen encoder's, where the objective has a term on them.
    """
    split = cache(partial(regions, prediction, batch))
    return {name: _evaluate(term, split, batch, features) for name, term in objective.items()}


def _evaluate(
    term: Term,
    split: Callable[[Part], Regions],
    batch: Batch,
    features: tuple[Tensor, Tensor] | None,
) -> Tensor:
    if term.loss == "feature_alignment":
        assert features is not None, "the engine provides features for every objective with a term on them"
        rows = rows_of(batch, term.on)
        readable = batch.valid[rows].flatten(1).any(dim=1).float()
        return feature_alignment(
            features[0][rows], features[1][rows], tolerance=term.tolerance, weight=readable
        )
    part = split(term.on)
    arguments = part.prediction, part.target, part.valid
    match term.loss:
        case "ssi_mae":
            return ssi_mae(*arguments, trim=term.trim, weight=part.weight, residual=part.residual)
        case "ssi_mse":
            return ssi_mse(*arguments, weight=part.weight)
        case "silog":
            return silog(*arguments, variance_focus=term.variance_focus, weight=part.weight)
        case "gradient_matching":
            return gradient_matching(*arguments, weight=part.weight, residual=part.residual)
