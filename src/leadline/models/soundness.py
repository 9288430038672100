"""Whether a network that a file describes can be meant: files come from anywhere."""

import math
from collections.abc import Iterator
from typing import Any, get_args

from leadline.geometry import Bound
from leadline.models.timm_encoders import require_known
from leadline.models.variants import Enlargement, Interpolation, Pyramid, Tokens, Variant, Windows

LARGEST = 32767
"""Of sides in pixels, and of all that is counted in a network: nothing beyond could be meant."""


def require_sound(variant: Variant) -> None:
    """Refuse a network whose numbers make no sense, and one for which timm would look elsewhere.

    Raises:
        ValueError: naming what is wrong; damage of other kinds raises what Python does.
    """
    for number in _counted(variant):
        if type(number) is not int or not 1 <= number <= LARGEST:
            raise ValueError(f"expected a whole number from 1 to {LARGEST}, got {number!r}")
    for switch in _switches(variant):
        if type(switch) is not bool:
            raise ValueError(f"expected true or false, got {switch!r}")
    ways = (
        (variant.bound, Bound),
        (variant.interpolation, Interpolation),
        (variant.enlargement, Enlargement),
    )
    for way, known in ways:
        if way not in get_args(known):
            raise ValueError(f"{way!r} is none of {', '.join(get_args(known))}")
    mean, deviation = variant.colours
    if not (len(mean) == len(deviation) == 3 and 0 <= min(mean) <= max(mean) <= 1 and min(deviation) > 0):
        raise ValueError(f"inputs cannot be normalised with {variant.colours}")
    if variant.ceiling is not None and not 0 < variant.ceiling < math.inf:
        raise ValueError(f"no depth is at most {variant.ceiling}")
    encoder = variant.encoder
    if isinstance(encoder, Tokens):
        _require_tokens(encoder)
    elif isinstance(encoder, Pyramid):
        require_known(encoder)


def _counted(variant: Variant) -> Iterator[Any]:
    """Yield all numbers that count something, sides of pictures included."""
    yield from (variant.features, variant.hidden, variant.multiple, variant.short_side)
    yield from (*variant.widths, *variant.looks)
    encoder = variant.encoder
    if isinstance(encoder, Tokens):
        yield from (encoder.width, encoder.depth, encoder.heads, encoder.patch, encoder.image)
        yield from (number for stage in encoder.stages for number in stage)
    elif isinstance(encoder, Windows):
        yield from (encoder.width, encoder.patch, encoder.window, encoder.image)
        yield from (*encoder.depths, *encoder.heads)


def _switches(variant: Variant) -> Iterator[Any]:
    yield from (variant.expanded, variant.spare)
    encoder = variant.encoder
    if isinstance(encoder, Tokens):
        yield from (encoder.dino, encoder.gated, encoder.relative, encoder.readout)
    elif isinstance(encoder, Pyramid):
        yield encoder.normalised


def _require_tokens(encoder: Tokens) -> None:
    if encoder.width % encoder.heads:
        raise ValueError(f"{encoder.width} channels cannot be shared among {encoder.heads} heads")
    if not all(type(tap) is int and 0 <= tap < encoder.depth for tap in encoder.taps):
        raise ValueError(f"it has {encoder.depth} blocks, and is tapped after {encoder.taps}")
    if not 0 < encoder.epsilon < 1 or not 0 <= encoder.position_offset < 1:
        raise ValueError(f"epsilon {encoder.epsilon} or position_offset {encoder.position_offset} is odd")
