"""How an encoder of timm can be tapped: which maps it gives, at which sizes, found out by trying.

timm tells neither for all of its families, so an encoder is built without memory (on PyTorch's meta device)
and shown pictures of several sizes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache

import timm
import torch
from timm.layers import DropPath
from timm.models import FeatureHookNet, get_pretrained_cfg, is_model_in_modules
from timm.models._features import FeatureGetterNet
from torch import nn

from leadline.models.variants import IMAGENET, Colour, Pyramid, Variant
from leadline.types import LeadlineError, Size

_SIDE = 224  # near which sizes are tried
_FACTORS = (1, 2, 3, 4, 5, 6, 7, 8)  # windows of up to so many positions
_WAYS: tuple[tuple[tuple[str, bool | str], ...], ...] = tuple(
    (*options, *features)
    for options in ((), (("dynamic_img_size", True),), (("strict_img_size", False),))
    for features in ((), (("feature_cls", "getter"),))
)
"""Options of timm, plainest first: position embeddings and windows that follow the picture; maps from
``forward_intermediates``, where channels come first and no hooks are shared between threads."""
_FAILURES = (RuntimeError, AttributeError, AssertionError, TypeError, ValueError, LookupError)
_INDEXING = ("mvitv2",)
"""Families that look positions up in tables made for one size, which shows only when they compute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tapped:
    """What is known of an encoder that was tried."""

    encoder: Pyramid
    strides: tuple[int, ...]
    widths: tuple[int, ...]
    multiple: int
    """Sides of pictures are multiples of this."""


def describe(name: str) -> Variant:
    """Lay out our decoder for timm's encoder `name`; maps of one stride are reassembled as Depth Anything's.

    Raises:
        LeadlineError: as `tap`.
    """
    tapped = tap(name)
    # As DINOv2's small and base: an eighth of the encoder's width, doubled at each level.
    widths = tuple(max(8, width // 8) << level for level, width in enumerate(tapped.widths))
    return Variant(
        encoder=tapped.encoder,
        widths=widths if len(set(tapped.strides)) == 1 else (),
        features=64,
        hidden=32,
        multiple=tapped.multiple,
        short_side=_SIDE,
        colours=_colours(name),
        interpolation="area",
        enlargement="centres",
    )


def _colours(name: str) -> tuple[Colour, Colour]:
    """Return the mean and deviation of the pictures that timm's weights of an encoder were learnt from."""
    learnt = get_pretrained_cfg(name)
    if learnt is None:
        return IMAGENET
    (r, g, b), (r2, g2, b2) = learnt.mean, learnt.std
    return (r, g, b), (r2, g2, b2)


def open_encoder(spec: Pyramid, *, pretrained: bool = False) -> nn.Module:
    """Let timm build an encoder that returns the maps of `spec`; raises what timm raises.

    Nothing in it is left out at random while it learns, as some families do unless told otherwise: a batch
    accumulated in parts must equal the whole one.
    """
    options = dict(spec.options)
    if spec.normalised:
        options.pop("feature_cls", None)
        whole = timm.create_model(spec.name, pretrained=pretrained, **options)
        encoder: nn.Module = FeatureGetterNet(whole, out_indices=spec.maps, norm=True)
    else:
        encoder = timm.create_model(
            spec.name, pretrained=pretrained, features_only=True, out_indices=spec.maps, **options
        )
    for module in encoder.modules():
        if isinstance(module, DropPath):
            module.drop_prob = 0.0
        elif isinstance(module, nn.Dropout):
            module.p = 0.0
    return encoder


def require_known(spec: Pyramid) -> None:
    """Refuse what timm would take from another file or the hub, and options that `tap` never gives.

    Raises:
        ValueError: naming it.
    """
    if not _is_known(spec.name) or any(mark in spec.name for mark in ":/"):
        raise ValueError(f"timm has no encoder {spec.name!r}")
    known = {option for way in _WAYS for option in way}
    if not known.issuperset(spec.options):
        raise ValueError(f"options of an encoder are some of {dict(known)}, got {spec.options}")


def _is_known(name: str) -> bool:
    return name.partition(".")[0] in timm.list_models()


@lru_cache(maxsize=64)
def tap(name: str) -> Tapped:
    """Find out how timm's encoder `name` can be tapped.

    Raises:
        LeadlineError: where timm has none of that name, or it gives no maps, or takes one size alone.
    """
    if not _is_known(name):
        near = get_close_matches(name, timm.list_models(), n=1)
        raise LeadlineError(
            f"timm has no encoder {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        )
    reasons = []
    for options in _WAYS:
        try:
            with torch.device("meta"):
                found = _try(name, options)
        except _FAILURES as error:
            reasons.append(str(error).partition("\n")[0] or type(error).__name__)
        else:
            return found
    # An option that an encoder does not know says nothing about it.
    telling = [reason for reason in reasons if "unexpected keyword" not in reason]
    raise LeadlineError(
        f"timm's {name!r} cannot be an encoder here: {telling[-1] if telling else reasons[0]}. "
        "Choose another one (docs/encoders.md lists families that can)"
    )


def _try(name: str, options: tuple[tuple[str, bool | str], ...]) -> Tapped:
    last = open_encoder(Pyramid(name=name, maps=(-1,), options=options)).feature_info
    maps = _choose([info["reduction"] for info in last.info])  # type: ignore[union-attr]
    spec = Pyramid(name=name, maps=maps, options=options)
    encoder = open_encoder(spec).eval()
    if isinstance(encoder, FeatureHookNet):
        raise TypeError("its maps come through hooks, which threads would share")
    widths = _widths(encoder)
    strides = tuple(encoder.feature_info.reduction())  # type: ignore[union-attr, operator]
    if len(set(strides)) == 1:
        spec, encoder = _normalised(spec, encoder)
    if is_model_in_modules(name.partition(".")[0], _INDEXING):
        raise ValueError("it takes pictures of one size alone")
    error: Exception = ValueError()
    for factor in _FACTORS:
        multiple = factor * max(strides)
        try:
            for size in _sizes(multiple):
                _require_maps(encoder, size, widths)
        except _FAILURES as failure:
            error = failure
        else:
            return Tapped(encoder=spec, strides=strides, widths=widths, multiple=multiple)
    reason = str(error).partition("\n")[0] or type(error).__name__
    raise ValueError(f"it takes pictures of one size alone, as far as was tried ({reason})") from error


def _normalised(spec: Pyramid, encoder: nn.Module) -> tuple[Pyramid, nn.Module]:
    """Let all maps pass the encoder's last normalisation, where it has one that leaves their widths alone."""
    wanted = replace(spec, normalised=True)
    try:
        normalised = open_encoder(wanted).eval()
    except _FAILURES:
        return spec, encoder
    return (wanted, normalised) if _widths(normalised) == _widths(encoder) else (spec, encoder)


def _widths(encoder: nn.Module) -> tuple[int, ...]:
    return tuple(encoder.feature_info.channels())  # type: ignore[union-attr, operator]


def _choose(strides: list[int]) -> tuple[int, ...]:
    """Choose up to four of an encoder's maps: the last at each stride, or evenly spaced where all are alike.

    Raises:
        ValueError: where they are too few.
    """
    last = {stride: number for number, stride in enumerate(strides)}
    if len(last) > 1:
        return tuple(number - len(strides) for number in sorted(last.values())[-4:])
    if len(strides) < 4:
        raise ValueError(f"it gives maps at strides {strides}; needed are four, or several strides")
    return tuple(len(strides) * quarter // 4 - 1 for quarter in (1, 2, 3, 4))


def _sizes(multiple: int) -> Iterator[Size]:
    few = -(-_SIDE // multiple)
    for rows, columns in ((few, few), (few, few + 1), (few + 2, few)):
        yield Size(rows * multiple, columns * multiple)


def _require_maps(encoder: nn.Module, size: Size, widths: tuple[int, ...]) -> None:
    """See that a picture of `size` gives maps of `widths` channels, which come first."""
    maps = encoder(torch.empty(1, 3, *size))
    found = tuple(one.shape[1] for one in maps)
    if found != widths or any(one.ndim != 4 for one in maps):
        raise ValueError(f"its maps have shapes {[tuple(one.shape) for one in maps]}, expected {widths}")
