"""Smaller numbers for the same map: what training lets grow, and float16 has no room for."""

from collections.abc import Mapping

from torch import Tensor

from leadline.types import LeadlineError

_LAYERS = 4
MOST = 16**6
"""Beyond it, maps of several looks would come near to what `leadline.losses.normalise` takes for flat."""
_POWERS = {"project": (1, 1), "fuse": (0, 1), "shrink": (1, 2), "hidden": (1, 3), "head": (1, _LAYERS)}
"""Part of the decoder -> by which power of a layer's share its weights are divided, and its biases."""


def divided(weights: Mapping[str, Tensor], by: int) -> dict[str, Tensor]:
    """Return the weights of a network of affine disparity whose map is that of the given one divided by `by`.

    To the bit: the decoder knows no activation but ReLU, four of its layers each divide by the fourth root of
    `by`, a power of two, and biases by all that was divided before them. The losses leave the scale of such a
    map free, so it grows while a network learns, and float16 ends at 65504.

    Raises:
        LeadlineError: where `by` is no power of 16, or so large that no map can have grown by it.
    """
    if by > MOST:
        raise LeadlineError(f"a map is divided by at most {MOST}, got {by}")
    share = round(max(by, 0) ** (1 / _LAYERS))
    if share < 1 or share**_LAYERS != by or share & (share - 1):
        raise LeadlineError(f"a map is divided by a power of 16, such as 256 or 4096, got {by}")
    return {
        name: tensor / share**power if (power := _power(name)) else tensor for name, tensor in weights.items()
    }


def _power(name: str) -> int:
    module, part, *rest = name.split(".")
    if module != "decoder" or part not in _POWERS:
        return 0
    return _POWERS[part][rest[-1] == "bias"]
