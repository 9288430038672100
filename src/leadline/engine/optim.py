"""The optimiser and its schedule."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class Optim:
    """How weights are updated."""

    steps: int
    """Updates in the whole run."""
    lr: float
    """Learning rate of the encoder."""
    decoder_ratio: float = 10.0
    """The decoder learns this many times faster than the encoder."""
    head_ratio: float | None = None
    """The decoder's last layer learns this many times faster; as fast as the rest of it where not given."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay rates of AdamW's moments; ``one-cycle`` moves the first."""
    weight_decay: float = 0.01
    """AdamW's decay; 0 makes it Adam."""
    schedule: Literal["constant", "linear", "poly", "one-cycle"] = "linear"
    """How the rate falls: not at all, linearly to 0, as (1 - t) ** 0.9, or after `hold` along a cosine to a
    ten-thousandth (``one-cycle``, PyTorch's OneCycleLR as ZoeDepth sets it: without a rise)."""
    hold: float = 0.7
    """Share of the run that ``one-cycle`` holds the rate for; its pct_start."""
    warmup: int = 0
    """Steps over which the rate rises from 0."""
    clip: float | None = None
    """Largest norm of the gradient; longer ones are shortened."""
    accumulate: int = 1
    """Parts whose gradients are averaged into one step, to fit a large batch into little memory."""
    ema: float | None = None
    """Decay of an exponential moving average of the weights, which then is the run's result."""

    def __post_init__(self) -> None:
        """Refuse what cannot train."""
        if self.steps < 1 or self.accumulate < 1:
            raise ValueError(
                f"optim: steps and accumulate are at least 1, got {self.steps}, {self.accumulate}"
            )
        if not all(0 < rate < math.inf for rate in (self.lr, *self.ratios)) or self.warmup < 0:
            raise ValueError(
                "optim: lr and decoder_ratio are positive, head_ratio too, and warmup is not negative, "
                f"got {self.lr}, {self.decoder_ratio}, {self.head_ratio}, {self.warmup}"
            )
        if not 0 < self.hold < 1:
            raise ValueError(f"optim.hold: a share between 0 and 1, got {self.hold}")
        if not (all(0 <= beta < 1 for beta in self.betas) and 0 <= self.weight_decay < math.inf):
            raise ValueError(
                "optim: betas lie from 0 to below 1, and weight_decay is not negative, "
                f"got {self.betas}, {self.weight_decay}"
            )
        if self.clip is not None and not 0 < self.clip < math.inf:
            raise ValueError(f"optim.clip: a norm is positive, got {self.clip}; None leaves gradients alone")
        if self.ema is not None and not 0 < self.ema < 1:
            raise ValueError(f"optim.ema: a decay lies between 0 and 1, got {self.ema}")

    @property
    def ratios(self) -> tuple[float, ...]:
        """How many times faster than the encoder each group of parameters learns."""
        return (1.0, self.decoder_ratio, *(() if self.head_ratio is None else (self.head_ratio,)))


def schedule(step: int, config: Optim) -> float:
    """Return the factor of the learning rates at `step`, counted from 0."""
    warm = min(1.0, (step + 1) / (config.warmup + 1))
    left = 1 - step / config.steps
    falling: dict[str, float] = {"constant": 1.0, "linear": left, "poly": left**0.9}
    if config.schedule == "one-cycle":
        return warm * _between(1, 1e-4, _fallen(step, config))
    return warm * falling[config.schedule]


def first_beta(step: int, config: Optim) -> float:
    """Return the decay of AdamW's first moment at `step`.

    ``one-cycle`` lets it fall from 0.95 to 0.85 while the rate is held, and rise again while the rate falls.
    """
    if config.schedule != "one-cycle":
        return config.betas[0]
    if fallen := _fallen(step, config):
        return _between(0.85, 0.95, fallen)
    return _between(0.95, 0.85, step / max(_held(config), 1e-9))


def _held(config: Optim) -> float:
    """Return the step, from 0, at which the rate begins to fall, as PyTorch's OneCycleLR counts it."""
    return config.hold * config.steps - 1


def _fallen(step: int, config: Optim) -> float:
    """Return how much of the way down is done, 0 to 1."""
    return max(0.0, (step - _held(config)) / (config.steps - 1 - _held(config)))


def _between(first: float, last: float, share: float) -> float:
    """Go from `first` to `last` along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def build_optimiser(
    encoder: nn.Module, others: nn.ModuleList, config: Optim, *, head: nn.Module | None = None
) -> torch.optim.AdamW:
    """Make AdamW with groups for the encoder, for the others, and for a `head` where it has its own ratio."""
    apart = list(head.parameters()) if head is not None and config.head_ratio is not None else []
    rest = [parameter for parameter in others.parameters() if all(parameter is not one for one in apart)]
    parts = (list(encoder.parameters()), rest, apart)
    groups = [
        {"params": part, "lr": config.lr * ratio} for part, ratio in zip(parts, config.ratios, strict=False)
    ]
    return torch.optim.AdamW(groups, betas=config.betas, weight_decay=config.weight_decay, fused=True)


def set_rates(optimiser: torch.optim.Optimizer, step: int, config: Optim) -> None:
    """Set every group's learning rate, and the decay of its first moment, for `step`."""
    factor, beta = schedule(step, config), first_beta(step, config)
    for group, ratio in zip(optimiser.param_groups, config.ratios, strict=True):
        group["lr"] = config.lr * ratio * factor
        group["betas"] = (beta, config.betas[1])
