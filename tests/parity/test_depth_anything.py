"""Depth Anything computes what transformers computes, with the same weights, at every size."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

from leadline.models.checkpoints import load_network
from leadline.models.transformer import TokenEncoder
from leadline.models.variants import Tokens, find_variant
from leadline.types import Size, Space

SIDE = 70  # pixels that the position embeddings of the tiny networks are made for
SIZES = {
    "square": (SIDE, SIDE),
    "portrait": (98, 56),
    "landscape": (56, 98),
    "smaller": (28, 42),
    "larger": (140, 112),
    "one patch": (14, 14),
}
FULL = {
    "depth-anything-v2-small": [(518, 518), (378, 252), (196, 294), (574, 532)],
    "depth-anything-v1-base": [(518, 518), (196, 266)],
}


def varied(module: nn.Module, *, seed: int = 0) -> nn.Module:
    """Draw weights that keep signals alive through every layer, and a head that is not cut off by its ReLU."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.named_parameters():
        fan = tensor[0].numel() if tensor.ndim > 1 else 1
        spread = 0.7 / fan**0.5 if tensor.ndim > 1 else 0.2
        tensor.data = spread * torch.randn(tensor.shape, generator=generator)
        if "norm" in name and name.endswith("weight") or "lambda" in name:
            tensor.data += 1
        if name.endswith("conv3.bias"):
            tensor.data += 1
    return module.eval()


def tiny_twin(*, taps: list[int], gated: bool = False, metric: bool = False) -> nn.Module:
    backbone = Dinov2Config(
        hidden_size=32,
        num_hidden_layers=6,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=14,
        out_indices=[tap + 1 for tap in taps],
        reshape_hidden_states=False,
        use_swiglu_ffn=gated,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=32,
        neck_hidden_sizes=[8, 16, 24, 40],
        fusion_hidden_size=16,
        head_hidden_size=8,
        depth_estimation_type="metric" if metric else "relative",
        max_depth=20 if metric else 1,
    )
    return varied(DepthAnythingForDepthEstimation(config))


def full_twin(name: str) -> nn.Module:
    variant = find_variant(name)
    assert isinstance(variant.encoder, Tokens)
    backbone = Dinov2Config(
        hidden_size=variant.encoder.width,
        num_hidden_layers=variant.encoder.depth,
        num_attention_heads=variant.encoder.heads,
        image_size=518,
        out_indices=[tap + 1 for tap in variant.encoder.taps],
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=variant.encoder.width,
        neck_hidden_sizes=list(variant.widths),
        fusion_hidden_size=variant.features,
    )
    return varied(DepthAnythingForDepthEstimation(config))


def require_agreement(twin: nn.Module, network: nn.Module, size: tuple[int, int]) -> None:
    picture = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected, found = twin(picture).predicted_depth[:, None], network(picture)
    assert found.shape == expected.shape == (1, 1, *size)
    assert expected.std() > 0.01 * expected.mean().abs(), "the map must vary, or any two agree"
    assert (expected > 0).float().mean() > 0.5, "the last ReLU must not hide differences"
    assert ((found - expected).abs().max() / expected.abs().max()).item() < 1e-5


@pytest.mark.parametrize("size", SIZES.values(), ids=list(SIZES))
@pytest.mark.parametrize(
    ("taps", "gated", "metric"),
    [
        ([2, 3, 4, 5], False, False),  # V1: the last four blocks
        ([0, 2, 3, 5], False, False),  # V2: blocks in between
        ([0, 2, 3, 5], True, False),  # the giant's gated layers
        ([0, 2, 3, 5], False, True),
        ([2, 3, 4, 5], False, True),
    ],
)
def test_tiny_networks__agree_with_transformers(
    tmp_path: Path, taps: list[int], gated: bool, metric: bool, size: tuple[int, int]
) -> None:
    twin = tiny_twin(taps=taps, gated=gated, metric=metric)
    twin.save_pretrained(tmp_path)  # type: ignore[operator]
    network, _ = load_network(tmp_path)
    assert network.space is (Space.DEPTH if metric else Space.AFFINE_DISPARITY)
    require_agreement(twin, network, size)


@pytest.mark.parametrize("name", FULL)
def test_full_networks__agree_with_transformers(tmp_path: Path, name: str) -> None:
    twin = full_twin(name)
    twin.save_pretrained(tmp_path)  # type: ignore[operator]
    network, _ = load_network(tmp_path)
    table = find_variant(name)
    assert isinstance(table.encoder, Tokens)
    expected = replace(table.encoder, position_offset=0.0, weights="")  # transformers leaves the offset out
    assert network.variant.encoder == expected
    assert (network.variant.widths, network.variant.features) == (table.widths, table.features)
    for size in FULL[name]:
        require_agreement(twin, network, size)


def official_positions(embeddings: Tensor, h: int, w: int) -> Tensor:
    """Stretch position embeddings by the formula of DINOv2 (interpolate_offset 0.1, no antialiasing)."""
    side = int((embeddings.shape[1] - 1) ** 0.5)
    if (h, w) == (side, side):
        return embeddings
    grid = embeddings[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    scale = ((h + 0.1) / side, (w + 0.1) / side)
    grid = F.interpolate(grid, scale_factor=scale, mode="bicubic", antialias=False)
    assert grid.shape[-2:] == (h, w)
    return torch.cat([embeddings[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)


@pytest.mark.parametrize(("h", "w"), list(itertools.product((1, 5, 7, 37), (2, 5, 50))))
def test_positions__are_stretched_as_dinov2_does_it(h: int, w: int) -> None:
    spec = replace(
        find_variant("depth-anything-v2-small").encoder,
        width=8,
        heads=2,
        depth=1,
        image=SIDE,
        taps=(0, 0, 0, 0),
    )
    assert isinstance(spec, Tokens)
    encoder = TokenEncoder(spec)
    nn.init.normal_(encoder.pos_embed)
    found = encoder._positions(Size(h, w))
    torch.testing.assert_close(found, official_positions(encoder.pos_embed, h, w), atol=1e-6, rtol=0)
    if (h, w) != (5, 5):
        without = TokenEncoder(replace(spec, position_offset=0.0))
        without.load_state_dict(encoder.state_dict())
        assert not torch.allclose(without._positions(Size(h, w)), found, atol=1e-4)
